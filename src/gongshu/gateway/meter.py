"""What was answered, counted: calls by contract and product, distinct subjects a day, exactly.

Everything here can be counted again from the journal of calls: `Meter.add` takes a record's facts when a call
is answered and the same facts when the journal is read at a start. `totals.json` only says from which
record on reading is needed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.hashes import hmac_of
from gongshu.wire.store import write_file

DAY_MS, SHANGHAI_MS = 86_400_000, 8 * 3_600_000
_MARK = 32


def wall_day(at_ms: int) -> int:
    """The wall-clock day in Asia/Shanghai as a number of days since 1970."""
    return (at_ms + SHANGHAI_MS) // DAY_MS


@dataclass(slots=True)
class Tally:
    """Counts of one contract. `day`, `month` are of the wall clock in Asia/Shanghai."""

    day: int = 0
    today: int = 0
    subjects: set[str] = field(default_factory=set)
    month: str = ""
    this_month: int = 0
    total: int = 0

    def turn(self, day: int, month: str) -> None:
        if day != self.day:
            self.day, self.today, self.subjects = day, 0, set()
        if month != self.month:
            self.month, self.this_month = month, 0


class Days:
    """Months of wall-clock days, and subjects as this gateway alone writes them; computed once a day."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._mac = hmac_of(secret)
        self._keys: dict[tuple[int, str], bytes] = {}
        self._months: dict[int, str] = {}

    def month(self, day: int) -> str:
        found = self._months.get(day)
        if found is None:
            found = datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m")
            self._months = {day: found}
        return found

    def who(self, subject: str) -> str:
        """A subject (`wire.subjects.name`) as this gateway alone can write it: HMAC, 32 hex digits."""
        return self._mac(subject.encode()).hex()[:_MARK]

    def mark(self, day: int, product: str, who: str) -> str:
        """The subject on one day for one product: two days or products of the same subject share nothing."""
        key = self._keys.get((day, product))
        if key is None:
            if len(self._keys) > 10_000:
                self._keys.clear()
            key = hmac.digest(self._secret, f"{day}\n{product}".encode(), "sha256")
            self._keys[day, product] = key
        return hashlib.sha256(key + who.encode()).hexdigest()[:_MARK]


@dataclass
class Meter:
    """The counts in force."""

    days: Days
    contracts: dict[str, Tally] = field(default_factory=dict)
    products: dict[str, Tally] = field(default_factory=dict)

    def of(self, table: dict[str, Tally], id_: str, day: int) -> Tally:
        """The tally of a contract or product, turned to the day."""
        tally = table.get(id_)
        if tally is None:
            tally = table[id_] = Tally()
        if tally.day != day:
            tally.turn(day, self.days.month(day))
        return tally

    def add(self, contract: str, product: str, day: int, mark: str) -> bool:
        """One answered call; True when the contract asks about this subject for the first time today."""
        mine, all_ = self.of(self.contracts, contract, day), self.of(self.products, product, day)
        mine.today += 1
        mine.this_month += 1
        mine.total += 1
        all_.today += 1
        if not mark:
            return False
        before = len(mine.subjects)
        mine.subjects.add(mark)
        all_.subjects.add(mark)
        return len(mine.subjects) > before

    def take_back(self, contract: str, product: str, day: int) -> None:
        """A call that was counted and then not answered. Its subject stays counted for the day: too many
        rather than too few, and a restart counts it right."""
        mine, all_ = self.contracts[contract], self.products[product]
        if mine.day == day:
            mine.today -= 1
            mine.this_month -= 1
        mine.total -= 1
        if all_.day == day:
            all_.today -= 1


@dataclass
class Totals:
    """Counts up to a record of the journal, so that a start reads only what came after.

    `upto`: the last record in `contracts` (id → month, this_month, total); `firsts`: wall day → the number
    of its first record.
    """

    upto: int = 0
    firsts: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Totals:
        if not path.exists():
            return cls()
        kept = canonical.loads(path.read_bytes())
        return cls(kept["upto"], kept["firsts"], kept["contracts"])

    def save(self, path: Path) -> None:
        body = {"v": 1, "upto": self.upto, "firsts": self.firsts, "contracts": self.contracts}
        write_file(path, canonical.dumps(body))

    def read_from(self, today: int) -> int:
        """The record after which a start must read: all of today and yesterday, and what is not in here."""
        recent = [number - 1 for day, number in self.firsts.items() if int(day) >= today - 1]
        return min([self.upto, *recent])

    def day_from(self, day: int) -> int:
        """The record after which the receipts of a wall day lie."""
        return max([number - 1 for one, number in self.firsts.items() if int(one) <= day], default=0)

    def add(self, batches: Iterable[Mapping[str, Any]], upto: int, days: Days) -> None:
        """Take the batches up to a record; `wall_day`, `contract`, `count`, `first` of each are read."""
        for batch in batches:
            day, month = str(batch["wall_day"]), days.month(batch["wall_day"])
            self.firsts[day] = min(batch["first"], self.firsts.get(day, batch["first"]))
            row = self.contracts.setdefault(batch["contract"], {"month": month, "this_month": 0, "total": 0})
            row["total"] += batch["count"]
            if row["month"] < month:
                row["month"], row["this_month"] = month, 0
            if row["month"] == month:
                row["this_month"] += batch["count"]
        self.upto = upto
