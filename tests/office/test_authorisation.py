"""Filed documents: entered by one, confirmed by another, found by the rooms that rest on them."""

from __future__ import annotations

import hashlib
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from gongshu.office.accounts.permissions import Refused
from gongshu.office.authorisation import queries, services
from gongshu.office.authorisation.models import FiledDocument
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case, Material
from gongshu.office.link import clock
from gongshu.office.link.models import OutboxEntry
from support import people
from support.registrations import held, pdf

pytestmark = pytest.mark.django_db
BODY = b"%PDF-1.7\nplan"
PLAN = {
    "kind": "plan",
    "name": "城东区公共数据授权运营实施方案",
    "number": "东政办〔2025〕31号",
    "dated": "2025-11-20",
    "term-from": "2026-01-01",
    "term-until": "2028-12-31",
    "parties": "城东区数据局\n城东数据集团",
}


def client_of(person: Any) -> Client:
    return people.log_in(Client(), person)


def text(answer: Any) -> str:
    return answer.content.decode()


@pytest.fixture
def bureau() -> Any:
    return people.organisation("城东区数据局")


@pytest.fixture
def clerk(bureau: Any) -> Any:
    return people.person(bureau, "data_authority", name="陈录入")


@pytest.fixture
def colleague(bureau: Any) -> Any:
    return people.person(bureau, "data_authority", name="何复核")


def post(client: Client, **changes: Any) -> Any:
    """The form filled in as a browser would."""
    answers = {**PLAN, "file": SimpleUploadedFile("方案.pdf", BODY), **changes}
    return client.post("/authorisation/new/", {key: value for key, value in answers.items() if value})


def filed(clerk: Any, colleague: Any, **changes: Any) -> FiledDocument:
    number = changes.get("number", PLAN["number"])
    assert post(client_of(clerk), **changes).status_code == 302
    row = FiledDocument.objects.get(number=number)
    answer = client_of(colleague).post(f"/cases/{row.case_id}/acts/confirm/", {})
    assert answer.status_code == 302, text(answer)
    row.refresh_from_db()
    return row


@pytest.mark.row("G07", "H09")
def test_a_document_is_entered_by_one_and_filed_by_another(clerk: Any, colleague: Any) -> None:
    row = filed(clerk, colleague)
    assert (row.state, row.entered_by, row.confirmed_by) == ("filed", clerk.id, colleague.id)
    assert row.digest == "sha256:" + hashlib.sha256(BODY).hexdigest()
    assert (row.term_from, row.term_until) == (date(2026, 1, 1), date(2028, 12, 31))
    assert row.parties == ["城东区数据局", "城东数据集团"]
    page = text(client_of(colleague).get(f"/authorisation/{row.pk}/"))
    for wanted in ("已建档", "陈录入", "何复核", row.digest, PLAN["number"], "以后落实"):
        assert wanted in page
    acts = OutboxEntry.objects.filter(fields__case=row.case_id).values_list("fields__act", flat=True)
    assert {"cases.open.filing.document", "filing.document.enter", "filing.document.confirm"} <= set(acts)


def test_who_entered_does_not_confirm(clerk: Any) -> None:
    client = client_of(clerk)
    post(client)
    row = FiledDocument.objects.get()
    answer = client.post(f"/cases/{row.case_id}/acts/confirm/", {})
    assert answer.status_code in (403, 409)
    row.refresh_from_db()
    assert row.state == "entered" and not queries.filed("huangshi")


def test_only_authority_and_implementing_body_enter(bureau: Any) -> None:
    assert client_of(people.person(bureau, "operator")).get("/authorisation/new/").status_code == 403
    body = client_of(people.person(bureau, "implementing_body"))
    assert post(body).status_code == 302
    with pytest.raises(Refused):
        services.enter(actor=people.acting(bureau, "developer"), now=clock.business_now(), facts={})


def test_nothing_typed_is_lost_when_something_is_wrong(clerk: Any) -> None:
    client = client_of(clerk)
    answer = post(client, number="", dated="2025-13-40")
    page = text(answer)
    assert answer.status_code == 400
    assert "请填写“文号或编号”" in page and "应是日期" in page
    kept = held(page, "filing-form")
    assert kept["name"] == PLAN["name"] and kept["term-from"] == "2026-01-01"
    material = Material.objects.get()
    assert f'value="{material.pk}" checked' in page and "方案.pdf" in page
    again = client.post("/authorisation/new/", PLAN | {"file__kept": material.pk})
    assert again.status_code == 302
    assert FiledDocument.objects.get().material_id == material.pk


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"dated": "2999-01-01"}, "晚于今天"),
        ({"file": None}, "请填写“文件”"),
        ({"kind": "nosuch"}, "不在可选的范围内"),
        ({"term-from": "2029-01-01"}, "结束日期早于开始日期"),
        ({"term-until": ""}, "应有起止日期"),
        ({"kind": "operation_agreement", "parties": ""}, "要写明当事人"),
        ({"kind": "operation_agreement", "term-from": "", "term-until": ""}, "要写明期限"),
        ({"file": SimpleUploadedFile("方案.pdf", b"MZ\x90\x00")}, "内容与扩展名不符"),
        ({"file": SimpleUploadedFile("方案.pdf", b"")}, "空文件"),
    ],
)
def test_a_wrong_answer_is_one_sentence_and_no_case(clerk: Any, changes: Any, word: str) -> None:
    answer = post(client_of(clerk), **changes)
    assert answer.status_code in (400, 403, 409) and word in text(answer), text(answer)
    assert not Case.objects.exists() and not FiledDocument.objects.exists()


