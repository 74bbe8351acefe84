"""The gateway's HTTP over real sockets: what it answers, what it refuses, whom it does not wait for."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop

from gongshu.gateway.app import fault
from gongshu.gateway.http import Limits, Reply, Request, Server
from gongshu.wire.doors import bind

GET = b"GET /a?b=1 HTTP/1.1\r\nhost: x\r\nauthorization: me\r\nidempotency-key: key\r\n\r\n"


class Site:
    """A server whose handler says what it was asked; `/slow` waits until `go` is set, `/bad` breaks."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.seen: list[Request] = []
        self.door = bind("127.0.0.1", 0)
        self.port = self.door.getsockname()[1]
        self.opened = threading.Event()
        self.thread = threading.Thread(target=uvloop.run, args=(self._run(),), daemon=True)
        self.thread.start()
        assert self.opened.wait(10)

    async def _run(self) -> None:
        self.loop, self.stopped, self.go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self.server = Server(self._handle, fault, self.limits)
        self.opened.set()
        await self.server.serve(self.door, self.stopped)

    async def _handle(self, request: Request) -> Reply:
        self.seen.append(request)
        if request.target == "/slow":
            await self.go.wait()
        if request.target == "/bad":
            raise ValueError
        body = (
            b"x" * 4_000_000 if request.target == "/long" else request.target.encode() + b" " + request.body
        )
        return 200, [(b"content-type", b"text/plain")], body

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.go.set)
            self.loop.call_soon_threadsafe(self.stopped.set)
            self.thread.join(15)
        assert not self.thread.is_alive()


@contextmanager
def opened(limits: Limits | None = None) -> Iterator[Site]:
    made = Site(limits)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def site() -> Iterator[Site]:
    with opened() as made:
        yield made


@contextmanager
def line(site: Site) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as made:
        yield made


def until_closed(one: socket.socket) -> bytes:
    parts = []
    while part := one.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def told(site: Site, sent: bytes) -> bytes:
    """Everything that comes back when we send and then say that we are done."""
    with line(site) as one:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        return until_closed(one)


def test_a_request_and_its_reply(site: Site) -> None:
    came = told(site, GET)
    assert site.seen == [Request("GET", "/a?b=1", "me", "key", b"")]
    head, _, body = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and body == b"/a?b=1 "
    assert b"content-length: 7" in head and b"\r\ndate: " in head and b"content-type: text/plain" in head


def test_many_on_one_connection_in_their_order(site: Site) -> None:
    many = b"".join(GET.replace(b"/a?b=1", b"/%d" % n) for n in range(60))
    came = told(site, many)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in came.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [b"/%d " % n for n in range(60)]


def test_a_body_in_pieces_and_in_chunks(site: Site) -> None:
    with line(site) as one:
        for part in (b"POST /p HTTP/1.1\r\ncontent-le", b"ngth: 6\r\n\r\nab", b"cd", b"ef"):
            one.sendall(part)
            time.sleep(0.02)
        assert one.recv(4096).endswith(b"/p abcdef")
    chunked = b"POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert told(site, chunked).endswith(b"/c abcde")


def test_a_whole_address_counts_by_its_path(site: Site) -> None:
    told(site, b"GET http://gateway.example/v1/x?y=1 HTTP/1.1\r\nhost: gateway.example\r\n\r\n")
    assert site.seen[0].target == "/v1/x?y=1"


def test_it_hangs_up_where_it_was_asked_to(site: Site) -> None:
    with line(site) as one:
        one.sendall(GET.replace(b"host: x", b"host: x\r\nconnection: close"))
        assert b"connection: close" in until_closed(one)
    with line(site) as one:
        one.sendall(b"GET /old HTTP/1.0\r\n\r\n")
        assert b"/old" in until_closed(one)


def test_head_has_no_body(site: Site) -> None:
    assert told(site, b"HEAD /h HTTP/1.1\r\nhost: x\r\n\r\n").endswith(b"\r\n\r\n")


def test_an_upgrade_is_not_taken_up(site: Site) -> None:
    asked = GET.replace(b"host: x", b"host: x\r\nconnection: upgrade\r\nupgrade: h2c")
    came = told(site, asked)
    assert came.count(b"HTTP/1.1 ") == 1 and came.startswith(b"HTTP/1.1 200 ")


