"""Inbox, case page, act forms, 为什么, materials, notices as people see them."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from gongshu.office.accounts.models import Delegation
from gongshu.office.cases import deposits, explaining, queries, registry, services
from gongshu.office.cases.models import Case, Decision, Material, Waiting
from gongshu.office.link import clock
from support import people
from support.people import NOW

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "business_now", lambda: NOW)
    monkeypatch.setattr(clock, "business_today", NOW.date)


@pytest.fixture(autouse=True)
def plain_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own procedures, without what the apps add to them: those have their own tests."""
    monkeypatch.setattr(registry, "HANDLERS", {})


class Desk:
    """A catalogue case waiting for the data authority, and people around it."""

    def __init__(self) -> None:
        self.provider = people.organisation("市公交公司")
        self.authority = people.organisation("市数据局")
        self.officer = people.person(self.provider, "provider_officer")
        self.checker = people.person(self.provider, "provider_checker")
        self.reader = people.person(self.authority, "data_authority")
        self.case = services.open_case(
            "catalogue.publication", "r-1", people.actor(self.officer), NOW, title="公交刷卡数据"
        )
        facts = {"form_problems": [], "form_digest": DIGEST}
        given = {"shared_source": False, "not_excluded": True, "graded": True}
        services.perform(self.case, "hand_in", people.actor(self.officer), facts | given, NOW)
        services.perform(self.case, "check_pass", people.actor(self.checker), facts, NOW)
        self.url = f"/cases/{self.case.id}/"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def text(answer: Any) -> str:
    return answer.content.decode()


def test_the_inbox_shows_whom_it_waits_for_and_nothing_of_others(client: Client, desk: Desk) -> None:
    people.log_in(client, desk.reader)
    page = text(client.get("/inbox/"))
    assert desk.case.number in page
    assert "待审核" in page
    other = Client()
    people.log_in(other, desk.officer)
    assert desk.case.number not in text(other.get("/inbox/"))
    stranger = Client()
    people.log_in(stranger, people.person(people.organisation(), "provider_officer"))
    assert stranger.get(desk.url).status_code == 404
    assert Client().get("/inbox/").status_code == 302


def test_the_inbox_pages_by_key_and_filters(desk: Desk) -> None:
    officer = people.actor(desk.officer)
    made = [
        services.open_case("catalogue.publication", f"r-{n}", officer, NOW, title=f"数据{n}")
        for n in range(70)
    ]
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = queries.inbox(officer, NOW.date(), cursor=cursor)
        seen += [row.case.id for row in page.rows]
        cursor = page.next
        if not cursor:
            break
    assert sorted(seen) == sorted(case.id for case in made)
    assert len(set(seen)) == 70
    one = queries.inbox(officer, NOW.date(), number=made[5].number)
    assert [row.case.id for row in one.rows] == [made[5].id]
    assert not queries.inbox(officer, NOW.date(), procedure="registration.first").rows
    assert not queries.inbox(officer, NOW.date(), overdue=True).rows
    assert queries.inbox(officer, NOW.date(), cursor="broken!").rows


