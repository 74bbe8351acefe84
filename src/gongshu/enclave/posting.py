"""What waits for the office is sent until it is taken; evidence that is refused is never given up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min

from gongshu.enclave import journal, outgoing
from gongshu.enclave.store.models import JournalEntry, Outgoing
from gongshu.wire import envelope as wire
from gongshu.wire import inbox
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unsent:
    """Evidence of one source that the office does not take: since when, how many messages, its last words."""

    source: str
    since: datetime
    messages: int
    code: str
    sentence: str


def post(now: datetime) -> None:
    """Send what waits and is due, in order; what is not taken stays.

    One request a source: what is refused there holds up neither the other source nor other messages.
    """
    for source in journal.SOURCES:
        outgoing.number_due(source, now)
        waiting = Outgoing.objects.filter(source=source, sent__isnull=True, not_before__lte=now, number__gt=0)
        rows = list(waiting.order_by("number")[: inbox.BATCH])
        if not rows:
            continue
        envelopes = [wire.parse(row.envelope) for row in rows]
        try:
            receipt = inbox.post(settings.SITE.urls["link"], envelopes, pauses=())
        except WireError as error:
            log.log(logging.DEBUG if error.code == "line" else logging.ERROR, "inbox: %s", error)
            continue
        settle(rows, envelopes, receipt, now)


def settle(
    rows: Sequence[Outgoing], envelopes: Sequence[wire.Envelope], receipt: inbox.Receipt, now: datetime
) -> None:
    """Write down what the office said of each message."""
    taken = []
    for row, one in zip(rows, envelopes, strict=True):
        said = receipt.answer(one.id, row.kind)
        if said.settled and not said.code:
            taken.append(row.pk)
            continue
        row.refused, row.tries = row.refused or now, row.tries + 1
        row.code, row.sentence = said.code, said.sentence
        row.sent = now if said.settled else None
        row.not_before = now + inbox.again(row.tries)
        row.save(update_fields=["refused", "tries", "code", "sentence", "sent", "not_before"])
        if row.tries == 1:
            log.error("inbox refused %s %s: %s", row.kind, row.number, said.code)
    Outgoing.objects.filter(pk__in=taken).update(sent=now)


def unsent() -> list[Unsent]:
    """The evidence the office refuses or leaves unanswered, a row a source."""
    kept = Outgoing.objects.filter(kind__in=inbox.EVIDENCE, sent__isnull=True, refused__isnull=False)
    rows = kept.values("source").annotate(since=Min("refused"), messages=Count("pk")).order_by("source")
    found = []
    for row in rows:
        last = kept.filter(source=row["source"]).order_by("number").first()
        if last is not None:
            said = (last.code, last.sentence)
            found.append(Unsent(row["source"], row["since"], row["messages"], *said))
    return found


def oldest_unaccepted() -> datetime | None:
    """When the oldest own entry was written that the office has not taken; None when it took all."""
    line = JournalEntry.objects.filter(posted__isnull=True).order_by("id").first()
    row = Outgoing.objects.filter(kind__in=inbox.EVIDENCE, sent__isnull=True).order_by("number").first()
    moments = [line.written] if line is not None else []
    if row is not None:
        moments.append(instant(row.envelope["body"]["entries"][0]["time"], "time"))
    return min(moments, default=None)
