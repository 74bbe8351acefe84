"""Envelopes for the office's inbox: kept in the transaction of the act, signed when due, sent until taken.

What says something of raw data is due at a full ten seconds only: its time, its number among the messages
and the signature over both come to be then, so none of them tells when it was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from gongshu.enclave.store.models import Outgoing
from gongshu.wire import envelope as wire
from gongshu.wire import hold
from gongshu.wire.kinds import check_body, kind_of

ENCLAVE, AIRLOCK = "enclave", "airlock"
TEN = 10


def next_full_ten(now: datetime) -> datetime:
    """The next full ten seconds: an outcome's moment must not tell how long a run took."""
    whole = now.replace(microsecond=0)
    return whole + timedelta(seconds=TEN - whole.second % TEN)


@transaction.atomic
def post(
    kind: str,
    body: Mapping[str, Any],
    *,
    zone: str,
    now: datetime,
    source: str = ENCLAVE,
    not_before: datetime | None = None,
) -> Outgoing:
    """Keep one envelope of `source` (enclave or airlock). Raises `WireError` on a bad body.

    Numbered and signed at once, or by `number_due` when `not_before` is still to come; issued then.
    """
    check_body(kind, kind_of(kind, "inbox"), body)
    due = max(now, not_before or now)
    made = wire.make(kind, zone, 0, body, due)
    row = Outgoing(source=source, kind=kind, envelope=made.data(), not_before=due)
    if due <= now:
        _number([row], source)
    row.save()
    return row


def _number(rows: Sequence[Outgoing], source: str) -> None:
    """Give the rows the next numbers of their source and sign them; the caller saves."""
    with connection.cursor() as cursor:  # one number at a time for a source
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"outgoing:{source}"])
    last = Outgoing.objects.filter(source=source).aggregate(last=Max("number"))["last"] or 0
    number = max(last + 1, hold.first_number(settings.SITE))
    for place, row in enumerate(rows):
        row.number = number + place
        made = replace(wire.parse(row.envelope), seq=row.number)
        row.envelope = wire.sign(made, source, settings.KEYS.signer(source)).data()


def number_due(source: str, now: datetime) -> int:
    """Number and sign what has become due, in the order of keeping; how many. Idle it writes nothing."""
    due = Outgoing.objects.filter(source=source, number__isnull=True, not_before__lte=now).order_by("id")
    if not due.exists():
        return 0
    with transaction.atomic():
        rows = list(due.select_for_update())
        _number(rows, source)
        Outgoing.objects.bulk_update(rows, ["number", "envelope"])
    return len(rows)


def tell_review(
    output: str,
    organisation: str,
    state: str,
    *,
    zone: str,
    now: datetime,
    not_before: datetime | None = None,
    **more: str,
) -> None:
    """The office shows only that a vote is awaited or cast."""
    body = {"output": output, "organisation": organisation, "state": state, **more}
    post("review", body, zone=zone, now=now, source=AIRLOCK, not_before=not_before)
