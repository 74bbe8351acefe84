"""Bills: every line, free or charged, says why; nothing is billed twice; corrections are bills of differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gongshu.money.bill import BadUsage, Bill, Usage, bill, month_days
from gongshu.money.corrections import billed_twice, correct
from support.money import LAW, PURPOSES, TARIFF, law, shares, terms, usage

JUNE = "2026-06"
LINE = TARIFF["lines"][0]
MONTH = {"id": "base", "unit": "month", "fen": 3100, "partial": "by_day"}
YEAR = {"id": "yearly", "unit": "year", "fen": 1200, "partial": "whole"}


def told(made: Bill) -> list[tuple[str, str, int, int]]:
    return [(line.id, line.kind, line.count, line.fen) for line in made.lines]


@pytest.mark.row("M02")
def test_a_month_of_calls() -> None:
    made = bill(terms(), JUNE, [usage("b2", 50, 2), usage("b1", 60)], LAW)
    assert told(made) == [
        ("calls/loan-review/1", "usage", 100, 3000),
        ("calls/loan-review/2", "usage", 10, 200),
    ]
    assert (made.total, made.calls, made.batches, made.kind) == (3200, 110, ("b1", "b2"), "ordinary")
    assert [part.fen for part in made.parts] == [1067, 1067, 1066]
    line = made.lines[1]
    assert (line.line, line.purpose, line.unit, line.band) == (
        "calls",
        "loan-review",
        "call",
        "第 101 至 300",
    )
    assert (line.clause, line.basis) == ("pricing", LAW.industry_basis)
    assert line.price is not None
    assert (line.price.fen, line.price.per) == (20, 1)
    assert line.sentence == "每次回答，第 101 至 300，10 × 20 分。"
    assert (made.contract, made.zone, made.product, made.month) == ("ag-1", "hubei", "pd-1", JUNE)


@pytest.mark.parametrize(("unit", "count"), [("call", 9), ("hit", 7), ("subject", 4)])
def test_each_unit_is_counted_for_itself(unit: str, count: int) -> None:
    only = terms(lines=[{**LINE, "unit": unit}])
    made = bill(only, JUNE, [usage("b1", 9, hits=7, subjects=4)], LAW)
    assert told(made) == [("calls/loan-review/1", "usage", count, 30 * count)]


@pytest.mark.row("M01")
def test_public_benefit_is_free_and_says_so() -> None:
    made = bill(
        terms(benefit=("public-service",)),
        JUNE,
        [usage("b1", 500, purpose="public-service"), usage("b2", 3)],
        LAW,
    )
    assert told(made) == [
        ("calls/loan-review/1", "usage", 3, 90),
        ("calls/public-service/free", "free", 500, 0),
    ]
    free = made.lines[1]
    assert free.sentence == "用于公共治理、公益事业，免费提供。"
    assert (free.clause, free.basis) == ("scene", LAW.benefit_basis)
    assert LAW.benefit_basis == ("national-price:一",)


def test_where_the_pack_does_not_free_it_public_benefit_is_charged() -> None:
    paid = replace(LAW, benefit_free=False)
    made = bill(terms(benefit=("public-service",)), JUNE, [usage("b1", 2, purpose="public-service")], paid)
    assert made.total == 60
    assert bill(terms(benefit=tuple(PURPOSES), lines=[MONTH]), JUNE, [], paid).total == 3100


def test_bands_are_climbed_for_each_purpose_alone() -> None:
    made = bill(terms(), JUNE, [usage("b1", 101), usage("b2", 101, purpose="public-service")], LAW)
    assert made.total == 2 * 3020


@pytest.mark.parametrize(
    ("month", "fen"),
    [
        ("2026-04", 0),
        ("2026-05", 2200),  # 22 of 31 days
        ("2026-06", 3100),
        ("2028-05", 900),
        ("2028-06", 0),
    ],
)
def test_a_monthly_fee_by_day(month: str, fen: int) -> None:
    made = bill(terms(lines=[MONTH]), month, [], LAW)
    assert made.total == fen
    assert bool(made.lines) is bool(fen)


@pytest.mark.parametrize(
    ("month", "fen"), [("2026-04", 0), ("2026-05", 3100), ("2028-05", 3100), ("2028-06", 0)]
)
def test_a_monthly_fee_whole(month: str, fen: int) -> None:
    assert bill(terms(lines=[{**MONTH, "partial": "whole"}]), month, [], LAW).total == fen


@pytest.mark.parametrize(
    ("month", "fen"),
    [("2026-04", 0), ("2026-05", 1200), ("2026-06", 0), ("2027-05", 1200), ("2028-05", 0), ("2025-05", 0)],
)
def test_a_yearly_fee_falls_due_when_a_year_of_the_agreement_begins(month: str, fen: int) -> None:
    made = bill(terms(lines=[YEAR]), month, [], LAW)
    assert told(made) == ([("yearly/fixed", "fixed", 1, fen)] if fen else [])


def test_a_day_more_and_another_year_begins() -> None:
    longer = replace(terms(lines=[YEAR]), ends=date(2028, 5, 10))
    assert bill(longer, "2028-05", [], LAW).total == 1200


def test_fixed_fees_are_free_where_every_purpose_is() -> None:
    made = bill(terms(benefit=tuple(PURPOSES), lines=[MONTH], minimum=100), JUNE, [], LAW)
    assert told(made) == [("base/fixed", "free", 1, 0)]
    assert made.lines[0].basis == LAW.benefit_basis
    assert made.lines[0].clause == "scene"
    assert "免费提供" in made.lines[0].sentence
    half = bill(terms(benefit=("public-service",), lines=[MONTH]), JUNE, [], LAW)
    assert half.total == 3100
    assert half.lines[0].clause == "pricing"


def test_a_discount_takes_its_share_off_its_purposes() -> None:
    off = [{"id": "low", "purposes": ["loan-review"], "pay": "0.85"}]
    made = bill(terms(discounts=off), JUNE, [usage("b1", 1), usage("b2", 10, purpose="public-service")], LAW)
    # 30 × 0.85 = 25.5 → 26
    assert told(made)[-1] == ("low/loan-review/discount", "discount", 1, -4)
    assert made.total == 326
    assert made.lines[-1].sentence == "优惠：付 17/20，按 30 分计。"
    assert made.lines[-1].line == "low"
    free = bill(terms(discounts=[{**off[0], "pay": "0"}]), JUNE, [usage("b1", 5)], LAW)
    assert free.total == 0
    assert "全免" in free.lines[-1].sentence
    assert [line.kind for line in bill(terms(discounts=off), JUNE, [], LAW).lines] == []


def test_minimum_and_maximum_of_a_month() -> None:
    bounds = {"minimum": 100, "maximum": 200}
    low = bill(terms(**bounds), JUNE, [usage("b1", 2)], LAW)
    assert told(low)[-1] == ("minimum", "minimum", 1, 40)
    assert low.total == 100
    high = bill(terms(**bounds), JUNE, [usage("b1", 9)], LAW)
    assert told(high)[-1] == ("maximum", "maximum", 1, -70)
    assert high.total == 200
    assert "封顶 200 分" in high.lines[-1].sentence
    between = bill(terms(**bounds), JUNE, [usage("b1", 5)], LAW)
    assert between.total == 150
    assert bill(terms(minimum=60, maximum=60), JUNE, [usage("b1", 2)], LAW).lines[-1].kind == "usage"
    assert bill(terms(**bounds), "2026-04", [], LAW).total == 0
    assert bill(terms(**bounds), "2026-05", [], LAW).total == 100
    assert bill(terms(**bounds), "2028-05", [], LAW).total == 100
    assert bill(terms(**bounds), "2028-06", [], LAW).total == 0


# ---------------------------------------------------------------- once


def test_a_batch_given_twice_counts_once() -> None:
    one = usage("b1", 10)
    assert bill(terms(), JUNE, [one, one], LAW) == bill(terms(), JUNE, [one], LAW)


def test_one_id_with_two_counts_is_refused() -> None:
    with pytest.raises(BadUsage, match="两种不同的计数"):
        bill(terms(), JUNE, [usage("b1", 10), usage("b1", 11)], LAW)


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2026, 7, 1)])
def test_calls_of_another_month_are_refused(day: date) -> None:
    with pytest.raises(BadUsage, match="不是 2026-06 的"):
        bill(terms(), JUNE, [replace(usage("b1", 1), day=day)], LAW)


def test_calls_of_another_purpose_are_refused() -> None:
    with pytest.raises(BadUsage, match="用途"):
        bill(terms(), JUNE, [usage("b1", 1, purpose="spying")], LAW)


@pytest.mark.parametrize(
    "counts",
    [("", 1, 1, 1), ("b", -1, 0, 0), ("b", 1, 2, 1), ("b", 1, 1, 2), ("b", True, 0, 0), ("b", 1.0, 1, 1)],
)
def test_counts_that_cannot_be(counts: Any) -> None:
    batch, *numbers = counts
    with pytest.raises(BadUsage):
        Usage(batch, date(2026, 6, 1), "loan-review", *numbers)


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "2026-6", "202606", "0000-01", "2026-06-01", "２０２６-06"]
)
def test_months_that_are_none(month: str) -> None:
    with pytest.raises(BadUsage):
        month_days(month)


def test_months() -> None:
    assert month_days("2028-02") == (date(2028, 2, 1), date(2028, 2, 29))


def test_a_bill_that_does_not_add_up_cannot_be_made() -> None:
    made = bill(terms(), JUNE, [usage("b1", 10)], LAW)
    with pytest.raises(BadUsage, match="各行之和"):
        replace(made, total=1)
    with pytest.raises(BadUsage, match="分成之和"):
        replace(made, parts=made.parts[1:])


def test_the_number_of_a_bill_is_the_digest_of_what_it_says() -> None:
    made = bill(terms(), JUNE, [usage("b1", 10)], LAW)
    assert made.id.startswith("sha256:")
    assert made.data()["id"] == made.id
    assert bill(terms(), JUNE, [usage("b1", 11)], LAW).id != made.id
    assert bill(terms(), JUNE, [usage("b2", 10)], LAW).id != made.id
    assert made.data()["lines"][0]["price"] == {"fen": 30, "per": 1}
    assert set(made.data()) == {
        "id", "contract", "zone", "product", "month", "kind", "lines", "total", "parts", "batches", "calls", "corrects",
    }  # fmt: skip


# ---------------------------------------------------------------- corrections


def test_a_late_batch_makes_a_bill_of_the_difference() -> None:
    first = bill(terms(), JUNE, [usage("b1", 90)], LAW)
    whole = bill(terms(), JUNE, [usage("b1", 90), usage("b2", 20)], LAW)
    more = correct([first], whole)
    assert more is not None
    assert (more.kind, more.total, more.calls, more.batches) == ("correction", 500, 20, ("b2",))
    assert more.corrects == (first.id,)
    assert told(more) == [
        ("calls/loan-review/1", "usage", 10, 300),
        ("calls/loan-review/2", "usage", 10, 200),
    ]
    assert more.lines[0].sentence.endswith("原计 2700 分，应为 3000 分。")
    assert [part.fen + add.fen for part, add in zip(first.parts, more.parts, strict=True)] == [
        part.fen for part in whole.parts
    ]
    assert correct([first, more], whole) is None


def test_a_refund_names_what_it_drops() -> None:
    first = bill(terms(), JUNE, [usage("b1", 90), usage("b2", 20)], LAW)
    less = bill(terms(), JUNE, [usage("b1", 90)], LAW)
    with pytest.raises(BadUsage, match="b2"):
        correct([first], less)
    back = correct([first], less, dropped=frozenset({"b2"}))
    assert back is not None
    assert (back.total, back.calls, back.batches) == (-500, -20, ("b2",))
    assert ("calls/loan-review/2", "usage", -10, -200) in told(back)
    assert any("这一行撤销" in line.sentence for line in back.lines)
    again = correct([first, back], first, dropped=frozenset())
    assert again is not None
    assert (again.total, again.batches) == (500, ("b2",))


def test_a_batch_counted_wrongly_is_corrected() -> None:
    first = bill(terms(), JUNE, [usage("b1", 90)], LAW)
    back = correct([first], bill(terms(), JUNE, [usage("b1", 80)], LAW))
    assert back is not None
    assert (back.total, back.calls, back.batches) == (-300, -10, ())


def test_a_free_batch_that_comes_late_is_still_told() -> None:
    free = terms(benefit=("public-service",))
    first = bill(free, JUNE, [], LAW)
    late = correct([first], bill(free, JUNE, [usage("b1", 4, purpose="public-service")], LAW))
    assert late is not None
    assert (late.total, late.batches, len(late.lines)) == (0, ("b1",), 1)
    empty = correct([first], bill(free, JUNE, [usage("b0", 0)], LAW))
    assert empty is not None
    assert (empty.batches, empty.lines) == (("b0",), ())


def test_corrections_follow_one_another() -> None:
    first = bill(terms(), JUNE, [usage("b1", 1)], LAW)
    second = correct([first], bill(terms(), JUNE, [usage("b1", 1), usage("b2", 2)], LAW))
    assert second is not None
    whole = bill(terms(), JUNE, [usage("b1", 1), usage("b2", 2), usage("b3", 3)], LAW)
    third = correct([first, second], whole)
    assert third is not None
    assert third.corrects == (first.id, second.id)
    assert first.total + second.total + third.total == whole.total
    assert correct([first, second, third], whole) is None
    for wrong in ([], [second], [first, first], [first, third], [first, third, second], [second, first]):
        with pytest.raises(BadUsage):
            correct(wrong, whole)
    with pytest.raises(BadUsage):
        correct([first], second)


@pytest.mark.parametrize("name", ["contract", "zone", "product"])
def test_another_agreements_bill_is_not_corrected(name: str) -> None:
    first = bill(terms(), JUNE, [], LAW)
    with pytest.raises(BadUsage, match="同一份协议"):
        correct([first], replace(first, **{name: "other"}))


def test_another_month_is_not_corrected() -> None:
    with pytest.raises(BadUsage, match="同一个月"):
        correct([bill(terms(), JUNE, [], LAW)], bill(terms(), "2026-07", [], LAW))


def test_other_receivers_cannot_take_over_a_bill() -> None:
    first = bill(terms(), JUNE, [usage("b1", 10)], LAW)
    fewer = replace(terms(), shares=shares()[1:])
    with pytest.raises(BadUsage):
        correct([first], bill(fewer, JUNE, [usage("b1", 10), usage("b2", 1)], LAW))


def test_batches_in_two_bills_are_found() -> None:
    june = bill(terms(), JUNE, [usage("b1", 1), usage("b2", 1)], LAW)
    july = bill(terms(), "2026-07", [replace(usage("b2", 1), day=date(2026, 7, 1))], LAW)
    assert billed_twice([june]) == ()
    assert billed_twice([june, july]) == ("b2",)
    more = correct([june], bill(terms(), JUNE, [usage(f"b{n}", 1) for n in (1, 2, 3)], LAW))
    assert more is not None
    assert billed_twice([june, more]) == ()


def test_the_law_of_the_zone_is_cited() -> None:
    assert law("chizhou").cap_setter == "市发展改革委会同市数据资源局"
    assert law("cn").cap_setter == law("chizhou").guide == "授权主体"
    made = bill(terms(), JUNE, [usage("b1", 1)], law("chizhou"))
    assert made.lines[0].basis == law("chizhou").industry_basis


# ---------------------------------------------------------------- edges


def between(first: date, last: date, **changes: Any) -> Any:
    return replace(terms(**changes), starts=first, ends=last)


@pytest.mark.parametrize(
    ("first", "last", "fen"),
    [
        (date(2026, 6, 30), date(2026, 7, 9), 103),  # one of thirty days: 103.33
        (date(2026, 7, 1), date(2026, 7, 9), 0),
        (date(2026, 5, 1), date(2026, 6, 1), 103),
        (date(2026, 5, 1), date(2026, 5, 31), 0),
        (date(2026, 6, 1), date(2026, 6, 30), 3100),
        (date(2026, 6, 1), date(2026, 6, 29), 2997),  # 2996.67
    ],
)
def test_days_of_a_month(first: date, last: date, fen: int) -> None:
    made = bill(between(first, last, lines=[MONTH]), JUNE, [], LAW)
    assert made.total == fen
    assert bool(made.lines) is bool(fen)


@pytest.mark.parametrize(
    ("first", "fen"),
    [(date(2026, 6, 1), 1200), (date(2026, 6, 30), 1200), (date(2026, 7, 1), 0), (date(2026, 5, 31), 0)],
)
def test_a_year_that_begins_on_an_edge_of_the_month(first: date, fen: int) -> None:
    made = bill(between(first, date(2027, 1, 1), lines=[YEAR]), JUNE, [], LAW)
    assert (made.total, bool(made.lines)) == (fen, bool(fen))


def test_a_year_that_begins_on_the_last_day_of_the_agreement() -> None:
    assert bill(between(date(2026, 6, 5), date(2026, 6, 5), lines=[YEAR]), JUNE, [], LAW).total == 1200


def test_a_leap_day_has_its_anniversary_on_the_last_of_february() -> None:
    leap = between(date(2028, 2, 29), date(2030, 1, 1), lines=[YEAR])
    assert [bill(leap, month, [], LAW).total for month in ("2028-02", "2029-02", "2029-03")] == [
        1200,
        1200,
        0,
    ]


def test_what_the_law_of_prices_says() -> None:
    found = law("chizhou")
    assert (found.zone, found.benefit_words) == ("chizhou", "免费提供")
    assert found.benefit_basis == ("national-price:一",)
    assert (found.margin.title, found.deviation.basis) == (
        "准许利润率高出十年期国债平均收益率的上限",
        ("national-price:四",),
    )
