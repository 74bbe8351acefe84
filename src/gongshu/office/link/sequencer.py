"""The sequencer: numbers the office's journal and puts every domain's lines into the one log.

Each step may be cut off anywhere and is simply done again: numbers are given once, and the log takes each
(source, number) once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import sha256
from gongshu.evidence import proof
from gongshu.evidence.log import Log
from gongshu.office.link.evidence import SOURCE
from gongshu.office.link.models import JournalLine, OutboxEntry

logger = logging.getLogger(__name__)
BATCH = 5_000
KEYS = ("log", "log-sm2")


@lru_cache(maxsize=1)
def log() -> Log:
    """The log of this home; one process holds it."""
    signers = {name: settings.KEYS.signer(name) for name in KEYS}
    return Log(settings.LOG_DIR, settings.SITE.origin, signers)


def consistency(before: int, size: int) -> dict[str, Any]:
    """The proof that the log of `before` entries is the beginning of that of `size`."""
    return proof.consistency(settings.LOG_DIR, before, size)


def entry_of(row: OutboxEntry) -> dict[str, Any]:
    """The evidence entry of a numbered outbox row."""
    return {**row.fields, "source": SOURCE, "seq": row.number}


@transaction.atomic
def number_waiting() -> int:
    """Give the next numbers and chain digests to rows that have none, in the order of writing."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('gongshu.sequencer'))")
    waiting = list(OutboxEntry.objects.filter(number__isnull=True).order_by("id")[:BATCH])
    if not waiting:
        return 0
    last = OutboxEntry.objects.aggregate(last=Max("number"))["last"] or 0
    chain = OutboxEntry.objects.values_list("chain", flat=True).get(number=last) if last else ""
    for row in waiting:
        last += 1
        row.number = last
        row.chain = chain = sha256(bytes.fromhex(chain) + dumps(entry_of(row))).hex()
    _write_numbers(waiting)
    return len(waiting)


def _write_numbers(rows: list[OutboxEntry]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update link_outboxentry o set number = v.number, chain = v.chain "
            "from unnest(%s::bigint[], %s::bigint[], %s::text[]) as v(id, number, chain) where o.id = v.id",
            [[row.pk for row in rows], [row.number for row in rows], [row.chain for row in rows]],
        )


def append_waiting(now: datetime) -> int:
    """Put numbered rows and other domains' lines into the log; how many entries it grew."""
    own = OutboxEntry.objects.filter(number__gt=log().last(SOURCE)).order_by("number")[:BATCH]
    entries: list[tuple[Any, Mapping[str, Any]]] = [(row, entry_of(row)) for row in own]
    for source in JournalLine.objects.filter(index__isnull=True).values_list("source", flat=True).distinct():
        entries += _lines(source)
    if not entries:
        return 0
    before = log().size
    log().append([entry for _, entry in entries], now)
    _write_places(
        "link_outboxentry", [row for row, _ in entries if isinstance(row, OutboxEntry)], entries, before
    )
    _write_places(
        "link_journalline", [row for row, _ in entries if isinstance(row, JournalLine)], entries, before
    )
    return log().size - before


def _lines(source: str) -> list[tuple[JournalLine, Mapping[str, Any]]]:
    """The waiting lines of a source from the next number on; a gap is an alarm and waits for its filling."""
    taken = log().last(source)
    JournalLine.objects.filter(source=source, index__isnull=True, number__lte=taken).update(index=-1)
    found = []
    for line in JournalLine.objects.filter(source=source, index__isnull=True).order_by("number")[:BATCH]:
        if line.number != taken + len(found) + 1:
            logger.error("journal of %s: gap before %s", source, line.number)
            break
        found.append((line, line.fields))
    return found


def _write_places(table: str, rows: list[Any], entries: list[tuple[Any, Any]], before: int) -> None:
    """Write where in the log each row lies, so that its proof is found at once."""
    places = {id(row): before + place for place, (row, _) in enumerate(entries)}
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                f'update {table} t set "index" = v.place '  # noqa: S608 — one of two names of this module
                "from unnest(%s::bigint[], %s::bigint[]) as v(id, place) where t.id = v.id",
                [[row.pk for row in rows], [places[id(row)] for row in rows]],
            )


def step(now: datetime) -> int:
    """Number and append until nothing waits; how many entries the log grew."""
    grown = 0
    while True:
        numbered = number_waiting()
        added = append_waiting(now)
        grown += added
        if not numbered and not added:
            return grown
