"""The inbox: verified, kept, then acted on once by the app that registered for its kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from gongshu.office.link import trust
from gongshu.office.link.models import Cosignature, InboxMessage, JournalLine
from gongshu.wire import envelope as wire
from gongshu.wire.admit import admit
from gongshu.wire.errors import WireError
from gongshu.wire.inbox import Receipt, again
from gongshu.wire.journal import unwrap

Handler = Callable[[wire.Envelope, list[wire.Verified], datetime], None]
HANDLERS: dict[str, list[Handler]] = {}
LOCK = "gongshu.inbox"
log = logging.getLogger(__name__)


def on(kind: str) -> Callable[[Handler], Handler]:
    """Register a handler for one kind of inbox message. Handlers run in a transaction and may run again
    after a failure: they must be idempotent."""

    def register(handler: Handler) -> Handler:
        handlers = HANDLERS.setdefault(kind, [])
        if handler not in handlers:
            handlers.append(handler)
        return handler

    return register


def accept(made: wire.Envelope, now: datetime) -> bool:
    """Verify one envelope and keep it: True when it is new, False when it was kept before.

    The number counts within the sender's key; a different message under a number already used is refused
    with `WireError`, as is everything `admit` refuses.
    """
    admitted = admit(made, trust.current(now), now=now, mark=settings.SITE.mark, direction="inbox")
    if made.kind == "journal":
        check_lines(unwrap(admitted))
    source = admitted.verified[0].key  # never a key that only claims to have signed
    try:
        with transaction.atomic():
            InboxMessage.objects.create(
                source=source, number=made.seq, kind=made.kind, envelope=made.data(), received=now
            )
    except IntegrityError:
        kept = InboxMessage.objects.get(source=source, number=made.seq)
        if wire.parse(kept.envelope).id != made.id:
            raise WireError("replay", "同一编号已经收到过另一份消息，不予接受。") from None
        return False
    return True


def check_lines(lines: Iterable[Mapping[str, Any]]) -> None:
    """Raises when a line came before under its number with other content: one of the two is not evidence."""
    said = {(line["source"], line["seq"]): line for line in lines}
    sources, numbers = {source for source, _ in said}, {number for _, number in said}
    for row in JournalLine.objects.filter(source__in=sources, number__in=numbers):
        if row.fields != said[row.source, row.number]:
            raise WireError("conflict", "同一来源的同一编号已经收到过另一条存证，不予接受。")


def accept_all(items: Iterable[wire.Envelope | WireError], now: datetime) -> Receipt:
    """Accept a batch, each message for itself."""
    accepted, duplicates, refused = [], [], []
    for item in items:
        if isinstance(item, WireError):
            refused.append({"id": "", "code": item.code, "sentence": item.sentence})
            continue
        try:
            (accepted if accept(item, now) else duplicates).append(item.id)
        except WireError as error:
            refused.append({"id": item.id, "code": error.code, "sentence": error.sentence})
    return Receipt(tuple(accepted), tuple(duplicates), tuple(refused))


@transaction.atomic
def handle(pk: int, now: datetime) -> bool:
    """Give a kept message to its handlers, once; False when it is handled already or is just being handled.

    A failure is kept with the message, which waits the longer the more often it failed.
    """
    waiting = InboxMessage.objects.select_for_update(skip_locked=True).filter(handled__isnull=True)
    message = waiting.filter(pk=pk).first()
    if message is None:
        return False
    try:
        with transaction.atomic():
            made = wire.parse(message.envelope)
            verified = wire.verify(made, trust.current(now), now)
            for handler in HANDLERS.get(made.kind, ()):
                handler(made, verified, now)
            message.handled, message.problem = now, ""
            message.save(update_fields=["handled", "problem"])
    except Exception as error:
        log.exception("inbox message %s (%s) failed", message.pk, message.kind)
        message.problem = f"{type(error).__name__}: {error}"[:400]
        message.tries += 1
        message.again = now + again(message.tries)
        message.save(update_fields=["problem", "tries", "again"])
    return True


def handle_waiting(now: datetime, limit: int = 200) -> int:
    """Handle what waits and is due, oldest first; how many were tried.

    One at a time in the whole office, so that what came later is not acted on first: who finds another at
    work returns at once, and the worker's next pass takes what that one left.
    """
    with _alone() as alone:
        if not alone:
            return 0
        due = InboxMessage.objects.filter(handled__isnull=True).exclude(again__gt=now)
        waiting = list(due.order_by("id").values_list("pk", flat=True)[:limit])
        return sum(handle(pk, now) for pk in waiting)


@contextmanager
def _alone() -> Iterator[bool]:
    """Is this the only pass? The lock belongs to the database session and goes with it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(hashtext(%s))", [LOCK])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(hashtext(%s))", [LOCK])


@on("journal")
def _journal(made: wire.Envelope, _verified: list[wire.Verified], _now: datetime) -> None:
    """Another domain's journal lines wait here for the sequencer."""
    source = made.body["source"]
    JournalLine.objects.bulk_create(
        [
            JournalLine(source=source, number=line["seq"], fields=line)
            for line in made.body["entries"]
            if line.get("source") == source
        ],
        ignore_conflicts=True,
    )
    check_lines(made.body["entries"])


@on("cosign")
def _cosign(made: wire.Envelope, verified: list[wire.Verified], now: datetime) -> None:
    """A witness's signature waits here until the worker has laid it beside the checkpoint it signed."""
    Cosignature.objects.get_or_create(
        size=made.body["size"],
        witness=verified[0].key,
        defaults={"line": made.body["line"], "received": now},
    )
