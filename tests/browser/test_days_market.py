"""A day of an operator who makes and prices a product, and of a buyer's engineer who takes it into use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gongshu.office.link import clock, trust
from gongshu.office.products.models import Agreement, Ceiling, Product
from support.consents import Desk
from support.days import Day
from support.people import NOW
from support.products import FIELDS, Market

# 一天走得长，归入长测试：make fault 和 make screens 走它
pytestmark = [pytest.mark.browser, pytest.mark.fault, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def market(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Market]:
    from gongshu.office.accounts import zones

    zones.sync()
    made = Market()
    made.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    monkeypatch.setattr(clock, "business_now", lambda: NOW)
    yield made
    trust.store.cache_clear()


def test_a_day_of_an_operator(market: Market, visit: Callable[..., Any], monkeypatch: Any) -> None:
    """A product begun with gaps and mended, a ceiling asked of the provider, an agreement drafted."""
    shown = market.published()
    monkeypatch.setattr(clock, "business_now", lambda: market.later)
    day = Day(visit, market.maker_person, "operator")
    page = day.opened("/products/new/")
    day.send("#product-form button[value=save]")
    day.wrong("product-mistake")
    page.fill("[name=name]", "公积金缴存指数")
    day.send("#product-form button[value=check]")
    day.good("product-missing")
    made = Product.objects.get(name="公积金缴存指数")
    assert "处没有填好" in page.inner_text("#content")
    page.fill("[name=summary]", "按月份汇总的缴存人数和金额。")
    day.send("#product-form button[value=save]")
    assert Product.objects.get(pk=made.pk).typed["summary"].startswith("按月份")
    day.opened("/products/")
    day.good("products")

    day.opened(f"/products/{shown.pk}/")
    day.good("product")
    assert day.why("#content", "why-certificate")
    page.click("#ceiling-link")
    day.send("#ceiling-form button[type=submit]")
    day.wrong("ceiling-mistake")
    assert not Ceiling.objects.exists()
    day.opened(f"/products/{shown.pk}/agreements/new/")
    page.select_option("#id_buyer", market.buyer.pk)
    day.send("#new-agreement button")
    drafted = Agreement.objects.get()
    day.opened(f"/products/agreements/{drafted.pk}/edit/?check=1")
    day.good("agreement-edit")
    day.opened(f"/cases/{drafted.case_id}/")
    day.good("agreement-case", phone=True)


def test_a_day_of_a_buyers_engineer(
    visit: Callable[..., Any], monkeypatch: Any, tmp_path_factory: Any
) -> None:
    """The key handed in, the agreement confirmed and signed with the own key, a person asked for consent."""
    from gongshu.office.accounts import zones

    zones.sync()
    desk = Desk(monkeypatch, tmp_path_factory.mktemp("trust"))
    market = desk.market
    monkeypatch.setattr(clock, "business_now", lambda: desk.now)
    made = market.agreement(Product.objects.get(pk=desk.agreement.product_id))
    day = Day(visit, market.buyer_person, "buyer")
    keys(day, market)
    agreement(day, market, made, tmp_path_factory.mktemp("papers"))
    consent(day, desk)
    trust.store.cache_clear()


def keys(day: Day, market: Market) -> None:
    page = day.opened("/products/keys/")
    page.fill("#id_key", "这不是公钥")
    day.send("#key-form button")
    day.wrong("keys-mistake")
    assert page.input_value("#id_key") == "这不是公钥"
    page.fill("#id_key", market.key.public().to_pem().decode())
    page.fill("#id_note", "信贷审批系统")
    day.send("#key-form button")
    day.good("keys")


def agreement(day: Day, market: Market, made: Agreement, folder: Path) -> None:
    paper = folder / "使用协议.pdf"
    paper.write_bytes(b"%PDF-1.7\nagreement")
    page = day.opened(f"/cases/{made.case_id}/acts/agree/")
    day.send("#act-submit")
    day.wrong("agree-mistake", phone=True)
    page.set_input_files("[name=agreement]", paper)
    page.fill("[name=signed_on]", "2026-04-01")
    day.send("#act-submit")
    assert page.get_attribute("#case-state", "data-state") == "agreed"
    day.good("agreement-case", phone=True)
    page = day.opened(f"/products/agreements/{made.pk}/sign/")
    given = market.signatures(Agreement.objects.get(pk=made.pk))
    page.fill("#id_contract", given["credential"])
    page.fill("#id_credential", given["contract"])
    day.send("#sign-form button")
    assert "没有办成" in day.wrong("sign-mistake")
    page.fill("#id_contract", given["contract"])
    page.fill("#id_credential", given["credential"])
    day.send("#sign-form button")
    assert page.get_attribute("#signed-buyer", "data-signed") == "yes"
    day.good("agreement-signed", phone=True)


def consent(day: Day, desk: Desk) -> None:
    page = day.opened(f"/consent/requests/new/{desk.agreement.pk}/")
    page.fill("[name=title]", "办理住房贷款，核验公积金缴存")
    day.send("#ask-form button[type=submit]")
    day.wrong("consent-mistake", phone=True)
    assert page.input_value("[name=title]").startswith("办理住房贷款")
    page.check("[name=purpose]") if page.locator(
        "[name=purpose][type=radio]"
    ).count() else page.select_option("[name=purpose]", "transport")
    for name in FIELDS[:2]:
        page.check(f"[name=fields][value={name}]")
    page.select_option("[name=kind]", "standing")
    page.fill("[name=from]", "2026-04-08")
    page.fill("[name=until]", "2026-09-30")
    page.fill("[name=refusal]", "可以改为自己提交缴存证明。")
    page.fill("[name=hours]", "72")
    day.send("#ask-form button[type=submit]")
    page.wait_for_selector("#hand-over")
    day.good("consent-request", phone=True)
    assert "同意" in day.why("#content", "why-request")
