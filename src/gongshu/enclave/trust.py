"""The trust list in the data domain: the first from this machine's console, later ones by the feed."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import transaction

from gongshu.enclave.store.models import Account
from gongshu.wire.store import TrustStore
from gongshu.wire.trust import TrustList


@lru_cache(maxsize=1)
def store() -> TrustStore:
    """Anchors and list of this home."""
    return TrustStore(settings.TRUST_DIR)


def current(now: datetime) -> TrustList:
    """The list in force at wall time `now`; `WireError` before the first one: nothing is believed then."""
    return store().current(now)


@transaction.atomic
def sync_accounts(taken: TrustList) -> None:
    """The airlock knows the accounts of the list and no others; another person behind a name enrols anew."""
    listed = {user: row["person"] for user, row in taken.accounts.items()}
    Account.objects.exclude(user__in=listed).delete()
    for user, person in listed.items():
        Account.objects.filter(user=user).exclude(person=person).delete()
        Account.objects.get_or_create(user=user, defaults={"person": person})
