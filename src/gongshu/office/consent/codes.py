"""Codes cannot be tried out: what led nowhere is counted by subject and by address, in wall time."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from django.conf import settings

from gongshu.office.accounts.permissions import Refused
from gongshu.office.consent.models import CodeTry

COUNTED = timedelta(minutes=15)
PER_SUBJECT, PER_ADDRESS = 10, 50
TOO_MANY = "办理码连续不对的次数太多，请 15 分钟后再试。"


def keyed(kind: str, who: str) -> str:
    secret = settings.KEYS.create_secret("consent-codes")
    return hmac.new(secret, f"{kind}:{who}".encode(), hashlib.sha256).hexdigest()


def check(subject: str, address: str, wall: datetime) -> None:
    """Raise when this subject or this address has met too many dead codes lately."""
    for kind, who, most in (("subject", subject, PER_SUBJECT), ("address", address, PER_ADDRESS)):
        if CodeTry.objects.filter(who=keyed(kind, who), at__gt=wall - COUNTED).count() >= most:
            raise Refused(TOO_MANY, "too_many")


def count(subject: str, address: str, zone: str, wall: datetime) -> None:
    """A code led nowhere; what is too old to count is forgotten."""
    CodeTry.objects.filter(at__lt=wall - 4 * COUNTED).delete()
    CodeTry.objects.bulk_create(
        CodeTry(zone_id=zone, who=keyed(kind, who), at=wall)
        for kind, who in (("subject", subject), ("address", address))
    )
