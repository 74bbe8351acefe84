"""The three writers of a backup. Each runs as its service's own user, is told where it stands by lines of
JSON on standard input, and writes to a file it was handed open.

One cut through both domains: the office stops publishing, taking messages in and numbering evidence for a
moment; whatever a domain counts as delivered was then taken before the office's snapshot, and whatever the
office holds was sent before the domain's. Only the small things are copied while the office stands still;
the databases are dumped later from the snapshots taken then.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import psycopg

from gongshu import __version__
from gongshu.crypto import aead
from gongshu.evidence.checkpoint import read as read_checkpoint
from gongshu.host import backup_seal
from gongshu.host.clusters import binary
from gongshu.host.errors import HostError
from gongshu.wire.settings import DATABASE_FILE, Settings, load
from gongshu.wire.store import TrustStore
from gongshu.wire.times import stamp

# Folders of a service's home that an archive carries. `pg` goes as a dump; `staging` and `output` do not go.
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "office": ("keys", "deposits", "state"),
    "domain": ("keys", "vault", "journal", "state"),
    "gateway": ("keys", "journal", "state"),
}
# What belongs to this machine, or to a restore that has ended.
LEFT = (DATABASE_FILE,)
DUMP, META, GATEWAY = "database.dump", "meta.json", "gateway.sealed"
# A restored gateway would count from the copied place; what was delivered is copied before what it speaks of.
GATEWAY_FIRST = (
    "journal/posted.json",
    "journal/outgoing",
    "journal/evidence",
    "journal/batches",
    "journal/calls",
)
PATIENCE = 60.0
LOCKS = "link_feedhead, link_inboxmessage"
# The lock under which the office's sequencer gives numbers.
SEQUENCER = "select pg_advisory_lock(hashtext('gongshu.sequencer')::bigint)"
WAITERS = (
    "select count(*) from pg_locks where locktype = 'advisory' and not granted "
    "and objid::bigint = (hashtext('gongshu.sequencer')::bigint & 4294967295)"
)


class Talk:
    """One line of JSON at a time with the process that runs the backup."""

    def say(self, **words: Any) -> None:
        print(json.dumps(words), flush=True)

    def hear(self) -> dict[str, Any]:
        line = sys.stdin.readline()
        if not line:
            raise HostError("stopped", "备份被中止。")
        heard: dict[str, Any] = json.loads(line)
        return heard


def wait(what: Callable[[], bool], sentence: str, seconds: float = PATIENCE) -> None:
    """Until `what` holds; `HostError("busy")` with the sentence when it does not in time."""
    ends = time.monotonic() + seconds
    while not what():
        if time.monotonic() > ends:
            raise HostError("busy", sentence)
        time.sleep(0.1)


def header(settings: Settings, part: str, feed: Mapping[str, int], **more: Any) -> dict[str, Any]:
    """The first line of an archive: whose it is, what it is worth, where in the feed."""
    return {
        "v": 1,
        "part": part,
        "mark": settings.mark,
        "zone": settings.zone,
        "zones": list(settings.zones),
        "feed": dict(feed),
        "made": stamp(datetime.now(UTC)),
        "version": __version__,
        **more,
    }


def connect(settings: Settings, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(settings.database(name), autocommit=True)


@contextmanager
def snapshot(settings: Settings, name: str) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A snapshot of the database, and its name by which others may read it while the block lasts."""
    with connect(settings, name) as line:
        line.execute("begin isolation level repeatable read")
        row = line.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield line, str(row[0])