def test_it_says_go_on_before_a_body(site: Site) -> None:
    with line(site) as one:
        one.sendall(b"POST /p HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b"ok")
        assert one.recv(4096).endswith(b"/p ok")


def test_a_fault_of_the_handler_is_a_500_and_the_line_stays(site: Site) -> None:
    came = told(site, b"GET /bad HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
    assert came.startswith(b"HTTP/1.1 500 ") and b'"code":"internal"' in came and came.endswith(b"/a?b=1 ")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", b"400", b"syntax"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 40_000, b"431", b"too_large_head"),
        (b"GET /" + b"a" * 40_000, b"431", b"too_large_head"),
        (
            b"POST / HTTP/1.1\r\ncontent-length: 900000\r\n\r\n" + b"a" * 900_000,
            b"413",
            b"too_large",
        ),
        # who may disagree about where a request ends gets no second one through (RFC 9112, 6.1)
        (
            b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            b"400",
            b"syntax",
        ),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", b"400", b"syntax"),
        (b"GET / HTTP/1.1\r\n bad: x\r\n\r\n", b"400", b"syntax"),
    ],
)
def test_what_is_no_request(site: Site, sent: bytes, status: bytes, code: bytes) -> None:
    came = told(site, sent)
    assert came.startswith(b"HTTP/1.1 " + status) and b'"code":"' + code + b'"' in came
    assert b"connection: close" in came and site.seen == []


def test_a_trailer_is_no_header_and_has_an_end(site: Site) -> None:
    chunked = b"POST /c HTTP/1.1\r\nauthorization: me\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    told(site, chunked + b"authorization: you\r\n\r\n")
    assert [one.authorization for one in site.seen] == ["me"]
    assert told(site, chunked + b"x: " + b"a" * 2_000_000).startswith(b"HTTP/1.1 413 ")


def test_a_head_behind_a_large_body_is_not_too_large(site: Site) -> None:
    body = b"POST /b HTTP/1.1\r\ncontent-length: 100000\r\n\r\n" + b"a" * 100_000
    came = told(site, body + GET[:20] + GET[20:])
    assert came.count(b"HTTP/1.1 200 OK") == 2
    with line(site) as one:
        one.sendall(body + GET[:20])
        time.sleep(0.2)
        one.sendall(GET[20:])
        one.shutdown(socket.SHUT_WR)
        assert until_closed(one).count(b"HTTP/1.1 200 OK") == 2


def test_what_came_before_the_bad_one_is_answered(site: Site) -> None:
    came = told(site, GET + b"\x00\x00\r\n\r\n")
    assert came.startswith(b"HTTP/1.1 200 ") and came.count(b"HTTP/1.1 400 ") == 1


HASTY = Limits(whole=0.2, idle=0.2, sweep=0.05)


@pytest.mark.parametrize(
    "sent", [b"", GET, b"GET / HT", b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nab", b"\x00\r\n\r\n"]
)
def test_nobody_is_waited_for_longer_than_the_limits(sent: bytes) -> None:
    with opened(HASTY) as site, line(site) as one:
        one.sendall(sent)
        until_closed(one)  # or the socket's own time-out fails the test
        assert len(site.seen) == (sent == GET)


def test_a_reply_nobody_takes_is_dropped() -> None:
    with opened(HASTY) as site, line(site) as one:
        one.sendall(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n" * 8)
        until = time.monotonic() + 10
        while time.monotonic() < until and not (site.seen and not site.server.connections):
            time.sleep(0.01)
        assert not site.server.connections and len(site.seen) < 8


def test_connections_beyond_the_number_are_turned_away() -> None:
    with opened(Limits(connections=1)) as site, line(site) as one:
        one.sendall(GET)
        assert one.recv(10)
        with line(site) as two:
            assert two.recv(10) == b""


def test_calls_under_way_end_before_it_does(site: Site) -> None:
    with line(site) as one:
        one.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        until = time.monotonic() + 5
        while not site.seen and time.monotonic() < until:
            time.sleep(0.01)
        site.loop.call_soon_threadsafe(site.stopped.set)
        time.sleep(0.1)
        with pytest.raises(ConnectionRefusedError), line(site):
            pass
        site.loop.call_soon_threadsafe(site.go.set)
        assert until_closed(one).endswith(b"/slow ")
