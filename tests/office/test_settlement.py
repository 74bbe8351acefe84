"""Money: batches once, bills that are right to the fen, corrections, disputes, splits, caps, maxima, reports."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import materials
from gongshu.office.cases.models import Case
from gongshu.office.link import trust
from gongshu.office.link.models import InboxMessage, JournalLine, OutboxEntry
from gongshu.office.products import agreements
from gongshu.office.products.models import Product
from gongshu.office.settlement import billing, conflicts, kept, pricing, queries, reports, trying, why
from gongshu.office.settlement.models import Bill, CallBatch, Cap, PriceList
from support import people
from support.gateways import Street
from support.people import NOW
from support.products import Market
from support.registrations import held, pdf

pytestmark = pytest.mark.django_db
TARIFF = [
    {"unit": "hit", "up_to": "100", "fen": "30", "per": "1", "partial": ""},
    {"unit": "hit", "up_to": "", "fen": "20", "per": "1", "partial": ""},
]
JUNE = datetime(2026, 6, 1, 9, 0, tzinfo=NOW.tzinfo)


@pytest.fixture
def market(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Market]:
    made = Market()
    made.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    made.price_person = people.person(people.organisation("市发展改革委"), "price_authority", name="发改甲")
    made.finance_person = people.person(people.organisation("市财政局"), "finance", name="财政甲")
    made.pricer, made.payer = people.actor(made.price_person), people.actor(made.finance_person)
    yield made
    trust.store.cache_clear()


def client_of(person: Any) -> Client:
    return people.log_in(Client(), person)


def text(answer: Any) -> str:
    return answer.content.decode()


def paper(actor: Any, case: Any, field: str) -> dict[str, str]:
    made = materials.store(pdf(f"{field}.pdf"), actor=actor, now=NOW, field=field, case=case)
    return {"name": made.name, "digest": made.digest}


def capped(market: Market, product: Any, fen: str = "30") -> Any:
    row = pricing.begin_cap(product, actor=market.officer, now=NOW)
    caps = [{"unit": "hit", "fen": fen, "per": "1"}]
    market.do(row, "set", market.officer, caps=caps, since="2026-03-01", trial=True)
    return row


def signed(market: Market, tariff: Any = None, **terms: Any) -> Any:
    """A filed and signed agreement with a price: 30 fen a hit, from the 101st 20 fen; 30 : 70."""
    product = market.published()
    capped(market, product)
    split = [
        {"role": "provider", "organisation": market.provider.pk, "parts": "30"},
        {"role": "operator", "organisation": market.operator.pk, "parts": "70"},
    ]
    made = market.agreement(
        product,
        terms={"tariff": tariff or TARIFF, "split": split, **terms},
        pricing="per_call",
        price_note="见价目",
    )
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    made.refresh_from_db()
    assert made.sent
    return made


def reported(market: Market, row: Any, number: int, hits: int, **more: Any) -> None:
    """The gateway's message about one batch of May."""
    market.arrive("calls", {
        "product": row.product_id, "contract": row.pk, "count": hits + 5, "hits": hits, "subjects": 0,
        "day": "2026-05-04", "purpose": "transport", "batch": f"gateway-{number}", "answers": {},
        "first": number, "last": number, "root": "sha256:" + f"{number:064x}", **more,
    }, 100 + number + 1000 * InboxMessage.objects.count())  # fmt: skip


def proved(market: Market, row: Any, number: int, hits: int, **more: Any) -> None:
    """The gateway's own line of evidence about a batch."""
    fields = {
        "act": "calls.batch", "zone": market.zone, "subject": row.product_id, "case": row.pk,
        "numbers": {"count": hits + 5, "hits": hits, "subjects": 0, "batch": number},
        "digests": {"root": "sha256:" + f"{number:064x}"},
    }  # fmt: skip
    JournalLine.objects.create(source="gateway", number=number, fields={**fields, **more})


def run(market: Market, month: str = "2026-05", now: datetime = JUNE) -> billing.Run:
    return billing.run(actor=market.maker, now=now, month=month)


# ------------------------------------------------------------ bills


