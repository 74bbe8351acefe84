"""The readers of a backup, each as its service's own user: unpack beside, load the database, then swap."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import psycopg

from gongshu.crypto import aead
from gongshu.host.backup_parts import DUMP, FOLDERS, GATEWAY, META, Talk
from gongshu.host.clusters import binary
from gongshu.host.errors import HostError
from gongshu.wire.serving import make_folder
from gongshu.wire.settings import DATABASE_FILE, Settings, load

# Whole folders that a restore puts in the place of the home's own.
SWAPPED: Mapping[str, tuple[str, ...]] = {**FOLDERS, "office": (*FOLDERS["office"], "log")}
DATABASE: Mapping[str, str] = {"office": "office", "domain": "domain"}
# Columns of the data domain's database that hold places of files, rewritten to the home they now lie in.
PATHS = (("store_output", "path"), ("store_release", "path"), ("store_intake", "path"))
SERVING_FILE = 0o640
# A table whose rows say that a service's database is in use.
USED: Mapping[str, str] = {"office": "link_feeditem", "domain": "store_feeditem"}


def in_use(settings: Settings, service: str) -> bool:
    """Run inside: does this home's part already hold somebody's work?"""
    if service == "gateway":
        return False
    with psycopg.connect(settings.database(service), autocommit=True) as line:
        row = line.execute("select to_regclass(%s) is not null", [USED[service]]).fetchone()
        if not row or not row[0]:
            return False
        found = line.execute(f"select exists (select 1 from {USED[service]})").fetchone()  # noqa: S608
        return bool(found and found[0])


def plain(src: BinaryIO, key: bytes | None, alg: str, bound: bytes, work: Path) -> BinaryIO:
    """The tar as a file to read; a sealed one is first proved to its last byte, then read."""
    if key is None:
        return src
    dst = tempfile.TemporaryFile(dir=work)  # noqa: SIM115 - read on by the caller
    try:
        aead.decrypt_stream(alg, key, src, dst, bound)
    except aead.AeadError as error:
        dst.close()
        raise HostError("archive", f"备份文件打不开：{error}") from error
    dst.seek(0)
    return dst


def extract(tar_file: BinaryIO, into: Path) -> None:
    """Unpacks regular files and folders only, none outside `into`, open to nobody else."""
    try:
        with tarfile.open(fileobj=tar_file, mode="r|") as tar:
            for member in tar:
                _extract_one(tar, member, into)
    except tarfile.TarError as error:
        raise HostError("archive", "备份文件已损坏或不完整，没有恢复任何东西。") from error


def _extract_one(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts or not (member.isreg() or member.isdir()):
        raise HostError("archive", "备份文件里有不该有的东西，不予恢复。")
    target = into / place
    (target if member.isdir() else target.parent).mkdir(mode=0o700, parents=True, exist_ok=True)
    if member.isdir():
        return
    src = tar.extractfile(member)
    assert src is not None
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with src, os.fdopen(handle, "wb") as dst:
        shutil.copyfileobj(src, dst, 1 << 20)


def load_database(settings: Settings, name: str, dump: Path) -> None:
    """Replaces everything the service's role owns in its database by the dump, in one transaction."""
    url = settings.database(name)
    with psycopg.connect(url, autocommit=True) as line:
        line.execute("drop owned by current_user cascade")
        line.execute("create schema if not exists public")
    command = [str(binary("pg_restore")), "--no-owner", "--no-privileges", "--single-transaction"]
    done = subprocess.run([*command, "-d", url, str(dump)], capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise HostError("restore", f"数据库 {name} 恢复不了：{said[-300:]}")


def move_paths(settings: Settings, before: str) -> None:
    """Files of the data domain now lie in this home."""
    with psycopg.connect(settings.database("domain"), autocommit=True) as line:
        for table, column in PATHS:
            line.execute(
                f"update {table} set {column} = %s || substr({column}, %s) "  # noqa: S608 - names of PATHS
                f"where starts_with({column}, %s)",
                [f"{settings.home}/", len(before) + 2, f"{before}/"],
            )


def swap(home: Path, work: Path, names: tuple[str, ...]) -> None:
    """Puts the unpacked folders in the place of the present ones; a machine's own address stays."""
    kept = home / "state" / DATABASE_FILE
    if kept.exists() and "state" in names:
        (work / "state").mkdir(exist_ok=True)
        shutil.copy2(kept, work / "state" / DATABASE_FILE)
    for name in names:
        (work / name).mkdir(mode=0o700, exist_ok=True)
        old = work / f".old-{name}"
        if (home / name).exists():
            (home / name).rename(old)
        (work / name).rename(home / name)


def lay_serving(settings: Settings, unpacked: Path) -> None:
    """Released tables where the gateway reads. Stops and ceilings are written anew by the enclave."""
    for zone in settings.zones:
        shutil.rmtree(settings.serving / zone / "products", ignore_errors=True)
    if not unpacked.is_dir():
        return
    for folder, _folders, names in os.walk(unpacked):
        here = settings.serving / Path(folder).relative_to(unpacked)
        if here != settings.serving:
            make_folder(here)
        for name in names:
            temp = here / f".{name}.{secrets.token_hex(4)}"
            shutil.copyfile(Path(folder) / name, temp)
            temp.chmod(SERVING_FILE)
            temp.replace(here / name)


def restore(settings: Settings, service: str, talk: Talk, src: BinaryIO) -> dict[str, Any]:
    """Unpacks one service's archive into its home. Nothing is changed before all of it was read and root,
    told so, has said to go on."""
    words = talk.hear()
    home = settings.home / service
    key = bytes.fromhex(words["key"]) if words["key"] else None
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".restore-", dir=home)))
        body = plain(src, key, words["alg"], bytes.fromhex(words["bound"]), work)
        extract(body, work)
        meta = json.loads((work / META).read_bytes())
        talk.say(ready=True)
        talk.hear()
        if service in DATABASE:
            load_database(settings, DATABASE[service], work / DUMP)
        if service == "domain":
            move_paths(settings, meta["home"])
            lay_serving(settings, work / "serving")
        swap(home, work, SWAPPED[service])
        if (work / GATEWAY).exists():
            (work / GATEWAY).replace(home / "state" / GATEWAY)
    return {"files": sum(len(names) for name in SWAPPED[service] for *_, names in os.walk(home / name))}


def main(service: str, handle: str) -> int:
    """`python -m gongshu.host.backup_unpack SERVICE FD`: FD stands at the archive's body."""
    talk = Talk()
    try:
        with os.fdopen(int(handle), "rb") as src:
            done = restore(load(), service, talk, src)
    except Exception as error:  # noqa: BLE001 - every failure must travel back to the caller
        sentence = getattr(error, "sentence", None) or f"{type(error).__name__}：{error}"
        talk.say(error={"code": str(getattr(error, "code", "restore")), "sentence": str(sentence)})
        return 1
    talk.say(done=True, **done)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
