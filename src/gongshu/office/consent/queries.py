"""Reading: what a subject sees of its own, what accounts see of requests and complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Sum

from gongshu.office.accounts.actors import Actor
from gongshu.office.consent import terms
from gongshu.office.consent.models import (
    Complaint,
    Consent,
    ConsentRequest,
    ConsentUse,
    Subject,
    SubjectNotice,
    Withdrawal,
)
from gongshu.office.link.models import FeedItem
from gongshu.wire.times import instant

TONES = {"live": "live", "not_yet": "pending", "withdrawn": "withdrawn", "used": "closed"}


@dataclass(frozen=True)
class Given:
    """A consent as its subject sees it. `uses`: all in all; `last`: the last day it was used."""

    row: Consent
    state: str
    uses: int
    last: date | None
    withdrawal: Withdrawal | None

    @property
    def title(self) -> str:
        return terms.STATES[self.state]

    @property
    def tone(self) -> str:
        return TONES.get(self.state, "expired")

    @property
    def withdrawable(self) -> bool:
        return self.withdrawal is None


def envelope(consent: Consent) -> dict[str, Any]:
    """The signed message of a consent, exactly as it was published."""
    item = FeedItem.objects.get(zone=consent.zone_id, seq=consent.sent, kind="consent")
    return dict(item.envelope)


def mine(subject: Subject) -> Any:
    rows = Consent.objects.filter(subject=subject)
    return rows.select_related("product__operator", "buyer", "agreement__case", "request", "zone").order_by(
        "-wall_at"
    )


def given(subject: Subject, today: date) -> list[Given]:
    """Everything a subject has agreed to, the newest first. Three queries."""
    rows = list(mine(subject)[:500])
    return views_of(rows, today)


def views_of(rows: Sequence[Consent], today: date) -> list[Given]:
    ids = [row.pk for row in rows]
    totals: dict[str, tuple[int, date]] = {}
    for consent, day, count in (
        ConsentUse.objects.filter(consent__in=ids).values_list("consent_id", "day").annotate(n=Sum("count"))
    ):
        before, last = totals.get(consent, (0, day))
        totals[consent] = (before + count, max(last, day))
    taken = {each.consent_id: each for each in Withdrawal.objects.filter(consent__in=ids)}
    found = []
    for row in rows:
        uses, last = totals.get(row.pk, (0, None))
        running = row.agreement.case.state == "filed"
        state = terms.state(row.pk in taken, running, row.kind, uses, (row.since, row.until), today)
        found.append(Given(row, state, uses, last, taken.get(row.pk)))
    return found


def by_day(consents: Sequence[str]) -> list[dict[str, Any]]:
    """How often consents were used, a line a day and consent, the newest first."""
    rows = ConsentUse.objects.filter(consent__in=list(consents)).order_by("-day", "consent_id")
    return list(rows.values("day", "consent_id").annotate(count=Sum("count"))[:1000])


def effects(row: Withdrawal) -> list[tuple[str, float]]:
    """(gateway's key, seconds from the withdrawal until it acted)."""
    found = [(key, (instant(at, "at") - row.wall_at).total_seconds()) for key, at in row.effects.items()]
    return [(key, max(0.0, round(seconds, 1))) for key, seconds in sorted(found)]


def notices(subject: Subject) -> list[SubjectNotice]:
    return list(SubjectNotice.objects.filter(subject=subject).order_by("-wall_at", "-pk")[:20])


def requests(actor: Actor) -> Any:
    rows = ConsentRequest.objects.for_actor(actor).select_related(
        "agreement__product", "agreement__buyer", "agreement__case", "consent"
    )
    return rows.order_by("-wall_at")


def complaints(actor: Actor) -> Any:
    rows = Complaint.objects.for_actor(actor).select_related("consent__product", "consent__buyer", "zone")
    return rows.order_by("-wall_at")
