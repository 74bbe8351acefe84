"""The home: folders with one owner each, the mark written once, the configuration."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from gongshu.host.errors import HostError
from gongshu.host.users import SERVICES, Account, account
from gongshu.wire.errors import WireError
from gongshu.wire.settings import MARKS, MODES, Settings, load, read_mark
from gongshu.wire.store import write_file

DEFAULT_PORTS = {"office": 8000, "link": 8001, "airlock": 8002, "gateway": 8003}
DEFAULT_ZONE = "huangshi"
# folders inside each service's home, made once, 0700
FOLDERS: dict[str, tuple[str, ...]] = {
    "office": ("keys", "log", "deposits", "state", "output"),
    "domain": ("keys", "vault", "staging", "journal", "state", "output"),
    "gateway": ("keys", "journal", "state", "output"),
}
# The longest path a Unix socket may have on Linux, with PostgreSQL's file name in it.
SOCKET_PATH = 107
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
SOCKET_NAME = "/gateway/.s.PGSQL.5432"


@dataclass(frozen=True)
class Home:
    """A home that exists. Root-owned in separated mode, with three foreign folders inside."""

    path: Path
    mode: str
    mark: str

    @classmethod
    def open(cls, path: Path) -> Home:
        """The home at `path`; `HostError` when it is none or its mark was touched."""
        raw = read_config(path)
        try:
            return cls(path, raw["mode"], read_mark(path, raw["mode"]))
        except WireError as error:
            raise HostError(error.code, error.sentence) from error

    def settings(self) -> Settings:
        """Ports, zones and the rest, as every process reads them."""
        try:
            return load(self.path)
        except WireError as error:
            raise HostError(error.code, error.sentence) from error

    def account(self, service: str) -> Account:
        return account(service, self.mode)

    @property
    def config(self) -> Path:
        return self.path / "config"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def administrators(self) -> Path:
        return self.path / "administrators"

    def change(self, **changes: Any) -> None:
        """Rewrites some settings of `config.json` (ports, zones, urls); never mode or mark."""
        raw = read_config(self.path)
        if raw | changes != raw:
            write_config(self.path, raw | changes)


def read_config(path: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads((path / "config" / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise HostError("no_home", f"{path} 还不是公枢的家目录，请先运行 gongshu init。") from error
    except (OSError, ValueError) as error:
        raise HostError("config", f"{path}/config/config.json 读不了，请运行 gongshu doctor。") from error
    if not isinstance(raw, dict) or raw.get("mode") not in MODES:
        raise HostError("config", f"{path}/config/config.json 的模式不认识，请运行 gongshu doctor。")
    return raw


def write_config(path: Path, raw: dict[str, Any]) -> None:
    text = json.dumps(raw, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    write_file(path / "config" / "config.json", text.encode(), 0o644)


def known_zones() -> tuple[str, ...]:
    """The zones a home can serve: every installed pack but the nation's."""
    packs = files("gongshu.packs")
    found = {entry.name for entry in packs.iterdir() if entry.is_dir() and (entry / "pack.yaml").is_file()}
    return tuple(sorted(found - {"cn"}))


def check_zones(zones: Sequence[str]) -> tuple[str, ...]:
    """The zones as given, without doubles; the first is the home's own. Raises for an unknown one."""
    known = known_zones()
    chosen = tuple(dict.fromkeys(zones))
    for zone in chosen:
        if zone not in known:
            raise HostError("zone", f"没有区域“{zone}”的规则包，可用的有：{'、'.join(known)}。")
    if chosen:
        return chosen
    first = [zone for zone in known if zone == DEFAULT_ZONE]
    return tuple(dict.fromkeys([*first, *known]))


def create(path: Path, mark: str, zones: Sequence[str] = (), host: str = "127.0.0.1") -> Home:
    """Makes the folders, mark and configuration of a home, or completes one begun; system users must exist.

    An existing mark is never changed: `HostError("mark")` when another is asked for.
    """
    if mark not in MARKS:
        raise HostError("mark", f"没有“{mark}”这种环境标记，可用的有：{'、'.join(MARKS)}。")
    mode = "separated" if os.geteuid() == 0 else "single"
    chosen = check_zones(zones)
    check_place(path, mode)
    if not _is_home(path) and path.is_dir() and any(path.iterdir()):
        raise HostError("place", f"{path} 不是空目录，也不是公枢的家目录，请另选一个目录。")
    _make_parents(path, mode)
    path.mkdir(exist_ok=True)
    path.chmod(0o755 if mode == "separated" else 0o700)
    _folder(path / "config", 0o755)
    _write_mark(path, mark, mode)
    if not (path / "config" / "config.json").exists():
        first = {"v": 1, "mode": mode, "zones": list(chosen), "zone": chosen[0], "host": host}
        write_config(path, {**first, "ports": DEFAULT_PORTS})
    home = Home.open(path)
    if home.mode != mode:
        raise HostError("mode", _OTHER_MODE[home.mode])
    _make_folders(home)
    home.change(sockets=str(socket_root(home)))
    return home


