"""The pages of registration over HTTP: the form filled as a browser would, the desk, the public pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from selectolax.lexbor import LexborHTMLParser

from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import materials
from gongshu.office.cases.models import Material
from gongshu.office.link.models import OutboxEntry
from gongshu.office.registration import objections, queries
from gongshu.office.registration.models import Deposit, Objection, Registration
from gongshu.office.registration.views.applicant import filters, states
from gongshu.ui import lawforms
from support import people
from support.people import NOW
from support.registrations import RESOURCE, TERM, Office, held, pdf, posted

pytestmark = pytest.mark.django_db


def client_of(person: Any) -> Client:
    return people.log_in(Client(), person)


def text(answer: Any) -> str:
    return answer.content.decode()


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def applicant(office: Office) -> Client:
    return client_of(office.applicant_person)


def begun(applicant: Client) -> Registration:
    page = applicant.get("/registration/new/")
    data = held(text(page), "new-registration") | {"name": "公交线路客流（脱敏汇总）"}
    answer = applicant.post("/registration/new/", data)
    assert answer.status_code == 302, text(answer)
    return Registration.objects.get()


def save(client: Client, row: Registration, answers: dict[str, Any], do: str = "save", **files: Any) -> Any:
    address = f"/registration/{row.pk}/edit/"
    page = client.get(address)
    assert page.status_code == 200
    return client.post(address, posted(answers, text(page)) | {"do": do} | files, follow=True)


@pytest.mark.row("R01-R58", "D04")
def test_every_field_of_the_pack_is_on_the_page_with_label_and_name(
    office: Office, applicant: Client
) -> None:
    page = text(applicant.get(f"/registration/{begun(applicant).pk}/edit/"))
    for number in range(1, 50):
        assert f'id="field-R{number:02}"' in page
    for name in ("co_owners-0-R50", "co_owners-1-R54", "R55", "R56", "R57", "R57_link", "R58", "M_identity"):
        assert f'id="field-{name}"' in page
    assert 'name="R08-from"' in page
    assert 'name="R28-unit"' in page


def test_a_form_filled_in_the_browser_becomes_complete(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    files = {
        "R13": pdf("评估.pdf"),
        "R39": pdf("存证.pdf"),
        "R55": pdf("依据.pdf"),
        "M_identity": pdf("法人证书.pdf"),
    }
    answer = save(applicant, row, RESOURCE, "next", **files)
    assert "已经填好，可以送审" in text(answer)
    assert "送业务审核" in text(answer)
    row.refresh_from_db()
    assert row.filled["R08"] == TERM
    assert row.filled["R13"]["name"] == "评估.pdf"
    assert row.case.title == "公交线路客流（脱敏汇总）"
    for person, act in (
        (office.applicant_person, "fill"),
        (office.reviewer_person, "pass_business"),
        (office.applicant_person, "submit"),
        (office.clerk_person, "accept"),
    ):
        done = client_of(person).post(f"/cases/{row.case_id}/acts/{act}/", {}, follow=True)
        assert done.status_code == 200, text(done)
        assert 'id="refusal"' not in text(done), (act, text(done))
    clerk = client_of(office.clerk_person)
    address = f"/cases/{row.case_id}/acts/pass/"
    page = text(clerk.get(address))
    assert 'type="checkbox" name="checked"' in page
    refused = clerk.post(address, held(page, "act-form"))
    assert refused.status_code == 400
    done = clerk.post(address, held(page, "act-form") | {"checked": "on"}, follow=True)
    row.refresh_from_db()
    assert row.case.state == "publicity", text(done)
    assert Material.objects.filter(case=row.case, act="fill").count() == 4


def test_a_mistake_loses_nothing_and_is_said_beside_its_field(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    wrong = RESOURCE | {
        "R28": {"value": "很多", "unit": "GB"},
        "R09": "authorised",
        "R11": "91420200MA4889M370",
    }
    save(applicant, row, wrong, R13=pdf("评估.pdf"))
    page = text(applicant.get(f"/registration/{row.pk}/edit/?check=1"))
    assert 'value="很多"' in page
    assert 'value="91420200MA4889M370"' in page
    assert "评估.pdf" in page
    assert "不是有效的统一社会信用代码" in page
    assert "请填写“存证证明文件”" in page


def test_a_file_of_a_wrong_type_is_refused_and_the_rest_is_kept(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    bad = SimpleUploadedFile("评估.pdf", b"MZ\x90\x00", "application/pdf")
    answer = save(applicant, row, {"R06": "说明"}, R13=bad)
    assert answer.status_code == 400
    assert "内容与扩展名不符" in text(answer)
    row.refresh_from_db()
    assert row.typed["R06"] == "说明"


def test_co_owners_are_rows_and_another_row_appears(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    owners = [
        {"R50": "甲单位", "R51": people.credit_code(), "R52": "organ", "R53": "620100"},
        {"R50": "乙单位", "R51": people.credit_code(), "R52": "enterprise", "R53": "620200"},
    ]
    save(applicant, row, {"R49": True, "co_owners": owners}, **{"co_owners-1-R54": pdf("授权书.pdf")})
    row.refresh_from_db()
    assert [each["R50"] for each in row.filled["co_owners"]] == ["甲单位", "乙单位"]
    assert row.filled["co_owners"][1]["R54"]["name"] == "授权书.pdf"
    assert 'name="co_owners-2-R50"' in text(applicant.get(f"/registration/{row.pk}/edit/"))


def test_saving_over_a_newer_draft_is_refused_with_everything_typed(
    office: Office, applicant: Client
) -> None:
    row = begun(applicant)
    address = f"/registration/{row.pk}/edit/"
    old = text(applicant.get(address))
    save(applicant, row, {"R06": "先保存的"})
    answer = applicant.post(address, posted({"R06": "后保存的"}, old) | {"do": "save"})
    assert answer.status_code == 409
    assert "您自己在另一个窗口" in text(answer)
    assert "后保存的" in text(answer)


def test_strangers_and_visitors_do_not_reach_an_application(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    other = people.person(people.organisation(zone="gansu"), "registrant", zone="gansu")
    for path in ("", "edit/", "preview/", "deposit/"):
        assert client_of(other).get(f"/registration/{row.pk}/{path}").status_code == 404
        assert Client().get(f"/registration/{row.pk}/{path}").status_code == 302


def test_a_deposit_gives_a_signed_receipt_and_becomes_the_proof_file(
    office: Office, applicant: Client
) -> None:
    row = begun(applicant)
    address = f"/registration/{row.pk}/deposit/"
    assert "请写明存证的是什么" in text(applicant.post(address, {"digest": "sha256:" + "a" * 64}))
    assert "二者取其一" in text(applicant.post(address, {"title": "x"}))
    assert "64 位十六进制" in text(applicant.post(address, {"title": "x", "digest": "abc"}))
    answer = applicant.post(address, {"title": "明细", "digest": "SHA256:" + "a" * 64}, follow=True)
    assert answer.status_code == 200
    made = Deposit.objects.get()
    assert made.entry.fields["digests"]["deposit"] == "sha256:" + "a" * 64
    row.refresh_from_db()
    assert row.filled["R39"]["digest"] == made.receipt.digest
    answer = applicant.post(address, {"title": "文件", "file": pdf("样例.pdf")}, follow=True)
    assert Deposit.objects.count() == 2
    assert applicant.get(f"/registration/deposits/{made.pk}.json").json()["body"]["title"] == "明细"


def test_the_desk_is_the_registrars(office: Office, applicant: Client) -> None:
    office.submitted()
    assert applicant.get("/registration/desk/").status_code == 403
    page = text(client_of(office.clerk_person).get("/registration/desk/"))
    assert "公交线路客流" in page
    assert "待受理" in page


def test_public_pages_show_the_notice_and_nothing_else(office: Office) -> None:
    made = office.in_publicity()
    visitor = Client()
    listing = text(visitor.get("/registration/publicity/"))
    assert "公交线路客流（脱敏汇总）" in listing
    page = text(visitor.get(f"/registration/publicity/{made.pk}/"))
    for word in ("市公交集团", "首次登记", "数据资源", "公交线路按站点和小时汇总的客流。", "2026-03-16"):
        assert word in page
    for secret in ("须经授权", "按规则掩码", office.registrant.uscc):
        assert secret not in page
    draft = office.begin(R01="还没有公示的")
    assert visitor.get(f"/registration/publicity/{draft.pk}/").status_code == 404


OBJECTION = {
    "objector": "王某",
    "identity_kind": "person",
    "identity": "11010519491231002X",
    "contact": "13800000000",
    "grounds": "数据权属有争议",
}


def object_to(made: Registration, **changes: Any) -> Any:
    files = {"identity_paper": pdf("身份证.pdf"), "evidence": pdf("证据.pdf")}
    return Client().post(
        f"/registration/publicity/{made.pk}/object/", OBJECTION | files | changes, follow=True
    )


@pytest.mark.row("E24")
def test_anybody_may_object_under_the_real_name_with_evidence(office: Office) -> None:
    made = office.in_publicity()
    answer = object_to(made)
    assert answer.status_code == 200
    found = Objection.objects.get()
    assert found.receipt in text(answer)
    made.case.refresh_from_db()
    assert made.case.state == "objected"
    said = " ".join(str(each.entry.fields) for each in made.case.events.select_related("entry"))
    assert "王某" not in said
    assert "11010519491231002X" not in said
    public = text(Client().get(f"/registration/publicity/{made.pk}/"))
    assert "王某" not in public
    clerk = client_of(office.clerk_person)
    panel = text(clerk.get(f"/cases/{made.case_id}/"))
    assert "11010519491231002X" in panel
    paper = clerk.get(f"/registration/identity/{found.pk}/")
    assert paper.content.startswith(b"%PDF")
    assert OutboxEntry.objects.filter(fields__act="registration.identity_read").count() == 1
    theirs = client_of(office.applicant_person)
    for path in (f"/cases/{made.case_id}/", f"/registration/{made.pk}/"):
        shown = text(theirs.get(path))
        assert "数据权属有争议" in shown
        for secret in ("11010519491231002X", "13800000000", "身份证.pdf"):
            assert secret not in shown
    assert theirs.get(f"/registration/identity/{found.pk}/").status_code == 403


@pytest.mark.row("E24")
def test_who_objects_with_an_account_objects_under_its_own_name(office: Office) -> None:
    """The account stands for the real name, so nobody types another: not on this page, not on the case's."""
    made = office.in_publicity()
    home = people.organisation("外地公司", zone="gansu")
    someone = people.person(home, "operator", name="赵实名")
    address = f"/registration/publicity/{made.pk}/object/"
    page = text(client_of(someone).get(address))
    assert 'name="objector"' not in page and "外地公司（赵实名）" in page
    given = {"objector": "冒名张三", "grounds": "有争议", "evidence": pdf("证据.pdf")}
    assert client_of(someone).post(address, given, follow=True).status_code == 200
    party = client_of(office.applicant_person)
    there = f"/cases/{made.case_id}/acts/object/"
    assert 'name="objector"' not in text(party.get(there))
    assert party.post(there, given | {"evidence": pdf("证据二.pdf")}).status_code == 302
    names = list(Objection.objects.order_by("at", "pk").values_list("objector", flat=True))
    assert names == ["外地公司（赵实名）", f"市公交集团（{office.applicant_person.name}）"]
    said = [each.data["objector"] for each in made.case.events.filter(act="object").order_by("seq")]
    assert said == names


