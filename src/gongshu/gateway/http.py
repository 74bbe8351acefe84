"""HTTP/1.1 for the gateway: llhttp parses (httptools), uvloop carries, and nothing stands between.

A general application server spends more on a call than the gateway does itself (ADR 0122). What is here is
what a machine's face needs: one request after another on a connection, bounded heads, bodies, times and
numbers of connections. TLS ends at the proxy in front.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple, cast

import httptools

from gongshu.wire.doors import BACKLOG

log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What one side may ask of us; sizes in bytes, times in seconds."""

    head: int = 16 * 1024
    body: int = 512 * 1024
    whole: float = 15.0
    """for a request to arrive whole, and for a reply to be taken"""
    idle: float = 75.0
    """a connection may stand without a request"""
    connections: int = 4_000
    """whoever comes beyond is turned away at once"""
    ahead: int = 16
    """requests of one connection that may wait behind the one being answered"""
    leave: float = 10.0
    """calls under way may take at the end"""
    sweep: float = 2.0
    """between looks for connections that are overdue"""


class Request(NamedTuple):
    """A request as it came. `target`: path and query as sent, which is what signatures cover."""

    method: str
    target: str
    authorization: str
    idempotency: str
    body: bytes


Headers = list[tuple[bytes, bytes]]
Reply = tuple[int, Headers, bytes]
Handler = Callable[[Request], Awaitable[Reply]]
Fault = Callable[[str], Reply]
"""The reply where there is no request (`head` or `body` too large, `syntax`) or no answer (`internal`)."""

_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}


class Connection(asyncio.Protocol):
    """One connection. Its requests are answered in their order, one at a time."""

    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server
        self.parser = httptools.HttpRequestParser(self)
        self.waiting: deque[tuple[Request, bool]] = deque()
        self.drained = asyncio.Event()
        self.drained.set()
        self.busy = self.heading = self.arriving = self.held = False
        # `ended`: no further request is read; `closing`: no further reply is written
        self.ended = self.closing = False
        self.fault = ""
        self.came = self.size = 0
        self.completed = False
        self.since = server.loop.time()
        self._clear()

    def _clear(self) -> None:
        self.url = self.authorization = self.idempotency = self.body = b""
        self.continues = False

    # ------------------------------------------------------------ the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if len(self.server.connections) >= self.server.limits.connections:
            self.closing = True
            self.transport.abort()
            return
        self.server.connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closing = True
        self.waiting.clear()
        self.drained.set()
        self.server.connections.discard(self)

    def pause_writing(self) -> None:
        self.drained.clear()
        self.since = self.server.loop.time()

    def resume_writing(self) -> None:
        self.drained.set()

    def eof_received(self) -> bool:
        self.ended = True
        return self.busy

    def data_received(self, data: bytes) -> None:
        if self.closing or self.ended or self.fault:
            return
        self.completed = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.ended = True  # we stay with HTTP/1.1: this request is answered, what follows is not ours
        except httptools.HttpParserError:
            self.fault = self.fault or "syntax"
        if self.arriving:
            self._bound(len(data))
        if self.fault and not self.busy:
            self._give_up()
        elif len(self.waiting) > self.server.limits.ahead and not self.held:
            self.held = True
            self.transport.pause_reading()

    def _bound(self, more: int) -> None:
        """Hold a request that is still arriving to its size: head, body, and what chunks and trailers add.

        One that began behind another in the same read is counted from the next read on.
        """
        limits = self.server.limits
        self.came = 0 if self.completed else self.came + more
        if self.heading and self.came > limits.head:
            self.fault = "head"
        elif self.came > 2 * (limits.head + limits.body):
            self.fault = "body"

    # ------------------------------------------------------------ the parser

    def on_message_begin(self) -> None:
        self.heading = self.arriving = True
        self.came = self.size = 0
        self.since = self.server.loop.time()
        self._clear()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.heading:
            return  # a trailer: nothing that counts may come behind the body
        lower = name.lower()
        if lower == b"authorization":
            self.authorization = value
        elif lower == b"idempotency-key":
            self.idempotency = value
        elif lower == b"expect":
            self.continues = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self.heading = False
        if self.continues and not self.busy:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > self.server.limits.body:
            self.fault, self.body = "body", b""
        elif not self.fault:
            self.body = self.body + part if self.body else part

    def on_message_complete(self) -> None:
        self.arriving, self.completed = False, True
        if self.fault:
            return
        request = Request(
            self.parser.get_method().decode("ascii"),
            _target(self.url),
            self.authorization.decode("ascii", "replace"),
            self.idempotency.decode("ascii", "replace"),
            self.body,
        )
        self.waiting.append((request, self.parser.should_keep_alive()))
        if not self.busy:
            self.busy = True
            task = self.server.loop.create_task(self._answer())
            self.server.tasks.add(task)
            task.add_done_callback(self.server.tasks.discard)

    # ------------------------------------------------------------ answering

    async def _answer(self) -> None:
        while self.waiting:
            request, keep = self.waiting.popleft()
            try:
                reply = await self.server.handler(request)
            except Exception:
                log.exception("%s %s", request.method, request.target.partition("?")[0])
                reply = self.server.fault("internal")
            if self.closing:
                break
            last = self.ended and not self.waiting
            keep = keep and not last and not self.server.leaving
            self.transport.write(written(reply, keep, self.server.date(), request.method == "HEAD"))
            self.since = self.server.loop.time()
            if not keep:
                self.closing = True
                self.transport.close()
                break
            if self.held and len(self.waiting) <= self.server.limits.ahead:
                self.held = False
                self.transport.resume_reading()
            if not self.drained.is_set():
                await self.drained.wait()
        self.busy = False
        if self.fault and not self.closing:
            self._give_up()

    def _give_up(self) -> None:
        """Say what was wrong and hang up: where one request ends and another begins is not known.

        What still arrives is read and thrown away until the other side closes or the sweep does; closing at
        once would reset the connection under the reply.
        """
        self.closing, self.since = True, self.server.loop.time()
        self.transport.write(written(self.server.fault(self.fault), False, self.server.date()))
        self.transport.write_eof()

    def overdue(self, now: float) -> bool:
        """Has it kept us waiting for longer than we wait?"""
        limits = self.server.limits
        if not self.drained.is_set():
            return now - self.since > limits.whole
        allowed = limits.whole if self.arriving or self.closing else limits.idle
        return not self.busy and now - self.since > allowed


