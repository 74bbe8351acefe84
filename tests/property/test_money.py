"""Money holds whatever the numbers: bands never fall, parts add up, order and parcels change nothing."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from gongshu.money.amounts import apportion, decimal_text, half_up
from gongshu.money.bill import bill
from gongshu.money.corrections import correct
from gongshu.money.maximum import adjust
from gongshu.money.split import Share, split
from gongshu.money.tariff import Band, Line, Price, cost, steps
from support.money import LAW, PURPOSES, terms, usage

PRICES = st.builds(Price, st.integers(0, 1000), st.integers(1, 20))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    prices = draw(st.lists(PRICES, min_size=1, max_size=5))
    widths = [price.per * draw(st.integers(1, 50)) for price in prices[:-1]]
    ends: list[int | None] = [*accumulate(widths), None]
    starts = [0, *[end for end in ends if end is not None]]
    bands = [Band(above, end, price) for above, end, price in zip(starts, ends, prices, strict=True)]
    return Line("calls", "call", tuple(bands))


@given(lines(), st.integers(0, 5000))
def test_bands_never_fall_and_count_every_unit(line: Line, count: int) -> None:
    assert cost(line, count) <= cost(line, count + 1)
    assert sum(step.count for step in steps(line, count)) == count
    # at most half a fen off, since only the last step can be broken
    exact = sum((step.band.price.exact * step.count for step in steps(line, count)), Fraction(0))
    assert abs(cost(line, count) - exact) <= Fraction(1, 2)


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_parts_add_up_and_are_within_one_fen(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
    assert apportion(-total, weights) == tuple(-part for part in parts)


SHARES = st.lists(
    st.builds(
        Share,
        st.sampled_from(["provider", "operator", "developer"]),
        st.text("abc", min_size=1),
        st.integers(1, 99),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda share: (share.role, share.organisation),
)


@given(st.integers(0, 10**9), SHARES, st.randoms())
def test_a_split_does_not_depend_on_order(total: int, shares: list[Share], random: Any) -> None:
    shuffled = list(shares)
    random.shuffle(shuffled)
    assert split(total, shares) == split(total, shuffled)
    assert sum(part.fen for part in split(total, shares)) == total


@st.composite
def usages(draw: st.DrawFn) -> list[Any]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        calls = draw(st.integers(0, 400))
        made.append(
            usage(
                f"b{number}",
                calls,
                draw(st.integers(1, 30)),
                draw(st.sampled_from(sorted(PURPOSES))),
                hits=draw(st.integers(0, calls)),
                subjects=draw(st.integers(0, calls)),
            )
        )
    return made


TERMS = terms(
    benefit=("public-service",),
    lines=[
        {
            "id": "calls",
            "unit": "call",
            "bands": [{"up_to": 100, "fen": 3, "per": 2}, {"up_to": None, "fen": 1, "per": 3}],
        },
        {"id": "people", "unit": "subject", "bands": [{"up_to": None, "fen": 7, "per": 1}]},
        {"id": "base", "unit": "month", "fen": 333, "partial": "by_day"},
    ],
    discounts=[{"id": "low", "purposes": ["loan-review"], "pay": "0.77"}],
    minimum=400,
    maximum=2500,
)


@given(usages(), st.randoms(), st.lists(st.integers(0, 7)))
def test_a_bill_does_not_depend_on_order_or_repetition(
    given_: list[Any], random: Any, again: list[int]
) -> None:
    shuffled = [*given_, *(given_[n] for n in again if n < len(given_))]
    random.shuffle(shuffled)
    one, other = bill(TERMS, "2026-06", given_, LAW), bill(TERMS, "2026-06", shuffled, LAW)
    assert one == other
    assert one.id == other.id
    assert one.total == sum(line.fen for line in one.lines) == sum(part.fen for part in one.parts)
    assert 400 <= one.total <= 2500


@given(usages(), st.lists(st.integers(0, 8), max_size=4))
def test_the_bills_of_the_parts_are_the_bill_of_the_whole(given_: list[Any], cuts: list[int]) -> None:
    ends = sorted({min(cut, len(given_)) for cut in cuts} | {len(given_)})
    made = [bill(TERMS, "2026-06", given_[: ends[0]], LAW)]
    for end in ends[1:]:
        more = correct(made, bill(TERMS, "2026-06", given_[:end], LAW))
        if more is not None:
            made.append(more)
    whole = bill(TERMS, "2026-06", given_, LAW)
    assert sum(one.total for one in made) == whole.total
    assert sum(one.calls for one in made) == whole.calls
    assert sorted(batch for one in made for batch in one.batches) == list(whole.batches)
    for place, part in enumerate(whole.parts):
        assert sum(one.parts[place].fen for one in made) == part.fen
    fens: dict[str, int] = {}
    for one in made:
        for line in one.lines:
            fens[line.id] = fens.get(line.id, 0) + line.fen
    assert {name: fen for name, fen in fens.items() if fen} == {
        line.id: line.fen for line in whole.lines if line.fen
    }


@given(st.fractions(-(10**6), 10**6))
def test_rounding_is_the_nearest_and_odd(amount: Fraction) -> None:
    assert abs(half_up(amount) - amount) <= Fraction(1, 2)
    assert half_up(-amount) == -half_up(amount)
    assert Fraction(decimal_text(amount, 4)) == Fraction(half_up(amount * 10**4), 10**4)


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_deviation_is_exact(maximum: int, actual: int) -> None:
    assume(actual != maximum)
    within = 10 * abs(actual - maximum) <= maximum
    assert adjust(actual, maximum, Fraction(1, 10)) == ("price" if within else "caps")


@given(st.integers(0, 1100))
def test_the_yearly_fee_falls_due_once_a_year(days: int) -> None:
    given_ = terms(lines=[{"id": "y", "unit": "year", "fen": 100, "partial": "whole"}])
    ends = given_.starts + timedelta(days=days)
    from dataclasses import replace

    months = [f"{2026 + n // 12}-{n % 12 + 1:02d}" for n in range(48)]
    total = sum(bill(replace(given_, ends=ends), month, [], LAW).total for month in months)
    begun = sum(date(year, 5, 10) <= ends for year in range(2026, 2030))
    assert total == 100 * begun