def test_the_day_of_a_decision_is_the_day_here_and_not_in_greenwich(office: Office) -> None:
    made = office.in_publicity()
    paper = materials.store(pdf("证据.pdf"), actor=office.applicant, now=NOW)
    found = objections.object_by_account(
        made, actor=office.applicant, grounds="有争议", evidence=[paper], now=NOW
    )
    early = datetime(2026, 3, 4, 7, 30, tzinfo=people.SHANGHAI)  # 格林尼治还是前一天
    facts = {"objection": found.pk, "reasons": "证据不足", "notified": True}
    office.do(made, "dismiss", office.clerk, early, **facts)
    found = Objection.objects.select_related("registration__case").get()
    assert objections.outcome(found).startswith("2026-03-04 作出决定")


def test_a_draft_is_given_up_before_it_was_ever_handed_in(office: Office, applicant: Client) -> None:
    row = begun(applicant)
    address = f"/cases/{row.case_id}/acts/discard/"
    assert address in text(applicant.get(f"/registration/{row.pk}/"))
    stranger = client_of(people.person(people.organisation(zone="gansu"), "registrant"))
    assert stranger.post(address).status_code == 404
    assert client_of(office.clerk_person).post(address).status_code == 403
    assert applicant.post(address).status_code == 302
    row.case.refresh_from_db()
    assert (row.case.state, row.case.closed) == ("discarded", True)
    assert applicant.get(f"/registration/{row.pk}/edit/").status_code == 409
    assert "已放弃" in text(applicant.get("/registration/"))
    handed = office.submitted()
    with pytest.raises(Refused):
        office.do(handed, "discard", office.applicant)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"identity": "110105194912310021"}, "校验码有误"),
        ({"identity_kind": "organisation"}, "统一社会信用代码"),
        ({"objector": ""}, "请填写“异议人姓名或名称”"),
        ({"grounds": " "}, "请填写“异议内容”"),
        ({"evidence": ""}, "请上传“证据材料”"),
        ({"identity_paper": ""}, "请上传“身份证明”"),
    ],
)
def test_an_objection_without_name_or_evidence_is_refused(
    office: Office, change: dict[str, Any], sentence: str
) -> None:
    made = office.in_publicity()
    answer = object_to(made, **change)
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert not Objection.objects.exists()
    made.case.refresh_from_db()
    assert made.case.state == "publicity"


