"""The sequencer: numbers the office's journal and puts every domain's lines into the one log.

Each step may be cut off anywhere and is simply done again: numbers are given once, and the log takes each
(source, number) once. The log is durable before the rows learn their places; what was cut off between the
two is found in the log again (`mend`), at a start and after an error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import sha256
from gongshu.evidence import proof
from gongshu.evidence.log import Log
from gongshu.office.link.evidence import SOURCE
from gongshu.office.link.models import JournalLine, OutboxEntry

logger = logging.getLogger(__name__)
BATCH = 5_000
KEYS = ("log", "log-sm2")
OWN, OTHERS = "link_outboxentry", "link_journalline"
ELSEWHERE = -1  # 日志在这个编号下是另一条内容


@dataclass
class Places:
    """`known`: every row the log holds has its place. Not so at a start, nor while or after a step broke."""

    known: bool = False


PLACES = Places()


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
    before, PLACES.known = log().size, False
    log().append([entry for _, entry in entries], now)
    places = [(row, before + place) for place, (row, _) in enumerate(entries)]
    _write_places(OWN, [each for each in places if isinstance(each[0], OutboxEntry)])
    _write_places(OTHERS, [each for each in places if isinstance(each[0], JournalLine)])
    PLACES.known = True
    return log().size - before


def _lines(source: str) -> list[tuple[JournalLine, Mapping[str, Any]]]:
    """The waiting lines of a source from the next number on; a gap is an alarm and waits for its filling."""
    taken = log().last(source)
    late = JournalLine.objects.filter(source=source, index__isnull=True, number__lte=taken)
    _write_places(OTHERS, _found(source, ((row, row.fields) for row in late.order_by("number"))))
    found = []
    for line in JournalLine.objects.filter(source=source, index__isnull=True).order_by("number")[:BATCH]:
        if line.number != taken + len(found) + 1:
            logger.error("journal of %s: gap before %s", source, line.number)
            break
        found.append((line, line.fields))
    return found


def mend() -> None:
    """Give rows the log holds already their places: those a kill or an error left without."""
    own = OutboxEntry.objects.filter(index__isnull=True, number__lte=log().last(SOURCE)).order_by("number")
    found = _found(SOURCE, ((row, entry_of(row)) for row in own))
    _write_places(OWN, [each for each in found if each[1] != ELSEWHERE])
    lost = JournalLine.objects.filter(Q(index__isnull=True) | Q(index=ELSEWHERE))
    for source in lost.values_list("source", flat=True).distinct():
        rows = lost.filter(source=source, number__lte=log().last(source)).order_by("number")
        _write_places(OTHERS, _found(source, ((row, row.fields) for row in rows)))
    PLACES.known = True


def _found(source: str, rows: Iterable[tuple[Any, Mapping[str, Any]]]) -> list[tuple[Any, int]]:
    """Where in the log each row lies; `ELSEWHERE` (an alarm) where the log holds something else."""
    found = []
    for row, entry in rows:
        place = log().find(source, row.number)
        if place is None or dumps(log().entry(place)) != dumps(entry):
            logger.error("journal of %s: the log holds something else under %s", source, row.number)
            place = ELSEWHERE
        found.append((row, place))
    return found


def _write_places(table: str, places: list[tuple[Any, int]]) -> None:
    """Write where in the log each row lies, so that its proof is found at once."""
    if places:
        with connection.cursor() as cursor:
            cursor.execute(
                f'update {table} t set "index" = v.place '  # noqa: S608 — one of two names of this module
                "from unnest(%s::bigint[], %s::bigint[]) as v(id, place) where t.id = v.id",
                [[row.pk for row, _ in places], [place for _, place in places]],
            )


def step(now: datetime) -> int:
    """Number and append until nothing waits; how many entries the log grew."""
    grown = 0
    if not PLACES.known:
        mend()
    while True:
        numbered = number_waiting()
        added = append_waiting(now)
        grown += added
        if not numbered and not added:
            return grown
