"""Envelopes for the office's inbox: signed and kept in the transaction of the act, sent until taken."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Sign and keep one envelope of `source` (enclave or airlock). Raises `WireError` on a bad body."""
    check_body(kind, kind_of(kind, "inbox"), body)
    with connection.cursor() as cursor:  # one number at a time for a source
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"outgoing:{source}"])
    last = Outgoing.objects.filter(source=source).aggregate(last=Max("number"))["last"] or 0
    number = max(last + 1, hold.first_number(settings.SITE))
    made = wire.make(kind, zone, number, body, now)
    signed = wire.sign(made, source, settings.KEYS.signer(source))
    return Outgoing.objects.create(
        source=source, number=number, kind=kind, envelope=signed.data(), not_before=not_before or now
    )


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
