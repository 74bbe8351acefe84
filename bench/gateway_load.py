"""Load for the gateway's bench, in a process of its own: prepared requests over keep-alive connections.

    python bench/gateway_load.py PORT FILE CONNECTIONS [RATE] [EXPECT]

FILE holds requests one behind the other, each with its length before it (4 bytes, little endian). Without
RATE every connection sends its next request when it has its answer (closed loop: capacity). With RATE
requests are sent at that many a second whatever comes back (open loop), and a latency counts from the moment
the request was due, so that a stall is not hidden. Prints one JSON object.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path


def load(path: Path) -> list[bytes]:
    data = path.read_bytes()
    found, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "little")
        found.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return found


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.data = b""
        self.due = 0.0

    def received(self) -> tuple[bytes, bytes] | None:
        """(head, body) of the answer once it is whole."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError("closed")
        self.data = self.data + part if self.data else part
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return None
        at = self.data.find(b"content-length: ")
        if at < 0:
            at = self.data.lower().find(b"content-length: ")
        if at < 0 or at > end:  # chunked: the peers' way
            if not self.data.endswith(b"0\r\n\r\n"):
                return None
            whole, self.data = self.data, b""
            return whole[:end], whole[end + 4 :]
        size = int(self.data[at + 16 : self.data.index(b"\r", at)])
        if len(self.data) < end + 4 + size:
            return None
        whole, self.data = self.data, b""
        return whole[:end], whole[end + 4 :]


def run(port: int, requests: list[bytes], connections: int, rate: float, expect: bytes) -> dict[str, object]:
    ends = {}
    poll = select.epoll()
    idle: deque[Connection] = deque()
    for _ in range(connections):
        one = Connection(port)
        ends[one.socket.fileno()] = one
        poll.register(one.socket.fileno(), select.EPOLLIN)
        idle.append(one)
    total, sent, good, odd = len(requests), 0, 0, b""
    spent: list[float] = []
    begun = time.perf_counter()
    while len(spent) < total:
        now = time.perf_counter()
        while idle and sent < total and (not rate or now >= begun + sent / rate):
            one = idle.popleft()
            one.due = begun + sent / rate if rate else now
            one.socket.send(requests[sent])
            sent += 1
        wait = -1.0 if not idle or sent >= total or not rate else max(0.0, begun + sent / rate - now)
        for number, _ in poll.poll(wait):
            one = ends[number]
            answer = one.received()
            if answer is None:
                continue
            spent.append(time.perf_counter() - one.due)
            if expect in answer[1]:
                good += 1
            elif not odd:
                odd = answer[0][:60] + b" ... " + answer[1][:300]
            idle.append(one)
    seconds = time.perf_counter() - begun
    spent.sort()
    return {
        "requests": total,
        "good": good,
        "seconds": seconds,
        "per_second": total / seconds,
        "p50_ms": 1000 * spent[total // 2],
        "p99_ms": 1000 * spent[total * 99 // 100],
        "odd": odd.decode("utf-8", "replace"),
    }


if __name__ == "__main__":
    port, path, connections = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    expect = sys.argv[5].encode() if len(sys.argv) > 5 else b""
    print(json.dumps(run(port, load(path), connections, rate, expect), ensure_ascii=False))
