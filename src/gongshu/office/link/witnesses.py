"""Checkpoints go out on the feed, so that enclave and gateway can check and co-sign them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from gongshu.office.link import feed, sequencer
from gongshu.office.link.models import FeedItem

KIND = "checkpoint"


def published_size() -> int:
    """The log size of the newest checkpoint on the feed."""
    newest = FeedItem.objects.filter(kind=KIND).order_by("-seq").values_list("envelope", flat=True).first()
    return int(newest["body"]["proof"]["to"]) if newest else 0


def publish_checkpoint(now: datetime) -> bool:
    """Put the newest checkpoint, with the proof that it continues the last one, on the home zone's feed."""
    log = sequencer.log()
    before, size = published_size(), log.size
    if size <= before:
        return False
    body = {"checkpoint": log.checkpoint().decode(), "proof": sequencer.consistency(before, size)}
    feed.publish(KIND, body, zone=settings.SITE.zone, now=now, subject="log")
    return True
