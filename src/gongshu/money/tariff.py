"""价目: what is charged for what, read strictly, and what a count costs (累进阶梯: the sum of its bands)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gongshu.money.amounts import half_up
from gongshu.money.reading import MOST, Reading

COUNTED = {"call": "每次回答", "hit": "每次查到", "subject": "每日不同主体"}
"""Units that are counted; `subject`: one subject counts once a calendar day."""
FIXED = {"month": "每月", "year": "每年"}
UNITS = COUNTED | FIXED
PARTIAL = {"whole": "不足一月按一月", "by_day": "不足一月按日"}
MOST_FEN = 10**12
MOST_PER = 10**6
MOST_LINES = 20
MOST_BANDS = 20


@dataclass(frozen=True)
class Price:
    """`fen` for every `per` units; compared and multiplied exactly."""

    fen: int
    per: int = 1

    @property
    def exact(self) -> Fraction:
        return Fraction(self.fen, self.per)

    @property
    def text(self) -> str:
        return f"{self.fen} 分" if self.per == 1 else f"{self.fen} 分/{self.per}"


@dataclass(frozen=True)
class Band:
    """One step of the ladder: units after `above` up to and including `up_to` (None: no end)."""

    above: int
    up_to: int | None
    price: Price

    @property
    def text(self) -> str:
        end = "以上" if self.up_to is None else f"至 {self.up_to}"
        return f"第 {self.above + 1} {end}"


@dataclass(frozen=True)
class Line:
    """One line of the tariff. Counted units have bands; fixed fees one band of one unit and `partial`."""

    id: str
    unit: str
    bands: tuple[Band, ...]
    partial: str = ""

    @property
    def counted(self) -> bool:
        return self.unit in COUNTED


@dataclass(frozen=True)
class Discount:
    """Of counted lines with one of these purposes only the share `pay` is paid."""

    id: str
    purposes: frozenset[str]
    pay: Fraction


@dataclass(frozen=True)
class Tariff:
    """The lines in order of their ids; `minimum` and `maximum` fen a month (None: no cap)."""

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    minimum: int
    maximum: int | None


@dataclass(frozen=True)
class Step:
    """What one band contributes: how many units, and whole fen."""

    band: Band
    count: int
    fen: int


def steps(line: Line, count: int) -> tuple[Step, ...]:
    """The bands a count reaches, with their fen; the sum is what the count costs.

    Only the last step can be broken: a band is a whole number of `per` wide, so rounding happens once.
    """
    found = []
    for band in line.bands:
        inside = (count if band.up_to is None else min(count, band.up_to)) - band.above
        if inside > 0:
            found.append(Step(band, inside, half_up(band.price.exact * inside)))
    return tuple(found)


def cost(line: Line, count: int) -> int:
    """What `count` units cost in fen before any discount."""
    return sum(step.fen for step in steps(line, count))


# ---------------------------------------------------------------- reading


def read(reading: Reading, value: object, purposes: frozenset[str], field: str = "tariff") -> Tariff:
    """The tariff of an agreement whose calls may have these purposes."""
    given = reading.table(value, field, "价目", ("lines", "discounts", "minimum", "maximum"))
    rows = enumerate(reading.rows(given.get("lines"), f"{field}.lines", "价目", MOST_LINES), 1)
    lines = [_line(reading, row, f"{field}.lines.{number}") for number, row in rows]
    reading.different([line.id for line in lines], f"{field}.lines", "价目")
    reading.different([line.unit for line in lines], f"{field}.lines", "价目的计价单位")
    minimum = reading.whole(given.get("minimum"), f"{field}.minimum", "每月最低消费（分）", 0, MOST_FEN)
    maximum = reading.maybe(given.get("maximum"), f"{field}.maximum", "每月封顶（分）")
    if maximum is not None and maximum < minimum:
        reading.fault(f"{field}.maximum", "每月封顶低于每月最低消费。")
    return Tariff(
        tuple(sorted(lines, key=lambda line: line.id)),
        _discounts(reading, given.get("discounts"), purposes, f"{field}.discounts"),
        minimum,
        maximum,
    )


def _line(reading: Reading, row: object, field: str) -> Line:
    unit = reading.one_of(
        row.get("unit") if isinstance(row, dict) else None, f"{field}.unit", "计价单位", UNITS
    )
    keys = ("id", "unit", "fen", "partial") if unit in FIXED else ("id", "unit", "bands")
    given = reading.table(row, field, "价目", keys)
    id_ = reading.id(given.get("id"), f"{field}.id", "价目的编号")
    if unit in FIXED:
        fee = reading.whole(given.get("fen"), f"{field}.fen", "固定费用（分）", 0, MOST_FEN)
        words = PARTIAL if unit == "month" else ("whole",)
        partial = reading.one_of(given.get("partial"), f"{field}.partial", "不足一期怎样算", words)
        return Line(id_, unit, (Band(0, None, Price(fee)),), partial)
    return Line(id_, unit, tuple(_bands(reading, given.get("bands"), f"{field}.bands")))


def _bands(reading: Reading, value: object, field: str) -> Iterator[Band]:
    rows = reading.rows(value, field, "阶梯", MOST_BANDS)
    above = 0
    for number, row in enumerate(rows, 1):
        place, last = f"{field}.{number}", number == len(rows)
        given = reading.table(row, place, "阶梯", ("up_to", "fen", "per"))
        price = Price(
            reading.whole(given.get("fen"), f"{place}.fen", "单价（分）", 0, MOST_FEN),
            reading.whole(given.get("per"), f"{place}.per", "每多少个单位", 1, MOST_PER),
        )
        up_to = reading.maybe(given.get("up_to"), f"{place}.up_to", "阶梯的上端", 1)
        if last != (up_to is None):
            reading.fault(f"{place}.up_to", "只有最后一档的上端写 null，其余各档都要写明上端。")
        if up_to is not None and (up_to <= above or (up_to - above) % price.per):
            reading.fault(f"{place}.up_to", "阶梯的上端要高于前一档，这一档要是计价单位的整数倍。")
        yield Band(above, up_to, price)
        above = up_to or above


def _discounts(reading: Reading, value: object, purposes: frozenset[str], field: str) -> tuple[Discount, ...]:
    if not isinstance(value, list) or len(value) > MOST_LINES:
        reading.fault(field, "“优惠”应是列表，没有优惠写空列表。")
        return ()
    found = [_discount(reading, row, purposes, f"{field}.{number}") for number, row in enumerate(value, 1)]
    reading.different([one.id for one in found], field, "优惠")
    if len(frozenset().union(*(one.purposes for one in found))) != sum(len(one.purposes) for one in found):
        reading.fault(field, "一种用途只能有一项优惠。")
    return tuple(sorted(found, key=lambda one: one.id))


def _discount(reading: Reading, row: object, purposes: frozenset[str], field: str) -> Discount:
    given = reading.table(row, field, "优惠", ("id", "purposes", "pay"))
    found = Discount(
        reading.id(given.get("id"), f"{field}.id", "优惠的编号"),
        reading.names(given.get("purposes"), f"{field}.purposes", "优惠的用途"),
        reading.share(given.get("pay"), f"{field}.pay", "优惠后付的比例"),
    )
    if not found.purposes <= purposes:
        reading.fault(f"{field}.purposes", "优惠的用途不在协议的用途之内。")
    return found


# ---------------------------------------------------------------- caps


def read_caps(value: object) -> tuple[dict[str, Price], list[Any]]:
    """上限收费标准 of one product: `{unit: {"fen", "per"}}` → unit → price, and what is wrong with it."""
    reading = Reading()
    caps = {}
    for unit, row in reading.table(value, "caps", "上限收费标准", (), UNITS).items():
        given = reading.table(row, f"caps.{unit}", "上限收费标准", ("fen", "per"))
        caps[str(unit)] = Price(
            reading.whole(given.get("fen"), f"caps.{unit}.fen", "上限（分）", 0, MOST),
            reading.whole(given.get("per"), f"caps.{unit}.per", "每多少个单位", 1, MOST_PER),
        )
    return caps, reading.problems


def over_caps(tariff: Tariff, caps: dict[str, Price]) -> Sequence[tuple[Line, Band, Price | None]]:
    """Every band priced above its cap, or priced where no cap was set (cap None)."""
    return tuple(
        (line, band, caps.get(line.unit))
        for line in tariff.lines
        for band in line.bands
        if band.price.fen and (line.unit not in caps or band.price.exact > caps[line.unit].exact)
    )
