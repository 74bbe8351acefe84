"""Batches of answered calls: what the evidence, the bills and the data subjects are told of them.

A batch holds the receipts of one contract, business day and purpose among the next records of the journal;
its Merkle root (RFC 9162, SHA-256) stands over those records as written. Receipts in, plain data out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gongshu.evidence.tree import merkle_root
from gongshu.gateway.errors import HITS
from gongshu.gateway.meter import wall_day
from gongshu.gateway.receipts import Receipt

# Consents named in one message of uses.
USES = 2000


class Kept(NamedTuple):
    """A record of the journal: number, bytes as written, and read."""

    number: int
    record: bytes
    receipt: Receipt


def root_of(records: Sequence[bytes]) -> str:
    """The Merkle root over records as written."""
    return f"sha256:{merkle_root('sha256', records).hex()}"


@dataclass
class Batcher:
    """Remembers of today and yesterday which subjects a contract asked about and how often consents were
    used: so that a bill counts each subject once a day, and a message of uses gives the day's total."""

    seen: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    """(wall day, contract) → marks"""
    uses: dict[tuple[str, str, str, str], Counter[str]] = field(default_factory=dict)
    """(zone, product, contract, business day) → consent → uses"""
    changed: dict[tuple[str, str, str, str], set[str]] = field(default_factory=dict)
    _fresh: list[tuple[tuple[int, str], str]] = field(default_factory=list)
    """((wall day, contract), mark) first seen in the batches being made"""

    def note(self, receipt: Receipt) -> int:
        """Take one receipt into the day's memory; how many of its subjects are new to the contract today."""
        day = wall_day(receipt.at)
        place = (day, receipt.contract)
        seen = self.seen.get(place)
        if seen is None:
            seen = self.seen[place] = set()
            for old in [one for one in self.seen if one[0] < day - 1]:
                del self.seen[old]
        new = 0
        for item in receipt.items:
            if item.mark and item.mark not in seen:
                seen.add(item.mark)
                self._fresh.append((place, item.mark))
                new += 1
            if item.consent:
                key = (receipt.zone, receipt.product, receipt.contract, receipt.day)
                if key not in self.changed:
                    self.changed[key] = set()
                    self.uses.setdefault(key, Counter())
                self.changed[key].add(item.consent)
                self.uses[key][item.consent] += 1
        return new

    def forget(self, kept: Iterable[Kept]) -> None:
        """Batches that could not be kept are made again later: nothing of them may count twice."""
        for place, mark in self._fresh:
            self.seen.get(place, set()).discard(mark)
        self._fresh = []
        for one in kept:
            receipt = one.receipt
            for item in receipt.items:
                if item.consent:
                    key = (receipt.zone, receipt.product, receipt.contract, receipt.day)
                    self.uses[key][item.consent] -= 1

    def batches(self, kept: Iterable[Kept]) -> list[dict[str, Any]]:
        """The batches of these records in the order of their first one, each as plain data."""
        self._fresh = []
        groups: dict[tuple[str, ...], list[Kept]] = {}
        for one in kept:
            receipt = one.receipt
            key = (receipt.zone, receipt.contract, receipt.product, receipt.day, receipt.purpose)
            groups.setdefault((*key, str(wall_day(receipt.at))), []).append(one)
        return [self._batch(group) for group in groups.values()]

    def _batch(self, group: list[Kept]) -> dict[str, Any]:
        first = group[0].receipt
        answers = Counter(item.answer for one in group for item in one.receipt.items)
        return {
            "zone": first.zone,
            "product": first.product,
            "contract": first.contract,
            "day": first.day,
            "wall_day": wall_day(first.at),
            "purpose": first.purpose,
            "records": len(group),
            "count": answers.total(),
            "hits": sum(answers[one] for one in HITS),
            "subjects": sum(self.note(one.receipt) for one in group),
            "answers": dict(sorted(answers.items())),
            "first": group[0].number,
            "last": group[-1].number,
            "root": root_of([one.record for one in group]),
        }

    def untold(self) -> list[tuple[str, dict[str, Any]]]:
        """(zone, body) of the `uses` messages about consents used since the last `told`: totals of the day,
        so that one said twice says no more."""
        made = []
        for key, consents in self.changed.items():
            zone, product, contract, day = key
            counted = self.uses[key]
            named = sorted(one for one in consents if counted[one])
            for start in range(0, len(named), USES):
                counts = {one: counted[one] for one in named[start : start + USES]}
                made.append((zone, {"product": product, "contract": contract, "day": day, "counts": counts}))
        return made

    def told(self) -> None:
        """All of `untold` was said. Forgets days nobody counts on any more."""
        self.changed = {}
        newest = max((key[3] for key in self.uses), default="")
        for key in sorted(self.uses, key=lambda one: one[3])[:-200]:
            if key[3] < newest:
                del self.uses[key]
