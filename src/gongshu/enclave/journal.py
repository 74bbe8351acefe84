"""The data domain's journal: one line in the transaction of each act, numbered and posted by the enclave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import sha256
from gongshu.enclave import clock
from gongshu.enclave.outgoing import post
from gongshu.enclave.store.models import JournalEntry
from gongshu.evidence import entry
from gongshu.law import grounds
from gongshu.wire import hold
from gongshu.wire.journal import LARGEST, named

SOURCES = ("enclave", "airlock")


def record(
    *,
    source: str,
    act: str,
    actor: str,
    role: str,
    subject: str,
    zone: str,
    now: datetime,
    case: str = "",
    ground: str = "",
    digests: Mapping[str, str] | None = None,
) -> JournalEntry:
    """Write one line for `source` in the caller's transaction. `now` is wall time; nothing is free text.

    With a `now` still to come the line leaves no sooner than then.

    `ground`: what the act rests on; its articles are those of the zone on the business day.

    Digests of unreleased outputs must be salted by the caller: their salts stay in the data domain.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("存证必须写在同一事务里。")
    made = entry.make(
        source,
        1,
        now,
        zone,
        actor,
        subject,
        role,
        act,
        case,
        sorted(grounds.basis(zone, ground, clock.business_today(zone, now))) if ground else [],
        dict(digests or {}),
        moved=clock.offset_seconds(zone) or None,
    )
    fields = {key: value for key, value in made.items() if key not in ("source", "seq")}
    return JournalEntry.objects.create(source=source, fields=fields, written=now)


def name_of(role: str) -> str:
    """The name of a role's journal now: after a restore a new one, which starts again at 1."""
    return named(role, hold.incarnation(settings.SITE))


@transaction.atomic
def number_waiting(role: str, now: datetime, limit: int = 1000) -> int:
    """Give the next numbers and chain digests to lines not yet numbered, in the order of writing.

    A line whose own time has not come yet waits: what it says of a run is heard at a full ten seconds only.
    """
    waiting = JournalEntry.objects.filter(source=role, number__isnull=True, written__lte=now).order_by("id")
    if not waiting.exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"journal:{role}"])
    source = name_of(role)
    lines = list(waiting[:limit])
    last = JournalEntry.objects.filter(source=source).aggregate(last=Max("number"))["last"] or 0
    chain = ""
    if last:
        chain = JournalEntry.objects.values_list("chain", flat=True).get(source=source, number=last)
    for line in lines:
        last += 1
        line.source, line.number = source, last
        line.chain = chain = sha256(bytes.fromhex(chain) + dumps(line_of(line))).hex()
    JournalEntry.objects.bulk_update(lines, ["source", "number", "chain"])
    return len(lines)


def line_of(row: JournalEntry) -> dict[str, object]:
    """The evidence entry of a numbered line."""
    return {**row.fields, "source": row.source, "seq": row.number}


@transaction.atomic
def post_waiting(role: str, now: datetime) -> int:
    """Wrap numbered lines that have not left into messages for the office; how many lines.

    A message holds lines of one journal: those of before a restore leave under their old name.
    """
    unposted = JournalEntry.objects.filter(posted__isnull=True, number__isnull=False)
    names = unposted.filter(Q(source=role) | Q(source__startswith=f"{role}.")).values_list(
        "source", flat=True
    )
    done = 0
    for source in sorted(set(names)):
        rows = list(unposted.filter(source=source).select_for_update().order_by("number")[:LARGEST])
        body = {"source": source, "entries": [line_of(row) for row in rows]}
        post("journal", body, zone=settings.SITE.zone, now=now, source=role)
        JournalEntry.objects.filter(pk__in=[row.pk for row in rows]).update(posted=now)
        done += len(rows)
    return done


def step(now: datetime) -> int:
    """Number and post what waits, for both journals of the data domain."""
    if not JournalEntry.objects.filter(posted__isnull=True, written__lte=now).exists():
        return 0
    for role in SOURCES:
        number_waiting(role, now)
    return sum(post_waiting(role, now) for role in SOURCES)
