"""A usage agreement, its ceiling, a consent and a call that fit each other; tests change one thing."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

from gongshu.contract.consent import Consent, compile_consent
from gongshu.contract.evaluate import Call
from gongshu.contract.model import Ceiling, Contract, compile_ceiling, compile_contract

FIELDS = ["缴存状态", "连续缴存月数"]
BODY: dict[str, Any] = {
    "v": 2,
    "id": "ag-1",
    "product": "pd-1",
    "operator": "org-op",
    "operator_key": "k-op",
    "buyer": "org-bank",
    "key": "k1",
    "from": "2026-05-01",
    "until": "2027-04-30",
    "purposes": ["loan-review", "public-service"],
    "public_benefit": ["public-service"],
    "fields": FIELDS,
    "consent": "standing",
    "quota": {"calls_per_day": 10, "calls_per_month": 100, "calls_total": 500, "subjects_per_day": 5},
    "rate": {"per_second": 2, "burst": 4},
    "over_scope": {"tries": 3, "seconds": 60},
    "prohibitions": ["resell", "reidentify"],
    "tariff": {
        "lines": [
            {
                "id": "hits",
                "unit": "hit",
                "bands": [{"up_to": 10, "fen": 30, "per": 1}, {"up_to": None, "fen": 20, "per": 1}],
            },
            {"id": "base", "unit": "month", "fen": 3100, "partial": "by_day"},
        ],
        "discounts": [],
        "minimum": 0,
        "maximum": None,
    },
    "split": [
        {"role": "developer", "organisation": "org-dev", "parts": 1},
        {"role": "operator", "organisation": "org-op", "parts": 6},
        {"role": "provider", "organisation": "org-gjj", "parts": 3},
    ],
    "clauses": {
        "parties": "parties",
        "purposes": "scene",
        "period": "term",
        "fields": "conditions",
        "quota": "conditions",
        "rate": "conditions",
        "consent": "security",
        "over_scope": "breach",
        "prohibitions": "security",
        "tariff": "pricing",
        "split": "pricing",
    },
}
CEILING: dict[str, Any] = {
    "id": "cl-1",
    "product": "pd-1",
    "grant": "g-1",
    "buyers": [{"organisation": "org-bank", "key": "k1"}, {"organisation": "org-b2", "key": "k2"}],
    "purposes": ["loan-review", "public-service", "other"],
    "fields": [*FIELDS, "单位名称"],
    "calls_per_day": 20,
    "subjects_per_day": 8,
    "consent": "standing",
}
CONSENT: dict[str, Any] = {
    "id": "cs-1",
    "subject": "sealed",
    "product": "pd-1",
    "buyer": "org-bank",
    "contract": "ag-1",
    "purpose": "loan-review",
    "fields": FIELDS,
    "from": "2026-06-01",
    "until": "2026-06-30",
    "kind": "standing",
}


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place (`a.b.0.c`) set; `...` takes it away."""
    made = copy.deepcopy(body)
    *way, last = path.split(".")
    place: Any = made
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    key: Any = int(last) if isinstance(place, list) else last
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return made


def contract(**paths: Any) -> Contract:
    body = BODY
    for path, value in paths.items():
        body = changed(body, path.replace("__", "."), value)
    return compile_contract("huangshi", body)


def ceiling(**changes: Any) -> Ceiling:
    return compile_ceiling({**CEILING, **changes})


def consent(**changes: Any) -> Consent:
    return compile_consent({**CONSENT, **changes}, "token")


def call(**changes: Any) -> Call:
    given: dict[str, Any] = {
        "day": date(2026, 6, 10),
        "purpose": "loan-review",
        "fields": frozenset(FIELDS),
        "subject": "token",
        "consent": consent(),
    }
    return Call(**{**given, **changes})
