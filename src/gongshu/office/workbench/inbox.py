"""What the data domain tells of tasks, outputs and releases."""

from __future__ import annotations

from datetime import datetime

from gongshu.office.link.inbox import on
from gongshu.office.workbench import outputs, samples, services
from gongshu.wire.envelope import Envelope, Verified
from gongshu.wire.times import instant


@on("outcome")
def outcome(made: Envelope, _verified: list[Verified], _now: datetime) -> None:
    services.ended(made.body["task"], made.body["code"], made.zone, instant(made.issued, "issued"))


@on("verdict")
def verdict(made: Envelope, verified: list[Verified], _now: datetime) -> None:
    outputs.judged(made, verified)


@on("review")
def review(made: Envelope, verified: list[Verified], _now: datetime) -> None:
    outputs.reviewed(made, verified)


@on("release")
def release(made: Envelope, verified: list[Verified], now: datetime) -> None:
    outputs.released(made, verified, now)


@on("confirmation")
def confirmation(made: Envelope, verified: list[Verified], _now: datetime) -> None:
    """A provider's answer about a sample; grants and ceilings belong to other apps."""
    samples.answered(made, verified)


@on("sample")
def sample(made: Envelope, verified: list[Verified], now: datetime) -> None:
    samples.supplied(made, verified, now)
