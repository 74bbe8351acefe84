"""Two acts of administrators on the line: publishing a signed trust list, moving a demo's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, check, declare
from gongshu.office.link import clock, evidence, trust
from gongshu.wire.errors import WireError
from gongshu.wire.trust import TrustList

declare(
    "accounts.trust",
    "发布信任名单",
    ["security_administrator"],
    sentence="信任名单由两名数据域安全管理员离线签好，由安全管理员在这里发布。",
)
declare("accounts.clock", "移动演示时钟", ["system_administrator"])


def publish_trust(*, actor: Actor, now: datetime, document: Mapping[str, Any]) -> TrustList:
    """Put a list that two administrators signed on every zone's feed. `now` is wall time."""
    check(actor, "accounts.trust")
    try:
        with transaction.atomic():
            taken = trust.publish(document, now=now)
            evidence.record(
                act="trust.published",
                actor=actor.person,
                role="security_administrator",
                subject=f"trust-{taken.number}",
                zone=actor.zone,
                now=now,
                digests={"list": taken.envelope.body_digest()},
            )
    except WireError as error:
        raise Refused(error.sentence, f"input:{error.code}") from error
    return taken


def move_clock(*, actor: Actor, now: datetime, target: datetime) -> int:
    """Move business time forward to `target` in a demo or test home; the offset in seconds."""
    check(actor, "accounts.clock")
    try:
        with transaction.atomic():
            seconds = clock.move_to(target, now=now)
            evidence.record(
                act="clock.moved",
                actor=actor.person,
                role="system_administrator",
                subject=f"clock-{seconds}",
                zone=actor.zone,
                now=now,
            )
    except clock.ClockFixed as error:
        raise Refused(str(error), "input:clock") from error
    return seconds
