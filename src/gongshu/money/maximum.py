"""最高准许收入: cost after subsidy, permitted profit, tax; how far the actual income is from it.

Whole fen throughout; rates are exact fractions of decimal texts. The two numbers of the notice (the most a
margin may be over the bond yield, the deviation up to which only prices move) come from the packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gongshu.money.amounts import apportion, decimal_text, half_up
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.reading import Reading, decimal

REQUIRED = ("zone", "items", "subsidy", "bond_yield", "margin", "tax")
OPTIONAL = ("actual", "deduct", "cycles")
MOST_CYCLES = 100
PLACES = 4
# A decimal text has at most twelve places (`reading`), and so has what is made of it.
MOST_PLACES = 13


class BadSurvey(ValueError):
    """The money file cannot be read. `args[0]`: one Chinese sentence."""


@dataclass(frozen=True)
class Item:
    """One cost of the survey (成本调查), in fen."""

    name: str
    amount: int


@dataclass(frozen=True)
class Survey:
    """What a maximum is made from. `deduct`: taken off for an earlier cycle's excess; `cycles`: over how many
    following cycles this one's excess is to be deducted."""

    zone: str
    items: tuple[Item, ...]
    subsidy: int
    bond_yield: Fraction
    margin: Fraction
    tax: int
    actual: int | None = None
    deduct: int = 0
    cycles: int = 1

    @property
    def cost(self) -> int:
        """Costs after government subsidy."""
        return sum(item.amount for item in self.items) - self.subsidy


@dataclass(frozen=True)
class Maximum:
    """The maximum permitted revenue. Where the margin is over its limit there is none: `refused` says so.

    `deviation`: (actual − maximum) / maximum, exact, None without actual or when the maximum is 0;
    `adjust`: price, caps or none; `carry`: the excess, deducted as `deductions` in the following cycles;
    `left`: what of `deduct` could not be taken off and goes on to the next cycle.
    """

    cost: int
    profit: int | None
    tax: int
    maximum: int | None
    deviation: Fraction | None
    adjust: str
    carry: int
    deductions: tuple[int, ...]
    left: int
    basis: tuple[str, ...]
    refused: str = ""

    def data(self) -> dict[str, Any]:
        """The form of `gongshu money maximum --json` (design section 11)."""
        return {
            "ok": not self.refused,
            "cost": self.cost,
            "profit": self.profit,
            "tax": self.tax,
            "maximum": self.maximum,
            "deviation": None if self.deviation is None else decimal_text(self.deviation, PLACES),
            "adjust": self.adjust,
            "carry": self.carry,
            "deductions": list(self.deductions),
            "left": self.left,
            "basis": list(self.basis),
            **({"code": "margin", "sentence": self.refused} if self.refused else {}),
        }


def read(value: object) -> Survey:
    """A money file as data; `BadSurvey` with its first fault."""
    reading = Reading()
    given = reading.table(value, "", "收入核定文件", REQUIRED, OPTIONAL)
    items = [_item(reading, row, f"items.{n}") for n, row in _rows(reading, given.get("items"))]
    actual = given.get("actual")
    survey = Survey(
        zone=given["zone"] if isinstance(given.get("zone"), str) else _no_zone(reading),
        items=tuple(items),
        subsidy=reading.whole(given.get("subsidy"), "subsidy", "政府补助（分）"),
        bond_yield=_rate(reading, given.get("bond_yield"), "bond_yield", "国债平均收益率"),
        margin=_rate(reading, given.get("margin"), "margin", "加成"),
        tax=reading.whole(given.get("tax"), "tax", "税金（分）"),
        actual=None if actual is None else reading.whole(actual, "actual", "实际收入（分）"),
        deduct=reading.whole(given.get("deduct", 0), "deduct", "扣减以前周期的超收（分）"),
        cycles=reading.whole(given.get("cycles", 1), "cycles", "平滑的周期数", 1, MOST_CYCLES),
    )
    if not reading.problems and survey.cost < 0:
        reading.fault("subsidy", "政府补助大于成本之和，请核对。")
    if reading.problems:
        raise BadSurvey(reading.problems[0].sentence)
    return survey


def _rows(reading: Reading, value: object) -> list[tuple[int, Any]]:
    return list(enumerate(reading.rows(value, "items", "成本项目"), 1))


def _no_zone(reading: Reading) -> str:
    reading.fault("zone", "“zone”应是专区的代码。")
    return ""


def _item(reading: Reading, row: object, field: str) -> Item:
    given: Mapping[str, Any] = reading.table(row, field, "成本项目", ("name", "amount"))
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        reading.fault(f"{field}.name", "成本项目要有名称。")
        name = ""
    return Item(name, reading.whole(given.get("amount"), f"{field}.amount", f"成本项目 {name} 的金额（分）"))


def _rate(reading: Reading, value: object, field: str, title: str) -> Fraction:
    found = decimal(value)
    if found is None or found >= 1:
        reading.fault(field, f'“{title}”应是写成文字、小于 1 的小数，例如 "0.018"。')
        return Fraction(0)
    return found


def compute(survey: Survey, law: PriceLaw) -> Maximum:
    """The maximum and what the actual income asks for, under the price law of the survey's zone."""
    basis = tuple(sorted({*law.margin.basis, *law.deviation.basis}))
    if survey.margin > law.margin.value:
        return Maximum(survey.cost, None, survey.tax, None, None, "none", 0, (), 0, basis, _over(survey, law))
    profit = half_up(survey.cost * (survey.bond_yield + survey.margin))
    full = survey.cost + profit + survey.tax
    maximum = max(0, full - survey.deduct)
    carry = max(0, (survey.actual or 0) - maximum)
    return Maximum(
        cost=survey.cost,
        profit=profit,
        tax=survey.tax,
        maximum=maximum,
        deviation=Fraction(survey.actual - maximum, maximum)
        if survey.actual is not None and maximum
        else None,
        adjust=adjust(survey.actual, maximum, law.deviation.value),
        carry=carry,
        deductions=smooth(carry, survey.cycles),
        left=max(0, survey.deduct - full),
        basis=basis,
    )


def _over(survey: Survey, law: PriceLaw) -> str:
    asked, most = (_percent(rate) for rate in (survey.margin, law.margin.value))
    return f"加成 {asked} 个百分点超过上限 {most} 个百分点，不能核定；请把加成降到上限以内。"


def _percent(rate: Fraction) -> str:
    """A rate in hundredths, exact: as many digits as it has and at least two, so that what is over its limit
    is never written like it."""
    places = next(n for n in range(2, MOST_PLACES) if (rate * 100 * 10**n).denominator == 1)
    return decimal_text(rate * 100, places)


def adjust(actual: int | None, maximum: int, limit: Fraction) -> str:
    """What moves: `none` without actual income or when equal; `price` up to the limit, itself included,
    either way; `caps` beyond. Tested on exact numbers, never on the rounded deviation."""
    if actual is None or actual == maximum:
        return "none"
    return "price" if abs(actual - maximum) <= limit * maximum else "caps"


def smooth(carry: int, cycles: int) -> tuple[int, ...]:
    """The excess over as many cycles, as evenly as whole fen allow; the earlier ones bear the odd fen."""
    return apportion(carry, [1] * cycles) if carry else ()
