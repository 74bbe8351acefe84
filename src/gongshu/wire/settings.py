"""What a process knows about its installation: `GONGSHU_HOME` and the files of its `config/`.

Frozen, without secrets: `config/` is readable by every service user and written by none. Addresses of
real databases may carry passwords and so are never here: they come by the process's own environment or
lie in its own home.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from gongshu.crypto import aead
from gongshu.wire.errors import WireError

HOME_VARIABLE = "GONGSHU_HOME"
MARKS = ("production", "demo", "test")
# Homes in which business time may be moved.
MOVABLE_MARKS = ("demo", "test")
MODES = ("separated", "single")
PORTS = ("office", "link", "airlock", "gateway")
# Doors of websites, before which a proxy may stand.
PROXIED = ("office", "airlock")
# database → (environment variable, service whose home may hold the address)
DATABASES: Mapping[str, tuple[str, str]] = {
    "office": ("DATABASE_URL", "office"),
    "domain": ("DOMAIN_DATABASE_URL", "domain"),
}
DATABASE_FILE = "database-url"


@dataclass(frozen=True)
class Settings:
    """One installation. `ports` and `urls` by door (office, link, airlock, gateway); `hosts`: the names the
    sites answer to; `processes`: those that run on this machine (empty: all); `cipher`: for new snapshots of
    the vault; `proxies`: door → the one address whose word on the caller's own address is believed."""

    home: Path
    mark: str
    mode: str
    zones: tuple[str, ...]
    zone: str
    host: str
    hosts: tuple[str, ...]
    ports: Mapping[str, int]
    urls: Mapping[str, str]
    sockets: Path
    processes: tuple[str, ...]
    engines: Path
    assets: Path
    cipher: str = aead.ALGORITHMS[0]
    proxies: Mapping[str, str] = field(default_factory=dict)

    @property
    def demo(self) -> bool:
        """True where business time may be moved and every page says so."""
        return self.mark in MOVABLE_MARKS

    @property
    def origin(self) -> str:
        """The name of the evidence log in its checkpoints; the home's first zone never changes."""
        return f"gongshu/{self.zone}"

    @property
    def office(self) -> Path:
        return self.home / "office"

    @property
    def domain(self) -> Path:
        return self.home / "domain"

    @property
    def gateway(self) -> Path:
        return self.home / "gateway"

    @property
    def serving(self) -> Path:
        return self.home / "serving"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def config(self) -> Path:
        return self.home / "config"

    def scheme(self, door: str) -> str:
        """How people reach a door: `https` where TLS ends in front of it. The airlock outside demo homes is
        reached in no other way (its client certificates)."""
        if door == "airlock" and not self.demo:
            return "https"
        return urlsplit(self.urls[door]).scheme

    def trust(self, service: str) -> Path:
        """The folder of a service's trust list: `<home>/<service>/state/trust`."""
        return self.home / service / "state" / "trust"

    def socket(self, name: str) -> Path:
        """The folder of a cluster's Unix socket (`office` or `domain`)."""
        return self.sockets / name

    def database(self, name: str, environ: Mapping[str, str] | None = None) -> str:
        """A database's address: the environment's, the one in the service's home, or the embedded one."""
        variable, service = DATABASES[name]
        given = (os.environ if environ is None else environ).get(variable)
        if given:
            return given
        kept = self.home / service / "state" / DATABASE_FILE
        try:
            return kept.read_text("utf-8").strip()
        except (FileNotFoundError, PermissionError):
            return embedded_database(self.socket(name), name)

    @property
    def database_url(self) -> str:
        """The office's database."""
        return self.database("office")

    @property
    def domain_database_url(self) -> str:
        """The data domain's database."""
        return self.database("domain")


def embedded_database(socket: Path, name: str) -> str:
    """The address of the embedded cluster: by Unix socket, without a password (peer)."""
    return f"postgresql://{name}@/{name}?host={quote(str(socket), safe='/')}"


def installation() -> Path:
    """The root of the checkout this package runs from, or the prefix of the environment it lies in."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "pyproject.toml").exists() else Path(sys.prefix)


def default_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/gongshu")
    return Path.home() / ".local" / "share" / "gongshu"


def home_path(home: Path | str | None = None) -> Path:
    """The home in force: the argument, else `GONGSHU_HOME`, else the usual place."""
    chosen = home or os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else default_home()


def load(home: Path | str | None = None) -> Settings:
    """Reads `<home>/config`; `WireError` (`no_home`, `config`) when it is missing or not to be believed."""
    path = home_path(home)
    try:
        raw = json.loads((path / "config" / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise WireError("no_home", f"{path} 还不是公枢的家目录，请先运行 gongshu init。") from error
    except (ValueError, OSError) as error:
        raise WireError("config", f"{path}/config/config.json 读不了，请运行 gongshu doctor。") from error
    if not isinstance(raw, dict) or raw.get("v") != 1 or raw.get("mode") not in MODES:
        raise WireError("config", f"{path}/config/config.json 的版本或模式不认识。")
    return _settings(path, raw, read_mark(path, raw["mode"]))


def read_mark(home: Path, mode: str) -> str:
    """The mark written once when the home was made; in separated mode only root's word counts."""
    path = home / "config" / "mark"
    try:
        info = path.lstat()
        mark = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WireError("config", f"{path} 读不了，请运行 gongshu doctor。") from error
    writable = stat.S_IMODE(info.st_mode) & 0o222
    foreign = mode == "separated" and info.st_uid != 0
    if not stat.S_ISREG(info.st_mode) or writable or foreign or mark not in MARKS:
        raise WireError("config", f"{path} 被改动过，进程不启动；请运行 gongshu doctor。")
    return mark


def _cipher(name: Any) -> str:
    if name not in aead.ALGORITHMS:
        raise ValueError("不认识的加密算法。")
    return str(name)


def _proxies(given: Mapping[str, Any]) -> dict[str, str]:
    """Door → one exact address; a wild card would let every caller write its own address."""
    if not set(given) <= set(PROXIED):
        raise ValueError("只有网站的门前面有代理。")
    return {door: str(ip_address(str(address))) for door, address in given.items()}


def _settings(path: Path, raw: Mapping[str, Any], mark: str) -> Settings:
    try:
        ports = {name: int(raw["ports"][name]) for name in PORTS}
        zones = tuple(raw["zones"])
        host = raw.get("host", "127.0.0.1")
        urls = {name: f"http://{host}:{port}" for name, port in ports.items()} | dict(raw.get("urls", {}))
        root = installation()
        return Settings(
            path,
            mark,
            raw["mode"],
            zones,
            raw.get("zone", zones[0]),
            host,
            tuple(raw.get("hosts", (host, "localhost", "127.0.0.1"))),
            ports,
            urls,
            Path(raw.get("sockets") or path / "run"),
            tuple(raw.get("processes", ())),
            Path(raw.get("engines") or root / ".engines"),
            Path(raw.get("assets") or root / ".assets"),
            _cipher(raw.get("cipher", aead.ALGORITHMS[0])),
            _proxies(raw.get("proxies", {})),
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise WireError("config", f"{path}/config/config.json 缺少设置，请运行 gongshu doctor。") from error
