"""Thresholds from the packs installed in the data domain; what a message says can only be stricter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from gongshu.enclave.attack.spec import Floor
from gongshu.enclave.runner import MIB
from gongshu.enclave.runner import Limits as Job
from gongshu.law import rules


@dataclass(frozen=True)
class Limits:
    """What the packs of a zone say about release on a day. `packs`: digest of the zone's packs."""

    floor: Floor
    reviewers: int
    packs: str

    def data(self) -> dict[str, Any]:
        return {
            "threshold": self.floor.threshold,
            "nk": [self.floor.nk[0], str(self.floor.nk[1])],
            "p": str(self.floor.p),
            "reviewers": self.reviewers,
        }


def releases(zone: str, on: date) -> int:
    """How many requests for release of a project are set against raw data a day."""
    return int(rules.at(zone, on).limit("releases.per_day").value)


def work(zone: str, on: date, grant: Mapping[str, Any]) -> Job:
    """Time and memory of one job on raw data: the packs' limits, less where the grant's `limits` say so
    (`seconds`, `memory_mib`; whole numbers above 0, anything else is not heard)."""
    found = rules.at(zone, on)
    told = grant.get("limits")
    said = told if isinstance(told, Mapping) else {}

    def least(limit: str, word: str) -> int:
        most, own = int(found.limit(limit).value), said.get(word)
        return min(most, own) if isinstance(own, int) and not isinstance(own, bool) and own > 0 else most

    # the width of the channel is reckoned for no longer runs than these
    seconds = min(float(least("run.seconds", "seconds")), Job().seconds)
    return Job(seconds=seconds, memory=least("run.memory", "memory_mib") * MIB)


def at(zone: str, on: date) -> Limits:
    """The limits of a zone on the business day `on`."""
    found = rules.at(zone, on)
    n, k = found.limit("attack.nk").value
    floor = Floor(
        int(found.limit("attack.threshold").value),
        (int(n), Decimal(str(k))),
        Decimal(str(found.limit("attack.p").value)),
        int(found.limit("attack.degrees_of_freedom").value),
        int(found.limit("attack.rounding").value),
        (
            Decimal(str(found.limit("attack.membership_review").value)),
            Decimal(str(found.limit("attack.membership_block").value)),
        ),
        Decimal(str(found.limit("attack.memory_gain").value)),
    )
    return Limits(floor, int(found.limit("review.minimum").value), found.digest)