def test_objections_from_one_address_are_limited(office: Office) -> None:
    made = office.in_publicity()
    for _ in range(5):
        assert object_to(made).status_code == 200
    answer = object_to(made)
    assert answer.status_code == 429
    assert Objection.objects.count() == 5


@pytest.mark.row("E25")
def test_an_objection_is_decided_by_its_id_and_its_author_can_see_it(office: Office) -> None:
    made = office.in_publicity()
    object_to(made)
    object_to(made, objector="李某")
    first, second = Objection.objects.order_by("at", "pk")
    clerk = client_of(office.clerk_person)
    address = f"/cases/{made.case_id}/acts/dismiss/"
    page = text(clerk.get(address))
    assert first.pk in page
    assert second.pk in page
    data = held(page, "act-form") | {"reasons": "证据不足", "notified": "on", "objection": first.pk}
    assert clerk.post(address, data, follow=True).status_code == 200
    made.case.refresh_from_db()
    assert made.case.state == "objected"
    assert "异议不成立" in text(Client().get(f"/registration/objections/{first.receipt}/"))
    assert "正在处理" in text(Client().get(f"/registration/objections/{second.receipt}/"))


def test_the_defects_form_names_items_of_the_form(office: Office) -> None:
    made = office.submitted()
    clerk = client_of(office.clerk_person)
    address = f"/cases/{made.case_id}/acts/return/"
    page = text(clerk.get(address))
    assert "R13 数据安全评估报告" in page
    data = held(page, "act-form") | {"defects-0-item": "R13", "defects-0-sentence": "没有盖章"}
    clerk.post(address, data)
    made.case.refresh_from_db()
    assert made.case.state == "returned"