@pytest.mark.row("M05", "M06")
def test_a_bill_is_right_to_the_fen_and_made_once(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    reported(market, row, 2, 71)
    reported(market, row, 2, 71)  # 同一批又报来一次
    made = run(market)
    assert [each.total for each in made.made] == [100 * 30 + 31 * 20]
    bill = Bill.objects.get()
    assert bill.calls == 60 + 71 + 10
    parts = {each["organisation"]: each["fen"] for each in bill.data["parts"]}
    assert parts == {market.provider.pk: 1086, market.operator.pk: 2534}
    assert run(market).made == ()
    assert bill.case.state == "issued"
    assert OutboxEntry.objects.filter(fields__act="bill.issued").count() == 1


def test_an_agreement_ended_early_is_billed_to_that_day(market: Market) -> None:
    """The least of each month is owed while it ran, and no longer."""
    row = signed(market, minimum="3100")
    ended = datetime(2026, 5, 10, 9, 0, tzinfo=NOW.tzinfo)
    market.do(row, "end", market.customer, ended, reasons="不再使用")
    assert [each.total for each in run(market).made] == [3100]
    assert run(market, "2026-06", datetime(2026, 7, 1, 9, 0, tzinfo=NOW.tzinfo)).made == ()


def test_a_month_is_billed_only_once_it_has_ended(market: Market) -> None:
    signed(market)
    with pytest.raises(Refused, match="还没有结束"):
        run(market, now=datetime(2026, 5, 31, 23, 0, tzinfo=NOW.tzinfo))
    with pytest.raises(Refused, match="YYYY-MM"):
        run(market, month="五月")


def test_a_late_batch_becomes_a_correction_and_the_first_bill_stays(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    run(market)
    before = Bill.objects.get().digest
    reported(market, row, 2, 71)
    again = run(market)
    assert [each.place for each in again.made] == [1]
    assert [each.total for each in again.made] == [40 * 30 + 31 * 20]
    first, second = Bill.objects.order_by("place")
    assert first.digest == before
    assert first.total + second.total == 100 * 30 + 31 * 20
    for one in (first, second):
        assert sum(each["fen"] for each in one.data["parts"]) == one.total
    found = queries.money(market.zone)
    assert found.bills == found.lines == found.parts == 3620
    assert found.calls == found.batch_calls == 141


def test_one_id_with_two_counts_is_billed_by_nobody(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    reported(market, row, 1, 61)
    made = run(market)
    assert made.made == ()
    assert "两种计数" in made.problems[0][1]
    assert queries.calls(market.zone).conflict == 65


def in_conflict(market: Market) -> Any:
    """An agreement with a batch reported with 60 and then 61 hits, and a good one."""
    row = signed(market)
    reported(market, row, 1, 60)
    reported(market, row, 1, 61)
    reported(market, row, 2, 10)
    assert run(market).made == ()
    return row


def test_a_conflict_is_settled_by_what_the_gateways_evidence_bears_out(market: Market) -> None:
    row = in_conflict(market)
    batch = CallBatch.objects.get(batch="gateway-1")
    proved(market, row, 1, 61)
    client = client_of(market.maker_person)
    listed = text(client.get("/settlement/unbilled/"))
    assert f"/settlement/batches/{batch.pk}/" in listed and f"/why/cb-{batch.pk}" in listed
    first, second = conflicts.versions(batch)
    assert (first.proved, second.proved) == (False, True)
    page = text(client.get(f"/settlement/batches/{batch.pk}/"))
    assert second.key in page and first.key not in page and "settle-form" in page
    given = {"take": first.key, "reason": "与网关的运维核对过账本。"}
    with pytest.raises(Refused, match="一致的计数") as caught:
        conflicts.settle(batch, actor=market.maker, now=JUNE, **given)
    assert caught.value.code == "input:take"
    done = client.post(f"/settlement/batches/{batch.pk}/", {**given, "take": second.key}, follow=True)
    assert "已查清" in text(done) and given["reason"] in text(done)
    batch.refresh_from_db()
    assert (batch.conflict, batch.dropped, batch.calls, batch.hits) == (False, False, 66, 61)
    entry = OutboxEntry.objects.get(fields__act="bill.batch.settled")
    assert entry.fields["subject"] == f"cb-{batch.pk}" and entry.fields["case"] == row.pk
    reported(market, row, 1, 60)  # 判过的计数再来，不再是冲突
    assert run(market).made[0].calls == 66 + 15
    reported(market, row, 1, 99)  # 没有见过的计数，还是冲突
    batch.refresh_from_db()
    assert batch.conflict
    with pytest.raises(Refused, match="没有计数冲突"):
        conflicts.settle(CallBatch.objects.get(batch="gateway-2"), actor=market.maker, now=JUNE, **given)


def test_a_conflict_nobodys_evidence_settles_is_billed_to_nobody(market: Market) -> None:
    row = in_conflict(market)
    batch = CallBatch.objects.get(batch="gateway-1")
    proved(market, row, 1, 61, case="ag-other")
    assert not any(each.proved for each in conflicts.versions(batch))
    conflicts.settle(batch, actor=market.maker, now=JUNE, take="drop", reason="网关的账本里没有这一批。")
    made = run(market).made[0]
    assert made.data["batches"] == ["gateway-2"] and made.calls == 15
    found = queries.calls(market.zone)
    assert (found.billed, found.dropped, found.conflict) == (15, 65, 0) and found.placed == found.reported


def test_a_billed_batch_that_fell_into_conflict_is_corrected(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    assert run(market).made[0].total == 1800
    reported(market, row, 1, 61)
    batch = CallBatch.objects.get()
    proved(market, row, 1, 61)
    key = conflicts.versions(batch)[1].key
    conflicts.settle(batch, actor=market.maker, now=JUNE, take=key, reason="以网关的流水为准。")
    (made,) = run(market).made
    assert (made.place, made.total, made.calls, made.data["batches"]) == (1, 30, 1, [])
    found = queries.money(market.zone)
    assert found.calls == found.batch_calls == 66 and found.bills == found.parts == 1830


def test_a_conflict_is_settled_by_its_own_operator_and_explained_to_those_who_see_it(market: Market) -> None:
    in_conflict(market)
    batch = CallBatch.objects.get(batch="gateway-1")
    given = {"take": "drop", "reason": "与我无关的批次。"}
    stranger = people.acting(people.organisation("别家"), "operator")
    for actor in (stranger, market.customer, market.officer):
        with pytest.raises(Refused):
            conflicts.settle(batch, actor=actor, now=JUNE, **given)
    buyer = client_of(market.buyer_person)
    assert "settle-form" not in text(buyer.get(f"/settlement/batches/{batch.pk}/"))
    assert buyer.post(f"/settlement/batches/{batch.pk}/", given).status_code == 403
    assert "66 次" in text(buyer.get(f"/why/cb-{batch.pk}"))
    outside = client_of(people.person(people.organisation("别家"), "operator"))
    assert outside.get(f"/settlement/batches/{batch.pk}/").status_code == 404
    assert outside.get(f"/why/cb-{batch.pk}").status_code == 404
    batch.refresh_from_db()
    assert batch.conflict


def test_public_benefit_is_free_and_says_why(market: Market) -> None:
    row = signed(market, public_benefit=["transport"])
    reported(market, row, 1, 60)
    made = run(market).made[0]
    made.case.refresh_from_db()
    assert (made.total, made.case.state) == (0, "nothing_due")
    assert made.data["lines"][0]["kind"] == "free"
    assert "national-price" in str(made.data["lines"][0]["basis"])


def test_every_line_and_every_fen_opens_its_why(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 131)
    bill = run(market).made[0]
    page = text(client_of(market.buyer_person).get(f"/settlement/bills/{bill.pk}/"))
    assert "36.20 元" in page
    for place in range(len(bill.data["lines"])):
        assert f"/why/{bill.pk}.{place}" in page
        assert client_of(market.buyer_person).get(f"/why/{bill.pk}.{place}").status_code == 200
    assert why.of_bill(f"{bill.pk}.fen3001", market.customer)["facts"][-1]["value"] == "620"
    assert why.of_bill(f"{bill.pk}.fen3621", market.customer) is None
    assert why.of_bill(f"{bill.pk}.9", market.customer) is None
    whole = why.of_bill(bill.pk, market.customer)
    assert market.provider.name in str(whole["children"])
    stranger = people.acting(people.organisation("路人"), "buyer")
    assert why.of_bill(bill.pk, stranger) is None


def test_a_bill_changed_in_the_database_is_not_shown_nor_confirmed(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    bill = run(market).made[0]
    Bill.objects.filter(pk=bill.pk).update(data={**bill.data, "calls": bill.data["calls"] + 1})
    assert client_of(market.buyer_person).get(f"/settlement/bills/{bill.pk}/").status_code == 500
    with pytest.raises(Refused, match="不一致"):
        market.do(bill, "confirm", market.customer, JUNE)
    buyer = client_of(market.buyer_person)
    for place in ("", ".0", ".fen1"):
        answer = buyer.get(f"/why/{bill.pk}{place}")
        assert answer.status_code == 200
        assert "与出账时的摘要不符" in text(answer) and bill.digest in text(answer)
    Bill.objects.filter(pk=bill.pk).update(data={"id": bill.data["id"]})
    assert buyer.get(f"/why/{bill.pk}").status_code == 200


def test_confirmed_then_paid_by_finance_with_a_voucher(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    bill = run(market).made[0]
    with pytest.raises(Refused):
        market.do(bill, "confirm", market.maker, JUNE)
    market.do(bill, "confirm", market.customer, JUNE)
    voucher = paper(market.payer, Case.objects.get(pk=bill.case_id), "voucher")
    with pytest.raises(Refused):
        market.do(bill, "pay", market.maker, JUNE, voucher=voucher, number="1", paid_on="2026-06-01")
    market.do(bill, "pay", market.payer, JUNE, voucher=voucher, number="黄财 7", paid_on="2026-06-01")
    bill.refresh_from_db()
    assert bill.receipt == {"number": "黄财 7", "paid_on": "2026-06-01"}
    assert bill.case.state == "paid"


def test_a_dispute_is_answered_by_a_correction_that_takes_the_batch_back(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    reported(market, row, 2, 10)
    bill = run(market).made[0]
    market.do(bill, "dispute", market.customer, JUNE, reasons=[{"item": "1", "sentence": "重复"}])
    with pytest.raises(Refused, match="不是本月账单"):
        market.do(bill, "correct", market.maker, JUNE, opinion="是", dropped=["gateway-9"])
    assert not CallBatch.objects.filter(dropped=True).exists()
    market.do(bill, "correct", market.maker, JUNE, opinion="查明重复", dropped=["gateway-2"])
    first, second = Bill.objects.order_by("place")
    assert (first.total, second.total, second.calls) == (70 * 30, -10 * 30, -15)
    assert kept.read(second.data).parts[0].fen == -90
    counted = queries.calls(market.zone)
    assert (counted.reported, counted.billed, counted.dropped) == (80, 65, 15)
    assert counted.placed == counted.reported


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_bill_can_be_taken_away_as_a_file(market: Market, kind: str) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    bill = run(market).made[0]
    answer = client_of(market.buyer_person).get(f"/settlement/bills/{bill.pk}/lines.{kind}")
    assert answer.status_code == 200
    if kind == "csv":
        assert "合计,,,,,,,,1800" in answer.content.decode("utf-8-sig")
    assert client_of(market.buyer_person).get(f"/settlement/bills/{bill.pk}/lines.exe").status_code == 404


def test_who_sees_which_bill(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    bill = run(market).made[0]
    address = f"/settlement/bills/{bill.pk}/"
    seen = (market.maker_person, market.buyer_person, market.checker_person, market.finance_person)
    assert {client_of(each).get(address).status_code for each in seen} == {200}
    other = people.person(people.organisation("别家"), "buyer")
    assert client_of(other).get(address).status_code == 404
    shares = text(client_of(market.checker_person).get("/settlement/shares/"))
    assert "5.40" in shares


def test_the_run_is_the_operators(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    assert client_of(market.buyer_person).post("/settlement/run/", {"month": "2026-05"}).status_code == 403
    with pytest.raises(Refused):
        billing.run(actor=market.customer, now=JUNE, month="2026-05")


def test_the_buyers_engineer_sees_use_against_the_quota(market: Market, monkeypatch: Any) -> None:
    from gongshu.office.link import clock

    row = signed(market, calls_per_month="1000")
    reported(market, row, 1, 60)
    monkeypatch.setattr(clock, "business_now", lambda: datetime(2026, 5, 4, 12, tzinfo=NOW.tzinfo))
    page = text(client_of(market.buyer_person).get(f"/settlement/use/{row.pk}/"))
    assert "65%" in page
    assert f"/v1/credentials/cr-{row.pk.partition('-')[2]}/secret" in page
    assert "over_scope" in page
    assert client_of(market.finance_person).get(f"/settlement/use/{row.pk}/").status_code == 200
    other = people.person(people.organisation("别家"), "buyer")
    assert client_of(other).get(f"/settlement/use/{row.pk}/").status_code == 404


def test_the_buyers_engineer_tries_a_request_from_a_page(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row, street = signed(market), Street(tmp_path)
    street.open()
    address = f"/settlement/use/{row.pk}/try/"
    gateway = f"http://127.0.0.1:{street.port}"
    try:
        site = replace(settings.SITE, urls={**settings.SITE.urls, "gateway": gateway})
        monkeypatch.setattr(settings, "SITE", site)
        client = client_of(market.buyer_person)
        assert "测试号码" in text(client.get(address))
        asked = {"operation": "verify", "subject": "00000019000101002X", "value": "封存"}
        came = html.unescape(text(client.post(address, asked)))
        assert "不一致" in came and "POST /v1/test/products/test/verify HTTP/1.1" in came and "封存" in came
        wrong = client.post(address, {**asked, "subject": "420204199001011234"})
        assert wrong.status_code == 400 and "HTTP/1.1" not in text(wrong)
    finally:
        street.close()
    assert trying.UNREACHABLE in text(client.get(address))
    other = people.person(people.organisation("别家"), "buyer")
    assert client_of(other).get(address).status_code == 404


# ------------------------------------------------------------ caps and price lists


@pytest.mark.row("M03", "M04")
def test_a_fee_without_or_above_its_cap_is_refused_with_the_article(market: Market) -> None:
    product = market.published()
    tariff = [{"unit": "hit", "up_to": "", "fen": "30", "per": "1", "partial": ""}]
    made = market.agreement(product, terms={"tariff": tariff}, pricing="per_call", price_note="x")
    wrong = agreements.problems(made, NOW.date())
    assert any("还没有上限收费标准" in each.sentence and each.basis for each in wrong)
    capped(market, product, "29")
    assert any("高于上限" in each.sentence for each in agreements.problems(made, NOW.date()))
    capped(market, product, "30")
    assert agreements.problems(made, NOW.date()) == []
    with pytest.raises(Refused, match="高于上限") as refused:
        pricing.publish(
            product, actor=market.maker, now=NOW, rows=[{**tariff[0], "fen": "31"}], since="2026-03-02"
        )
    assert refused.value.articles
    assert not PriceList.objects.exists()


def test_one_unit_has_one_cap(market: Market) -> None:
    product = market.published()
    row = pricing.begin_cap(product, actor=market.officer, now=NOW)
    caps = [{"unit": "hit", "fen": "30", "per": "1"}, {"unit": "hit", "fen": "3000", "per": "1"}]
    with pytest.raises(Refused, match="每次查到”写了不止一行") as caught:
        market.do(row, "set", market.officer, caps=caps, since="2026-03-01", trial=True)
    assert caught.value.code == "input:caps"
    assert pricing.cap_in_force(product.pk, NOW.date()) is None


def test_new_caps_end_the_old_ones_for_good(market: Market) -> None:
    product = market.published()
    first = capped(market, product)
    second = pricing.begin_cap(product, actor=market.officer, now=NOW)
    caps = [{"unit": "hit", "fen": "20", "per": "1"}]
    market.do(second, "set", market.officer, caps=caps, since="2026-04-01", trial=True)
    first.refresh_from_db()
    assert first.until == date(2026, 3, 31)
    assert pricing.cap_in_force(product.pk, date(2026, 3, 31)) == first
    assert pricing.cap_in_force(product.pk, date(2026, 4, 1)) == second
    Cap.objects.filter(pk=second.pk).update(until=date(2026, 4, 30))  # 新的上限停止执行
    assert pricing.cap_in_force(product.pk, date(2026, 5, 1)) is None
    market.do(first, "end", market.officer, JUNE, reasons="已有新的标准。")
    first.refresh_from_db()
    assert first.until == date(2026, 3, 31)


def test_caps_beyond_a_trial_need_the_maximum(market: Market) -> None:
    product = market.published()
    row = pricing.begin_cap(product, actor=market.officer, now=NOW)
    caps = [{"unit": "hit", "fen": "30", "per": "1"}]
    with pytest.raises(Refused, match="最高准许收入"):
        market.do(row, "set", market.officer, caps=caps, since="2026-03-01", trial=False)
    with pytest.raises(Refused):
        market.do(row, "set", market.maker, caps=caps, since="2026-03-01", trial=True)
    with pytest.raises(Refused, match="整数"):
        market.do(
            row, "set", market.officer, caps=[{"unit": "hit", "fen": "0.3"}], since="2026-03-01", trial=True
        )


def test_in_chizhou_the_price_department_sets_the_caps() -> None:
    market = Market("chizhou")
    product = market.begin()
    price = people.acting(people.organisation("市发改委", zone="chizhou"), "price_authority")
    caps = [{"unit": "hit", "fen": "30", "per": "1"}]
    with pytest.raises(Refused):
        pricing.begin_cap(product, actor=market.officer, now=NOW)
    row = pricing.begin_cap(product, actor=price, now=NOW)
    market.do(row, "set", price, caps=caps, since="2026-03-01", trial=True)
    market.do(
        row,
        "report",
        market.officer,
        report=paper(market.officer, Case.objects.get(pk=row.case_id), "report"),
    )
    assert row.case.state == "reported"


def test_prices_are_published_for_everybody(market: Market, monkeypatch: Any) -> None:
    from gongshu.office.link import clock

    product = market.published()
    Product.objects.filter(pk=product.pk).update(purpose="industry")
    capped(market, product)
    monkeypatch.setattr(clock, "business_now", lambda: market.later)
    client = client_of(market.maker_person)
    address = f"/settlement/prices/{product.pk}/new/"
    data = held(text(client.get(address)), "price-form")
    data |= {
        "tariff-0-unit": "hit",
        "tariff-0-fen": "25",
        "tariff-0-per": "1",
        "since": market.later.date().isoformat(),
    }
    assert client.post(address, data | {"tariff-0-fen": "31"}).status_code == 400
    assert client.post(address, data).status_code == 302
    page = text(Client().get("/settlement/prices/"))
    assert "0.25 元" in page
    assert "0.30 元" in page
    # 门户、信息披露和产品页说的是同一个价
    from gongshu.office.portal import disclosure

    said = {each.id: each.lines for each in disclosure.items("huangshi", market.later.date())[0]}
    assert said["charges"] == (f"{product.name}：每次查到 0.25 元",)
    assert said["caps"] == (f"{product.name}：每次查到 0.30 元（试行）",)
    for where in ("/portal/products/", f"/portal/products/{product.pk}/"):
        assert "0.25 元" in text(Client().get(where)), where
    assert "0.25 元" in text(client.get(f"/products/{product.pk}/"))
    before = disclosure.items("huangshi", NOW.date())[0]
    assert not any("0.25" in line for each in before for line in each.lines)
    assert client_of(market.buyer_person).get(address).status_code == 403


# ------------------------------------------------------------ maximum revenue and the yearly report


SURVEY = {
    "items": [{"name": "平台建设运维", "amount": "60000"}, {"name": "人员", "amount": "40,000.00"}],
    "subsidy": "15000", "bond_yield": "0.018", "margin": "0.06", "tax": "5500",
}  # fmt: skip


def fixed(market: Market, **more: Any) -> Any:
    row = pricing.begin_maximum(actor=market.officer, now=NOW, operator=market.operator.pk)
    case = Case.objects.get(pk=row.case_id)
    market.do(row, "request", market.officer, application=paper(market.officer, case, "application"))
    market.do(row, "assess", market.pricer, **{**SURVEY, **more})
    second = people.acting(people.organisation("市数据局二科"), "data_authority")
    market.do(row, "fix", second)
    return row


@pytest.mark.row("M03")
def test_the_maximum_of_the_notices_example_and_its_yearly_check(market: Market) -> None:
    """requirements 2.3, in hundredths: 97,130.00 yuan; 104,000.00 is +7.07 %, the price moves, not the cap."""
    row = fixed(market)
    assert row.result["maximum"] == 97_130_00
    assert row.fixed_on == NOW.date()
    later = datetime(2027, 2, 1, 9, 0, tzinfo=NOW.tzinfo)
    market.do(row, "check", market.officer, later, year="2026", actual="104000")
    assert row.checks[0] | {"by": "", "at": ""} == {
        "year": 2026, "actual": 104_000_00, "maximum": 97_130_00, "deviation": "0.0707", "adjust": "price",
        "carry": 6_870_00, "deductions": [6_870_00], "by": "", "at": "",
    }  # fmt: skip
    with pytest.raises(Refused, match="已经检视过"):
        market.do(row, "check", market.officer, later, year="2026", actual="1")
    page = text(client_of(market.officer_person).get(f"/settlement/maxima/{row.pk}/"))
    assert "97,130.00 元" in page
    assert "0.0707" in page
    assert "6,870.00 元" in page
    screen = why.of_maximum(row.pk, market.officer)
    assert "97,130.00" in screen["sentence"]
    assert screen["articles"]
    clocks = set(row.case.deadlines.values_list("clock", flat=True))
    assert {"price.review_cycle", "price.annual_check"} <= clocks


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"margin": "0.07"}, "超过上限"),
        ({"subsidy": "100001"}, "补助大于成本"),
        ({"items": [{"name": "人员", "amount": "四万"}]}, "以元为单位"),
        ({"tax": "1.234"}, "以元为单位"),
    ],
)
def test_a_maximum_that_may_not_be_is_refused_and_nothing_kept(market: Market, more: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        fixed(market, **more)
    assert Case.objects.filter(procedure="price.maximum", state="requested").exists()


def test_who_assessed_does_not_also_fix(market: Market) -> None:
    home = people.organisation("市发改数据局")
    both = people.acting(home, "price_authority", "data_authority")
    row = pricing.begin_maximum(actor=market.officer, now=NOW, operator=market.operator.pk)
    case = Case.objects.get(pk=row.case_id)
    market.do(row, "request", market.officer, application=paper(market.officer, case, "application"))
    market.do(row, "assess", both, **SURVEY)
    with pytest.raises(Refused):
        market.do(row, "fix", both)


@pytest.mark.row("M05")
def test_the_yearly_report_says_what_the_bills_say_and_is_sent_once(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    run(market)
    later = datetime(2027, 2, 1, 9, 0, tzinfo=NOW.tzinfo)
    body = reports.data(market.operator.pk, market.zone, 2026)
    assert (body["income"], body["sales"][0]["calls"]) == (1800, 65)
    assert reports.reported(market.zone, 2026) is None
    given = {"actor": market.officer, "operator": market.operator.pk, "year": 2026}
    with pytest.raises(Refused, match="过完"):
        reports.send(now=JUNE, **given)
    made = reports.send(now=later, **given)
    assert reports.reported(market.zone, 2026) == later.date()
    with pytest.raises(Refused, match="已经报送过"):
        reports.send(now=later, **given)
    page = text(client_of(market.officer_person).get(f"/settlement/reports/{made.pk}/"))
    assert "18.00 元" in page
    assert client_of(market.buyer_person).get(f"/settlement/reports/{made.pk}/").status_code == 404


def test_calls_are_placed_somewhere_whatever_they_are(market: Market) -> None:
    row = signed(market)
    reported(market, row, 1, 60)
    reported(market, row, 2, 60, contract="ag-none")
    reported(market, row, 3, 60, day="2026-06-02")
    run(market)
    market.arrive("calls", {"product": "p", "contract": "c", "count": 9, "root": "sha256:" + "0" * 64}, 9999)
    found = queries.calls(market.zone)
    assert (found.billed, found.untariffed, found.waiting, found.undated) == (65, 65, 65, 9)
    assert found.placed == found.reported
    assert datetime.now(UTC)
