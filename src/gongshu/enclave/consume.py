"""The enclave's end of the line: takes the feed item by item, each in one transaction with its number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from gongshu.enclave import confirm, deletions, journal, stops, tasks, trust
from gongshu.enclave.store.models import ClockOffset, FeedItem, FeedState
from gongshu.wire.admit import Admitted
from gongshu.wire.feed import FeedClient, Item
from gongshu.wire.store import FeedState as State

log = logging.getLogger(__name__)
# Trouble of this machine and not of the item: it is taken again at the next poll.
PASSING = (OperationalError, InterfaceError, OSError)
UNFIT = "不能处理的内容，本域没有采纳。"


class DatabaseState(State):
    """The place in the feeds, in database B: an item's effect and its number are one transaction."""

    def get(self, zone: str) -> int:
        return FeedState.objects.filter(zone=zone).values_list("seq", flat=True).first() or 0

    def put(self, zone: str, seq: int) -> None:
        FeedState.objects.update_or_create(zone=zone, defaults={"seq": seq})

    def transaction(self) -> AbstractContextManager[object]:
        return transaction.atomic()


def _clock(item: Admitted, _now: datetime) -> None:
    ClockOffset.objects.update_or_create(
        zone=item.envelope.zone, defaults={"seconds": int(item.envelope.body["offset_seconds"])}
    )


def _stop(item: Admitted, now: datetime) -> None:
    body = item.envelope.body
    said = {name: storable(body[name]) for name in ("id", "scope", "target", "reason")}
    try:
        with transaction.atomic():
            stops.stop(zone=item.envelope.zone, origin="feed", now=now, **said)
    except PASSING:
        raise
    except Exception:
        # Nobody can refuse a stop: whatever it could not do at once, all work asks the row and ends by it.
        log.exception("stop %s could not act at once", said["id"])
        stops.note(zone=item.envelope.zone, origin="feed", now=now, **said)


HANDLERS: Mapping[str, Callable[[Admitted, datetime], object]] = {
    "trust": lambda _item, now: trust.sync_accounts(trust.current(now)),
    "grant": lambda item, now: confirm.receive_grant(item.envelope, now),
    "ceiling": lambda item, now: confirm.receive_ceiling(item.envelope, now),
    "lift_asked": lambda item, now: confirm.receive_lift(item.envelope, now),
    "task": lambda item, now: tasks.receive(item.envelope, now),
    "delete": lambda item, now: deletions.receive(item.envelope, now),
    "stop": _stop,
    "clock": _clock,
}


def take(item: Item, now: datetime) -> None:
    """One item: kept, acted on, or refused and journalled. Runs inside the reader's transaction.

    What cannot be acted on is refused by itself: a stop behind it must not wait for it.
    """
    envelope = item.envelope
    row = FeedItem(
        zone=envelope.zone,
        seq=envelope.seq,
        kind=storable(envelope.kind)[:20],
        envelope=storable(envelope.data()),
        received=now,
    )
    if isinstance(item, Admitted):
        handler = HANDLERS.get(envelope.kind)
        try:
            if handler is not None:
                with transaction.atomic():
                    handler(item, now)
        except PASSING:
            raise
        except Exception:
            log.exception("feed %s/%s cannot be handled", envelope.zone, envelope.seq)
            _refuse(row, "unfit", UNFIT, now)
    else:
        _refuse(row, item.code, item.sentence, now)
    row.handled = now
    row.save()


def _refuse(row: FeedItem, code: str, sentence: str, now: datetime) -> None:
    row.problem = storable(f"{code}：{sentence}")[:400]
    log.warning("feed %s/%s refused: %s", row.zone, row.seq, code)
    journal.record(
        source="enclave",
        act=f"feed.refused.{code}",
        actor="enclave",
        role="enclave",
        subject=f"{row.zone}:{row.seq}",
        zone=row.zone,
        now=now,
    )


def storable(value: Any) -> Any:
    """The value without the characters PostgreSQL keeps in no text: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "␀").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(each) for key, each in value.items()}
    return [storable(each) for each in value] if isinstance(value, list | tuple) else value


def clients() -> dict[str, FeedClient]:
    """One client a zone."""
    site = settings.SITE
    state = DatabaseState()
    return {
        zone: FeedClient(site.urls["link"], zone, trust.store(), state, mark=site.mark) for zone in site.zones
    }
