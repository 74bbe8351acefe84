"""One data domain: its trust list, keys and people, on a real database, a real vault and a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings

from support.domainworld import Domain


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The cluster is this session's own."""


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def domain(transactional_db: None, now: datetime) -> Iterator[Domain]:
    made = Domain(now)
    made.install()
    yield made
    made.clear()
    assert settings.SITE.mark == "test"
