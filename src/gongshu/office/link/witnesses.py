"""Checkpoints go out on the feed, so that enclave and gateway can check and co-sign them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings

from gongshu.evidence.log import LogError
from gongshu.evidence.note import NoteError
from gongshu.office.link import feed, sequencer, trust
from gongshu.office.link.models import Cosignature, FeedItem

KIND = "checkpoint"
WITNESSES = ("enclave", "gateway")
# 见证人几秒之内就看到检查点；这么久以前发布的还没有签，就是迟了（项目选择：容得下重启和一次断线）
LATE = timedelta(minutes=10)
logger = logging.getLogger(__name__)


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


def keep_cosignatures(now: datetime) -> int:
    """Lay what the witnesses signed beside the checkpoints; a signature that does not hold is an alarm."""
    waiting = list(Cosignature.objects.filter(kept=False))
    keys = [entry.public for role in WITNESSES for entry in trust.current(now).keys(role)] if waiting else []
    for row in waiting:
        try:
            sequencer.log().add_cosignature(row.size, row.line, keys)
        except (NoteError, LogError):
            logger.exception("cosignature of %s for size %s", row.witness, row.size)
        row.kept = True
        row.save(update_fields=["kept"])
    return len(waiting)


def step(now: datetime) -> None:
    """Publish the newest checkpoint and keep what came back for earlier ones."""
    publish_checkpoint(now)
    keep_cosignatures(now)
