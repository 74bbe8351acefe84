"""What the data domain answers about grants and stops."""

from __future__ import annotations

from datetime import datetime

from gongshu.office.link.inbox import on
from gongshu.office.scenarios import grants
from gongshu.wire.envelope import Envelope, Verified


@on("confirmation")
def confirmation(made: Envelope, _verified: list[Verified], now: datetime) -> None:
    """A provider confirmed or refused a grant at the airlock; ceilings belong to another app."""
    grants.answered(made, now)


@on("effect")
def effect(made: Envelope, verified: list[Verified], _now: datetime) -> None:
    """A stop took effect in a domain."""
    if verified:
        grants.took_effect(made, verified[0].role)
