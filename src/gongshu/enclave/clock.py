"""The two clocks of the data domain. Wall time for leases, limits and signatures; business time for law."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from gongshu.enclave.store.models import ClockOffset

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOVABLE = ("demo", "test")


def wall_now() -> datetime:
    return datetime.now(UTC)


def offset_seconds(zone: str) -> int:
    """Business minus wall time; 0 in a production home whatever a message or row says."""
    if settings.SITE.mark not in MOVABLE:
        return 0
    return ClockOffset.objects.filter(zone=zone).values_list("seconds", flat=True).first() or 0


def business_today(zone: str, now: datetime) -> date:
    """The business day of a zone at wall time `now`."""
    return (now + timedelta(seconds=offset_seconds(zone))).astimezone(SHANGHAI).date()
