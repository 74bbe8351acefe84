"""`init`: users, home, clusters, databases, keys, migrations. Each step may run again."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gongshu import __version__
from gongshu.host import bytecode, inside, keys, users, wall
from gongshu.host.clusters import CLUSTERS, Cluster, external
from gongshu.host.errors import HostError
from gongshu.host.home import Home, create, make_sockets
from gongshu.host.processes import DJANGO, django_settings
from gongshu.wire.settings import installation
from gongshu.wire.store import write_file

MIGRATED = "migrated.json"
Say = Callable[[str], None]


def embedded(home: Home) -> list[Cluster]:
    """The clusters this home runs itself (a real server replaces one)."""
    return [Cluster(home, name) for name in CLUSTERS if not external(home, name)]


def prepare(path: Path, mark: str, zones: Sequence[str], host: str, say: Say) -> Home:
    """Everything a home needs before its first process starts, but not its migrations."""
    if os.geteuid() == 0:
        made = users.create()
        if made:
            say(f"已建立系统用户：{'、'.join(made)}。")
        blocked = wall.unreadable()
        if blocked:
            raise HostError("code", blocked[0])
        bytecode.compile_all()
        if not (path / "config").exists():
            wall.tighten([users.account(service, "separated") for service in users.SERVICES])
    home = create(path, mark, zones, host)
    make_sockets(home)
    for cluster in embedded(home):
        cluster.init()
    keys.public_keys(home)
    return home


@contextmanager
def clusters_up(clusters: Sequence[Cluster]) -> Iterator[None]:
    """The embedded clusters running for the length of a set-up step."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for cluster in clusters:
            if not cluster.ready():
                started.append(cluster.start())
        for cluster in clusters:
            cluster.wait()
        yield
    finally:
        for popen in started:
            popen.send_signal(signal.SIGINT)
        for popen in started:
            popen.wait(30)


def fingerprint(service: str) -> str:
    """What the service's migrations are: a digest over their names and contents and the version."""
    found = hashlib.sha256(__version__.encode())
    package = installation() / "src" / "gongshu"
    root = package if package.is_dir() else Path(__file__).resolve().parents[1]
    folders = {"office": ("office",), "domain": ("airlock", "enclave")}[service]
    for folder in folders:
        for path in sorted((root / folder).glob("**/migrations/*.py")):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def migrate(home: Home, say: Say, *, always: bool = False) -> list[str]:
    """Brings the databases up to date as their owners; the services whose migrations ran.

    The clusters must be running. A home whose migrations are those of the last time is left alone.
    """
    path = home.config / MIGRATED
    done: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    ran = []
    for service in DJANGO:
        settings = django_settings(service)
        if settings is None:
            continue
        present = fingerprint(service)
        if done.get(service) == present and not always:
            continue
        say(f"正在更新数据库 {service} 的结构。")
        result = inside.django(home, service, settings, "migrate", "--no-input", "--skip-checks", "-v", "0")
        if result.returncode != 0:
            said = result.stderr.decode("utf-8", "replace").strip().splitlines()
            raise HostError("migrate", f"数据库 {service} 的结构更新失败：{''.join(said[-1:])}")
        done[service] = present
        ran.append(service)
        write_file(path, json.dumps(done).encode(), 0o644)
    return ran


def init(path: Path, mark: str, zones: Sequence[str], host: str, say: Say) -> Home:
    """`gongshu init`: a home ready to start, from nothing or from one begun."""
    home = prepare(path, mark, zones, host, say)
    clusters = embedded(home)
    with clusters_up(clusters):
        for cluster in clusters:
            cluster.create_database()
        migrate(home, say)
    return home
