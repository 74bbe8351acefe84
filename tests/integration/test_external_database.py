"""A real PostgreSQL server instead of an embedded cluster: by a variable, or by an address in the home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gongshu.cli.commands import host
from gongshu.host import inside, setup, users
from gongshu.host.clusters import Cluster, external
from gongshu.host.home import Home
from gongshu.wire.settings import DATABASE_FILE, load
from support.homes import ROOT, as_user, place

ADDRESS = "postgresql://someone:secret@db.example:5432/office"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with place() as base:
        yield setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)


def names(home: Home) -> set[str]:
    return {process.name for process in host._here(home, home.settings())}


def keep(home: Home, service: str) -> Path:
    """Puts an address into a service's home, as its user would."""
    path = home.path / service / "state" / DATABASE_FILE
    code = f"import os; os.umask(0o077); open({str(path)!r}, 'w').write({ADDRESS!r} + '\\n')"
    if ROOT:
        assert as_user(users.USERS[service], code).returncode == 0
    else:
        path.write_text(ADDRESS)
    return path


def test_by_default_both_are_embedded(home: Home) -> None:
    assert [cluster.name for cluster in setup.embedded(home)] == ["office", "domain"]
    assert {"office-database", "domain-database"} <= names(home)


def test_a_variable_replaces_one_cluster(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", ADDRESS)
    assert [cluster.name for cluster in setup.embedded(home)] == ["domain"]
    assert "office-database" not in names(home) and "domain-database" in names(home)
    assert load(home.path).database_url == ADDRESS
    assert inside.environment(home, "office")["DATABASE_URL"] == ADDRESS
    assert "DATABASE_URL" not in inside.environment(home, "domain")


def test_an_address_in_the_home_replaces_one_cluster_and_stays_there(home: Home) -> None:
    kept = keep(home, "domain")
    assert external(home, "domain") and not external(home, "office")
    assert [cluster.name for cluster in setup.embedded(home)] == ["office"]
    config = "".join(path.read_text() for path in home.config.rglob("*") if path.is_file())
    assert "secret" not in config
    code = "import sys; from gongshu.wire.settings import load; print(load(sys.argv[1]).domain_database_url)"
    done = inside.run(home, "domain", inside.python("-c", code, str(home.path)))
    assert done.stdout.decode().strip() == ADDRESS
    if ROOT:
        other = inside.run(home, "office", inside.python("-c", code, str(home.path)))
        assert "secret" not in other.stdout.decode()
    kept.unlink()
    assert not external(home, "domain")


def test_a_cluster_that_is_replaced_is_not_made() -> None:
    with place() as base, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", ADDRESS)
        made = setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)
        assert not Cluster(made, "office").exists() and Cluster(made, "domain").exists()