_OTHER_MODE = {
    "separated": "这个家目录是以 root 建立的分离模式，请用 root 运行。",
    "single": "这个家目录是单用户模式，请用建立它的用户运行，不要用 root。",
}


def _is_home(path: Path) -> bool:
    return (path / "config").is_dir()


def check_place(path: Path, mode: str) -> None:
    """Raises when the service users could not reach the home, or when a part of its path is not safe."""
    if mode == "single":
        return
    for parent in path.parents:
        try:
            info = parent.stat()
        except FileNotFoundError:
            continue
        if not info.st_mode & stat.S_IXOTH:
            raise HostError(
                "place",
                f"服务用户进不了 {parent}，家目录不能放在它下面；请换一个位置，例如 /var/lib/gongshu。",
            )


def _make_parents(path: Path, mode: str) -> None:
    """The folders above the home, open to the services whatever this process's umask says."""
    lacking = [parent for parent in path.parents if not parent.exists()]
    for parent in reversed(lacking):
        parent.mkdir()
        if mode == "separated":
            parent.chmod(0o755)


def _folder(path: Path, mode: int, owner: Account | None = None, group: int | None = None) -> None:
    """A folder with this mode and owner; one that exists is left as it is but must be a real folder."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise HostError("place", f"{path} 不是目录，公枢不使用它。")
    if path.exists():
        return
    path.mkdir(mode=0o700)
    if owner is not None and os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid if group is None else group)
    path.chmod(mode)


def _write_mark(path: Path, mark: str, mode: str) -> None:
    file = path / "config" / "mark"
    if file.exists():
        present = read_config(path)["mode"] if (path / "config" / "config.json").exists() else mode
        try:
            written = read_mark(path, present)
        except WireError as error:
            raise HostError(error.code, error.sentence) from error
        if written != mark:
            raise HostError(
                "mark", f"这个家目录建立时的环境标记是“{written}”，不能改成“{mark}”；请另建一个家目录。"
            )
        return
    write_file(file, f"{mark}\n".encode("ascii"), 0o444)


def _make_folders(home: Home) -> None:
    """The services' folders. Everything inside one is made before it is handed to its user, because root
    must not walk into a folder that a service user can rearrange."""
    for service in SERVICES:
        owner = home.account(service)
        top = home.path / service
        if top.exists() or top.is_symlink():
            _folder(top, 0o700)
            continue
        building = Path(tempfile.mkdtemp(prefix=f".{service}-", dir=home.path))
        for name in FOLDERS[service]:
            _folder(building / name, 0o700, owner)
        if os.geteuid() == 0:
            os.chown(building, owner.uid, owner.gid)
        building.rename(top)
    domain, gateway = home.account("domain"), home.account("gateway")
    _folder(home.path / "serving", 0o2750 if domain.switch else 0o700, domain, gateway.gid)
    _folder(home.run, 0o755)


def socket_root(home: Home) -> Path:
    """Where the sockets' folders lie: `run/`, or a short place when the path is too long or has letters
    that PostgreSQL's clients read as a list of hosts."""
    fits = len(str(home.run).encode() + SOCKET_NAME.encode()) <= SOCKET_PATH
    if fits and PLAIN.fullmatch(str(home.run)):
        return home.run
    name = hashlib.sha256(str(home.path).encode()).hexdigest()[:12]
    base = Path("/run") if os.geteuid() == 0 else Path(tempfile.gettempdir())
    return base / f"gongshu-{os.geteuid()}-{name}"


def make_sockets(home: Home) -> Path:
    """Makes the sockets' folders anew where a reboot removed them; their root."""
    root = socket_root(home)
    _folder(root, 0o755)
    info = root.lstat()
    if info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise HostError("place", f"{root} 属于别人或别人可写，公枢不把数据库的套接字放在那里。")
    for service in SERVICES:
        _folder(root / service, 0o700, home.account(service))
    return root


def remove(home: Home) -> None:
    """Removes a demo or test home whole, its sockets too. Never a production home."""
    if home.mark == "production":
        raise HostError("mark", "正式环境的家目录不由程序删除。")
    root = socket_root(home)
    if root != home.run and root.is_dir() and not root.is_symlink():
        shutil.rmtree(root)
    shutil.rmtree(home.path)
