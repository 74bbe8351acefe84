"""The door: one message against the table of kinds, the trust list, the wall clock and the home's mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gongshu.wire.envelope import Envelope, Verified, verify
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import Kind, check_body, check_signers, kind_of
from gongshu.wire.settings import MOVABLE_MARKS
from gongshu.wire.times import instant
from gongshu.wire.trust import TrustList

# Two machines' clocks may differ a little; a message from further ahead is a moved or forged clock.
AHEAD = timedelta(seconds=60)


@dataclass(frozen=True)
class Admitted:
    """A message that may be acted on, with the signatures that hold."""

    envelope: Envelope
    verified: tuple[Verified, ...]

    def signed_by(self, role: str) -> tuple[Verified, ...]:
        return tuple(one for one in self.verified if one.role == role)


@dataclass(frozen=True)
class Refused:
    """A feed item that was authentic in its place and refused in itself: it is skipped and journalled."""

    envelope: Envelope
    code: str
    sentence: str


def admit(
    envelope: Envelope,
    trust: TrustList,
    *,
    now: datetime,
    mark: str,
    direction: str,
    zone: str | None = None,
) -> Admitted:
    """The message with its signers, or `WireError` saying why it is refused.

    `now` is wall time. `zone`: the only zone accepted here (None: any zone of the trust list).
    """
    kind = kind_of(envelope.kind, direction)
    check_zone(envelope, trust, zone)
    check_body(envelope.kind, kind, envelope.body)
    _check_zone_of_body(envelope)
    check_time(envelope, kind, now)
    check_clock(envelope, mark)
    verified = verify(envelope, trust, now)
    check_signers(kind, verified)
    return Admitted(envelope, tuple(verified))


def check_zone(envelope: Envelope, trust: TrustList, zone: str | None) -> None:
    if envelope.zone not in trust.zones or zone not in (None, envelope.zone):
        raise WireError("zone", "消息属于别的区域，本域不接受。")


def _check_zone_of_body(envelope: Envelope) -> None:
    if envelope.body.get("zone", envelope.zone) != envelope.zone:
        raise WireError("zone", "消息正文的区域与信封不一致，不予接受。")


def check_time(envelope: Envelope, kind: Kind, now: datetime) -> None:
    if instant(envelope.issued, "issued") > now + AHEAD:
        raise WireError("future", "消息的签发时间在当前时刻之后，请核对两域的时钟。")
    if kind.never_expires or envelope.expires is None:
        return
    if instant(envelope.expires, "expires") < now:
        raise WireError("expired", "消息已过有效期，不予接受。")


def check_clock(envelope: Envelope, mark: str) -> None:
    """A moved business clock exists only in homes created as demo or test."""
    if envelope.kind == "clock" and mark not in MOVABLE_MARKS and envelope.body["offset_seconds"] != 0:
        raise WireError("clock", "正式环境的业务时钟不可拨动，这条消息被拒绝。")