NASTY = (
    "\0",
    "a\0b",
    "²",
    "<script>alert(1)</script>",
    "' or 1=1 --",
    "{{ 7*7 }}",
    "😀" * 300,
    "\u202e倒",
    "-1",
    "NaN",
)


@pytest.mark.parametrize("word", NASTY)
def test_whatever_is_typed_is_kept_and_said_in_words(office: Office, applicant: Client, word: str) -> None:
    row = begun(applicant)
    address = f"/registration/{row.pk}/edit/"
    data = held(text(applicant.get(address)), "registration-form")
    data = {key: word if key not in ("version",) else value for key, value in data.items()}
    data |= {
        f"co_owners-{word[:9]}-R50": word,
        "co_owners-²-R51": word,
        "co_owners-999999999-R50": word,
        "do": word,
    }
    answer = applicant.post(address, data, follow=True)
    assert answer.status_code == 200
    assert "<script>alert(1)" not in text(answer)
    page = applicant.get(f"{address}?check=1")
    assert page.status_code == 200
    for path in ("", "preview/"):
        shown = applicant.get(f"/registration/{row.pk}/{path}")
        assert shown.status_code == 200
        assert "<script>alert(1)" not in text(shown)


@pytest.mark.parametrize("number", ["9" * 5000, "²", "-1", "61", ""])
def test_an_odd_row_number_neither_breaks_the_page_nor_makes_rows(
    office: Office, applicant: Client, number: str
) -> None:
    row = begun(applicant)
    address = f"/registration/{row.pk}/edit/"
    data = {"version": str(row.version), "R01": "改名", f"co_owners-{number}-R50": "某"}
    answer = applicant.post(
        address, urlencode(data), content_type="application/x-www-form-urlencoded", follow=True
    )
    assert answer.status_code == 200
    assert f"co_owners-{lawforms.LEAST_ROWS}-R50" not in text(applicant.get(address))
    row.refresh_from_db()
    assert row.name == "改名"


