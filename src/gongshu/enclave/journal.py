"""The data domain's journal: one line in the transaction of each act, numbered and posted by the enclave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import sha256
from gongshu.enclave import clock
from gongshu.enclave.outgoing import post
from gongshu.enclave.store.models import JournalEntry
from gongshu.evidence import entry
from gongshu.wire.journal import LARGEST

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
    articles: Iterable[str] = (),
    digests: Mapping[str, str] | None = None,
) -> JournalEntry:
    """Write one line for `source` in the caller's transaction. `now` is wall time; nothing is free text.

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
        sorted(set(articles)),
        dict(digests or {}),
        moved=clock.offset_seconds(zone) or None,
    )
    fields = {key: value for key, value in made.items() if key not in ("source", "seq")}
    return JournalEntry.objects.create(source=source, fields=fields, written=now)


@transaction.atomic
def number_waiting(source: str, limit: int = 1000) -> int:
    """Give the next numbers and chain digests to lines not yet numbered, in the order of writing."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"journal:{source}"])
    waiting = list(JournalEntry.objects.filter(source=source, number__isnull=True).order_by("id")[:limit])
    last = JournalEntry.objects.filter(source=source).aggregate(last=Max("number"))["last"] or 0
    chain = ""
    if last:
        chain = JournalEntry.objects.values_list("chain", flat=True).get(source=source, number=last)
    for line in waiting:
        last += 1
        line.number = last
        line.chain = chain = sha256(bytes.fromhex(chain) + dumps(line_of(line))).hex()
    JournalEntry.objects.bulk_update(waiting, ["number", "chain"])
    return len(waiting)


def line_of(row: JournalEntry) -> dict[str, object]:
    """The evidence entry of a numbered line."""
    return {**row.fields, "source": row.source, "seq": row.number}


@transaction.atomic
def post_waiting(source: str, now: datetime) -> int:
    """Wrap numbered lines that have not left into messages for the office; how many lines."""
    rows = list(
        JournalEntry.objects.select_for_update()
        .filter(source=source, number__isnull=False, posted__isnull=True)
        .order_by("number")[:LARGEST]
    )
    if rows:
        body = {"source": source, "entries": [line_of(row) for row in rows]}
        post("journal", body, zone=settings.SITE.zone, now=now, source=source)
        JournalEntry.objects.filter(pk__in=[row.pk for row in rows]).update(posted=now)
    return len(rows)


def step(now: datetime) -> int:
    """Number and post what waits, for both sources of the data domain."""
    for source in SOURCES:
        number_waiting(source)
    return sum(post_waiting(source, now) for source in SOURCES)
