"""Tariffs: strictly read; a count costs the sum of its bands."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest

from gongshu.money import split, tariff
from gongshu.money.amounts import apportion, decimal_text, half_up, yuan
from gongshu.money.caps import cap_problems
from gongshu.money.reading import MOST, Reading, decimal, whole
from gongshu.money.tariff import Band, Price, cost, read_caps, steps
from support.money import PURPOSES, SPLIT, TARIFF, law, make_tariff, shares

LINE = TARIFF["lines"][0]
BANDS = LINE["bands"]


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("amount", "nearest"),
    [
        (Fraction(0), 0),
        (Fraction(1, 2), 1),
        (Fraction(49, 100), 0),
        (Fraction(51, 100), 1),
        (Fraction(5, 2), 3),
        (Fraction(-1, 2), -1),
        (Fraction(-49, 100), 0),
        (Fraction(-3, 2), -2),
        (Fraction(7), 7),
        (Fraction(1, 3), 0),
        (Fraction(2, 3), 1),
    ],
)
def test_a_half_goes_up(amount: Fraction, nearest: int) -> None:
    assert half_up(amount) == nearest


@pytest.mark.parametrize(
    ("amount", "places", "text"),
    [
        (Fraction(687000, 9713000), 4, "0.0707"),
        (Fraction(-687000, 9713000), 4, "-0.0707"),
        (Fraction(5, 100000), 4, "0.0001"),
        (Fraction(-4, 100000), 4, "0.0000"),
        (Fraction(-5, 100000), 4, "-0.0001"),
        (Fraction(3), 4, "3.0000"),
        (Fraction(123, 10), 1, "12.3"),
        (Fraction(99995, 100000), 4, "1.0000"),
    ],
)
def test_decimal_text(amount: Fraction, places: int, text: str) -> None:
    assert decimal_text(amount, places) == text


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00 元"), (5, "0.05 元"), (123456, "1,234.56 元"), (-105, "-1.05 元")]
)
def test_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (101, (1, 1, 1), (34, 34, 33)),
        (10, (3, 6, 1), (3, 6, 1)),
        (11, (3, 6, 1), (3, 7, 1)),
        (1, (1, 1), (1, 0)),
        (1, (1, 2), (0, 1)),
        (-100, (1, 1, 1), (-34, -33, -33)),
        (0, (5, 7), (0, 0)),
        (5, (9,), (5,)),
    ],
)
def test_parts_by_largest_remainder(total: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    assert apportion(total, weights) == parts


@pytest.mark.parametrize("text", ["0", "0.018", "1.5", "9999", "0.000000000001"])
def test_decimals_that_are(text: str) -> None:
    assert decimal(text) == Fraction(text)


@pytest.mark.parametrize(
    "text",
    [
        0.018,
        1,
        None,
        "",
        ".5",
        "1.",
        "01",
        "-1",
        "+1",
        "1e3",
        " 1",
        "1 ",
        "１",
        "1/3",
        "10000",
        "0." + "1" * 13,
        "NaN",
        "6%",
    ],
)
def test_decimals_that_are_not(text: Any) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(
    ("value", "is_whole"),
    [(0, True), (MOST, True), (MOST + 1, False), (-1, False), (True, False), (1.0, False), ("1", False)],
)
def test_whole_numbers(value: Any, is_whole: bool) -> None:
    assert whole(value) is is_whole


# ---------------------------------------------------------------- bands


@pytest.mark.row("M02")
@pytest.mark.parametrize(
    ("count", "fen"),
    [
        (0, 0),
        (1, 30),
        (100, 3000),
        (101, 3020),
        (300, 7000),
        (301, 7003),  # 2.5 fen, half up
        (302, 7005),
        (303, 7008),
        (1300, 9500),
    ],
)
def test_a_count_costs_the_sum_of_its_bands(count: int, fen: int) -> None:
    (line,) = make_tariff().lines
    assert cost(line, count) == fen
    assert sum(step.count for step in steps(line, count)) == count


def test_steps_name_their_bands() -> None:
    (line,) = make_tariff().lines
    found = [(step.band.text, step.count, step.fen) for step in steps(line, 350)]
    assert found == [("第 1 至 100", 100, 3000), ("第 101 至 300", 200, 4000), ("第 301 以上", 50, 125)]
    assert [step.band for step in steps(line, 100)] == [Band(0, 100, Price(30, 1))]


def _read(value: Any) -> list[str]:
    reading = Reading()
    tariff.read(reading, value, PURPOSES)
    return [one.field for one in reading.problems]


def with_line(**changes: Any) -> dict[str, Any]:
    return {**TARIFF, "lines": [{**LINE, **changes}]}


def with_band(number: int, **changes: Any) -> dict[str, Any]:
    bands = copy.deepcopy(BANDS)
    bands[number].update(changes)
    return with_line(bands=bands)


MONTH = {"id": "m", "unit": "month", "fen": 5, "partial": "by_day"}
YEAR = {"id": "y", "unit": "year", "fen": 5, "partial": "whole"}
OFF = {"id": "d", "purposes": ["loan-review"], "pay": "0.80"}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "tariff"),
        ({**TARIFF, "lines": []}, "tariff.lines"),
        ({**TARIFF, "lines": [LINE] * 21}, "tariff.lines"),
        ({**TARIFF, "lines": ["x"]}, "tariff.lines.1"),
        ({**TARIFF, "lines": [LINE, {**LINE, "unit": "hit"}]}, "tariff.lines"),
        ({**TARIFF, "lines": [LINE, {**LINE, "id": "other"}]}, "tariff.lines"),
        ({**TARIFF, "currency": "CNY"}, "tariff.currency"),
        ({**TARIFF, "minimum": -1}, "tariff.minimum"),
        ({**TARIFF, "minimum": None}, "tariff.minimum"),
        ({**TARIFF, "minimum": 10**12 + 1}, "tariff.minimum"),
        ({**TARIFF, "minimum": 10, "maximum": 9}, "tariff.maximum"),
        ({**TARIFF, "maximum": -1}, "tariff.maximum"),
        ({**TARIFF, "maximum": "9"}, "tariff.maximum"),
        (with_line(unit="byte"), "tariff.lines.1.unit"),
        (with_line(id=""), "tariff.lines.1.id"),
        (with_line(bands=[]), "tariff.lines.1.bands"),
        (with_line(fen=3), "tariff.lines.1.fen"),
        (with_band(0, fen=-1), "tariff.lines.1.bands.1.fen"),
        (with_band(0, fen=1.5), "tariff.lines.1.bands.1.fen"),
        (with_band(0, fen=10**12 + 1), "tariff.lines.1.bands.1.fen"),
        (with_band(0, per=0), "tariff.lines.1.bands.1.per"),
        (with_band(2, per=10**6 + 1), "tariff.lines.1.bands.3.per"),
        (with_band(0, up_to=None), "tariff.lines.1.bands.1.up_to"),
        (with_band(2, up_to=900), "tariff.lines.1.bands.3.up_to"),
        (with_band(0, up_to=0), "tariff.lines.1.bands.1.up_to"),
        (with_band(1, up_to=100), "tariff.lines.1.bands.2.up_to"),
        (with_band(1, up_to=99), "tariff.lines.1.bands.2.up_to"),
        (with_band(1, up_to=301, per=2), "tariff.lines.1.bands.2.up_to"),
        (with_band(1, note="x"), "tariff.lines.1.bands.2.note"),
        ({**TARIFF, "lines": [{**MONTH, "fen": -1}]}, "tariff.lines.1.fen"),
        ({**TARIFF, "lines": [{**MONTH, "partial": "half"}]}, "tariff.lines.1.partial"),
        ({**TARIFF, "lines": [{**MONTH, "bands": []}]}, "tariff.lines.1.bands"),
        ({**TARIFF, "lines": [{**YEAR, "partial": "by_day"}]}, "tariff.lines.1.partial"),
        ({**TARIFF, "discounts": None}, "tariff.discounts"),
        ({**TARIFF, "discounts": [{**OFF, "id": f"d{n}"} for n in range(21)]}, "tariff.discounts"),
        ({**TARIFF, "discounts": [{**OFF, "pay": 0.8}]}, "tariff.discounts.1.pay"),
        ({**TARIFF, "discounts": [{**OFF, "pay": "1.01"}]}, "tariff.discounts.1.pay"),
        ({**TARIFF, "discounts": [{**OFF, "purposes": ["other"]}]}, "tariff.discounts.1.purposes"),
        ({**TARIFF, "discounts": [{**OFF, "purposes": []}]}, "tariff.discounts.1.purposes"),
        ({**TARIFF, "discounts": [{**OFF, "until": 3}]}, "tariff.discounts.1.until"),
        ({**TARIFF, "discounts": [OFF, {**OFF, "id": "e"}]}, "tariff.discounts"),
        ({**TARIFF, "discounts": [OFF, {**OFF, "purposes": ["public-service"]}]}, "tariff.discounts"),
    ],
)
def test_a_malformed_tariff_is_told_where(value: Any, field: str) -> None:
    assert field in _read(value)


@pytest.mark.parametrize(
    "value",
    [
        TARIFF,
        {**TARIFF, "lines": [MONTH, YEAR, LINE]},
        {**TARIFF, "lines": [{**LINE, "id": f"l{n}", "unit": unit} for n, unit in enumerate(tariff.COUNTED)]},
        {**TARIFF, "minimum": 10, "maximum": 10},
        {**TARIFF, "discounts": [OFF, {"id": "e", "purposes": ["public-service"], "pay": "0"}]},
        {**TARIFF, "discounts": [{**OFF, "pay": "1"}]},
        with_band(0, fen=0),
        with_band(1, up_to=300, per=100),
        with_band(2, fen=10**12, per=10**6),
    ],
)
def test_a_good_tariff_is_taken(value: Any) -> None:
    assert _read(value) == []


def test_how_it_was_written_down_changes_nothing() -> None:
    rows = [MONTH, YEAR, LINE]
    offs = [OFF, {"id": "a", "purposes": ["public-service"], "pay": "0.5"}]
    one = make_tariff(lines=rows, discounts=offs)
    other = make_tariff(lines=rows[::-1], discounts=offs[::-1])
    assert one == other
    assert [discount.pay for discount in one.discounts] == [Fraction(1, 2), Fraction(4, 5)]
    assert [(line.id, line.counted, line.partial) for line in one.lines] == [
        ("calls", True, ""),
        ("m", False, "by_day"),
        ("y", False, "whole"),
    ]


# ---------------------------------------------------------------- caps


@pytest.mark.row("M03")
def test_every_band_is_held_against_the_cap_exactly() -> None:
    made = make_tariff()
    assert cap_problems(made, {"call": Price(30)}, law("cn")) == []
    assert cap_problems(made, {"call": Price(300, 10)}, law("cn")) == []
    (over,) = cap_problems(made, {"call": Price(299, 10)}, law("cn"))
    assert over.sentence == "“每次回答”的价格（30 分）高于上限收费标准（299 分/10，由授权主体制定）。"
    assert over.basis == ("national-price:二",)
    assert over.field == "tariff.lines.calls"
    assert len(cap_problems(made, {"call": Price(2)}, law("cn"))) == 3
    assert len(cap_problems(made, {}, law("cn"))) == 3


def test_what_costs_nothing_needs_no_cap() -> None:
    free = make_tariff(lines=[{**LINE, "bands": [{"up_to": None, "fen": 0, "per": 1}]}])
    assert cap_problems(free, {}, law("cn")) == []


def test_caps_are_read_strictly() -> None:
    caps, problems = read_caps({"call": {"fen": 30, "per": 1}, "month": {"fen": 500, "per": 1}})
    assert (caps, problems) == ({"call": Price(30, 1), "month": Price(500, 1)}, [])
    for bad in (
        None,
        {"byte": {"fen": 1, "per": 1}},
        {"call": 3},
        {"call": {"fen": -1, "per": 1}},
        {"call": {"fen": 1, "per": 0}},
    ):
        assert read_caps(bad)[1]


def test_what_is_no_table_of_caps_is_told() -> None:
    ((one,), most) = read_caps(3)[1], read_caps({"call": {"fen": MOST, "per": 1}})
    assert (one.field, one.sentence) == ("caps", "“上限收费标准”应是一张表。")
    assert most == ({"call": Price(MOST, 1)}, [])
    assert read_caps({"call": {"fen": MOST + 1, "per": 1}})[1]
    assert read_caps({}) == ({}, [])


# ---------------------------------------------------------------- split


@pytest.mark.row("M06", "M08")
def test_a_split_always_adds_up_whatever_the_order() -> None:
    assert [(part.share.organisation, part.fen) for part in split.split(100, shares())] == [
        ("org-a", 34),
        ("org-op", 33),
        ("org-dev", 33),
    ]
    assert split.split(100, shares(SPLIT[::-1])) == split.split(100, shares())
    assert split.split(100, shares()[::-1]) == split.split(100, shares())
    assert split.split(-100, shares())[0].fen == -34
    assert split.split(7, ()) == ()
    assert split.split(1, shares())[0].data() == {
        "role": "provider",
        "organisation": "org-a",
        "parts": 1,
        "fen": 1,
    }


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (None, "split"),
        ([], "split"),
        (SPLIT * 40, "split"),
        ([SPLIT[0]], "split"),
        ([*SPLIT, SPLIT[0]], "split"),
        ([{**SPLIT[1], "role": "friend"}], "split.1.role"),
        ([{**SPLIT[1], "organisation": ""}], "split.1.organisation"),
        ([{**SPLIT[1], "parts": 0}], "split.1.parts"),
        ([{**SPLIT[1], "parts": 10**6 + 1}], "split.1.parts"),
        ([{**SPLIT[1], "parts": "1"}], "split.1.parts"),
        ([{**SPLIT[1], "note": ""}], "split.1.note"),
    ],
)
def test_a_malformed_split_is_told_where(rows: Any, field: str) -> None:
    reading = Reading()
    split.read(reading, rows)
    assert field in [one.field for one in reading.problems]
    assert all(one.sentence.endswith("。") for one in reading.problems)
