"""Which ports the doors take: those of the last time, those asked for, or free ones."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def choose(present: Mapping[str, int], host: str, asked: int | None) -> Choice:
    """The ports for a start.

    Asked for `0`: free ones. Asked for `N`: N, N+1, N+2, N+3, and a taken one is an error that names it.
    Not asked: those of the configuration, and where one is taken the next free block, said in a note.
    """
    if asked == 0:
        return Choice(dict(zip(PORTS, any_free(host, len(PORTS)), strict=True)))
    if asked is not None:
        wanted = {name: asked + offset for offset, name in enumerate(PORTS)}
        if not 0 < asked <= LAST - len(PORTS):
            raise HostError("port", f"端口 {asked} 不在 1 到 {LAST - len(PORTS)} 之间。")
        taken = _taken(wanted, host)
        if taken:
            raise HostError("port", f"{_name(taken, wanted)}。请换一个 --port，或用 --port 0 取空闲端口。")
        return Choice(wanted)
    taken = _taken(present, host)
    if not taken:
        return Choice(dict(present))
    made = _next_block(min(present.values()) + STEP, host)
    return Choice(made, [f"{_name(taken, present)}，这次改用 {made['office']}–{made['gateway']}。"])


def _taken(ports: Mapping[str, int], host: str) -> list[str]:
    return [name for name in PORTS if not free(host, ports[name])]


def _name(taken: list[str], ports: Mapping[str, int]) -> str:
    return "、".join(f"{TITLES[name]}的端口 {ports[name]}" for name in taken) + " 已被别的程序占用"


def _next_block(start: int, host: str) -> dict[str, int]:
    for base in range(start, LAST - len(PORTS), STEP):
        block = {name: base + offset for offset, name in enumerate(PORTS)}
        if not _taken(block, host):
            return block
    return dict(zip(PORTS, any_free(host, len(PORTS)), strict=True))