def dump(settings: Settings, name: str, seen: str, out: Path) -> None:
    """The database as of the snapshot, in PostgreSQL's own archive format."""
    command = [str(binary("pg_dump")), "-Fc", "--no-owner", "--no-privileges", f"--snapshot={seen}"]
    command += ["-f", str(out), "-d", settings.database(name)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise HostError("dump", f"数据库 {name} 导不出来：{said[-300:]}")


def add_tree(tar: tarfile.TarFile, top: Path, name: str) -> None:
    """A file or folder as it is now; a file that goes away meanwhile is left out."""
    if name.rpartition("/")[2] in LEFT or not (top / name).exists():
        return
    with suppress(FileNotFoundError):
        tar.add(top / name, name, recursive=False)
    if (top / name).is_dir() and not (top / name).is_symlink():
        for child in sorted(path.name for path in (top / name).iterdir()):
            add_tree(tar, top, f"{name}/{child}")


def add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def copy_log(source: Path, target: Path) -> None:
    """The log at this moment. Full tiles never change again and are linked, all else is copied."""
    for folder, folders, names in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders[:] = [name for name in folders if name != "new"]
        in_tiles = Path(folder).relative_to(source).parts[:1] == ("tile",)
        for name in names:
            full = in_tiles and not any(part.endswith(".p") for part in Path(folder).parts)
            with suppress(FileNotFoundError):
                if full:
                    os.link(Path(folder) / name, here / name)
                else:
                    shutil.copyfile(Path(folder) / name, here / name)


def log_state(folder: Path) -> dict[str, Any]:
    """Size and name of the log by its checkpoint; size 0 before the first."""
    path = folder / "checkpoint"
    if not path.exists():
        return {"size": 0}
    found = read_checkpoint(path.read_bytes())[0]
    return {"size": found.size, "checkpoint": path.read_text("utf-8")}


def log_is_free(folder: Path) -> bool:
    """True when no process holds the log."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def sequencer_rests(line: psycopg.Connection[Any], log: Path) -> bool:
    """True when nobody can be in the middle of writing the log: its writer waits for us, or is not there."""
    row = line.execute(WAITERS).fetchone()
    return bool(row and row[0]) or log_is_free(log)


def feed_head(line: psycopg.Connection[Any]) -> dict[str, int]:
    return {zone: int(seq) for zone, seq in line.execute("select zone, seq from link_feedhead").fetchall()}


def office(settings: Settings, talk: Talk, out: BinaryIO) -> None:
    """The office's archive. Hears `{}` once the others have their cut."""
    home = settings.office
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".backup-", dir=home)))
        held = stack.enter_context(connect(settings, "office"))
        held.execute("set lock_timeout = '60s'")
        held.execute(SEQUENCER)
        wait(lambda: sequencer_rests(held, home / "log"), "存证排号没有停下来，请稍后再备份。")
        held.execute("begin")
        held.execute(f"lock table {LOCKS} in exclusive mode")
        feed = feed_head(held)
        _, seen = stack.enter_context(snapshot(settings, "office"))
        copy_log(home / "log", work / "log")
        talk.say(feed=feed, log=log_state(work / "log"))
        talk.hear()
        held.execute("rollback")
        held.close()
        dump(settings, "office", seen, work / DUMP)
        state = log_state(work / "log")
        backup_seal.write_header(out, header(settings, "office", feed, log=state))
        with tarfile.open(fileobj=out, mode="w|") as tar:
            add_bytes(tar, META, json.dumps({"home": str(settings.home)}).encode())
            add_tree(tar, work, DUMP)
            add_tree(tar, work, "log")
            for name in FOLDERS["office"]:
                add_tree(tar, home, name)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def sealed_tar(
    settings: Settings, part: str, feed: Mapping[str, int], out: BinaryIO, **more: Any
) -> Iterator[tarfile.TarFile]:
    """A tar sealed to the administrators of this service's own trust list."""
    envelope = TrustStore(settings.trust(part)).current(datetime.now(UTC)).envelope
    recipients = backup_seal.recovery_keys(envelope.body["administrators"])
    key = aead.new_key()
    first = header(
        settings, part, feed, alg=settings.cipher, shares=backup_seal.split(key, recipients), **more
    )
    bound = backup_seal.write_header(out, first)
    with (
        backup_seal.sealed(out, key, settings.cipher, bound) as plain,
        tarfile.open(fileobj=plain, mode="w|") as tar,
    ):
        add_bytes(tar, META, json.dumps({"home": str(settings.home)}).encode())
        yield tar
    out.flush()
    os.fsync(out.fileno())


def check_place(place: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
    return all(place.get(zone, 0) == seq for zone, seq in wanted.items())


BEHIND = "数据域还没有收齐通知流，两份备份合不到同一编号；请先恢复线路，或加 --behind 接受数据域落后。"


def gateway(settings: Settings, talk: Talk, out: BinaryIO) -> None:
    """The gateway's sealed part, all of it while the office stands still."""
    wanted = talk.hear()
    book = settings.gateway / "state" / "book.json"

    def places() -> dict[str, int]:
        return dict(json.loads(book.read_bytes())["places"]) if book.exists() else {}

    if not wanted["behind"]:
        wait(lambda: check_place(places(), wanted["feed"]), BEHIND, wanted["patience"])
    place = places()
    with sealed_tar(settings, "gateway", place, out) as tar:
        add_tree(tar, settings.gateway, "state")
        for name in GATEWAY_FIRST:
            add_tree(tar, settings.gateway, name)
        add_tree(tar, settings.gateway, "keys")
    talk.say(feed=place)


def domain_places(line: psycopg.Connection[Any]) -> dict[str, int]:
    return {zone: int(seq) for zone, seq in line.execute("select zone, seq from store_feedstate").fetchall()}


def domain(settings: Settings, talk: Talk, out: BinaryIO) -> None:
    """The data domain's sealed archive, the gateway's part inside it as a box it cannot open."""
    wanted = talk.hear()
    home = settings.domain
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".backup-", dir=home)))
        line = stack.enter_context(connect(settings, "domain"))
        if not wanted["behind"]:
            wait(lambda: check_place(domain_places(line), wanted["feed"]), BEHIND, wanted["patience"])
        cut, seen = stack.enter_context(snapshot(settings, "domain"))
        place = domain_places(cut)
        talk.say(feed=place)
        dump(settings, "domain", seen, work / DUMP)
        with (
            sealed_tar(settings, "domain", place, out, log=wanted["log"]) as tar,
            os.fdopen(int(wanted["gateway"]), "rb") as box,
        ):
            add_tree(tar, work, DUMP)
            info = tarfile.TarInfo(GATEWAY)
            info.size, info.mode = os.fstat(box.fileno()).st_size, 0o600
            tar.addfile(info, box)
            for name in FOLDERS["domain"]:
                add_tree(tar, home, name)
            for zone in settings.zones:
                add_tree(tar, settings.home, f"serving/{zone}/products")


PARTS: Mapping[str, Callable[[Settings, Talk, BinaryIO], None]] = {
    "office": office,
    "domain": domain,
    "gateway": gateway,
}


def main(part: str, handle: str) -> int:
    """`python -m gongshu.host.backup_parts PART FD`; its last line says `{"done": true}` or the error."""
    talk = Talk()
    try:
        with os.fdopen(int(handle), "wb") as out:
            PARTS[part](load(), talk, out)
    except Exception as error:  # noqa: BLE001 - every failure must travel back to the caller
        sentence = getattr(error, "sentence", None) or f"{type(error).__name__}：{error}"
        talk.say(error={"code": str(getattr(error, "code", "backup")), "sentence": str(sentence)})
        return 1
    talk.say(done=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
