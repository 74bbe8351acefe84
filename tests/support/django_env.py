"""A throw-away home and cluster for the settings of one domain, made before Django reads them."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path

from support import cluster


def make_home(zones: tuple[str, ...] = ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")) -> Path:
    """A single-mode test home with nothing but its configuration and folders."""
    home = Path(tempfile.mkdtemp(prefix="gs-home-", dir="/tmp"))
    for folder in ("config", "office", "domain", "gateway", "serving", "run"):
        (home / folder).mkdir(mode=0o700)
    ports = {"office": 1, "link": 2, "airlock": 3, "gateway": 4}
    config = {"v": 1, "mode": "single", "zones": list(zones), "zone": "huangshi", "ports": ports}
    (home / "config" / "config.json").write_text(json.dumps(config))
    (home / "config" / "mark").write_text("test\n")
    (home / "config" / "mark").chmod(0o444)
    return home


def prepare(settings_module: str, variable: str, durable: bool = False) -> None:
    """Point this process's settings at a fresh home and cluster; `durable` as in `cluster.start`."""
    home = make_home()
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == owner else None)
    socket = cluster.start("gongshu", durable=durable)
    os.environ["GONGSHU_HOME"] = str(home)
    os.environ[variable] = cluster.url(socket, "gongshu")
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    from gongshu.crypto.keystore import FileKeyStore

    names = ("office", "log", "portal") if variable == "DATABASE_URL" else ("enclave", "airlock")
    keys = FileKeyStore(home / ("office" if variable == "DATABASE_URL" else "domain") / "keys")
    for name in names:
        keys.create(name, "ed25519")
    if variable == "DATABASE_URL":
        for name in ("certificate", "portal-sm2"):
            keys.create(name, "sm2")
