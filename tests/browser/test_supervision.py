"""The pages of supervision in a real browser: console, axe, width, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gongshu.office.cases import services as cases
from gongshu.office.link import clock, sequencer, trust
from gongshu.office.supervision import services
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.people import NOW
from support.products import Market
from support.scenes import Zone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LATER = NOW + timedelta(days=60)


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)


def looked_at(page: Any, path: str, name: str, width: int) -> None:
    """Open a page; nothing of it may be wrong."""
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    shot(page, f"supervision-{name}-{width}")
    assert page.faults == [], (path, page.faults)
    assert violations(page) == [], path
    assert overflow(page) <= 0, (path, overflow(page))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    (tmp_path / "log").mkdir()
    for name, alg in (("log", "ed25519"), ("log-sm2", "sm2")):
        if name not in settings.KEYS:
            settings.KEYS.create(name, alg)
    sequencer.log.cache_clear()
    yield
    sequencer.log().close()
    sequencer.log.cache_clear()


@pytest.fixture
def city(monkeypatch: Any, tmp_path_factory: Any, log: None) -> Any:
    """A zone in which something of everything has happened."""
    from gongshu.office.accounts import zones
    from gongshu.office.products import supply
    from gongshu.office.products.models import Trip

    zones.sync()
    scene = Zone()
    scene.live()
    market = Market()
    market.scene = scene
    market.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    row = market.published()
    made = market.agreement(row)
    for number, lifted in enumerate((NOW, None)):
        Trip.objects.create(
            id=f"trip-{number}",
            zone_id=made.zone_id,
            agreement=made,
            at=NOW,
            tries=5,
            seconds=600,
            lifted=lifted,
        )
    for number, count in enumerate((1200, 430, 77), 1):
        body = {
            "product": row.pk, "contract": made.pk, "count": count, "hits": count, "subjects": 0,
            "day": "2026-03-02", "purpose": "transport", "batch": f"gateway-{number}", "answers": {},
            "first": number, "last": number, "root": "sha256:" + "1" * 64,
        }  # fmt: skip
        market.arrive("calls", body, 40 + number)
    market.arrive("calls", {**body, "contract": "ag-other", "count": 260, "batch": "gateway-9"}, 50)
    supply.stop(market.begin(name="停车指数"), actor=market.officer, reason="发现超范围调用")
    for number in range(4):
        case = services.begin_correction(
            actor=market.officer, now=NOW, procedure=services.CORRECTION, addressee=market.operator.pk,
            role="operator", title=f"开发环境操作没有留痕（第{number + 1}处）",
        ).case  # fmt: skip
        if number:
            facts = {"findings": [{"item": "留痕", "sentence": "没有记录。"}], "demand": "补齐。"}
            cases.perform(case, "order", market.officer, facts | {"fix_by": f"2026-03-{10 + number}"}, NOW)
    while sequencer.step(clock.wall_now()):
        pass
    monkeypatch.setattr(clock, "business_now", lambda: LATER)
    yield market
    trust.store.cache_clear()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_supervisors_pages(city: Any, visit: Callable[..., Any], width: int) -> None:
    page = visit(width, session=session(people.person(people.organisation("市委网信办"), "supervisor")))
    for name, path in {
        "cockpit": "/supervision/",
        "overdue": "/supervision/rows/overdue/",
        "cases": "/supervision/rows/cases/",
        "calls": "/supervision/rows/calls/",
        "stops": "/supervision/rows/stops/",
        "trips": "/supervision/rows/trips/",
        "reports": "/supervision/rows/reports/",
        "targets": "/supervision/rows/targets/",
        "totals": "/supervision/totals/",
        "stop": "/supervision/stop/",
        "corrections": "/supervision/corrections/",
        "why": "/why/sv-overdue-huangshi",
    }.items():
        looked_at(page, path, name, width)


def test_a_number_is_followed_to_its_rows(city: Any, visit: Callable[..., Any]) -> None:
    page = visit(session=session(people.person(people.organisation("市审计局"), "auditor")))
    page.goto("/supervision/")
    page.wait_for_load_state("networkidle")
    assert page.locator("#measure-calls .cockpit-picture svg").count() == 1
    number = page.locator("#measure-overdue .cockpit-total").inner_text().split()[0]
    page.click("#measure-overdue .cockpit-total")
    page.wait_for_load_state("networkidle")
    assert f"共 {number} 条" in page.locator(".list-total").inner_text()
    assert page.faults == []


def test_it_works_without_javascript(city: Any, visit: Callable[..., Any]) -> None:
    auditor = people.person(people.organisation("市审计局"), "auditor", name="审计甲")
    page = visit(session=session(auditor), javascript=False)
    page.goto("/supervision/")
    assert page.locator("#measure-calls .cockpit-picture").is_hidden()
    assert "1707" in page.locator("#measure-calls .cockpit-parts").inner_text()
    page.goto("/supervision/draws/")
    page.fill("[name=seed]", "一个种子")
    page.click("#draw-submit")
    assert "抽中的案件" in page.content() or "抽样结果" in page.locator("h1").inner_text()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_auditors_pages(city: Any, visit: Callable[..., Any], width: int) -> None:
    auditor = people.person(people.organisation("市审计局"), "auditor", name="审计甲")
    actor = people.actor(auditor)
    row = services.draw(
        actor=actor, now=LATER, seed="20260430 福彩 3D 517", until=date(2026, 4, 30), wanted=30
    )
    while sequencer.step(clock.wall_now()):
        pass
    page = visit(width, session=session(auditor))
    looked_at(page, "/supervision/draws/", "draws", width)
    looked_at(page, f"/supervision/draws/{row.pk}/", "draw", width)
    looked_at(page, f"/why/{row.pk}", "draw-why", width)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_providers_page(city: Any, visit: Callable[..., Any], width: int) -> None:
    officer = people.person(city.provider, "provider_officer", name="提供甲")
    page = visit(width, session=session(officer))
    looked_at(page, "/supervision/mine/", "mine", width)
    second = visit(width, session=session(city.scene.officer))
    looked_at(second, "/supervision/mine/", "mine-grant", width)


def test_an_officer_orders_to_correct(city: Any, visit: Callable[..., Any]) -> None:
    page = visit(session=session(city.officer_person))
    looked_at(page, "/supervision/corrections/new/", "correction-new", DESK)
    page.select_option("[name=addressee]", city.operator.pk)
    page.select_option("[name=role]", "operator")
    page.fill("[name=title]", "操作没有留痕")
    page.click("#correction-form button[type=submit]")
    page.wait_for_load_state("networkidle")
    shot(page, "supervision-correction-case-1440")
    assert "发出整改通知" in page.content()
    assert violations(page) == []
