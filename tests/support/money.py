"""Terms, usage and price law for tests of money."""

from __future__ import annotations

from datetime import date
from typing import Any

from gongshu.law import rules
from gongshu.money import split, tariff
from gongshu.money.bill import Terms, Usage
from gongshu.money.pricelaw import PriceLaw, price_law
from gongshu.money.reading import Reading
from gongshu.money.split import Share
from gongshu.money.tariff import Tariff

ON = date(2026, 6, 10)
LAW = price_law(rules.at("hubei", ON))
PURPOSES = frozenset({"loan-review", "public-service"})
TARIFF: dict[str, Any] = {
    "lines": [
        {
            "id": "calls",
            "unit": "call",
            "bands": [
                {"up_to": 100, "fen": 30, "per": 1},
                {"up_to": 300, "fen": 20, "per": 1},
                {"up_to": None, "fen": 5, "per": 2},
            ],
        },
    ],
    "discounts": [],
    "minimum": 0,
    "maximum": None,
}
SPLIT: list[dict[str, Any]] = [
    {"role": "provider", "organisation": "org-a", "parts": 1},
    {"role": "operator", "organisation": "org-op", "parts": 1},
    {"role": "developer", "organisation": "org-dev", "parts": 1},
]


def make_tariff(purposes: frozenset[str] = PURPOSES, **changes: Any) -> Tariff:
    reading = Reading()
    made = tariff.read(reading, {**TARIFF, **changes}, purposes)
    assert not reading.problems, reading.problems
    return made


def shares(rows: list[dict[str, Any]] | None = None) -> tuple[Share, ...]:
    reading = Reading()
    made = split.read(reading, rows or SPLIT)
    assert not reading.problems, reading.problems
    return made


def terms(purposes: frozenset[str] = PURPOSES, benefit: tuple[str, ...] = (), **changes: Any) -> Terms:
    """Terms of 2026-05-10 to 2028-05-09; `changes` to the tariff."""
    return Terms(
        contract="ag-1",
        zone="hubei",
        product="pd-1",
        buyer="org-bank",
        operator="org-op",
        starts=date(2026, 5, 10),
        ends=date(2028, 5, 9),
        purposes=purposes,
        public_benefit=frozenset(benefit),
        tariff=make_tariff(purposes, **changes),
        shares=shares(),
        clauses={"tariff": "pricing", "split": "pricing", "purposes": "scene"},
    )


def usage(batch: str, calls: int, day: int = 1, purpose: str = "loan-review", **counts: int) -> Usage:
    return Usage(
        batch,
        date(2026, 6, day),
        purpose,
        calls,
        counts.get("hits", calls),
        counts.get("subjects", calls),
    )


def law(zone: str) -> PriceLaw:
    return price_law(rules.at(zone, ON))
