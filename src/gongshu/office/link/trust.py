"""The trust list as the office knows it: it publishes what two security administrators signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu.office.link import feed
from gongshu.wire import envelope as wire
from gongshu.wire.store import TrustStore
from gongshu.wire.trust import TrustList


@lru_cache(maxsize=1)
def store() -> TrustStore:
    """The office's copy of anchors and list; it was laid there by `gongshu trust init`."""
    return TrustStore(settings.TRUST_DIR)


def current(now: datetime) -> TrustList:
    """The list in force at wall time `now`; `WireError` before the first one."""
    return store().current(now)


@transaction.atomic
def publish(document: Mapping[str, Any], *, now: datetime) -> TrustList:
    """Take a newer list that two of the anchored administrators signed, and put it on every zone's feed.

    The first list never passes here: it is installed on the data domain's machine. Raises `WireError`.
    """
    made = wire.parse(dict(document))
    taken = TrustList.load(made, store().anchors(), now, current(now))
    for zone in taken.zones:
        feed.publish("trust", made.body, zone=zone, now=now, signatures=made.signatures)
    return store().accept(made, now)
