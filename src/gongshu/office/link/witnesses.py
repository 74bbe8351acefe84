"""Checkpoints go out on the feed, so that enclave and gateway can check and co-sign them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Max

from gongshu.office.link import feed, sequencer
from gongshu.office.link.models import FeedItem

KIND = "checkpoint"


def published_size(zone: str) -> int:
    """The log size of the newest checkpoint on a zone's feed."""
    newest = FeedItem.objects.filter(zone=zone, kind=KIND).aggregate(seq=Max("seq"))["seq"]
    if newest is None:
        return 0
    return int(FeedItem.objects.get(zone=zone, seq=newest).envelope["body"]["proof"]["size"])


def publish_checkpoint(now: datetime) -> int:
    """Put the newest checkpoint with its consistency proof on each zone's feed; how many zones got one."""
    log = sequencer.log()
    published = 0
    for zone in settings.SITE.zones if log.size else ():
        before = published_size(zone)
        if before >= log.size:
            continue
        proof = sequencer.consistency(before, log.size)
        feed.publish(
            KIND, {"checkpoint": log.checkpoint().decode(), "proof": proof}, zone=zone, now=now, subject="log"
        )
        published += 1
    return published
