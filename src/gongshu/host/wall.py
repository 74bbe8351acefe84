"""The wall as files: what the service users must be able to read, and must not be able to change."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import gongshu
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.host.users import SERVICES, Account
from gongshu.wire.settings import installation


def code_roots() -> list[Path]:
    """What the processes run and read: package, environment, sandbox environments, front-end files."""
    root = installation()
    found = [Path(gongshu.__file__).resolve().parent, Path(sys.prefix), root / ".engines", root / ".assets"]
    return [path for path in found if path.exists()]


def unreadable() -> list[str]:
    """Sentences about code the service users cannot reach; empty when they can."""
    said = []
    for path in [*code_roots(), Path(sys.executable).resolve()]:
        for part in [path, *path.parents]:
            if not part.stat().st_mode & stat.S_IXOTH:
                said.append(
                    f"服务用户进不了 {part}：请把公枢装在所有用户可进入的目录（不要在 /root 下），"
                    "并用 /usr/bin/python3 建立 .venv。"
                )
                break
    return list(dict.fromkeys(said))


def may(account: Account, path: Path, want: int) -> bool:
    """Whether the account may read (4), write (2) or enter (1) this one entry, by owner, group and mode."""
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode):
        return want != 2
    if info.st_uid == account.uid:
        return bool(info.st_mode >> 6 & want)
    if info.st_gid == account.gid:
        return bool(info.st_mode >> 3 & want)
    return bool(info.st_mode & want)


def entries(root: Path) -> Iterator[Path]:
    """`root` and everything below it, without following links."""
    yield root
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            yield Path(folder) / name


def writable_code(accounts: Iterable[Account]) -> list[Path]:
    """Code, environments and parents of them that a service user could change."""
    accounts = list(accounts)
    found = []
    for root in code_roots():
        paths = [*entries(root), *root.parents]
        for path in paths:
            # A sticky folder such as /tmp lets nobody rename another's entry.
            if path in root.parents and path.stat().st_mode & stat.S_ISVTX:
                continue
            if any(may(account, path, 2) for account in accounts):
                found.append(path)
    return found


def tighten(accounts: Iterable[Account]) -> list[Path]:
    """Takes the right to write from group and others where a service user had it; what was changed.

    Installers leave such files (uv's lock files are open to all). Only root's own files are touched.
    """
    changed = []
    for path in writable_code(accounts):
        info = path.lstat()
        if info.st_uid == 0:
            path.chmod(stat.S_IMODE(info.st_mode) & ~0o022)
            changed.append(path)
    return changed


def faults(home: Home) -> list[str]:
    """Sentences about owners and modes that break the wall; empty when it stands. Single mode has none."""
    if home.mode != "separated":
        return []
    said = []
    root = [home.path, home.config, home.run, home.config / "mark", home.config / "config.json"]
    for path in root:
        info = path.lstat()
        if info.st_uid != 0 or info.st_mode & 0o022:
            said.append(f"{path} 应属于 root 且别人不可写：chown root {path}; chmod go-w {path}")
    for service in SERVICES:
        account, path = home.account(service), home.path / service
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != account.uid or info.st_mode & 0o077:
            said.append(
                f"{path} 应属于 {account.name} 且权限为 0700：chown {account.name} {path}; chmod 0700 {path}"
            )
    said += _serving_faults(home)
    if home.administrators.exists() and home.administrators.lstat().st_mode & 0o077:
        said.append(f"{home.administrators} 只能由 root 读：chmod 0700 {home.administrators}")
    return said


def _serving_faults(home: Home) -> list[str]:
    path = home.path / "serving"
    info = path.lstat()
    domain, gateway = home.account("domain"), home.account("gateway")
    if (info.st_uid, info.st_gid) == (domain.uid, gateway.gid) and not info.st_mode & 0o027:
        return []
    return [
        f"{path} 应属于 {domain.name}:{gateway.name} 且权限为 2750："
        f"chown {domain.name}:{gateway.name} {path}; chmod 2750 {path}"
    ]


def require(home: Home) -> None:
    """Raises with the first fault: a broken wall does not start."""
    said = faults(home)
    if said:
        raise HostError("wall", said[0])
