"""Days in a zone where something of everything has happened: provider's officer, developer, supervisor, auditor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gongshu.office.cases import services as cases
from gongshu.office.link import clock, sequencer, trust
from gongshu.office.link.models import FeedItem
from gongshu.office.supervision import services
from gongshu.office.workbench import services as workbench
from gongshu.office.workbench.models import Task
from support import people
from support.days import Day
from support.people import NOW
from support.products import Market
from support.scenes import Zone

# 一天走得长，归入长测试：make fault 和 make screens 走它
pytestmark = [pytest.mark.browser, pytest.mark.fault, pytest.mark.django_db(transaction=True)]
LATER = NOW + timedelta(days=60)
GOOD = "SELECT line, hour, count(DISTINCT card) AS riders\nFROM trips\nGROUP BY line, hour"


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
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    from gongshu.office.accounts import zones

    zones.sync()
    monkeypatch.setattr(clock, "business_now", lambda: NOW)
    return Zone()


@pytest.fixture
def city(zone: Zone, monkeypatch: Any, tmp_path_factory: Any, log: None) -> Iterator[Market]:
    """A project with a live grant, a product that is called, corrections of which three are overdue."""
    zone.live()
    market = Market()
    market.scene = zone
    market.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    row = market.published()
    made = market.agreement(row)
    for number, count in enumerate((1200, 430, 77), 1):
        body = {"product": row.pk, "contract": made.pk, "count": count, "root": "sha256:" + "1" * 64}
        market.arrive("calls", body, 40 + number)
    for number in range(4):
        case = services.begin_correction(
            actor=market.officer, now=NOW, procedure=services.CORRECTION, addressee=market.operator.pk,
            role="operator", title=f"开发环境操作没有留痕（第{number + 1}处）",
        ).case  # fmt: skip
        if number:
            facts = {"findings": [{"item": "留痕", "sentence": "没有记录。"}], "demand": "补齐。"}
            cases.perform(case, "order", market.officer, facts | {"fix_by": f"2026-03-{10 + number}"}, NOW)
    sequenced()
    monkeypatch.setattr(clock, "business_now", lambda: LATER)
    yield market
    trust.store.cache_clear()


def sequenced() -> None:
    while sequencer.step(clock.wall_now()):
        pass


def test_a_day_of_a_providers_officer(city: Market, visit: Callable[..., Any]) -> None:
    """Who called my data this week; a catalogue item begun; my own stop."""
    officer = people.person(city.provider, "provider_officer", name="提供甲")
    day = Day(visit, officer, "provider")
    page = day.opened("/supervision/mine/")
    day.good("mine", phone=True)
    assert "1707" in page.inner_text("#supplied").replace(",", "")
    page.click("nav.site-nav a[href='/catalogue/']") if page.is_visible(
        "nav.site-nav a[href='/catalogue/']"
    ) else day.opened("/catalogue/")
    page.wait_for_load_state("load")
    day.good("catalogue", phone=True)
    day.opened("/catalogue/new/")
    day.send("#catalogue-form button[value=save]")
    day.wrong("catalogue-mistake")
    page.fill("[name=name]", "公交线路")
    day.send("#catalogue-form button[value=save]")
    assert "公交线路" in page.inner_text("h1")
    day.good("catalogue-item")
    day.opened("/supervision/mine/")
    page.click("#supplied summary")
    page.fill("#supplied [name=reason]", "发现超范围调用")
    day.send("#supplied .btn-danger")
    assert "已停止" in page.inner_text("#supplied")
    assert FeedItem.objects.filter(kind="stop").count() == 1
    day.good("mine-stopped", phone=True)
    day.opened("/inbox/")
    day.good("inbox", phone=True)


def test_a_day_of_a_developer(zone: Zone, visit: Callable[..., Any]) -> None:
    """A query refused while one types and mended, run on data unseen, asked out with a gap that is mended."""
    project = zone.live()
    day = Day(visit, zone.developer, "developer")
    page = day.opened(f"/workbench/{project.pk}/")
    day.good("desk", phone=True)
    assert day.why(".page-head", "why-grant")
    page.fill("#id_sql", "SELECT card FROM trips")
    page.wait_for_selector("#lens-refused")
    day.good("lens-refused")
    page.fill("#id_sql", GOOD)
    page.wait_for_selector("#lens-allowed")
    day.good("lens-allowed")
    page.fill("#id_title", "各线路各时段客流")
    day.send("#run")
    run = Task.objects.get()
    day.good("run", phone=True)
    workbench.ended(run.pk, "done", "huangshi", NOW)
    day.opened(f"/workbench/tasks/{run.pk}/release/")
    page.fill("[name=title]", "公交客流指数")
    day.send("#release-form button[type=submit]")
    day.wrong("release-mistake")
    assert page.input_value("[name=title]") == "公交客流指数"
    page.select_option("[name=kind]", "index")
    day.send("#release-form button[type=submit]")
    asked = Task.objects.get(kind="release")
    day.opened(f"/workbench/tasks/{asked.pk}/")
    day.good("release", phone=True)
    assert day.why("#content")


def test_a_day_of_a_supervisor(city: Market, visit: Callable[..., Any]) -> None:
    """From a number of the cockpit to its rows, to the reason, to an order and a stop."""
    day = Day(
        visit, people.person(people.organisation("市委网信办"), "supervisor", name="监管甲"), "supervisor"
    )
    page = day.opened("/supervision/")
    assert page.locator("#measure-calls .cockpit-picture svg").count() == 1
    day.good("cockpit", phone=True)
    number = page.locator("#measure-overdue .cockpit-total").inner_text().split()[0]
    assert "超期" in day.why("#measure-overdue", "why-overdue")
    page.click("#measure-overdue .cockpit-total")
    page.wait_for_selector(".list-total")
    assert f"共 {number} 条" in page.inner_text(".list-total")
    day.good("overdue", phone=True)
    day.opened("/supervision/totals/")
    day.good("totals")
    day.opened("/supervision/stop/")
    page.select_option("[name=scope]", "product")
    page.fill("[name=target]", "没有这个编号")
    page.fill("[name=reason]", "检查发现问题")
    day.send("form .btn-danger")
    day.wrong("stop-mistake")
    assert page.input_value("[name=reason]") == "检查发现问题"
    page.fill("[name=target]", "pd-gone")
    assert not FeedItem.objects.filter(kind="stop").exists()
    menu = page.locator(".nav-menu").first
    menu.locator("summary").click()
    assert menu.locator("a").first.is_visible()
    day.good("menu")
    page.keyboard.press("Escape")
    assert not menu.locator("a").first.is_visible()


def test_a_day_of_an_auditor(city: Market, visit: Callable[..., Any], tmp_path: Path) -> None:
    """A sample drawn with a seed of their own, with a mistake in the dates, and its archive fetched."""
    auditor = people.person(people.organisation("市审计局"), "auditor", name="审计甲")
    day = Day(visit, auditor, "auditor")
    page = day.opened("/supervision/draws/")
    page.fill("[name=seed]", "20260430 福彩 3D 517")
    page.fill("[name=until]", "2026-12-31")
    day.send("#draw-submit")
    day.wrong("draw-mistake")
    assert page.input_value("[name=seed]").startswith("20260430")
    page.fill("[name=until]", date(2026, 4, 30).isoformat())
    day.send("#draw-submit")
    sequenced()
    page.reload()
    day.good("draw", phone=True)
    assert "SHA-256" in day.why("#content", "why-draw")
    with page.expect_download() as fetched:
        page.click("#archive-link")
    assert fetched.value.suggested_filename.endswith(".zip")
    day.opened("/admin/audit/")
    day.good("evidence")