def test_queries_do_not_grow_with_the_cases(desk: Desk, client: Client) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    people.log_in(client, desk.officer)

    def count(url: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(url).status_code == 200
        return len(found)

    officer = people.actor(desk.officer)
    services.open_case("catalogue.publication", "r-0", officer, NOW, title="数据0")
    few_inbox, few_case = count("/inbox/"), count(desk.url)
    for n in range(1, 40):
        services.open_case("catalogue.publication", f"r-{n}", officer, NOW, title=f"数据{n}")
    assert count("/inbox/") == few_inbox <= 14
    assert count(desk.url) == few_case <= 22


def test_the_case_page_says_where_who_and_why(client: Client, desk: Desk) -> None:
    people.log_in(client, desk.reader)
    page = text(client.get(desk.url))
    for wanted in ("待审核", "等谁办", "办理过程", "提交复核", "复核通过", 'id="act-approve"', "/why/d-"):
        assert wanted in page
    data = client.get(desk.url, headers={"accept": "application/json"}).json()
    assert data["state"] == "submitted"
    assert {each["id"] for each in data["acts"] if each["mine"]} == {"approve", "return", "refuse"}


def test_what_cannot_be_done_yet_says_why_before_trying(client: Client, desk: Desk) -> None:
    both = people.person(desk.authority, "data_authority", "provider_checker")
    services.perform(desk.case, "approve", people.actor(both), {"form_digest": DIGEST}, NOW)
    case = services.open_case("registration.first", "s-9", people.acting(people.organisation(zone="gansu"), "registrant"), NOW, title="某", zone="gansu")  # fmt: skip
    people.log_in(client, people.person(case.organisation, "registrant", zone="gansu"))
    page = text(client.get(f"/cases/{case.id}/"))
    assert "现在还不能办" in page


def test_an_act_by_form(client: Client, desk: Desk) -> None:
    people.log_in(client, desk.reader)
    url = f"{desk.url}acts/return/"
    assert 'name="defects-0-item"' in text(client.get(url))
    empty = client.post(url, {})
    assert empty.status_code == 400
    assert "请填写“需要修改的地方”" in text(empty)
    half = client.post(url, {"defects-0-item": "名称", "defects-0-sentence": ""})
    assert half.status_code == 400
    assert 'value="名称"' in text(half)
    done = client.post(url, {"defects-0-item": "名称", "defects-0-sentence": "不规范"})
    assert done.status_code == 302
    desk.case.refresh_from_db()
    assert desk.case.state == "returned"
    page = text(client.get(desk.url))
    assert "不规范" in page


@pytest.mark.django_db(transaction=True)
def test_a_refused_act_keeps_the_form_and_opens_its_why(client: Client) -> None:
    desk = Desk()
    people.log_in(client, desk.officer)
    answer = client.post(f"{desk.url}acts/approve/", {})
    assert answer.status_code == 403
    row = Decision.objects.get(case=desk.case, allowed=False)
    assert f"/why/{row.id}" in text(answer)
    screen = client.get(f"/why/{row.id}")
    assert screen.status_code == 200
    assert row.sentence in text(screen)
    data = client.get(f"/why/{row.id}?format=json").json()
    assert data["allowed"] is False
    assert data["rule"][-1]["held"] is False
    assert data["changes"]
    wrong_state = client.post(
        f"{desk.url}acts/hand_in/", {"shared_source": "false", "not_excluded": "on", "graded": "on"}
    )
    assert wrong_state.status_code == 409
    assert client.get(f"{desk.url}acts/no_such/").status_code == 404


def test_why_of_a_deadline_counts_its_days(client: Client) -> None:
    zone = "gansu"
    home = people.organisation(zone=zone)
    applicant, reviewer = people.acting(home, "registrant"), people.acting(home, "registrant_reviewer")
    case = services.open_case("registration.first", "s-1", applicant, NOW, title="某", zone=zone)
    facts = {"form_problems": [], "form_digest": DIGEST, "deposited": True, "papers": {}}
    services.perform(case, "fill", applicant, facts, NOW)
    services.perform(case, "pass_business", reviewer, facts, NOW)
    services.perform(case, "submit", applicant, facts, NOW)
    people.log_in(client, people.person(people.organisation(zone=zone), "registrar"))
    row = case.deadlines.get(ledger="acceptance")
    page = text(client.get(f"/why/{row.id}"))
    assert "2026-03-05" in page
    assert "第26条" in page
    assert "征求意见稿" in page
    shown = text(client.get(f"/cases/{case.id}/"))
    assert "还剩 3 个工作日" in shown
    assert "smallcal-month" in shown
    assert 'class="day-due"' in shown or "day-due" in shown


def test_why_is_closed_to_strangers(client: Client, desk: Desk) -> None:
    row = Decision.objects.filter(case=desk.case).first()
    assert row is not None
    people.log_in(client, people.person(people.organisation(zone="chizhou"), "registrar"))
    assert client.get(f"/why/{row.id}").status_code == 404
    assert client.get("/why/d-nosuch").status_code == 404
    assert client.get("/why/zzz").status_code == 404
    assert Client().get(f"/why/{row.id}").status_code == 404


# ------------------------------------------------------------ materials


def objection(client: Client, **files: Any) -> tuple[Case, Any]:
    zone = "gansu"
    home = people.organisation(zone=zone)
    applicant, reviewer = people.acting(home, "registrant"), people.acting(home, "registrant_reviewer")
    clerk = people.acting(people.organisation(zone=zone), "registrar")
    case = services.open_case("registration.first", "s-1", applicant, NOW, title="某", zone=zone)
    facts = {"form_problems": [], "form_digest": DIGEST, "deposited": True, "papers": {}}
    for act, actor in (
        ("fill", applicant),
        ("pass_business", reviewer),
        ("submit", applicant),
        ("accept", clerk),
    ):
        services.perform(case, act, actor, facts, NOW)
    services.perform(case, "pass", clerk, facts | {"checked": True, "duplicate": False}, NOW)
    people.log_in(client, people.person(home, "registrant"))
    return case, home


def test_a_file_survives_a_mistake_in_another_field(client: Client) -> None:
    case, _ = objection(client)
    url = f"/cases/{case.id}/acts/object/"
    first = client.post(
        url, {"objector": "", "grounds": "写错了", "evidence": SimpleUploadedFile("证据.pdf", PDF)}
    )
    assert first.status_code == 400
    made = Material.objects.get()
    assert made.name in text(first)
    assert f'value="{made.pk}"' in text(first)
    again = client.post(url, {"objector": "张三", "grounds": "写错了", "evidence__kept": [made.pk]})
    assert again.status_code == 302, text(again)
    event = case.events.order_by("-seq").first()
    assert event is not None
    assert event.data["evidence"] == [{"name": "证据.pdf", "digest": made.digest}]
    made.refresh_from_db()
    assert made.case_id == case.id
    assert deposits.read(made.digest) == PDF
    got = client.get(f"/materials/{made.pk}/")
    assert b"".join(got.streaming_content) == PDF  # type: ignore[attr-defined]
    assert "attachment" in got["Content-Disposition"]
    stranger = Client()
    people.log_in(stranger, people.person(people.organisation(zone="gansu"), "registrant"))
    assert stranger.get(f"/materials/{made.pk}/").status_code == 404
    # 别人的材料编号拿来也用不上
    place = deposits.path_of(made.digest)
    place.write_bytes(PDF + b"!")
    assert client.get(f"/materials/{made.pk}/").status_code == 500


def test_who_may_only_look_leaves_no_file_in_the_case(client: Client) -> None:
    """A refused act takes no file: neither into the case nor at all."""
    case, _ = objection(client)
    # 别人的一步，和自己的、现在还不能办的一步
    for act, field in (
        ("uphold", "appraisal"),
        ("apply_cancellation", "proof"),
        ("object_after", "evidence"),
    ):
        file = SimpleUploadedFile("伪造.pdf", PDF)
        answer = client.post(f"/cases/{case.id}/acts/{act}/", {field: file})
        assert answer.status_code in (403, 409), act
    assert not Material.objects.exists()
    assert "伪造.pdf" not in text(client.get(f"/cases/{case.id}/"))


def test_a_file_of_an_act_not_done_is_not_in_the_case(client: Client) -> None:
    case, _ = objection(client)
    file = SimpleUploadedFile("证据.pdf", PDF)
    assert client.post(f"/cases/{case.id}/acts/object/", {"evidence": file}).status_code == 400
    assert Material.objects.get().case_id is None


def test_a_paper_of_one_case_is_not_moved_into_another(client: Client) -> None:
    one, home = objection(client)
    url = f"/cases/{one.id}/acts/object/"
    given = {"objector": "张三", "grounds": "写错了"}
    assert client.post(url, given | {"evidence": SimpleUploadedFile("证据.pdf", PDF)}).status_code == 302
    paper = Material.objects.get()
    stranger = Client()
    people.log_in(stranger, people.person(people.organisation(zone="gansu"), "registrar"))
    two, _ = objection(client)
    people.log_in(client, people.person(home, "registrant"))
    for someone in (client, stranger):
        there = f"/cases/{two.id}/acts/object/"
        someone.post(there, given | {"evidence__kept": [paper.pk]})
        paper.refresh_from_db()
        assert paper.case_id == one.id
    facts = {"grounds": "写错了", "objector": "张三", "evidence": [{"name": "a", "digest": DIGEST}]}
    officer = people.acting(people.organisation(zone="gansu"), "registrant")
    services.perform(two, "object", officer, facts, NOW, [paper])
    paper.refresh_from_db()
    assert paper.case_id == one.id


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("a.pdf", b"<html><script>", "内容与扩展名不符"),
        ("a.exe", b"MZ\x90\x00", "内容与扩展名不符"),
        ("a.svg", b"<svg onload=1>", "内容与扩展名不符"),
        ("a.pdf", b"", "空文件"),
        ("a.docx", b"PK\x03\x04broken", "内容与扩展名不符"),
        ("a.txt", b"\x7fELF\x02", "内容与扩展名不符"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    client: Client, name: str, data: bytes, wanted: str
) -> None:
    case, _ = objection(client)
    answer = client.post(
        f"/cases/{case.id}/acts/object/",
        {"objector": "张三", "grounds": "有误", "evidence": SimpleUploadedFile(name, data)},
    )
    assert answer.status_code == 400
    assert wanted in text(answer)
    assert not Material.objects.exists()


@pytest.mark.row("B19")
def test_a_power_of_attorney_is_given_with_its_document_and_taken_back(client: Client) -> None:
    home, agency = (
        people.organisation(zone="gansu"),
        people.organisation("代理公司", zone="gansu", kind="enterprise"),
    )
    agent = people.person(agency, "agent")
    people.log_in(client, people.person(home, "registrant"))
    given = {"code": agency.uscc, "since": "2026-01-01", "until": "2026-12-31"}
    given |= {"procedure": "registration.first"}
    other_business = given | {"procedure": "scenario.review"}
    file = SimpleUploadedFile("委托书.pdf", PDF)
    assert client.post("/delegations/", other_business | {"document": file}).status_code == 400
    refused = client.post(
        "/delegations/", given | {"document": SimpleUploadedFile("委托书.pdf", b"not a pdf")}
    )
    assert refused.status_code == 400
    assert agency.uscc in text(refused)
    assert client.post("/delegations/", given | {"code": "1"}).status_code == 400
    done = client.post("/delegations/", given | {"document": SimpleUploadedFile("委托书.pdf", PDF)})
    assert done.status_code == 302
    assert people.actor(agent).principals_in("gansu", "registration.first") == {home.pk}
    assert people.actor(agent).principals_in("gansu", "registration.change") == frozenset()
    assert people.actor(agent).principals_in("huangshi", "registration.first") == frozenset()
    assert (
        people.actor(people.person(agency, "operator")).principals_in("gansu", "registration.first") == set()
    )
    assert people.actor(agent).organisations == {agency.pk}
    page = text(client.get("/delegations/"))
    assert "代理公司" in page
    other = Client()
    people.log_in(other, agent)
    assert other.post("/delegations/", given).status_code == 403
    row = Delegation.objects.get()
    assert other.post(f"/delegations/{row.pk}/end/").status_code == 404
    assert client.post(f"/delegations/{row.pk}/end/").status_code == 302
    assert people.actor(agent).principals_in("gansu", "registration.first") == frozenset()


def test_notices_reach_those_whose_turn_it_is(client: Client, desk: Desk) -> None:
    people.log_in(client, desk.reader)
    page = text(client.get("/notices/"))
    assert "轮到您办理" in page
    assert "未读" in page
    assert client.post("/notices/read/").status_code == 302
    assert "未读" not in text(client.get("/notices/"))
    other = Client()
    people.log_in(other, people.person(people.organisation(), "provider_checker"))
    assert "轮到您办理" not in text(other.get("/notices/"))


def test_anything_decided_can_be_explained_from_the_command_line(desk: Desk) -> None:
    row = Decision.objects.filter(case=desk.case).first()
    assert row is not None
    found = explaining.explain(None, {"id": row.id})
    assert found["id"] == row.id
    assert found["case"]["number"] == desk.case.number
    with pytest.raises(explaining.NothingToExplain):
        explaining.explain(None, {"id": "t-nosuch"})


def test_the_list_exports_what_it_shows(client: Client, desk: Desk) -> None:
    Case.objects.filter(pk=desk.case.pk).update(title="=1+1")
    people.log_in(client, desk.reader)
    sheet = load_workbook(BytesIO(client.get("/cases/?export=xlsx").content)).active
    assert sheet is not None
    assert sheet["B2"].value == "=1+1"
    assert sheet["B2"].data_type == "s"
    assert "没有符合条件" in text(client.get("/cases/?status=closed"))


def test_every_page_has_the_strict_policy(client: Client, desk: Desk) -> None:
    people.log_in(client, desk.reader)
    for url in (
        "/inbox/",
        "/cases/",
        desk.url,
        f"{desk.url}acts/return/",
        "/notices/",
        "/me/",
        "/login/",
        "/nope/",
    ):
        answer = client.get(url)
        assert "script-src 'self'" in answer["Content-Security-Policy"], url
        page = text(answer)
        assert " style=" not in page, url
        assert "<script>" not in page, url
        assert "onclick" not in page, url


def test_waiting_rows_speak_of_organisations_for_parties(desk: Desk) -> None:
    row = Waiting.objects.get(case=desk.case)
    assert (row.role, row.organisation_id) == ("data_authority", None)
    services.perform(
        desk.case, "return", people.actor(desk.reader), {"defects": [{"item": "a", "sentence": "b"}]}, NOW
    )
    row = Waiting.objects.get(case=desk.case)
    assert (row.role, row.organisation_id) == ("provider_officer", desk.provider.pk)
    assert json.dumps(row.article) is not None


NASTY = [
    "\0",
    "²",
    "%",
    "'; drop table cases_case;--",
    "<svg/onload=alert(1)>",
    "９９９",
    "-1",
    "1e400",
    "x" * 9000,
    "\ud800",
]


@pytest.mark.parametrize("word", NASTY)
def test_nothing_typed_anywhere_breaks_a_page(client: Client, desk: Desk, word: str) -> None:
    people.log_in(client, desk.reader)
    sent = quote(word, errors="surrogatepass")
    names = (
        "q",
        "sort",
        "page",
        "procedure",
        "overdue",
        "number",
        "after",
        "status",
        "kind",
        "export",
        "format",
    )
    addresses = [f"{url}?{name}={sent}" for url in ("/inbox/", "/cases/", "/notices/") for name in names]
    addresses += [
        f"/cases/{sent}/",
        f"{desk.url}acts/{sent}/",
        f"/why/{sent}",
        f"/materials/{sent}/",
        f"/proof/{sent}.json",
    ]
    for url in addresses:
        answer = client.get(url)
        assert answer.status_code < 500, url
        assert "<svg/onload" not in text(answer), url
    safe = word.encode("utf-8", "replace").decode()
    fields = {
        "defects-0-item": safe,
        f"defects-{safe[:9]}-item": safe,
        "defects-²-sentence": safe,
        "defects__kept": safe,
    }
    answer = client.post(f"{desk.url}acts/return/", fields)
    assert answer.status_code == 400
    done = client.post(
        f"{desk.url}acts/return/", fields | {"defects-0-item": f"甲{safe}", "defects-0-sentence": f"乙{safe}"}
    )
    assert done.status_code in (302, 400), text(done)[:2000]
    assert client.get(desk.url).status_code == 200
    for data in (
        {"username": safe, "password": safe, "code": safe},
        {"username": safe, "activation": safe, "token": safe},
    ):
        for url in ("/login/", "/activate/"):
            assert Client().post(url, data).status_code in (200, 400, 429), url