def _target(url: bytes) -> str:
    """Path and query; of a whole address only that part counts (RFC 9112, 3.2.2)."""
    if not url.startswith(b"/") and b"://" in url:
        url = b"/" + url.partition(b"://")[2].partition(b"/")[2]
    return url.decode("ascii", "replace")


def written(reply: Reply, keep: bool, date: bytes, bodiless: bool = False) -> bytes:
    """A reply's bytes. `date`: the header's line; `bodiless`: an answer to HEAD."""
    status, headers, body = reply
    parts = [_LINES[status]]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts += (b"content-length: %d\r\n" % len(body), date)
    parts.append(b"\r\n" if keep else b"connection: close\r\n\r\n")
    if not bodiless:
        parts.append(body)
    return b"".join(parts)


class Server:
    """Serves one door in one event loop."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, handler: Handler, fault: Fault, limits: Limits | None = None) -> None:
        self.handler, self.fault, self.limits = handler, fault, limits or Limits()
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.leaving = False
        self._date, self._second = b"", -1

    async def serve(self, door: socket.socket, stopped: asyncio.Event) -> None:
        """Answer until `stopped` is set, then let the calls under way end."""
        self.loop = asyncio.get_running_loop()
        listening = await self.loop.create_server(lambda: Connection(self), sock=door, backlog=BACKLOG)
        try:
            while not stopped.is_set():
                self._sweep()
                try:
                    await asyncio.wait_for(stopped.wait(), self.limits.sweep)
                except TimeoutError:
                    continue
        finally:
            self.leaving = True
            listening.close()
            if self.tasks:
                await asyncio.wait(self.tasks, timeout=self.limits.leave)
            for one in list(self.connections):
                one.transport.close()
            await asyncio.sleep(0)

    def date(self) -> bytes:
        """The Date header's line (RFC 9110, 6.6.1), made once a second."""
        second = int(self.loop.time())
        if second != self._second:
            self._second, self._date = second, f"date: {formatdate(usegmt=True)}\r\n".encode()
        return self._date

    def _sweep(self) -> None:
        now = self.loop.time()
        for one in [each for each in self.connections if each.overdue(now)]:
            one.transport.abort()
