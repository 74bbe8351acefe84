"""The feed: one append-only numbered row of signed envelopes a zone. Publishing is part of the act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu.crypto.sign import PrivateKey
from gongshu.office.link.models import FeedHead, FeedItem
from gongshu.wire import envelope as wire
from gongshu.wire.kinds import check_body, kind_of

KEY = "office"
# 动用原始数据的任务：一件就是一次使用，都要点数和公示
RAW_TASKS = ("run", "sample", "build")


def signer() -> PrivateKey:
    """The office's own key."""
    return settings.KEYS.signer(KEY)


@transaction.atomic
def publish(
    kind: str,
    body: Mapping[str, Any],
    *,
    zone: str,
    now: datetime,
    signatures: Iterable[wire.Signature] = (),
    subject: str = "",
    expires: datetime | None = None,
) -> FeedItem:
    """Sign `body` as the next item of `zone`'s feed, in the caller's transaction.

    `now` is wall time; `signatures` are those others made over the body's digest (buyers,
    administrators). Raises `WireError` when the body is not what the kind needs.
    """
    check_body(kind, kind_of(kind, "feed"), body)
    FeedHead.objects.get_or_create(zone=zone)
    head = FeedHead.objects.select_for_update().get(zone=zone)
    head.seq += 1
    head.save(update_fields=["seq"])
    made = wire.attach(wire.make(kind, zone, head.seq, body, now, expires), signatures)
    signed = wire.sign(made, KEY, signer())
    return FeedItem.objects.create(
        zone=zone,
        seq=head.seq,
        kind=kind,
        subject=subject or str(body.get("id", "")),
        envelope=signed.data(),
        published=now,
    )


def page(zone: str, after: int, limit: int = 500) -> list[dict[str, Any]]:
    """The envelopes of `zone` after number `after`, oldest first."""
    rows = FeedItem.objects.filter(zone=zone, seq__gt=after).order_by("seq")
    return list(rows.values_list("envelope", flat=True)[:limit])


def head(zone: str) -> int:
    """The newest number of a zone's feed."""
    return FeedHead.objects.filter(zone=zone).values_list("seq", flat=True).first() or 0