def test_a_number_is_entered_once_until_superseded(clerk: Any, colleague: Any) -> None:
    row = filed(clerk, colleague)
    answer = post(client_of(clerk))
    assert answer.status_code == 400
    assert "已经录入" in text(answer) and row.case.number in text(answer)
    assert Case.objects.count() == 1
    assert post(client_of(clerk), kind="selection").status_code == 302  # 另一种文件可以同号
    reasons = {"reasons": "市政府重新印发"}
    cases.perform(row.case, "supersede", people.actor(colleague), reasons, clock.business_now())
    assert not queries.filed("huangshi")
    assert post(client_of(clerk)).status_code == 302


def test_a_returned_document_is_entered_again_from_what_was_there(clerk: Any, colleague: Any) -> None:
    post(client_of(clerk))
    row = FiledDocument.objects.get()
    back = {"defects": [{"item": "文号", "sentence": "与原件不符"}]}
    cases.perform(row.case, "return", people.actor(colleague), back, clock.business_now())
    page = text(client_of(clerk).get(f"/cases/{row.case_id}/acts/enter/"))
    kept = held(page, "act-form")
    assert kept["number"] == PLAN["number"] and kept["term-until"] == "2028-12-31"
    assert "方案.pdf" in page and kept["parties"] == PLAN["parties"]
    mended = kept | {"number": "东政办〔2025〕32号", "name": "实施方案（修正）"}
    answer = client_of(clerk).post(f"/cases/{row.case_id}/acts/enter/", mended)
    assert answer.status_code == 302, text(answer)
    row.refresh_from_db()
    row.case.refresh_from_db()
    assert (row.number, row.state, row.case.title) == ("东政办〔2025〕32号", "entered", "实施方案（修正）")
    assert row.digest == "sha256:" + hashlib.sha256(BODY).hexdigest()


def test_the_new_enterer_does_not_confirm_and_the_first_may(clerk: Any, colleague: Any) -> None:
    """After a return whoever entered last is the one who may not confirm; the guard looks at every entry."""
    post(client_of(clerk))
    row = FiledDocument.objects.get()
    back = {"defects": [{"item": "文号", "sentence": "与原件不符"}]}
    cases.perform(row.case, "return", people.actor(colleague), back, clock.business_now())
    page = text(client_of(colleague).get(f"/cases/{row.case_id}/acts/enter/"))
    client_of(colleague).post(f"/cases/{row.case_id}/acts/enter/", held(page, "act-form"))
    row.refresh_from_db()
    assert row.entered_by == colleague.id
    assert client_of(colleague).post(f"/cases/{row.case_id}/acts/confirm/", {}).status_code != 302


def test_other_rooms_ask_by_zone_kind_and_day(clerk: Any, colleague: Any) -> None:
    plan = filed(clerk, colleague)
    catalogue = filed(
        clerk, colleague, kind="catalogue", number="录-1", **{"term-from": "", "term-until": ""}
    )
    assert {each.id for each in queries.filed("huangshi")} == {plan.id, catalogue.id}
    (only,) = queries.filed("huangshi", "plan")
    assert (only.kind_title, only.number, only.digest) == ("授权运营实施方案", PLAN["number"], plan.digest)
    assert not queries.filed("gansu")
    assert not queries.in_force("huangshi", "plan", date(2025, 12, 31))
    assert queries.in_force("huangshi", "plan", date(2028, 12, 31))
    assert not queries.in_force("huangshi", "plan", date(2029, 1, 1))
    assert queries.in_force("huangshi", "catalogue", date(2030, 1, 1))
    assert queries.one(plan.id).case_id == plan.case_id
    with pytest.raises(LookupError):
        queries.one("doc-nosuch")


def test_the_list_filters_sorts_and_exports(clerk: Any, colleague: Any) -> None:
    filed(clerk, colleague)
    post(client_of(clerk), kind="selection", number="遴-7", name="遴选结果通知书", parties="甲公司")
    client = client_of(clerk)

    def names(**query: str) -> list[str]:
        book = load_workbook(BytesIO(client.get("/authorisation/", query | {"export": "xlsx"}).content))
        return [str(row[0]) for row in book.active.iter_rows(min_row=2, values_only=True)]

    assert names(kind="plan") == [PLAN["name"]]
    assert names(state="entered") == ["遴选结果通知书"]
    assert names(q="甲公司") == names(q="遴-7") == ["遴选结果通知书"]
    assert names(q="没有的") == []
    assert names(sort="-number") == list(reversed(names(sort="number"))) != []
    assert "授权运营实施方案" in text(client.get("/authorisation/"))


def test_others_see_what_is_filed_but_not_the_file_nor_drafts(clerk: Any, colleague: Any) -> None:
    row = filed(clerk, colleague)
    post(client_of(clerk), number="草-2")
    draft = FiledDocument.objects.get(number="草-2")
    operator = client_of(people.person(people.organisation("城东数据集团"), "operator"))
    page = text(operator.get(f"/authorisation/{row.pk}/"))
    assert row.digest in page and f"/materials/{row.material_id}/" not in page
    assert operator.get(f"/materials/{row.material_id}/").status_code == 404
    assert operator.get(f"/authorisation/{draft.pk}/").status_code == 404
    elsewhere = people.person(people.organisation("别处", zone="gansu"), "operator")
    assert client_of(elsewhere).get(f"/authorisation/{row.pk}/").status_code == 404
    assert Client().get("/authorisation/").status_code == 302
    assert client_of(colleague).get(f"/materials/{row.material_id}/").status_code == 200


def test_the_case_page_shows_the_document(clerk: Any) -> None:
    post(client_of(clerk), file=pdf("协议.pdf"))
    row = FiledDocument.objects.get()
    page = text(client_of(clerk).get(f"/cases/{row.case_id}/"))
    assert row.digest in page and f"/authorisation/{row.pk}/" in page
