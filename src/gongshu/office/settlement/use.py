"""What a buyer's engineer needs of one agreement: today's use against the quota, credential, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Sum

from gongshu.contract.grounds import SAYINGS
from gongshu.contract.model import Contract
from gongshu.law.rules import Rules
from gongshu.money.why import clause_title
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import billing
from gongshu.office.settlement.models import CallBatch

FULL, NEARLY = 100, 80
"""Per cent of a limit."""


@dataclass(frozen=True)
class Use:
    """One count against its limit; `limit` None: none agreed."""

    title: str
    used: int
    limit: int | None

    @property
    def percent(self) -> int:
        return min(100, 100 * self.used // self.limit) if self.limit else 0

    @property
    def tone(self) -> str:
        return "overdue" if self.percent >= FULL else "returned" if self.percent >= NEARLY else "valid"

    @property
    def word(self) -> str:
        return "已用完" if self.percent >= FULL else "快用完" if self.percent >= NEARLY else "充足"


def counts(row: Agreement, contract: Contract, today: date) -> list[Use]:
    """The answered calls the gateway reported, by business day. The gateway itself counts by the wall clock
    and before it answers; here the numbers come with its batches, some seconds later."""
    batches = CallBatch.objects.filter(zone_id=row.zone_id, contract=row.pk)
    day = batches.filter(day=today).aggregate(calls=Sum("calls"), subjects=Sum("subjects"))
    month = batches.filter(day__year=today.year, day__month=today.month).aggregate(calls=Sum("calls"))
    whole = batches.aggregate(calls=Sum("calls"))
    quota = contract.quota
    found = [
        Use("今日回答", day["calls"] or 0, quota.calls_per_day),
        Use("本月回答", month["calls"] or 0, quota.calls_per_month),
        Use("总共回答", whole["calls"] or 0, quota.calls_total),
    ]
    if quota.subjects_per_day:
        found.append(Use("今日不同主体", day["subjects"] or 0, quota.subjects_per_day))
    return found


def refusals(contract: Contract, rules: Rules) -> Iterator[dict[str, Any]]:
    """Every reason the contract may refuse a call: code, sentence, clause, what to do."""
    for code, saying in SAYINGS.items():
        if code != "allowed":
            yield {
                "code": code,
                "sentence": saying.sentence,
                "clause": clause_title(contract.clauses[saying.term], rules),
                "next": saying.changes,
            }


def page(row: Agreement, rules: Rules, today: date) -> dict[str, Any]:
    """Everything the page shows. Raises `BadContract` before the agreement is signed."""
    contract = billing.contract_of(row)
    gateway = settings.SITE.urls["gateway"]
    credential = row.signed["credential"]["id"]
    return {
        "counts": counts(row, contract, today),
        "refusals": list(refusals(contract, rules)),
        "gateway": gateway,
        "credential": credential,
        "purposes": sorted(contract.purposes),
        "fields": sorted(contract.fields),
        "openapi": f"{gateway}/v1/openapi.json",
        "secret": f"{gateway}/v1/credentials/{credential}/secret",
        "reconciliation": f"{gateway}/v1/credentials/{credential}/reconciliation/{today.isoformat()}",
    }
