"""The pages of settlement and of ending in a real browser: console, axe, width, screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from gongshu.office.accounts import zones
from gongshu.office.cases import materials
from gongshu.office.cases.models import Case
from gongshu.office.link import trust
from gongshu.office.link.models import JournalLine
from gongshu.office.products import endings
from gongshu.office.settlement import billing, pricing
from gongshu.office.settlement.models import CallBatch
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.people import NOW
from support.products import Market
from support.registrations import pdf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
JUNE = datetime(2026, 6, 1, 9, 0, tzinfo=NOW.tzinfo)
TARIFF = [
    {"unit": "hit", "up_to": "10000", "fen": "30", "per": "1", "partial": ""},
    {"unit": "hit", "up_to": "", "fen": "20", "per": "1", "partial": ""},
    {"unit": "month", "up_to": "", "fen": "50000", "per": "", "partial": "by_day"},
]


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)


def looked_at(page: Any, path: str, name: str, width: int) -> None:
    """Open a page; nothing of it may be wrong."""
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    shot(page, f"settlement-{name}-{width}")
    assert page.faults == [], (path, page.faults)
    assert violations(page) == [], path
    assert overflow(page) <= 0, (path, overflow(page))


@pytest.fixture
def city(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Any]:
    zones.sync()
    market = Market()
    market.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    product = market.published()
    cap = pricing.begin_cap(product, actor=market.officer, now=NOW)
    caps = [{"unit": "hit", "fen": "30", "per": "1"}, {"unit": "month", "fen": "60000", "per": "1"}]
    market.do(cap, "set", market.officer, caps=caps, since="2026-03-01", trial=True)
    split = [
        {"role": "provider", "organisation": market.provider.pk, "parts": "30"},
        {"role": "operator", "organisation": market.operator.pk, "parts": "70"},
    ]
    terms = {"tariff": TARIFF, "split": split}
    market.deal = market.agreement(product, terms=terms, pricing="per_call", price_note="见价目")
    market.draft = market.agreement(product, terms=terms, pricing="per_call", price_note="见价目")
    market.confirm(market.deal)
    market.sign(market.deal)
    market.do(market.deal, "submit", market.maker, market.later)
    market.do(market.deal, "file", market.officer, market.later, number="1")
    said = {
        "product": product.pk, "contract": market.deal.pk, "count": 12_400, "hits": 12_000, "subjects": 0,
        "day": "2026-05-04", "purpose": "transport", "batch": "gateway-1", "answers": {}, "first": 1,
        "last": 12_400, "root": "sha256:" + "1" * 64,
    }  # fmt: skip
    market.arrive("calls", said, 700)
    market.bill = billing.run(actor=market.maker, now=JUNE, month="2026-05").made[0]
    market.arrive("calls", {**said, "count": 12_401}, 701)
    numbers = {"count": 12_400, "hits": 12_000, "subjects": 0, "batch": 1}
    proved = {"act": "calls.batch", "zone": market.zone, "subject": product.pk, "case": market.deal.pk}
    JournalLine.objects.create(
        source="gateway", number=1, fields={**proved, "numbers": numbers, "digests": {"root": said["root"]}}
    )
    market.batch = CallBatch.objects.get()
    market.maximum = pricing.begin_maximum(actor=market.officer, now=NOW, operator=market.operator.pk)
    price = people.acting(people.organisation("市发展改革委"), "price_authority")
    case = Case.objects.get(pk=market.maximum.case_id)
    paper = materials.store(pdf("申请.pdf"), actor=market.officer, now=NOW, field="application", case=case)
    file = {"name": paper.name, "digest": paper.digest}
    market.do(market.maximum, "request", market.officer, application=file)
    items = [{"name": "平台建设运维", "amount": "6000000"}, {"name": "人员", "amount": "4000000"}]
    figures = {"subsidy": "1500000", "bond_yield": "0.018", "margin": "0.06", "tax": "550000"}
    market.do(market.maximum, "assess", price, items=items, **figures)
    yield market
    trust.store.cache_clear()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_every_page_of_money_is_sound_at_both_widths(city: Any, visit: Any, width: int) -> None:
    made, maker = city, visit(width, session(city.maker_person))
    for path, name in (
        ("/settlement/", "bills"),
        (f"/settlement/bills/{made.bill.pk}/", "bill"),
        (f"/why/{made.bill.pk}.0", "why"),
        ("/settlement/unbilled/", "unbilled"),
        (f"/settlement/batches/{made.batch.pk}/", "batch"),
        (f"/why/cb-{made.batch.pk}", "why-batch"),
        (f"/products/agreements/{made.draft.pk}/edit/", "terms"),
        (f"/products/agreements/{made.deal.pk}/", "agreement"),
        ("/settlement/prices/", "prices"),
        (f"/settlement/prices/{made.deal.product_id}/new/", "price"),
    ):
        looked_at(maker, path, name, width)
    buyer = visit(width, session(made.buyer_person))
    looked_at(buyer, f"/settlement/use/{made.deal.pk}/", "use", width)
    looked_at(buyer, f"/settlement/use/{made.deal.pk}/try/", "try", width)
    officer = visit(width, session(made.officer_person))
    ended = endings.end_operator(
        actor=made.officer, now=JUNE, organisation=made.operator.pk, reason="严重违约"
    )
    for path, name in (
        (f"/settlement/maxima/{made.maximum.pk}/", "maximum"),
        (f"/settlement/reports/?operator={made.operator.pk}&year=2026", "report"),
        ("/products/endings/", "endings"),
    ):
        looked_at(officer, path, name, width)
    officer.goto(f"/products/endings/{ended.pk}/")
    shot(officer, f"settlement-ending-{width}")
    assert violations(officer) == []
    assert overflow(officer) <= 0


def test_the_terms_tell_their_faults_while_one_types(city: Any, visit: Any) -> None:
    page = visit(DESK, session(city.maker_person))
    page.goto(f"/products/agreements/{city.draft.pk}/edit/")
    page.fill("[name=tariff-0-fen]", "31")
    page.dispatch_event("[name=tariff-0-fen]", "change")
    page.wait_for_selector("#problems >> text=高于上限收费标准")
    page.fill("[name=tariff-0-fen]", "29")
    page.dispatch_event("[name=tariff-0-fen]", "change")
    page.wait_for_selector("#no-problems")
    assert "至 10000 29 分" in page.inner_text("#preview")
    assert page.faults == []
