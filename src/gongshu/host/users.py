"""The three system users of separated mode; in single mode all three are the present user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gongshu.host.errors import HostError

# service (= the folder of its home) → system user
USERS: Mapping[str, str] = {
    "office": "gongshu-office",
    "domain": "gongshu-domain",
    "gateway": "gongshu-gateway",
}
SERVICES = tuple(USERS)


@dataclass(frozen=True)
class Account:
    """Who a service runs as. `switch` is True when this process must change to it first."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(self) -> dict[str, Any]:
        """The arguments of `subprocess.Popen` that give up everything but this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def account(service: str, mode: str) -> Account:
    """The account of a service; `HostError("users")` when its system user is missing."""
    if mode == "single":
        me = pwd.getpwuid(os.geteuid())
        return Account(me.pw_name, me.pw_uid, me.pw_gid, switch=False)
    try:
        found = pwd.getpwnam(USERS[service])
    except KeyError as error:
        raise HostError(
            "users", f"没有系统用户 {USERS[service]}，请用 root 运行 gongshu init 建立。"
        ) from error
    return Account(found.pw_name, found.pw_uid, found.pw_gid, switch=os.geteuid() == 0)


def missing() -> list[str]:
    """The system users that do not exist yet."""
    return [name for name in USERS.values() if not _exists(name)]


def create() -> list[str]:
    """Creates the missing system users (no password, no shell, no home, own group); their names."""
    made = missing()
    if made and shutil.which("useradd") is None:
        raise HostError("users", "本机没有 useradd，请先安装 passwd 软件包，再运行 gongshu init。")
    for name in made:
        command = ["useradd", "--system", "--user-group", "--no-create-home"]
        command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # Another `gongshu init` may have made it in between.
        if done.returncode != 0 and not _exists(name):
            raise HostError("users", f"系统用户 {name} 建立不了：{done.stderr.strip()}")
    return made


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
