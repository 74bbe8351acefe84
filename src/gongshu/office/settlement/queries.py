"""Reading money: lists for people, sums that must agree with those of other places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import BigIntegerField, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from gongshu.office.accounts.actors import Actor
from gongshu.office.link.models import InboxMessage
from gongshu.office.products import queries as products
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import pricing
from gongshu.office.settlement.models import Bill, CallBatch, Maximum, YearReport


def bills(actor: Actor) -> Any:
    rows = Bill.objects.for_actor(actor).select_related(
        "agreement__product__operator", "agreement__buyer", "case"
    )
    return rows.order_by("-month", "-at", "pk")


def maxima(actor: Actor) -> Any:
    return Maximum.objects.for_actor(actor).select_related("operator", "case").order_by("-at")


def year_reports(actor: Actor) -> Any:
    return YearReport.objects.for_actor(actor).select_related("operator").order_by("-year", "-at")


def unbilled(actor: Actor) -> Any:
    """Batches that stand in no bill yet: of months not billed, in conflict, or taken back."""
    billed = set[str]()
    for data in Bill.objects.for_actor(actor).values_list("data", flat=True):
        billed ^= set(data["batches"])
    rows = CallBatch.objects.for_actor(actor).exclude(batch__in=sorted(billed))
    return rows.order_by("-day", "batch")


@dataclass(frozen=True)
class PriceLine:
    """A published product with its price list and caps in force on a day."""

    product: Any
    prices: str
    since: date | None
    caps: str
    trial: bool
    cap_case: str


def prices(zone: str, day: date) -> list[PriceLine]:
    """收费公示: every published product of the zone with what it costs and its caps."""
    found = []
    for product, _certificate in products.published(zone, day):
        listed, cap = pricing.listed(product.pk, day), pricing.cap_in_force(product.pk, day)
        said = "；".join(f"{unit} {text}" for unit, text in pricing.cap_lines(cap)) if cap else ""
        found.append(
            PriceLine(
                product,
                listed[0] if listed else "",
                listed[1] if listed else None,
                said,
                bool(cap and cap.trial),
                cap.case_id if cap else "",
            )
        )
    return found


# ------------------------------------------------------------ what must agree


@dataclass(frozen=True)
class Calls:
    """Calls of a zone by where they stand; `reported` must be the sum of all the others."""

    reported: int
    billed: int
    waiting: int
    dropped: int
    conflict: int
    untariffed: int
    undated: int

    @property
    def placed(self) -> int:
        return self.billed + self.waiting + self.dropped + self.conflict + self.untariffed + self.undated


def calls(zone: str) -> Calls:
    """Every call the gateways reported and where it stands. Calls of the test environment are none of them:
    it writes no batch."""
    undated = _messages(zone).filter(~Q(envelope__body__has_key="batch"))
    batches = CallBatch.objects.filter(zone_id=zone)
    standing = _standing(zone)
    priced = set(Agreement.objects.filter(zone_id=zone, signed__contract__v=2).values_list("pk", flat=True))
    counted = {"billed": 0, "waiting": 0, "dropped": 0, "conflict": 0, "untariffed": 0}
    for batch, contract, count, conflict, dropped in batches.values_list(
        "batch", "contract", "calls", "conflict", "dropped"
    ).iterator():
        if batch in standing:
            place = "billed"
        elif conflict:
            place = "conflict"
        elif dropped:
            place = "dropped"
        else:
            place = "waiting" if contract in priced else "untariffed"
        counted[place] += count
    return Calls(reported=reported(zone), undated=undated.aggregate(sum=Sum(SAID))["sum"] or 0, **counted)


SAID = Cast(KeyTextTransform("count", KeyTextTransform("body", "envelope")), BigIntegerField())


def _messages(zone: str) -> Any:
    return InboxMessage.objects.filter(kind="calls", envelope__zone=zone)


def reported(zone: str) -> int:
    """Calls as the gateways' messages say them, each batch once however often it was said."""
    ids = set[str]()
    total = 0
    said = _messages(zone).order_by("pk").values_list("envelope__body__batch", SAID)  # 先到的一条算数
    for batch, count in said.iterator():
        if batch is None or batch not in ids:
            total += count or 0
        if batch is not None:
            ids.add(batch)
    return total


def _standing(zone: str) -> set[str]:
    found = set[str]()
    for data in Bill.objects.filter(zone_id=zone).values_list("data", flat=True).iterator():
        found ^= set(data["batches"])
    return found


@dataclass(frozen=True)
class Money:
    """Sums over every bill of a zone, each counted from another place; `calls` as the bills say."""

    bills: int
    lines: int
    parts: int
    calls: int
    batch_calls: int


def money(zone: str) -> Money:
    """Bills as totalled in their rows, as the sum of their lines, as the sum of their parts; and the calls
    the bills say against those of the batches that stand in them."""
    rows = list(Bill.objects.filter(zone_id=zone).values_list("total", "calls", "data"))
    standing = _standing(zone)
    batches = CallBatch.objects.filter(zone_id=zone, batch__in=sorted(standing))
    return Money(
        bills=sum(total for total, _, _ in rows),
        lines=sum(line["fen"] for _, _, data in rows for line in data["lines"]),
        parts=sum(part["fen"] for _, _, data in rows for part in data["parts"]),
        calls=sum(count for _, count, _ in rows),
        batch_calls=batches.aggregate(sum=Sum("calls"))["sum"] or 0,
    )
