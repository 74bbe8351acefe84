"""账单: the calls of a month under one usage agreement, as lines a person can check, in whole fen.

The same calls give the same bill, whatever order or parcels they come in. What was billed is never billed
again: a later finding makes a correcting bill of the differences (`corrections.py`).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from gongshu.crypto import canonical, hashes
from gongshu.law.clocks import add_months
from gongshu.money.amounts import half_up
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.reading import whole
from gongshu.money.split import Part, Share, split
from gongshu.money.tariff import UNITS, Line, Price, Tariff, steps

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
ORDINARY, CORRECTION = "ordinary", "correction"


class BadUsage(ValueError):
    """The calls cannot be billed as they were given. `args[0]`: one Chinese sentence."""


@dataclass(frozen=True)
class Usage:
    """One batch of answered calls: `batch` its id in the evidence, `day` business day, and what was counted.

    `hits`: answers that found the subject; `subjects`: subjects not asked about earlier on that day.
    """

    batch: str
    day: date
    purpose: str
    calls: int
    hits: int
    subjects: int

    def __post_init__(self) -> None:
        counts = (self.calls, self.hits, self.subjects)
        if (
            not self.batch
            or not all(whole(one) for one in counts)
            or max(self.hits, self.subjects) > self.calls
        ):
            raise BadUsage(f"调用批次“{self.batch}”的计数不对：查到的和主体数不会多于调用次数。")

    def of(self, unit: str) -> int:
        """How many of a counted unit."""
        return {"call": self.calls, "hit": self.hits, "subject": self.subjects}[unit]


@dataclass(frozen=True)
class Terms:
    """What billing needs of an agreement; `clauses` names the clause behind `tariff` and `split`."""

    contract: str
    zone: str
    product: str
    buyer: str
    operator: str
    starts: date
    ends: date
    purposes: frozenset[str]
    public_benefit: frozenset[str]
    tariff: Tariff
    shares: tuple[Share, ...]
    clauses: Mapping[str, str]


@dataclass(frozen=True)
class BillLine:
    """One line. `fen` is `count` at `price`, or what the sentence says; a line that is free says why."""

    id: str
    kind: str
    """usage 用量, free 免费, fixed 固定费用, discount 优惠, minimum 最低消费, maximum 封顶"""
    line: str
    purpose: str
    unit: str
    band: str
    count: int
    price: Price | None
    fen: int
    clause: str
    basis: tuple[str, ...]
    sentence: str

    def data(self) -> dict[str, Any]:
        price = {"fen": self.price.fen, "per": self.price.per} if self.price else None
        return {**vars(self), "price": price, "basis": list(self.basis)}


@dataclass(frozen=True)
class Bill:
    """A month of one agreement. `total` is the sum of the lines and of the parts; `batches` sorted."""

    contract: str
    zone: str
    product: str
    month: str
    kind: str
    lines: tuple[BillLine, ...]
    total: int
    parts: tuple[Part, ...]
    batches: tuple[str, ...]
    calls: int
    corrects: tuple[str, ...] = ()
    id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if sum(line.fen for line in self.lines) != self.total:
            raise BadUsage("账单的合计与各行之和不符。")
        if self.parts and sum(part.fen for part in self.parts) != self.total:
            raise BadUsage("账单的合计与分成之和不符。")
        object.__setattr__(self, "id", hashes.digest(canonical.dumps(self._said())))

    def _said(self) -> dict[str, Any]:
        return {
            "contract": self.contract,
            "zone": self.zone,
            "product": self.product,
            "month": self.month,
            "kind": self.kind,
            "lines": [line.data() for line in self.lines],
            "total": self.total,
            "parts": [part.data() for part in self.parts],
            "batches": list(self.batches),
            "calls": self.calls,
            "corrects": list(self.corrects),
        }

    def data(self) -> dict[str, Any]:
        """Plain data; `id` is the digest of all the rest."""
        return {"id": self.id, **self._said()}


def month_days(month: str) -> tuple[date, date]:
    """First and last day of a month written `YYYY-MM`; `BadUsage` when it is no month."""
    if not _MONTH.fullmatch(month) or month.startswith("0000"):
        raise BadUsage(f"月份“{month}”不是 YYYY-MM 的写法。")
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def bill(terms: Terms, month: str, usages: Iterable[Usage], law: PriceLaw) -> Bill:
    """The ordinary bill of a month (`YYYY-MM`). Raises `BadUsage` for calls that are not of this month or
    agreement, or when one batch id stands for two different counts."""
    kept = _once(terms, month, usages)
    lines = [*_counted(terms, kept, law), *_fixed(terms, month, law)]
    lines += _discounts(terms, lines, law)
    lines += _bounds(terms, month, sum(line.fen for line in lines), law)
    total = sum(line.fen for line in lines)
    return Bill(
        contract=terms.contract,
        zone=terms.zone,
        product=terms.product,
        month=month,
        kind=ORDINARY,
        lines=tuple(lines),
        total=total,
        parts=split(total, terms.shares),
        batches=tuple(usage.batch for usage in kept),
        calls=sum(usage.calls for usage in kept),
    )


def _once(terms: Terms, month: str, usages: Iterable[Usage]) -> list[Usage]:
    """Each batch once, by id."""
    first, last = month_days(month)
    found: dict[str, Usage] = {}
    for usage in usages:
        if not first <= usage.day <= last:
            raise BadUsage(f"调用批次“{usage.batch}”不是 {month} 的。")
        if usage.purpose not in terms.purposes:
            raise BadUsage(f"调用批次“{usage.batch}”的用途不在协议之内。")
        if found.setdefault(usage.batch, usage) != usage:
            raise BadUsage(f"调用批次“{usage.batch}”有两种不同的计数，不能计费。")
    return [found[batch] for batch in sorted(found)]


def _free(terms: Terms, law: PriceLaw) -> frozenset[str]:
    return terms.public_benefit if law.benefit_free else frozenset()


def _counted(terms: Terms, usages: Sequence[Usage], law: PriceLaw) -> Iterator[BillLine]:
    """Each counted line, purpose by purpose: bands are climbed for each purpose (场景) alone."""
    free = _free(terms, law)
    for line in terms.tariff.lines:
        for purpose in sorted(terms.purposes) if line.counted else ():
            count = sum(usage.of(line.unit) for usage in usages if usage.purpose == purpose)
            if count and purpose in free:
                yield _free_line(terms, law, line, purpose, count)
            elif count:
                yield from _band_lines(terms, law, line, purpose, count)


def _free_line(terms: Terms, law: PriceLaw, line: Line, purpose: str, count: int) -> BillLine:
    return BillLine(
        id=f"{line.id}/{purpose}/free",
        kind="free",
        line=line.id,
        purpose=purpose,
        unit=line.unit,
        band="",
        count=count,
        price=Price(0),
        fen=0,
        clause=terms.clauses["purposes"],
        basis=law.benefit_basis,
        sentence=f"用于公共治理、公益事业，{law.benefit_words}。",
    )


def _band_lines(terms: Terms, law: PriceLaw, line: Line, purpose: str, count: int) -> Iterator[BillLine]:
    for number, step in enumerate(steps(line, count), 1):
        yield BillLine(
            id=f"{line.id}/{purpose}/{number}",
            kind="usage",
            line=line.id,
            purpose=purpose,
            unit=line.unit,
            band=step.band.text,
            count=step.count,
            price=step.band.price,
            fen=step.fen,
            clause=terms.clauses["tariff"],
            basis=law.industry_basis,
            sentence=f"{UNITS[line.unit]}，{step.band.text}，{step.count} × {step.band.price.text}。",
        )


def _fixed(terms: Terms, month: str, law: PriceLaw) -> Iterator[BillLine]:
    """Fees of the month; nothing is due where every purpose is free."""
    free = terms.purposes <= _free(terms, law)
    for line in terms.tariff.lines:
        if line.counted:
            continue
        fee, said = _fee(terms, line, month)
        if not said:
            continue
        yield BillLine(
            id=f"{line.id}/fixed",
            kind="free" if free else "fixed",
            line=line.id,
            purpose="",
            unit=line.unit,
            band="",
            count=1,
            price=line.bands[0].price,
            fen=0 if free else fee,
            clause=terms.clauses["purposes" if free else "tariff"],
            basis=law.benefit_basis if free else law.industry_basis,
            sentence=f"协议的用途都是公共治理、公益事业，{law.benefit_words}。" if free else said,
        )


def _fee(terms: Terms, line: Line, month: str) -> tuple[int, str]:
    """A fixed fee of a month and how it was reckoned; no words when none falls due."""
    price, (first, last) = line.bands[0].price, month_days(month)
    if line.unit == "year":
        return (price.fen, "协议年度开始，收取当年费用。") if _year_begins(terms, first, last) else (0, "")
    days = (min(last, terms.ends) - max(first, terms.starts)).days + 1
    if days <= 0:
        return 0, ""
    if line.partial == "by_day" and days < last.day:
        return half_up(price.exact * days / last.day), f"协议在本月有效 {days} 日，按 {days}/{last.day} 计。"
    return price.fen, "每月固定费用。"


def _year_begins(terms: Terms, first: date, last: date) -> bool:
    years = first.year - terms.starts.year
    return years >= 0 and first <= add_months(terms.starts, 12 * years) <= min(last, terms.ends)


def _discounts(terms: Terms, lines: Sequence[BillLine], law: PriceLaw) -> list[BillLine]:
    """What a discount takes off the counted lines of its purposes."""
    found = []
    for discount in terms.tariff.discounts:
        for purpose in sorted(discount.purposes):
            full = sum(line.fen for line in lines if line.kind == "usage" and line.purpose == purpose)
            off = half_up(full * discount.pay) - full
            if off:
                found.append(
                    _adjusting(
                        terms,
                        law,
                        f"{discount.id}/{purpose}/discount",
                        "discount",
                        off,
                        f"优惠：{share_text(discount.pay)}，按 {full} 分计。",
                        line=discount.id,
                        purpose=purpose,
                    )
                )
    return found


def share_text(pay: Fraction) -> str:
    """A share of a price in words: 付 4/5."""
    return f"付 {pay.numerator}/{pay.denominator}" if pay else "全免"


def _bounds(terms: Terms, month: str, total: int, law: PriceLaw) -> list[BillLine]:
    """Up to the monthly minimum, or down to the cap of the agreement."""
    first, last = month_days(month)
    least, most = terms.tariff.minimum, terms.tariff.maximum
    holds = terms.starts <= last and first <= terms.ends
    if most is not None and total > most:
        said = f"合计 {total} 分，超过每月封顶 {most} 分的部分不收。"
        return [_adjusting(terms, law, "maximum", "maximum", most - total, said)]
    if holds and total < least and not terms.purposes <= _free(terms, law):
        said = f"合计 {total} 分，补足到每月最低消费 {least} 分。"
        return [_adjusting(terms, law, "minimum", "minimum", least - total, said)]
    return []


def _adjusting(
    terms: Terms,
    law: PriceLaw,
    id_: str,
    kind: str,
    fen: int,
    sentence: str,
    line: str = "",
    purpose: str = "",
) -> BillLine:
    return BillLine(
        id=id_,
        kind=kind,
        line=line,
        purpose=purpose,
        unit="",
        band="",
        count=1,
        price=None,
        fen=fen,
        clause=terms.clauses["tariff"],
        basis=law.industry_basis,
        sentence=sentence,
    )
