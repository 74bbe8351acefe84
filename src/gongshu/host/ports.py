"""Which ports the doors take: those of the last time, those asked for, or free ones."""

from __future__ import annotations

import pwd
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gongshu.host.errors import HostError
from gongshu.wire.settings import PORTS

TITLES: Mapping[str, str] = {
    "office": "办公域",
    "link": "办公域通知流",
    "airlock": "数据域闸口",
    "gateway": "网关",
}
LAST = 65535
STEP = 10
# Seconds a fixed port is waited for: processes of a killed supervisor end within them.
PATIENCE = 10.0
_LISTENING = "0A"


@dataclass(frozen=True)
class Choice:
    """The ports, and a sentence for each that could not be as usual."""

    ports: dict[str, int]
    notes: list[str] = field(default_factory=list)


def free(host: str, port: int) -> bool:
    """True when a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def any_free(host: str, count: int) -> list[int]:
    """Different ports the system says are free now."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def choose(
    present: Mapping[str, int],
    host: str,
    asked: int | None,
    *,
    movable: bool,
    doors: Sequence[str] = PORTS,
    patience: float = PATIENCE,
) -> Choice:
    """The ports for a start. `doors`: those this machine opens; only theirs must be free.

    Asked for `0`: free ones. Asked for `N`: N, N+1, N+2, N+3, and a taken one is an error that names it.
    Not asked: those of the configuration. Where one is taken a `movable` home (demo, test) goes to the next
    free block and says so. Any other is reached at fixed addresses where nobody else may answer: after
    `patience` seconds (a killed predecessor is still ending) that is an error that names the holder.
    """
    if asked == 0:
        return Choice(dict(zip(PORTS, any_free(host, len(PORTS)), strict=True)))
    if asked is not None:
        wanted = {name: asked + offset for offset, name in enumerate(PORTS)}
        if not 0 < asked <= LAST - len(PORTS):
            raise HostError("port", f"端口 {asked} 不在 1 到 {LAST - len(PORTS)} 之间。")
        taken = _taken(wanted, host, doors)
        if taken:
            raise HostError(
                "port", f"{name_taken(taken, wanted)}。请换一个 --port，或用 --port 0 取空闲端口。"
            )
        return Choice(wanted)
    taken = _taken(present, host, doors) if movable else _wait_free(present, host, doors, patience)
    if not taken:
        return Choice(dict(present))
    if not movable:
        raise HostError(
            "port",
            f"{name_taken(taken, present)}，没有启动：正式环境不自行换端口，以免别人在原来的地址上应答；"
            "请先停掉占用者，或用 --port 指定别的端口。",
        )
    made = _next_block(min(present.values()) + STEP, host, doors)
    return Choice(made, [f"{name_taken(taken, present)}，这次改用 {made['office']}–{made['gateway']}。"])


def _taken(ports: Mapping[str, int], host: str, doors: Iterable[str]) -> list[str]:
    return [name for name in doors if not free(host, ports[name])]


def _wait_free(ports: Mapping[str, int], host: str, doors: Sequence[str], seconds: float) -> list[str]:
    ends = time.monotonic() + seconds
    while (taken := _taken(ports, host, doors)) and time.monotonic() < ends:
        time.sleep(0.2)
    return taken


def name_taken(taken: Sequence[str], ports: Mapping[str, int]) -> str:
    """A clause that names taken ports and, where the kernel tells, who holds them."""
    said = []
    for name in taken:
        who = holder(ports[name])
        said.append(f"{TITLES[name]}的端口 {ports[name]}" + (f"（{who}）" if who else ""))
    return "、".join(said) + " 已被别的程序占用"


def holder(port: int) -> str:
    """Who listens at a port: `用户 U，进程 NAME PID`, less where the kernel tells less, empty if nothing."""
    for uid, inode in _listeners(port):
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        process = _process_of(inode)
        return f"用户 {user}，进程 {process}" if process else f"用户 {user}"
    return ""


def _listeners(port: int) -> Iterator[tuple[int, str]]:
    """(user id, inode) of the listening sockets of a port, of IPv4 and IPv6 (proc(5), /proc/net/tcp)."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    yield int(words[7]), words[9]


def _process_of(inode: str) -> str:
    """`NAME PID` of a process that holds a socket; empty when none may be seen."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) == f"socket:[{inode}]":
                        return f"{(process / 'comm').read_text().strip()} {process.name}"
    return ""


def _next_block(start: int, host: str, doors: Sequence[str]) -> dict[str, int]:
    for base in range(start, LAST - len(PORTS), STEP):
        block = {name: base + offset for offset, name in enumerate(PORTS)}
        if not _taken(block, host, doors):
            return block
    return dict(zip(PORTS, any_free(host, len(PORTS)), strict=True))
