"""Ask a contract: may this call be answered? The answer is a code, a sentence, its ground and its clause.

The gateway's hot path: everything that can be known before a call is compiled, nothing is parsed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gongshu.contract.consent import Consent
from gongshu.contract.grounds import AGREEMENT, COUNTED, SCOPE
from gongshu.contract.model import STRICTNESS, Ceiling, Contract, Ruling

__all__ = ["AGREEMENT", "COUNTED", "SCOPE", "Call", "Ruling", "evaluate", "inside_ceiling"]


@dataclass(slots=True)
class Call:
    """One call and what was counted before it; every count is of answered calls.

    `day`: business day; `calls_*`: of the contract, `product_*`: of the product over all contracts, on the
    wall-clock day (Asia/Shanghai). `subject`: token of the person or firm asked about, empty when nobody
    stands behind the data; `new_subject`, `new_to_product`: not asked about earlier today. `consent`: what
    the gateway holds, or what came with the call. `too_fast`: the token bucket is empty. `halt`: "",
    `stopped` or `tripped`.
    """

    day: date
    purpose: str
    fields: frozenset[str]
    calls_today: int = 0
    product_calls_today: int = 0
    calls_month: int = 0
    calls_total: int = 0
    subject: str = ""
    new_subject: bool = True
    subjects_today: int = 0
    new_to_product: bool = True
    product_subjects_today: int = 0
    consent: Consent | None = None
    withdrawn: bool = False
    consent_used: bool = False
    too_fast: bool = False
    halt: str = ""


def inside_ceiling(contract: Contract, ceiling: Ceiling | None) -> Ruling:
    """Is the agreement as a whole within what the provider confirmed?"""
    if ceiling is None or ceiling.product != contract.product:
        return contract.rulings["no_ceiling"]
    if ceiling.buyers.get(contract.buyer) != contract.key:
        return contract.rulings["buyer"]
    if (
        not contract.purposes <= ceiling.purposes
        or not contract.fields <= ceiling.fields
        or STRICTNESS[contract.consent] < STRICTNESS[ceiling.consent]
    ):
        return contract.rulings["over_scope"]
    return contract.rulings["allowed"]


def evaluate(contract: Contract, ceiling: Ceiling | None, call: Call) -> Ruling:
    """Whether one call is allowed; the first thing that forbids it, in the order of `grounds.SAYINGS`."""
    rulings = contract.rulings
    if call.halt:
        return rulings[call.halt]
    inside = inside_ceiling(contract, ceiling)
    if ceiling is None or not inside.allowed:
        return inside
    day = call.day
    if day < contract.starts:
        return rulings["not_yet"]
    if day > contract.ends:
        return rulings["expired"]
    if call.purpose not in contract.purposes:
        return rulings["purpose"]
    if not call.fields <= contract.fields:
        return rulings["field"]
    if contract.consent != "none":
        missing = _consent(contract, call)
        if missing:
            return rulings[missing]
    spent = _spent(contract, ceiling, call)
    return rulings[spent or "allowed"]


def _consent(contract: Contract, call: Call) -> str:
    """The code of what is wrong with the consent behind a call; empty when it holds."""
    consent = call.consent
    if (
        consent is None
        or not call.subject
        or consent.subject != call.subject
        or consent.product != contract.product
        or consent.buyer != contract.buyer
        or (consent.contract and consent.contract != contract.id)
        or (contract.consent == "each_call" and not consent.once)
    ):
        return "no_consent"
    if call.withdrawn:
        return "withdrawn"
    if not consent.starts <= call.day <= consent.ends:
        return "consent_expired"
    if consent.purpose != call.purpose or not call.fields <= consent.fields:
        return "consent_scope"
    return "consent_used" if consent.once and call.consent_used else ""


def _spent(contract: Contract, ceiling: Ceiling, call: Call) -> str:
    """The code of the count that is used up; empty when none is."""
    quota = contract.quota
    if call.too_fast:
        return "rate"
    if call.calls_today >= quota.calls_per_day:
        return "quota"
    if quota.calls_per_month is not None and call.calls_month >= quota.calls_per_month:
        return "quota_month"
    if quota.calls_total is not None and call.calls_total >= quota.calls_total:
        return "quota_total"
    if call.subject and call.new_subject and call.subjects_today >= quota.subjects_per_day:
        return "subjects"
    if call.product_calls_today >= ceiling.calls_per_day:
        return "ceiling"
    if call.subject and call.new_to_product and call.product_subjects_today >= ceiling.subjects_per_day:
        return "ceiling_subjects"
    return ""
