"""Thresholds from the packs installed in the data domain; what a message says can only be stricter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from gongshu.enclave.attack.spec import Floor
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
    )
    return Limits(floor, int(found.limit("review.minimum").value), found.digest)
