"""The two clusters: no TCP, peer login of the owner alone, a role that owns its database and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gongshu.host import home as homes
from gongshu.host import inside, setup, users
from gongshu.host.clusters import CLUSTERS, Cluster, binary
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from support.homes import ROOT, as_user, needs_root, place


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with place() as base:
        made = setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)
        clusters = [Cluster(made, name) for name in CLUSTERS]
        with setup.clusters_up(clusters):
            for cluster in clusters:
                cluster.create_database()
            yield made


def query(home: Home, service: str, statement: str, role: str | None = None) -> str:
    """What `psql` says to a service's user on its own database."""
    settings = home.settings()
    command = [str(binary("psql")), "-XAtq", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", str(settings.socket(service)), "-U", role or service, "-d", service, "-c", statement]
    done = inside.run(home, service, command)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode().strip()


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_database_belongs_to_its_service(home: Home, name: str) -> None:
    assert query(home, name, "select current_user || ' ' || current_database()") == f"{name} {name}"
    assert (
        query(
            home,
            name,
            f"select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = '{name}'",
        )
        == "f"
    )
    assert query(home, name, "show listen_addresses") == ""
    assert query(home, name, "show fsync") == "on"
    assert query(home, name, "show data_checksums") == "on"
    assert query(home, name, "select '公枢' ~ '^\\w+$', upper('é')") == "t|É"


def test_creating_again_changes_nothing(home: Home) -> None:
    cluster = Cluster(home, "office")
    query(home, "office", "create table if not exists kept (n int)")
    cluster.init()
    cluster.create_database()
    assert query(home, "office", "select count(*) from kept") == "0"


def test_the_address_in_the_settings_is_the_one_that_works(home: Home) -> None:
    url = home.settings().database_url
    if not ROOT:
        with psycopg.connect(url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        return
    code = """
import sys, psycopg
print(psycopg.connect(sys.argv[1]).execute("select current_user").fetchone()[0])
"""
    assert as_user(users.USERS["office"], code, url).stdout.strip() == "office"


@needs_root
@pytest.mark.root
@pytest.mark.parametrize(
    ("service", "other"),
    [("office", "domain"), ("gateway", "domain"), ("domain", "office"), ("gateway", "office")],
)
@pytest.mark.parametrize("opened", [False, True])
def test_the_other_domains_database_refuses_the_login(
    home: Home, service: str, other: str, opened: bool
) -> None:
    """Even where somebody opened the socket to all, the login itself is refused."""
    folder = home.settings().socket(other)
    socket = folder / ".s.PGSQL.5432"
    if opened:
        folder.chmod(0o755)
        socket.chmod(0o777)
    code = "import sys, psycopg; psycopg.connect(sys.argv[1], connect_timeout=5); print('in')"
    try:
        for role in (other, "postgres", users.USERS[other], service):
            url = f"postgresql://{role}@/{other}?host={folder}"
            done = as_user(users.USERS[service], code, url)
            assert done.returncode != 0 and "in" not in done.stdout.split()
            assert ("eer authentication failed" if opened else "ermission denied") in done.stderr
    finally:
        folder.chmod(0o700)
        socket.chmod(0o700)


@needs_root
@pytest.mark.root
def test_root_itself_is_not_let_in_by_name(home: Home) -> None:
    with pytest.raises(psycopg.OperationalError, match="eer authentication failed"):
        psycopg.connect(home.settings().domain_database_url, connect_timeout=5)


def test_a_cluster_survives_a_kill(home: Home, tmp_path: Path) -> None:
    with place() as base:
        made = setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)
        cluster = Cluster(made, "office")
        server = cluster.start()
        cluster.wait()
        cluster.create_database()
        query(made, "office", "create table t (n int); insert into t values (7)")
        os.killpg(server.pid, 9)
        server.wait()
        with setup.clusters_up([cluster]):
            assert query(made, "office", "select n from t") == "7"


@pytest.mark.parametrize("name", ['有 空,格"', "l" * 120])
def test_a_home_may_lie_anywhere(name: str) -> None:
    """Odd letters in the path, a path too long for a socket, a caller whose umask closes everything."""
    with place() as base:
        mask = os.umask(0o077)
        try:
            made = setup.prepare(base / name / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)
        finally:
            os.umask(mask)
        cluster = Cluster(made, "domain")
        with setup.clusters_up([cluster]):
            cluster.create_database()
            code = """
import sys
import psycopg
from gongshu.wire.settings import load
settings = load()
with psycopg.connect(settings.domain_database_url) as connection:
    print(connection.execute("select current_database()").fetchone()[0])
"""
            done = inside.run(made, "domain", inside.python("-c", code))
            assert done.stdout.decode().strip() == "domain", done.stderr.decode()
        homes.remove(made)


def test_what_goes_wrong_is_said(home: Home) -> None:
    with pytest.raises(HostError) as caught:
        Cluster(home, "office").sql("select nonsense")
    assert caught.value.code == "postgres" and "nonsense" in caught.value.sentence


def test_only_the_present_postgres_is_run() -> None:
    done = subprocess.run([str(binary("postgres")), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("postgres (PostgreSQL) 18")
