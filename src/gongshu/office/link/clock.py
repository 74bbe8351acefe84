"""The two clocks: business time may be moved in demo and test homes, wall time never."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from gongshu.office.link.models import ClockOffset

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOVABLE = ("demo", "test")
NEWEST = "select seconds from link_clockoffset order by id desc limit 1"


def wall_now() -> datetime:
    """Wall time: leases, replay, sessions, rate limits."""
    return datetime.now(UTC)


def movable() -> bool:
    """True where business time may be moved at all."""
    return settings.SITE.mark in MOVABLE


def offset_seconds() -> int:
    """How far business time stands from wall time; 0 in a production home whatever the rows say."""
    if not movable():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        newest = cursor.fetchone()
    return int(newest[0]) if newest else 0


def business_now() -> datetime:
    """Business time, in Asia/Shanghai: deadlines, validity, bills."""
    return (wall_now() + timedelta(seconds=offset_seconds())).astimezone(SHANGHAI)


def business_today() -> date:
    """The business day."""
    return business_now().date()


class ClockFixed(Exception):
    """The clock of this home cannot be moved. `args[0]` is a Chinese sentence."""


@transaction.atomic
def move_to(target: datetime, *, now: datetime) -> int:
    """Move business time to `target` (aware) in a demo or test home; the new offset in seconds.

    The first move may go anywhere, so that a story can begin on its day; later ones only forward.

    The offset travels to the data domain as a signed feed item, which a production home refuses.
    """
    from gongshu.office.link import feed

    if not movable():
        raise ClockFixed("本家目录是生产环境，业务时间不能移动。")
    if ClockOffset.objects.exists() and target < business_now():
        raise ClockFixed("业务时间只能向前移动，不能倒退。")
    seconds = ceil((target - now).total_seconds())
    ClockOffset.objects.create(seconds=seconds, published=now)
    for each in settings.SITE.zones:
        feed.publish("clock", {"offset_seconds": seconds}, zone=each, now=now)
    return seconds
