"""The enclave's end of the line: takes the feed item by item, each in one transaction with its number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from django.conf import settings
from django.db import transaction

from gongshu.enclave import confirm, deletions, journal, stops, tasks, trust
from gongshu.enclave.store.models import ClockOffset, FeedItem, FeedState
from gongshu.wire.admit import Admitted
from gongshu.wire.feed import FeedClient, Item
from gongshu.wire.store import FeedState as State

log = logging.getLogger(__name__)


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
    stops.stop(
        zone=item.envelope.zone,
        scope=body["scope"],
        target=body["target"],
        reason=body["reason"],
        origin="feed",
        now=now,
        id=body["id"],
    )


HANDLERS: Mapping[str, Callable[[Admitted, datetime], object]] = {
    "trust": lambda _item, now: trust.sync_accounts(trust.current(now)),
    "grant": lambda item, now: confirm.receive_grant(item.envelope, now),
    "ceiling": lambda item, now: confirm.receive_ceiling(item.envelope, now),
    "task": lambda item, now: tasks.receive(item.envelope, now),
    "delete": lambda item, now: deletions.receive(item.envelope, now),
    "stop": _stop,
    "clock": _clock,
}


def take(item: Item, now: datetime) -> None:
    """One item: kept, acted on, or refused and journalled. Runs inside the reader's transaction."""
    envelope = item.envelope
    row = FeedItem(
        zone=envelope.zone, seq=envelope.seq, kind=envelope.kind, envelope=envelope.data(), received=now
    )
    if isinstance(item, Admitted):
        handler = HANDLERS.get(envelope.kind)
        if handler is not None:
            handler(item, now)
    else:
        row.problem = f"{item.code}：{item.sentence}"[:400]
        log.warning("feed %s/%s refused: %s", envelope.zone, envelope.seq, item.code)
        journal.record(
            source="enclave",
            act=f"feed.refused.{item.code}",
            actor="enclave",
            role="enclave",
            subject=f"{envelope.zone}:{envelope.seq}",
            zone=envelope.zone,
            now=now,
        )
    row.handled = now
    row.save()


def clients() -> dict[str, FeedClient]:
    """One client a zone."""
    site = settings.SITE
    state = DatabaseState()
    return {
        zone: FeedClient(site.urls["link"], zone, trust.store(), state, mark=site.mark) for zone in site.zones
    }
