"""A data domain with its airlock accounts enrolled, driven through Django's client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from django.test import Client

from gongshu.airlock import access
from gongshu.enclave.store.models import Account
from support.domainworld import Domain


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def domain(transactional_db: None, now: datetime) -> Iterator[Domain]:
    made = Domain(now)
    made.install()
    yield made
    made.clear()


PASSWORD = "a-long-and-own-password"


@pytest.fixture
def enter(domain: Domain) -> Callable[[str], Client]:
    """Log a person of the trust list in, one-time password already changed."""

    def log_in(person: str) -> Client:
        given = access.enrol(f"u-{person}", domain.now)
        client = Client(headers={"accept": "text/html"})
        code = pyotp.TOTP(given["totp"]).now()
        answer = client.post(
            "/login/", {"username": f"u-{person}", "password": given["password"], "code": code, "next": ""}
        )
        assert answer.status_code == 302, answer.content.decode()[:400]
        client.post("/password/", {"old": given["password"], "new": PASSWORD, "again": PASSWORD})
        assert not Account.objects.get(user=f"u-{person}").must_change
        return client

    return log_in