@pytest.mark.parametrize("word", ["\0", "%", "../../etc/passwd", "ZX", "ＺＸ－620000", "x" * 500])
def test_public_addresses_answer_anything_in_words(word: str) -> None:
    from urllib.parse import quote

    visitor = Client()
    for path in ("check/?code=", "check/", "publicity/?q=", "publicity/", "objections/", "certificates/?q="):
        answer = visitor.get(f"/registration/{path}{quote(word)}")
        assert answer.status_code < 500, path


def test_visitors_cannot_fill_the_disk(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.office.registration import objections

    monkeypatch.setattr(objections, "AN_HOUR", 3)
    made = office.in_publicity()
    assert object_to(made, grounds="").status_code == 400
    assert object_to(made, grounds="").status_code == 400
    assert object_to(made, grounds="").status_code == 429
    assert Material.objects.filter(uploaded_by="public").count() == 4


def test_a_foreign_person_may_object_too(office: Office) -> None:
    made = office.in_publicity()
    assert object_to(made, identity_kind="other", identity="E1234567X").status_code == 200
    assert Objection.objects.get().identity == "E1234567X"


@pytest.mark.row("D10", "R19", "R23")
def test_an_agent_applies_for_its_principal(office: Office) -> None:
    from datetime import date

    from gongshu.office.accounts.models import Delegation

    firm = people.organisation("代理公司", zone="gansu")
    agent = people.person(firm, "agent", zone="gansu")
    client = client_of(agent)
    page = client.get("/registration/new/")
    refused = client.post("/registration/new/", held(text(page), "new-registration") | {"name": "x"})
    assert refused.status_code == 403
    Delegation.objects.create(
        zone_id="gansu", principal=office.registrant, agent=firm, since=date(2020, 1, 1), until=date(2099, 1, 1),
        document="sha256:" + "a" * 64,
    )  # fmt: skip
    client = client_of(agent)
    page = text(client.get("/registration/new/"))
    assert "市公交集团" in page
    data = held(page, "new-registration") | {"name": "x", "organisation": office.registrant.pk}
    assert client.post("/registration/new/", data).status_code == 302
    row = Registration.objects.get()
    assert row.case.organisation_id == office.registrant.pk
    assert save(client, row, {"R06": "代填的"}).status_code == 200
    row.refresh_from_db()
    assert row.typed["R06"] == "代填的"


@pytest.mark.row("E24")
def test_somebody_logged_in_objects_under_the_account(office: Office) -> None:
    made = office.in_publicity()
    rival = people.person(people.organisation("某数据公司", zone="gansu"), "developer", zone="gansu")
    client = client_of(rival)
    page = text(client.get(f"/registration/publicity/{made.pk}/object/"))
    assert "某数据公司" in page
    assert "identity_paper" not in page
    data = held(page, "objection-form") | {"grounds": "重复", "evidence": pdf("证据.pdf")}
    assert client.post(f"/registration/publicity/{made.pk}/object/", data).status_code == 302
    found = Objection.objects.get()
    assert found.by_account == rival.pk
    assert found.objector == f"某数据公司（{rival.name}）"
    event = made.case.events.get(act="object")
    assert event.actor == rival.pk
    assert event.data["evidence"][0]["name"] == "证据.pdf"


@pytest.mark.parametrize("zone", ["huangshi", "hubei", "anhui", "chizhou"])
def test_a_zone_without_its_own_field_list_says_so_and_cites_no_article_for_it(zone: str) -> None:
    office = Office(zone)
    made = office.begin()
    page = text(client_of(office.applicant_person).get(f"/registration/{made.pk}/edit/"))
    legends = [each.text() for each in LexborHTMLParser(page).css("details.block > summary")]
    assert legends
    for legend in legends[:-1]:  # 最后一组是材料清单，出自国家规则
        assert "项目选择" in legend
        assert "甘肃" not in legend
    assert "取甘肃的五十八项" in page


# 页面 → 谁能打开：登记主体本单位、业务审核人、登记机构、别专区的登记机构、别的单位、数据管理部门、访客
TRUTH = {
    "/registration/": ("own", "reviewer", "clerk", "far", "other", "authority"),
    "/registration/new/": ("own", "other"),
    "/registration/desk/": ("clerk", "far"),
    "/registration/{pk}/": ("own", "reviewer", "clerk", "authority"),
    "/registration/{pk}/preview/": ("own", "reviewer", "clerk", "authority"),
    "/registration/{pk}/edit/": ("own",),
    "/registration/{pk}/deposit/": ("own",),
    "/registration/publicity/": ("own", "reviewer", "clerk", "far", "other", "authority", "visitor"),
    "/registration/check/": ("own", "reviewer", "clerk", "far", "other", "authority", "visitor"),
    "/registration/certificates/": ("own", "reviewer", "clerk", "far", "other", "authority", "visitor"),
}


@pytest.mark.parametrize("who", ["own", "reviewer", "clerk", "far", "other", "authority", "visitor"])
def test_who_may_open_which_page(office: Office, who: str) -> None:
    made = office.begin()
    people_of = {
        "own": lambda: office.applicant_person,
        "reviewer": lambda: office.reviewer_person,
        "clerk": lambda: office.clerk_person,
        "far": lambda: people.person(people.organisation(zone="huangshi"), "registrar", zone="huangshi"),
        "other": lambda: people.person(people.organisation(zone="gansu"), "registrant", zone="gansu"),
        "authority": lambda: people.person(people.organisation(zone="gansu"), "data_authority", zone="gansu"),
    }
    client = Client() if who == "visitor" else client_of(people_of[who]())
    opened = {path for path in TRUTH if client.get(path.format(pk=made.pk)).status_code == 200}
    assert opened == {path for path, allowed in TRUTH.items() if who in allowed}


def questions(office: Office) -> dict[str, int]:
    """How many queries each list asks."""
    found = {}
    for path, client in (
        ("/registration/desk/", client_of(office.clerk_person)),
        ("/registration/", client_of(office.applicant_person)),
        ("/registration/publicity/", Client()),
        ("/registration/certificates/", Client()),
    ):
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        found[path] = len(asked)
    return found


def test_lists_ask_a_fixed_number_of_questions(office: Office) -> None:
    office.registered(R01="第一件")
    office.in_publicity(R01="第二件")
    before = questions(office)
    for number in range(4):
        office.in_publicity(R01=f"又一件 {number}")
        office.registered(R01=f"再一件 {number}")
    assert questions(office) == before


def test_an_application_about_nothing_takes_no_number(office: Office, applicant: Client) -> None:
    answer = applicant.post("/registration/new/", {"procedure": "registration.first", "name": " "})
    assert answer.status_code >= 400
    assert "请填写登记数据名称" in text(answer)
    assert not Registration.objects.exists()


def test_the_list_filters_by_every_state_and_the_desk_by_its_own(office: Office, applicant: Client) -> None:
    page = text(applicant.get("/registration/"))
    for state in ("not_accepted", "not_passed", "not_registered", "cancelled"):
        assert f'<option value="{state}"' in page, state
    titles = dict(states("gansu"))
    offered = dict(filters("gansu", queries.AT_DESK)[0].choices)
    assert "draft" in titles and "draft" not in offered
    assert set(offered) == set(queries.AT_DESK) & set(titles)
