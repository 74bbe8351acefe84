"""The pages of products and the public portal in a real browser: console, axe, width, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry
from gongshu.evidence.log import Log
from gongshu.office.link import clock, feed, trust
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.products import NOW, TERMS, Market

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)


def looked_at(page: Any, path: str, name: str, width: int) -> None:
    """Open a page; nothing of it may be wrong."""
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    shot(page, f"products-{name}-{width}")
    assert page.faults == [], (path, page.faults)
    assert violations(page) == [], path
    assert overflow(page) <= 0, (path, overflow(page))


@pytest.fixture
def market(monkeypatch: Any, tmp_path_factory: Any) -> Any:
    from gongshu.office.accounts import zones

    zones.sync()
    made = Market()
    made.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    yield made
    trust.store.cache_clear()


def log(folder: Path) -> None:
    keys = {"log": PrivateKey.generate("ed25519"), "log-sm2": PrivateKey.generate("sm2")}
    made, now = Log(folder, "gongshu/huangshi", keys), datetime.now(UTC)
    lines = [
        entry.make("office", n, now, "huangshi", "p-1", f"s-{n}", "registrar", "a.b", "", (), {})
        for n in range(1, 40)
    ]
    made.append(lines, now)
    made.close()


def supplied(market: Market) -> tuple[Any, Any]:
    """A published product with a confirmed ceiling and a filed, signed agreement."""
    from gongshu.office.products import supply

    row = market.published()
    made = market.agreement(row)
    key = market.key.public().id
    ceiling = supply.ask_ceiling(
        row,
        actor=market.maker,
        now=NOW,
        buyers=[(market.buyer.pk, key)],
        terms=TERMS | {"calls_per_day": "1000", "consent": ""},
    )
    answer = {
        "id": "x", "subject": ceiling.pk, "digest": ceiling.digest, "organisation": market.provider.pk, "person": "p",
        "answer": "confirmed",
    }  # fmt: skip
    market.arrive("confirmation", answer, 5)
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="黄数备〔2026〕1号")
    return row, made


def tripped(market: Market, made: Any) -> None:
    """Tripped once and lifted, tripped again and its lift refused: the operator may ask once more."""
    from gongshu.office.products import lifts
    from gongshu.office.products.models import Lift, Trip

    for number in (1, 2):
        at = market.later + timedelta(hours=number)
        trip = Trip.objects.create(
            id=f"trip-{number}", zone_id=market.zone, agreement=made, at=at, tries=5, seconds=600
        )
        lifts.ask(
            trip, actor=market.maker, now=market.later, reason="程序把用途写成了营销，已经改正并回归测试。"
        )
    Trip.objects.filter(pk="trip-1").update(lifted=market.later + timedelta(hours=1, minutes=20))
    Lift.objects.filter(trip="trip-1").update(state="confirmed")
    Lift.objects.filter(trip="trip-2").update(state="refused")


def test_the_operators_pages(market: Market, visit: Callable[..., Any], monkeypatch: Any) -> None:
    draft = market.begin(name="公积金缴存指数", summary="")
    row, made = supplied(market)
    tripped(market, made)
    monkeypatch.setattr(clock, "business_now", lambda: market.later)
    page = visit(session=session(market.maker_person))
    for name, path in {
        "list": "/products/",
        "new": "/products/new/",
        "draft": f"/products/{draft.pk}/",
        "check": f"/products/{draft.pk}/edit/?check=1",
        "detail": f"/products/{row.pk}/",
        "ceiling": f"/products/{row.pk}/ceiling/",
        "stop": f"/products/{row.pk}/stop/",
        "agreement-new": f"/products/{row.pk}/agreements/new/",
        "agreements": "/products/agreements/",
        "agreement": f"/products/agreements/{made.pk}/",
        "keys": "/products/keys/",
        "case": f"/cases/{row.case_id}/",
    }.items():
        looked_at(page, path, name, DESK)


def test_the_buyers_pages(market: Market, visit: Callable[..., Any], monkeypatch: Any) -> None:
    row = market.published()
    made = market.agreement(row)
    operator = visit(session=session(market.maker_person))
    looked_at(operator, f"/products/agreements/{made.pk}/edit/?check=1", "agreement-edit", DESK)
    market.confirm(made)
    monkeypatch.setattr(clock, "business_now", lambda: market.later)
    looked_at(operator, f"/products/agreements/{made.pk}/sign/", "operator-sign", DESK)
    page = visit(session=session(market.buyer_person))
    for name, path in {
        "buyer-agreement": f"/products/agreements/{made.pk}/",
        "sign": f"/products/agreements/{made.pk}/sign/",
        "buyer-keys": "/products/keys/",
        "buyer-product": f"/products/{row.pk}/",
    }.items():
        looked_at(page, path, name, DESK)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_public_pages(
    market: Market, visit: Callable[..., Any], monkeypatch: Any, tmp_path: Path, width: int
) -> None:
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    log(tmp_path / "log")
    row, _ = supplied(market)
    market.office.in_publicity(R01="公积金缴存汇总数据")
    for number in range(3):
        body = {"id": f"k-{number}", "kind": "run", "grant": market.grant, "business_date": "2026-03-09"}
        feed.publish("task", body, zone=market.zone, now=datetime.now(UTC))
    monkeypatch.setattr(clock, "business_now", lambda: market.later)
    page = visit(width)
    for name, path in {
        "home": "/portal/",
        "catalogue": "/portal/catalogue/",
        "products": "/portal/products/",
        "product": f"/portal/products/{row.pk}/",
        "runs": "/portal/runs/",
        "disclosure": "/portal/disclosure/",
        "laws": "/portal/laws/",
        "log": "/portal/log/",
    }.items():
        looked_at(page, path, f"portal-{name}", width)
