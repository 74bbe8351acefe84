"""Instants on the wire: UTC, to the millisecond, `2026-03-02T08:00:00.000Z`."""

from __future__ import annotations

from datetime import UTC, datetime

from gongshu.wire.errors import WireError


def stamp(at: datetime) -> str:
    """`at` (aware) as the wire writes it."""
    if at.tzinfo is None:
        raise ValueError("an instant on the wire needs a time zone")
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def instant(text: object, field: str) -> datetime:
    """The instant written in `text`; anything else is refused with the field's name."""
    if isinstance(text, str) and text.endswith("Z"):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            pass
    raise WireError("shape", f"消息的“{field}”不是带时区的时刻。")
