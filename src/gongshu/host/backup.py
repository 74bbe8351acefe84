"""`gongshu backup`: two archives at one feed number, one a domain, each written by its own user.

Root opens the files, hands them over, and carries words between the writers; it reads nothing of a home.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.host import inside, setup, state
from gongshu.host.errors import HostError
from gongshu.host.home import Home, make_sockets
from gongshu.wire.store import write_file

ENDINGS: Mapping[str, str] = {"office": "gongshu-office-{}.tar", "domain": "gongshu-domain-{}.sealed"}
CHECKPOINT = "gongshu-checkpoint-{}.json"
# Seconds that enclave and gateway get to take the feed's last items.
PATIENCE = 45.0


class Part:
    """One writer, already its service's user."""

    def __init__(self, home: Home, service: str, target: str, fds: Sequence[int], *words: str) -> None:
        self.service = service
        self.popen: subprocess.Popen[bytes] = subprocess.Popen(
            inside.python("-m", target, *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            umask=0o077,
            pass_fds=tuple(fds),
            env=inside.environment(home, service),
            **home.account(service).popen(),
        )

    def tell(self, **words: Any) -> None:
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.write(json.dumps(words).encode() + b"\n")
            self.popen.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Its next word; what it could not do becomes a `HostError`."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        try:
            heard: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise HostError("backup", f"{self.service} 的进程中途结束，没有做完。") from error
        if "error" in heard:
            raise HostError(heard["error"]["code"], heard["error"]["sentence"])
        return heard

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def working(home: Home, service: str, target: str, fds: Sequence[int], *words: str) -> Iterator[Part]:
    part = Part(home, service, target, fds, *words)
    try:
        yield part
    finally:
        part.end()


@contextmanager
def databases(home: Home) -> Iterator[None]:
    """The embedded clusters, started for the length of the work when the home does not run."""
    make_sockets(home)
    if state.running(home):
        yield
        return
    with state.lock(home) as free:
        if not free:
            raise HostError("running", "公枢正在启动，请稍后再试。")
        with setup.clusters_up(setup.embedded(home)):
            yield


def _open(home: Home, service: str, path: Path) -> int:
    """A new file that belongs to the service's user alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if home.account(service).switch:
        os.fchown(handle, home.account(service).uid, home.account(service).gid)
    return handle


def backup(home: Home, out: Path, *, behind: bool = False) -> dict[str, Any]:
    """Writes both archives and the administrators' checkpoint into `out`; their paths and feed numbers.

    Files appear under their names only when both are whole.
    """
    out.mkdir(mode=0o755, parents=True, exist_ok=True)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    temp = {service: out / f".{ending.format(name)}.part" for service, ending in ENDINGS.items()}
    try:
        with databases(home):
            made = _write(home, temp, behind=behind)
    except BaseException:
        for path in temp.values():
            path.unlink(missing_ok=True)
        raise
    paths = {service: out / ending.format(name) for service, ending in ENDINGS.items()}
    for service, path in paths.items():
        temp[service].rename(path)
    checkpoint = out / CHECKPOINT.format(name)
    content = {"v": 1, "made": name, **made}
    write_file(checkpoint, json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n", 0o644)
    return {
        "archives": {service: str(path) for service, path in sorted(paths.items())},
        "checkpoint": str(checkpoint),
        "feed": made["feed"],
        "log": {"size": made["log"]["size"]},
    }


def _write(home: Home, temp: Mapping[str, Path], *, behind: bool) -> dict[str, Any]:
    target = "gongshu.host.backup_parts"
    patience = PATIENCE if state.running(home) else 0.0
    office_file, domain_file = (_open(home, service, temp[service]) for service in ("office", "domain"))
    try:
        with (
            tempfile.TemporaryFile() as box,
            working(home, "office", target, [office_file], "office", str(office_file)) as office,
        ):
            frozen = office.hear()
            wanted = {"feed": frozen["feed"], "behind": behind, "patience": patience, "log": frozen["log"]}
            with working(home, "gateway", target, [box.fileno()], "gateway", str(box.fileno())) as gateway:
                gateway.tell(**wanted)
                gateway.hear()
                gateway.hear()
            box.seek(0)
            fds = [domain_file, box.fileno()]
            with working(home, "domain", target, fds, "domain", str(domain_file)) as domain:
                domain.tell(**wanted, gateway=box.fileno())
                place = domain.hear()["feed"]
                office.tell()
                office.hear()
                domain.hear()
    finally:
        os.close(office_file)
        os.close(domain_file)
    return {"feed": frozen["feed"], "taken": place, "log": frozen["log"]}
