"""The cockpit: each number leads to exactly its rows, in a fixed number of queries; orders, stops, my data."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case, Waiting
from gongshu.office.link import clock, trust
from gongshu.office.link.models import Cosignature, FeedItem
from gongshu.office.settlement.models import CallBatch
from gongshu.office.supervision import measures, plan, services
from gongshu.office.supervision.why import ask_of
from support import people
from support.people import NOW
from support.products import Market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def overseer() -> Any:
    return people.person(people.organisation("市审计局"), "auditor", name="审计甲")


def client_of(person: Any) -> Client:
    return people.log_in(Client(), person)


def text(answer: Any) -> str:
    return answer.content.decode()


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "business_now", lambda: now)


def numbers(page: str) -> list[tuple[str, int]]:
    """(address, number) of every number of the cockpit."""
    found = re.findall(r'class="cockpit-total" data-measure="[a-z]+" href="([^"]+)">(\d+) ', page)
    found += re.findall(r'class="cockpit-part" href="([^"]+)" data-value="(\d+)"', page)
    return [(unescape(url), int(number)) for url, number in found]


def listed(page: str) -> int:
    """How many a list says it has, or what its rows add up to."""
    added = re.search(r'id="rows-sum">(\d+)<', page)
    return int(added[1] if added else re.search(r"共 (\d+) 条", page)[1])  # type: ignore[index]


def a_full_zone(market: Market) -> Any:
    """A product on its way, calls, a stop, an overdue registration, a correction."""
    from gongshu.office.products import supply

    product = market.passed()
    market.arrive("calls", batch(product.pk, "ag-1", 7), 20)
    market.arrive("calls", batch(product.pk, "ag-1", 5), 21)
    market.arrive("calls", batch(product.pk, "ag-2", 1), 22)
    market.arrive("calls", batch(product.pk, "ag-2", 1), 23)  # 网关重新说的一批，只数一次
    made = supply.stop(product, actor=market.officer, reason="检查")
    effect(made, 2.5)
    begin(market)
    return product


def batch(product: str, contract: str, count: int) -> dict[str, Any]:
    return {
        "product": product, "contract": contract, "count": count, "root": "sha256:" + "1" * 64,
        "batch": f"gateway-{contract}-{count}", "day": "2026-04-08", "purpose": "transport", "hits": count,
        "subjects": 0, "answers": {}, "first": 1, "last": count,
    }  # fmt: skip


def effect(item: FeedItem, seconds: float) -> None:
    """The gateway says when the stop acted there."""
    from gongshu.crypto.sign import PrivateKey
    from gongshu.office.scenarios import grants
    from gongshu.wire import envelope as wire
    from gongshu.wire.times import stamp

    moment = item.published + timedelta(seconds=seconds)
    made = wire.make("effect", item.zone, 1, {"stop": item.subject, "at": stamp(moment)}, moment)
    grants.took_effect(wire.sign(made, "gateway", PrivateKey.generate("ed25519")), "gateway")


def begin(market: Market, **more: Any) -> Any:
    given = {
        "actor": market.officer, "now": NOW, "procedure": services.CORRECTION, "addressee": market.operator.pk,
        "role": "operator", "title": "开发环境没有留痕",
    }  # fmt: skip
    return services.begin_correction(**{**given, **more})


FINDINGS = {
    "findings": [{"item": "留痕", "sentence": "三月一日的操作没有记录。"}],
    "demand": "补齐操作记录。",
}


# ------------------------------------------------------------ the cockpit


@pytest.mark.row("B04", "P15", "P16")
def test_each_number_leads_to_exactly_its_rows(
    market: Market, overseer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_full_zone(market)
    at(monkeypatch, NOW + timedelta(days=120))
    client = client_of(overseer)
    page = text(client.get("/supervision/"))
    found = numbers(page)
    assert len(found) > 15
    for url, number in found:
        shown = text(client.get(url))
        assert (listed(shown) if number else 0) == number, url
    totals = dict(found)
    assert totals["/supervision/rows/calls/?zone=huangshi"] == 13
    assert totals["/supervision/rows/stops/?zone=huangshi&scope=product&acted=acted"] == 1
    assert "最慢 2.5 秒生效" in page


def test_a_number_counts_what_is_there_and_not_what_is_elsewhere(
    market: Market, overseer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Market("chizhou").begin()
    ask = ask_of(people.actor(overseer), "huangshi")
    before = measures.shown(measures.measures()["cases"], ask).value
    market.begin()
    assert measures.shown(measures.measures()["cases"], ask).value == before + 1


@pytest.mark.row("B04")
def test_what_is_overdue_says_article_and_days(
    market: Market, overseer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = begin(market)
    cases.perform(row.case, "order", market.officer, FINDINGS | {"fix_by": "2026-03-10"}, NOW)
    client = client_of(overseer)
    at(monkeypatch, NOW)
    assert "没有超期。" in text(client.get("/supervision/rows/overdue/"))
    at(monkeypatch, datetime(2026, 3, 13, 10, tzinfo=people.SHANGHAI))
    page = text(client.get("/supervision/rows/overdue/"))
    assert row.case.number in page
    assert re.search(r'data-label="超期（工作日）">\s*3\s*<', page)
    deadline = row.case.deadlines.get()
    assert f"/why/{deadline.pk}" in page
    exported = client.get("/supervision/rows/overdue/?export=xlsx")
    assert exported.headers["Content-Type"].startswith("application/vnd.openxml")


def test_every_measure_has_its_why_with_its_articles(market: Market, overseer: Any) -> None:
    client = client_of(overseer)
    page = text(client.get("/supervision/"))
    for name in measures.measures():
        assert f"/why/sv-{name}-huangshi" in page
        found = client.get(f"/why/sv-{name}-huangshi?format=json").json()
        assert found["sentence"] and found["facts"], name
    reports = client.get("/why/sv-reports-huangshi?format=json").json()
    assert any("三月" in each["says"] or each["cited"] for each in reports["articles"])
    stranger = client_of(people.person(people.organisation(), "buyer"))
    assert stranger.get("/why/sv-cases-huangshi").status_code == 404
    assert client.get("/why/sv-cases-gansu").status_code == 404


def test_only_those_who_oversee_see_it(market: Market) -> None:
    for role, status in (
        ("supervisor", 200),
        ("data_authority", 200),
        ("sector_department", 200),
        ("buyer", 403),
    ):
        person = people.person(people.organisation(), role)
        assert client_of(person).get("/supervision/").status_code == status, role
        assert client_of(person).get("/supervision/rows/cases/").status_code == status, role
        assert client_of(person).get("/supervision/totals/").status_code == status, role


def test_an_overseer_of_the_province_looks_into_the_city_and_no_further(market: Market) -> None:
    begin(market)
    person = people.person(people.organisation(zone="hubei"), "supervisor", zone="hubei")
    client = client_of(person)
    assert "黄石市监管驾驶舱" in text(client.get("/supervision/?zone=huangshi"))
    assert "湖北省监管驾驶舱" in text(client.get("/supervision/?zone=gansu"))


def test_ten_thousand_cases_take_no_more_queries(
    market: Market, overseer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begin(market).case
    client = client_of(overseer)
    pages = (
        "/supervision/",
        "/supervision/rows/cases/",
        "/supervision/rows/overdue/",
        "/supervision/totals/",
    )

    def counted() -> list[int]:
        found = []
        for page in pages:
            client.get(page)
            with CaptureQueriesContext(
                connection,
            ) as asked:
                assert client.get(page).status_code == 200
            found.append(len(asked))
        return found

    few = counted()
    fields = {name: getattr(made, name) for name in (
        "zone_id", "procedure", "title", "organisation_id", "pack_digest", "law_day", "opened_by", "opened_at",
        "state", "procedure_title", "state_title", "since", "due",
    )}  # fmt: skip
    many = Case.objects.bulk_create([Case(number=f"n-{number}", **fields) for number in range(10_000)])
    waits = {"role": "data_authority", "zone_id": made.zone_id, "procedure": made.procedure}
    Waiting.objects.bulk_create([Waiting(case=each, **waits) for each in many])
    assert counted() == few
    page = text(client.get("/supervision/"))
    assert dict(numbers(page))["/supervision/rows/cases/?zone=huangshi"] >= 10_001


# ------------------------------------------------------------ witnesses, reports, targets


def test_witnesses_are_fresh_late_or_missing(
    market: Market, overseer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    world = market.trust(monkeypatch, tmp_path)
    wall = clock.wall_now()
    for number, (size, age) in enumerate(((40, 700), (50, 300)), 1):
        FeedItem.objects.create(
            zone="huangshi", seq=1000 + number, kind="checkpoint", subject="log",
            envelope={"body": {"proof": {"to": size}}}, published=wall - timedelta(seconds=age),
        )  # fmt: skip
    keys = {each.role: each.id for role in ("enclave", "gateway") for each in trust.current(wall).keys(role)}
    assert set(keys) == {"enclave", "gateway"}, world
    Cosignature.objects.create(size=40, witness=keys["enclave"], line="x", received=wall)
    client = client_of(overseer)

    def states() -> dict[str, str]:
        from gongshu.office.supervision import watch

        return {row.role: row.state for row in watch.witness_rows(ask_of(people.actor(overseer), "huangshi"))}

    assert states() == {"enclave": "fresh", "gateway": "missing"}
    Cosignature.objects.create(size=10, witness=keys["gateway"], line="x", received=wall)
    assert states() == {"enclave": "fresh", "gateway": "late"}
    # 门户说的是同一个界限
    from gongshu.office.portal import logfiles
    from gongshu.office.supervision import watch

    assert logfiles.LATE is watch.LATE
    assert "迟了" in text(client.get("/supervision/rows/witnesses/?state=late"))
    trust.store.cache_clear()


@pytest.mark.row("P17")
def test_reports_fall_due_as_the_packs_say_and_are_done_when_an_app_says_so(
    overseer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, datetime(2026, 4, 2, 10, tzinfo=people.SHANGHAI))

    def rows(zone: str) -> dict[tuple[str, int], plan.ReportRow]:
        found = plan.report_rows(ask_of(people.actor(overseer), zone))
        return {(each.clock, each.year): each for each in found}

    known = rows("huangshi")
    assert known["report.price", 2025].due.isoformat() == "2026-03-31"
    assert known["report.price", 2025].state == "overdue"
    assert known["report.price", 2026].state == "later"
    assert known["report.price", 2025].basis
    monkeypatch.setitem(
        plan.REPORTED, "report.price", lambda zone, year: NOW.date() if year == 2025 else None
    )
    assert rows("huangshi")["report.price", 2025].state == "done"
    assert ("report.operator_annual", 2025) in rows("chizhou")


@pytest.mark.row("A18")
def test_targets_stand_beside_what_is_reached(market: Market, overseer: Any) -> None:
    found = {each.id: each for each in plan.target_rows(ask_of(people.actor(overseer), "huangshi"))}
    assert (found["target.products.2027"].value, found["target.scenes.2030"].value) == (30, 20)
    assert found["target.products.2027"].reached == 0
    assert "0 / 30" in text(client_of(overseer).get("/supervision/"))
    assert not plan.target_rows(ask_of(people.actor(overseer), "gansu"))


# ------------------------------------------------------------ orders to correct, stops


@pytest.mark.row("O11")
def test_an_order_is_answered_by_the_unit_and_closed_by_another_than_it(market: Market) -> None:
    row = begin(market)
    cases.perform(row.case, "order", market.officer, FINDINGS, NOW)
    assert row.case.state == "ordered"
    assert row.case.deadlines.get().due.isoformat() == "2026-04-01"
    other = people.acting(people.organisation("别家公司"), "operator")
    with pytest.raises(Refused, match=r"被通知整改的单位|没有这个角色|办理"):
        cases.perform(row.case, "answer", other, {"report": "改了"}, NOW)
    cases.perform(row.case, "answer", market.maker, {"report": "已补齐"}, NOW)
    with pytest.raises(Refused):
        cases.perform(row.case, "confirm", market.maker, {}, NOW)
    cases.perform(row.case, "return", market.officer, {"defects": [{"item": "一", "sentence": "还缺"}]}, NOW)
    assert row.case.state == "ordered"
    cases.perform(row.case, "answer", market.maker, {"report": "又补了"}, NOW)
    cases.perform(row.case, "confirm", market.officer, {}, NOW)
    assert row.case.closed


def test_the_unit_finds_the_order_in_its_inbox_and_list(market: Market) -> None:
    row = begin(market)
    cases.perform(row.case, "order", market.officer, FINDINGS | {"fix_by": "2026-03-20"}, NOW)
    client = client_of(market.maker_person)
    assert row.case.title in text(client.get("/inbox/"))
    assert row.case.number in text(client.get("/supervision/corrections/"))
    page = text(client.get(f"/cases/{row.case_id}/"))
    assert "被监督单位" in page and "提交整改报告" in page
    stranger = client_of(people.person(people.organisation(), "operator"))
    assert row.case.number not in text(stranger.get("/supervision/corrections/"))


def test_an_order_is_begun_in_the_browser(market: Market) -> None:
    client = client_of(market.officer_person)
    page = text(client.get("/supervision/corrections/new/"))
    assert market.operator.name in page
    data = {
        "procedure": services.CORRECTION, "addressee": market.operator.pk, "role": "operator", "title": "没有留痕",
    }  # fmt: skip
    answer = client.post("/supervision/corrections/new/", data, follow=True)
    assert "发出整改通知" in text(answer)
    own = client.post("/supervision/corrections/new/", data | {"addressee": market.authority.pk})
    assert "不能对自己的单位" in text(own)
    wrong = client.post("/supervision/corrections/new/", data | {"role": "registrar"})
    assert wrong.status_code == 400
    assert client_of(market.maker_person).get("/supervision/corrections/new/").status_code == 403


@pytest.mark.row("O11")
def test_a_registrar_is_talked_to_and_may_lose_its_office() -> None:
    zone = "gansu"
    home = people.organisation("省登记中心", zone=zone)
    authority = people.acting(people.organisation("省数据局", zone=zone), "data_authority", zone=zone)
    clerk = people.acting(home, "registrar", zone=zone)
    row = services.begin_correction(
        actor=authority,
        now=NOW,
        procedure=services.REGISTRAR,
        addressee=home.pk,
        role="registrar",
        title="履职不当",
    )
    facts = {"ground": "dereliction", "measure": "talk", "findings": FINDINGS["findings"]}
    done = cases.perform(row.case, "measure", authority, facts, NOW)
    assert "gansu-registration:42" in done.decision.articles
    cases.perform(row.case, "answer", clerk, {"report": "已改"}, NOW)
    cases.perform(row.case, "disqualify", authority, {"ground": "dereliction", "reasons": "拒不履职"}, NOW)
    assert row.case.state == "disqualified" and row.case.closed


@pytest.mark.parametrize("role", ["supervisor", "data_authority", "sector_department", "implementing_body"])
def test_any_supervisor_may_stop(market: Market, role: str) -> None:
    product = market.passed()
    client = client_of(people.person(people.organisation(), role))
    page = text(client.get("/supervision/stop/"))
    assert f'<option value="{product.pk}">产品：{product.name}</option>' in page
    assert 'list="offered-target"' in page
    answer = client.post(
        "/supervision/stop/", {"scope": "product", "target": product.pk, "reason": "疑似超范围"}, follow=True
    )
    assert "已发出" in text(answer)
    item = FeedItem.objects.get(kind="stop")
    assert item.envelope["body"]["target"] == product.pk


def test_a_stop_needs_a_role_a_reason_and_something_to_stop(market: Market) -> None:
    client = client_of(people.person(people.organisation(), "supervisor"))
    given = {"scope": "product", "target": "pd-none", "reason": "疑似"}
    assert "请核对编号" in text(client.post("/supervision/stop/", given))
    assert client.post("/supervision/stop/", given | {"reason": ""}).status_code == 400
    other = Market("chizhou").begin()
    assert "请核对编号" in text(client.post("/supervision/stop/", given | {"target": other.pk}))
    assert client_of(market.buyer_person).post("/supervision/stop/", given).status_code == 403
    assert not FeedItem.objects.filter(kind="stop").exists()


# ------------------------------------------------------------ my data


@pytest.mark.row("B07")
def test_a_provider_sees_what_leaves_to_whom_and_how_often_and_stops_it(market: Market) -> None:
    product = market.passed()
    market.arrive("calls", batch(product.pk, "ag-1", 7), 20)
    market.arrive("calls", batch(product.pk, "ag-1", 7), 21)  # 网关重新说的一批，只数一次
    officer = people.person(market.provider, "provider_officer")
    client = client_of(officer)
    page = text(client.get("/supervision/mine/"))
    assert product.name in page
    assert "公交客流指数" in page and market.operator.name in page
    assert re.search(r"<b>7</b>\s*<span>近七天的调用", page)
    other = client_of(people.person(people.organisation("别的单位"), "provider_officer"))
    assert product.name not in text(other.get("/supervision/mine/"))
    answer = client.post(f"/supervision/mine/{product.pk}/stop/", {"reason": "不再提供"}, follow=True)
    assert "已发出" in text(answer)
    assert FeedItem.objects.get(kind="stop").envelope["body"]["target"] == product.pk
    assert "已停止" in text(answer) and "mine-stop" in text(answer) and "stop/" not in text(answer)
    refused = other.post(f"/supervision/mine/{product.pk}/stop/", {"reason": "x"})
    assert refused.status_code == 403
    assert client_of(market.buyer_person).get("/supervision/mine/").status_code == 403


def test_calls_of_last_month_are_not_this_weeks(market: Market) -> None:
    product = market.passed()
    market.arrive("calls", batch(product.pk, "ag-1", 7), 20)
    CallBatch.objects.update(received=datetime.now(UTC) - timedelta(days=8))
    page = text(client_of(people.person(market.provider, "provider_checker")).get("/supervision/mine/"))
    assert re.search(r"<b>0</b>\s*<span>近七天的调用", page)
