"""Scenarios, data requests with necessity a field, projects, grants and stops: over HTTP, refusals included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gongshu.office.cases.models import Case
from gongshu.office.link import feed
from gongshu.office.link.models import FeedItem, InboxMessage, OutboxEntry
from gongshu.office.scenarios import drafts, grants, inbox, queries, resources
from gongshu.office.scenarios.models import DataRequest, Grant, Project, Scenario, Stop
from gongshu.wire import envelope as wire
from gongshu.wire.envelope import Verified
from gongshu.wire.times import stamp
from support import people
from support.people import NOW, TODAY
from support.scenes import COLUMNS, RESOURCE, Zone, decisions, message, resource_row, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture(autouse=True)
def business_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.office.link import clock

    monkeypatch.setattr(clock, "business_now", lambda: NOW)


# ------------------------------------------------------------ scenarios


@pytest.mark.row("J02", "J04")
def test_one_scene_is_reviewed_by_authority_and_every_provider(zone: Zone) -> None:
    made = zone.scenario()
    assert made.typed["needs"][0]["need_items"] == ["线路", "时段"]
    zone.act(zone.operator, made.case, "submit", one_scene="on")
    results = {f"answers-{item}-result": "pass" for item in ("economic", "social", "business", "need")}
    early = zone.act(zone.authority, made.case, "approve", **results)
    assert "没有出具意见" in text(early)
    zone.act(zone.checker, made.case, "provider_agree")
    half = zone.act(zone.authority, made.case, "approve", **{"answers-economic-result": "pass"})
    assert "没有作答" in text(half)
    zone.act(zone.authority, made.case, "approve", **results)
    made.refresh_from_db()
    made.case.refresh_from_db()
    assert made.case.state == "approved"
    assert made.published is not None  # 黄石没有单独的发布步骤
    assert ["场景名称", "公交客流分析"] in made.public


@pytest.mark.row("J03")
def test_published_lines_are_the_public_fields_and_nothing_else(zone: Zone) -> None:
    made = zone.approved()
    page = text(Client().get(f"/scenarios/published/{made.pk}/", HTTP_COOKIE="gongshu_zone=huangshi"))
    assert "公交客流指数" in page
    assert "减少空驶" not in page
    assert "公交客流分析" in text(Client().get("/scenarios/published/"))


def test_a_draft_is_not_public_and_not_for_others(zone: Zone) -> None:
    made = zone.scenario()
    assert Client().get(f"/scenarios/published/{made.pk}/").status_code == 404
    other = people.person(people.organisation("别家公司"), "operator", zone="huangshi")
    assert zone.client(other).get(f"/scenarios/{made.pk}/").status_code == 404


@pytest.mark.row("J02")
def test_an_unfinished_scenario_is_not_submitted_and_an_unknown_provider_is_named(zone: Zone) -> None:
    made = zone.scenario(**{"needs-0-need_provider": "没有这个局", "economic": ""})
    answer = zone.act(zone.operator, made.case, "submit", one_scene="on")
    assert answer.status_code in (400, 403, 409)
    assert "没有这个局" in text(answer) or "经济价值" in text(answer)
    page = text(zone.client(zone.operator).get(f"/scenarios/{made.pk}/edit/?check=1"))
    assert "没有这个局" in page
    assert "请填写“经济价值”" in page
    assert "减少空驶" not in page


def test_what_somebody_saved_in_between_is_not_overwritten(zone: Zone) -> None:
    made = zone.scenario()
    answer = zone.send(
        zone.operator, f"/scenarios/{made.pk}/edit/", "scenario-form", version="0", name="别的"
    )
    assert answer.status_code == 409
    made.refresh_from_db()
    assert made.name == "公交客流分析"


@pytest.mark.parametrize("odd", ["²", "9" * 5000])
def test_a_version_that_is_no_number_does_not_break_the_page(zone: Zone, odd: str) -> None:
    made = zone.scenario()
    answer = zone.send(
        zone.operator, f"/scenarios/{made.pk}/edit/", "scenario-form", version=odd, name="改名"
    )
    assert answer.status_code == 200
    made.refresh_from_db()
    assert made.name == "改名"


def test_a_draft_scenario_is_given_up_by_its_operator_alone(zone: Zone) -> None:
    handed = zone.approved()
    made = drafts.begin_scenario(actor=people.actor(zone.operator), now=NOW, name="不办了的场景")
    other = people.person(people.organisation("别的运营公司"), "operator")
    assert zone.client(other).get(f"/cases/{made.case_id}/acts/discard/").status_code == 404
    zone.act(zone.operator, made.case, "discard")
    made.case.refresh_from_db()
    assert (made.case.state, made.case.closed) == ("discarded", True)
    assert zone.client(zone.operator).get(f"/scenarios/{made.pk}/edit/").status_code == 409
    zone.act(zone.operator, handed.case, "revise", reasons="变更")
    kept = zone.act(zone.operator, handed.case, "discard")
    assert "已经提交过" in text(kept)


def test_a_revised_scenario_is_no_longer_published(zone: Zone) -> None:
    made = zone.approved()
    zone.act(zone.operator, made.case, "revise", reasons="改需求")
    made.refresh_from_db()
    assert made.published is None
    assert not queries.approved(made)


# ------------------------------------------------------------ lists published elsewhere

LIST = (
    "序号,领域,应用场景,资源内容,数据提供部门,方向,产品和服务\n"
    '1,应急管理,安全生产监管,"许可证信息、台账",市应急局,公共治理、公益事业,画像服务等\n'
    "2,金融,普惠信贷,纳税信息,市税务局,产业发展、行业发展,评分\n"
)


def csv_file(body: str = LIST, encoding: str = "utf-8-sig") -> SimpleUploadedFile:
    return SimpleUploadedFile("scenes.csv", body.encode(encoding), "text/csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_published_list_becomes_scenarios_in_any_encoding(zone: Zone, encoding: str) -> None:
    given = {
        "title": "场景清单",
        "number": "市数〔2025〕1号",
        "day": "2025-12-01",
        "file": csv_file(LIST, encoding),
    }
    answer = zone.send(zone.authority, "/scenarios/import/", "import-form", **given)
    assert "已建档 2 个应用场景" in text(answer)
    first = Scenario.objects.get(name="安全生产监管")
    assert (first.direction, first.source["line"], first.published.isoformat()) == ("public", 2, "2025-12-01")
    assert queries.approved(first)
    given["file"] = csv_file(LIST, encoding)
    assert "原来已经建档" in text(zone.send(zone.authority, "/scenarios/import/", "import-form", **given))
    assert Scenario.objects.filter(source__isnull=False).count() == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a,b\n1,2\n", "没有“应用场景”这一列"),
        ("应用场景,领域\n,金融\n", "第 2 行没有场景名称"),
        ("应用场景,领域\n甲,金融\n甲,交通\n", "第 3 行与第 2 行的场景同名"),
        ("", "空的"),
        ("应用场景\n", "没有一个场景"),
    ],
)
def test_a_broken_list_is_refused_whole_with_its_line(zone: Zone, body: str, said: str) -> None:
    answer = zone.send(zone.authority, "/scenarios/import/", "import-form", title="清单", file=csv_file(body))
    assert answer.status_code == 400
    assert said in text(answer)
    assert not Scenario.objects.exists()


def test_what_the_operator_recorded_is_no_basis_for_a_request(zone: Zone) -> None:
    zone.send(zone.operator, "/scenarios/import/", "import-form", title="清单", file=csv_file())
    assert Scenario.objects.count() == 2
    assert not any(queries.approved(each) for each in Scenario.objects.all())


# ------------------------------------------------------------ requests


@pytest.mark.row("J07")
def test_every_field_asked_for_says_why_and_a_sensitive_one_whether_a_coarser_would_do(zone: Zone) -> None:
    bare = {"card": ("按持卡人去重计数", ""), "line": ("", "")}
    made = zone.request(zone.approved(), bare)
    assert [row["field"] for row in made.typed["fields"]] == ["card", "line"]
    answer = zone.act(zone.operator, made.case, "submit")
    assert answer.status_code in (400, 403, 409)
    page = text(zone.client(zone.operator).get(f"/scenarios/requests/{made.pk}/edit/?check=1"))
    assert "请写明能不能用更粗的代替" in page
    assert "必要性" in page
    made.case.refresh_from_db()
    assert made.case.state == "draft"


@pytest.mark.row("J07")
def test_a_request_needs_an_approved_scenario(zone: Zone) -> None:
    draft = zone.scenario()
    answer = zone.send(
        zone.operator, "/scenarios/requests/new/", "new-request", scenario=draft.pk, resource=RESOURCE
    )
    assert answer.status_code == 400
    assert "审核通过的应用场景" in text(answer)
    assert not DataRequest.objects.exists()


@pytest.mark.row("J08")
def test_the_provider_decides_field_by_field(zone: Zone) -> None:
    made = zone.request(zone.approved())
    zone.act(zone.operator, made.case, "submit")
    given = decisions(made, {})
    assert "还有" in text(zone.act(zone.checker, made.case, "grant", **{**given, "decisions-1-decision": ""}))
    bare = zone.act(zone.checker, made.case, "grant", **{**given, "decisions-1-decision": "不同意"})
    assert "请写明理由" in text(bare)
    zone.act(zone.checker, made.case, "grant", **decisions(made, {"hour": "用日汇总就够"}))
    made.refresh_from_db()
    assert made.granted == ["card", "line"]
    assert {"field": "hour", "decision": "不同意", "reason": "用日汇总就够"} in made.decisions


@pytest.mark.row("J08")
def test_a_refusal_needs_reason_and_basis(zone: Zone) -> None:
    made = zone.request(zone.approved())
    zone.act(zone.operator, made.case, "submit")
    assert zone.act(zone.checker, made.case, "refuse", reasons="不必要").status_code == 400
    zone.act(zone.checker, made.case, "refuse", reasons="不必要", legal_basis="个人信息保护法第六条")
    made.case.refresh_from_db()
    assert made.case.state == "refused"


def test_another_provider_sees_and_decides_nothing(zone: Zone) -> None:
    made = zone.request(zone.approved())
    zone.act(zone.operator, made.case, "submit")
    other = people.person(people.organisation("别的局"), "provider_checker", zone="huangshi")
    assert zone.client(other).get(f"/scenarios/requests/{made.pk}/").status_code == 404
    assert zone.client(other).get(f"/cases/{made.case_id}/acts/grant/").status_code == 404


@pytest.mark.row("J10")
def test_gansu_asks_the_sector_department_and_a_registered_resource() -> None:
    zone = Zone("gansu")
    body = people.person(people.organisation("大数据中心", zone="gansu"), "implementing_body", zone="gansu")
    zone.authority = body
    made = zone.request(zone.approved())
    answer = zone.act(zone.operator, made.case, "submit")
    assert "先登记" in text(answer)


# ------------------------------------------------------------ projects and grants


@pytest.mark.row("J12", "J19")
def test_the_grant_says_what_was_agreed_and_nothing_more(zone: Zone) -> None:
    made = zone.project(zone.granted(declined={"hour": "用日汇总就够"}))
    grant = made.grants.get()
    item = FeedItem.objects.get(kind="grant")
    assert item.envelope["body"] == grant.body
    table = grant.body["tables"]["trips"]
    assert table == {
        "resource": RESOURCE,
        "owner": zone.provider_home.pk,
        "subject": "card",
        "columns": {name: COLUMNS[name] for name in ("card", "line")},
    }
    assert grant.body["developers"] == [zone.developer.pk]
    assert grant.body["reviewing_orgs"] == sorted([zone.authority_home.pk, zone.provider_home.pk])
    assert grant.digest == wire.body_digest("grant", "huangshi", grant.body)
    assert OutboxEntry.objects.filter(fields__act="grant.issued", fields__subject=grant.pk).exists()


def test_the_data_domain_takes_the_body(zone: Zone) -> None:
    from gongshu.enclave.policy import Source, check_grant

    grant = zone.project().grants.get()
    source = Source("s-1", RESOURCE, zone.provider_home.pk, "trips", COLUMNS, "card", 3)
    check_grant(grant.body, {"trips": source})


def test_a_resource_without_a_subject_gives_a_grant_without_one(zone: Zone) -> None:
    resource_row("huangshi", zone.provider_home.pk, subject="")
    assert "subject" not in zone.project().grants.get().body["tables"]["trips"]


def test_a_grant_lives_when_its_provider_has_confirmed_the_same_content(zone: Zone) -> None:
    grant = zone.project().grants.get()
    assert "等 1 家提供单位" in grants.reason_closed(grant, TODAY)
    zone.confirm(grant, digest="sha256:" + "0" * 64)
    assert grant.state == "awaiting"
    zone.confirm(grant)
    assert grant.state == "live"
    assert grants.reason_closed(grant, TODAY) == ""
    zone.confirm(grant)
    assert OutboxEntry.objects.filter(fields__act="grant.live").count() == 1


def test_a_stranger_does_not_confirm(zone: Zone) -> None:
    grant = zone.project().grants.get()
    zone.confirm(grant, organisation=zone.authority_home.pk)
    assert grant.state == "awaiting"


def test_a_refused_grant_can_be_issued_anew(zone: Zone) -> None:
    made = zone.project()
    zone.confirm(made.grants.get(), "refused")
    page = zone.client(zone.operator).get(f"/scenarios/projects/{made.pk}/")
    assert "没有同意" in text(page)
    answer = zone.client(zone.operator).post(f"/scenarios/projects/{made.pk}/reissue/", follow=True)
    assert "重新发出" in text(answer)
    assert Grant.objects.filter(project=made).count() == 2
    again = zone.client(zone.operator).post(f"/scenarios/projects/{made.pk}/reissue/")
    assert again.status_code == 409


def test_a_grant_ends_with_its_last_day(zone: Zone) -> None:
    from datetime import date

    grant = zone.live().grants.get()
    assert grant.state_on(date(2026, 12, 31)) == "live"
    assert grant.state_on(date(2027, 1, 1)) == "expired"
    assert "到期" in grants.reason_closed(grant, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"name": ""}, "项目名称"),
        ({"from": "2026-05-01", "until": "2026-04-01"}, "早于开始日期"),
        ({"until": "2027-06-01"}, "超出数据申请"),
        ({"from": "很久以前"}, "YYYY-MM-DD"),
        ({"requests": ["q-nothing"]}, "已经同意的数据申请"),
        ({"developers": []}, "开发人员"),
        ({"runs_per_day": "0"}, "每日运行次数"),
        ({"runs_per_day": "许多"}, "整数"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_published(
    zone: Zone, answers: dict[str, Any], said: str
) -> None:
    granted = zone.granted()
    given = {"name": "项目", "from": "2026-01-01", "until": "2026-12-31", "requests": [granted.pk]}
    given |= {"developers": [zone.developer.pk]} | answers
    answer = zone.send(zone.operator, "/scenarios/projects/new/", "project-form", **given)
    assert answer.status_code == 400, text(answer)
    assert said in text(answer)
    assert not FeedItem.objects.filter(kind="grant").exists()
    assert not Project.objects.exists()


def test_who_develops_does_not_review(zone: Zone) -> None:
    own = people.person(zone.provider_home, "developer", zone="huangshi")
    given = {"name": "项目", "from": "2026-01-01", "until": "2026-12-31"}
    given |= {"requests": [zone.granted().pk], "developers": [own.pk]}
    answer = zone.send(zone.operator, "/scenarios/projects/new/", "project-form", **given)
    assert answer.status_code == 403
    assert "不得审核自己" in text(answer)


def test_a_tie_between_developer_and_reviewer_is_found(zone: Zone) -> None:
    from gongshu.office.accounts.models import Affiliation

    granted = zone.granted()
    one, other = sorted([zone.operator_home.pk, zone.authority_home.pk])
    Affiliation.objects.create(
        zone_id="huangshi", organisation_id=one, other_id=other, kind="parent", since=people.SINCE
    )
    given = {"name": "项目", "from": "2026-01-01", "until": "2026-12-31"}
    given |= {"requests": [granted.pk], "developers": [zone.developer.pk]}
    answer = zone.send(zone.operator, "/scenarios/projects/new/", "project-form", **given)
    assert answer.status_code == 403
    assert "应当回避" in text(answer)


# ------------------------------------------------------------ stops


def test_one_button_stops_a_project_and_the_effect_is_shown(zone: Zone) -> None:
    made = zone.live()
    empty = zone.send(zone.officer, f"/scenarios/projects/{made.pk}/", "stop-form")
    assert empty.status_code in (200, 405)
    client = zone.client(zone.officer)
    client.post(f"/scenarios/projects/{made.pk}/stop/", {"reason": ""})
    assert not Stop.objects.exists()
    client.post(f"/scenarios/projects/{made.pk}/stop/", {"reason": "数据有误"})
    stop = Stop.objects.get()
    body = FeedItem.objects.get(kind="stop").envelope["body"]
    assert body == {"id": stop.pk, "scope": "project", "target": made.pk, "reason": "数据有误"}
    assert made.grants.get().state == "stopped"
    assert "等数据域回报生效" in text(client.get(f"/scenarios/projects/{made.pk}/"))
    at = stamp(FeedItem.objects.get(kind="stop").published + timedelta(seconds=2))
    said = message("effect", "huangshi", {"stop": stop.pk, "at": at}, role="enclave")
    InboxMessage.objects.create(
        source="e", number=900, kind="effect", envelope=said.data(), received=datetime.now(UTC)
    )
    grants.took_effect(said, "enclave")
    assert "计算进程 2.0 秒后生效" in text(client.get(f"/scenarios/projects/{made.pk}/"))


def test_a_stop_made_at_the_airlock_is_shown_too(zone: Zone) -> None:
    made = zone.live()
    body = {"stop": "stop-1", "at": NOW.isoformat(), "scope": "grant", "target": made.grants.get().pk}
    grants.took_effect(message("effect", "huangshi", body | {"origin": "airlock"}), "airlock")
    assert made.grants.get().state == "stopped"
    page = text(zone.client(zone.operator).get("/why/stop-1"))
    assert "公交客流指数" in page and ">授权<" in page and "闸口生效" in page
    assert "grant" not in page.replace(made.grants.get().pk, "") and "airlock" not in page


def effect(zone: Zone, role: str, number: int, **body: str) -> None:
    """A receipt as the inbox keeps it and hands it over, signed by `role`."""
    said = message("effect", zone.zone, body, seq=number, role=role)
    key = said.signatures[0].key
    wall = datetime.now(UTC)
    InboxMessage.objects.create(
        source=key, number=number, kind="effect", envelope=said.data(), received=wall, handled=wall
    )
    inbox.effect(said, [Verified(role, key, None, None, "")], wall)


def test_a_stop_of_the_airlock_stops_the_grant_whichever_receipt_comes_first(zone: Zone) -> None:
    made = zone.live()
    grant = made.grants.get()
    early, late = stamp(NOW), stamp(NOW + timedelta(seconds=3))
    effect(zone, "gateway", 1, stop="stop-7", at=late)  # 网关不知道停的是什么
    assert not Stop.objects.exists()
    effect(zone, "airlock", 2, stop="stop-7", at=early, scope="grant", target=grant.pk, origin="airlock")
    grant.refresh_from_db()
    assert grant.state == "stopped"
    row = Stop.objects.get()
    assert (row.scope, row.target, row.origin) == ("grant", grant.pk, "airlock")
    assert {each["source"]: each["at"] for each in row.effects} == {"gateway": late, "airlock": early}


def test_a_withdrawal_and_a_trip_are_no_stops(zone: Zone) -> None:
    made = zone.live()
    effect(zone, "gateway", 1, stop="w-1", at=stamp(NOW))
    effect(zone, "gateway", 2, stop="trip-1", at=stamp(NOW), contract="ag-1", code="tripped")
    assert not Stop.objects.exists()
    assert made.grants.get().state == "live"


def test_rows_kept_as_stops_of_everything_are_named_or_removed(zone: Zone) -> None:
    """What earlier versions kept of receipts that did not say what they are for."""
    from importlib import import_module

    from django.apps import apps

    grant = zone.live().grants.get()
    at = stamp(NOW)
    for number, identifier in enumerate(("w-1", "stop-7", "x-1"), 1):
        Stop.objects.create(id=identifier, zone_id=zone.zone, scope="", origin="airlock", made_at=NOW)
        body = {"stop": identifier, "at": at}
        if identifier == "stop-7":
            body |= {"scope": "grant", "target": grant.pk, "origin": "airlock"}
        said = message("effect", zone.zone, body, seq=number)
        InboxMessage.objects.create(
            source="a", number=number, kind="effect", envelope=said.data(), received=NOW
        )
    stop = {"id": "x-1", "scope": "product", "target": "pd-1", "reason": "检查"}
    feed.publish("stop", stop, zone=zone.zone, now=datetime.now(UTC))
    import_module("gongshu.office.scenarios.migrations.0002_stops_known").name(apps, None)
    rows = {row.pk: (row.scope, row.target, row.origin) for row in Stop.objects.all()}
    assert rows == {"stop-7": ("grant", grant.pk, "airlock"), "x-1": ("product", "pd-1", "office")}
    grant.refresh_from_db()
    assert grant.state == "stopped"


def test_taking_the_data_back_stops_the_grant(zone: Zone) -> None:
    made = zone.live()
    zone.act(zone.checker, made.requests.get().case, "withdraw", reasons="发现越权使用")
    assert made.grants.get().state == "stopped"
    assert FeedItem.objects.filter(kind="stop").count() == 1


def test_who_has_no_part_neither_sees_nor_stops(zone: Zone) -> None:
    made = zone.live()
    other = people.person(people.organisation("别家公司"), "operator", zone="huangshi")
    client = zone.client(other)
    assert client.get(f"/scenarios/projects/{made.pk}/").status_code == 404
    assert client.post(f"/scenarios/projects/{made.pk}/stop/", {"reason": "x"}).status_code == 404
    assert (
        zone.client(zone.developer).post(f"/scenarios/projects/{made.pk}/stop/", {"reason": "x"}).status_code
        == 403
    )


def test_the_newest_outline_counts(zone: Zone) -> None:
    resource_row("huangshi", zone.provider_home.pk, rows=7, name="公交刷卡记录（二）")
    found = resources.find("huangshi", RESOURCE)
    assert found is not None
    assert (found.rows, found.title) == (7, "公交刷卡记录（二）")
    assert [each.id for each in resources.every("huangshi")] == [RESOURCE]
    assert resources.find("gansu", RESOURCE) is None


@pytest.mark.parametrize("more", [{"state": "unpublished"}, {"snapshot": ""}])
def test_what_is_not_published_or_not_handed_in_cannot_be_asked_for(zone: Zone, more: dict[str, str]) -> None:
    scenario = zone.approved()
    resource_row("huangshi", zone.provider_home.pk, **more)
    answer = zone.send(
        zone.operator, "/scenarios/requests/new/", "new-request", scenario=scenario.pk, resource=RESOURCE
    )
    assert answer.status_code == 400
    assert resources.every("huangshi") == []


def test_every_decision_has_its_why(zone: Zone) -> None:
    made = zone.live()
    screen = zone.client(zone.operator).get(f"/why/{made.grants.get().pk}?format=json").json()
    assert screen["allowed"] is True
    assert screen["articles"]


def test_a_scenario_without_a_name_takes_no_number(zone: Zone) -> None:
    cases = Case.objects.count()
    answer = zone.send(zone.operator, "/scenarios/new/", "new-scenario", name=" ")
    assert "请填写场景名称" in text(answer)
    assert not Scenario.objects.exists() and Case.objects.count() == cases


def test_another_need_comes_without_saving(zone: Zone) -> None:
    row = zone.scenario()
    client, address = zone.client(zone.operator), f"/scenarios/{row.pk}/edit/"
    given = {
        "do": "more",
        "version": "1",
        "name": "改了名",
        "needs-0-need_provider": "甲",
        "needs-1-need_provider": "乙",
    }
    page = text(client.post(address, given))
    assert 'name="needs-2-need_provider"' in page and "改了名" in page
    assert 'name="version" value="1"' in page
    row.refresh_from_db()
    assert row.name != "改了名"


def test_the_provider_is_told_to_supply_what_was_agreed(zone: Zone) -> None:
    project = zone.live()
    row = project.requests.get()
    page = text(zone.client(zone.officer).get(f"/scenarios/requests/{row.pk}/"))
    assert "下一步：提供数据" in page and "已由提供单位在闸口确认" in page
    assert 'id="supply-link"' in page
    assert 'id="supply-link"' not in text(zone.client(zone.operator).get(f"/scenarios/requests/{row.pk}/"))
    zone.act(zone.officer, row.case, "supply")
    row.case.refresh_from_db()
    assert row.case.state == "supplied"
    assert 'id="supply"' not in text(zone.client(zone.officer).get(f"/scenarios/requests/{row.pk}/"))
