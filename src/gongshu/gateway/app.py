"""The gateway's HTTP face (ASGI, no framework): products to buyers who signed, and why not when not."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import date
from typing import Any

from gongshu.gateway import reconcile, testing
from gongshu.gateway.engine import Gateway, encode
from gongshu.gateway.errors import Refusal, refusal
from gongshu.gateway.openapi import document

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Reply = tuple[int, list[tuple[bytes, bytes]], bytes]

LARGEST_BODY = 512 * 1024
JSON = (b"content-type", b"application/json")
_ID = r"([A-Za-z0-9._-]{1,80})"
SINGLE = re.compile(rf"/v1/(test/)?products/{_ID}/(verify|lookup)\Z")
ROWS = re.compile(rf"/v1/products/{_ID}/rows\Z")
SECRET = re.compile(rf"/v1/credentials/{_ID}/secret\Z")
DAY = re.compile(rf"/v1/credentials/{_ID}/reconciliation/(\d{{4}}-\d{{2}}-\d{{2}})\Z")


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(body) > LARGEST_BODY:
            break
        message = await receive()
        body += message.get("body", b"")
    if len(body) > LARGEST_BODY:
        raise refusal("too_large")
    return body


class App:
    """The ASGI application."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.openapi = encode(document())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._route(scope, receive)
        except Refusal as error:
            status, headers, body = error.status, [JSON], encode(error.data())
            if error.wait:
                headers.append((b"retry-after", b"%d" % error.wait))
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _route(self, scope: Scope, receive: Receive) -> Reply:
        path: str = scope["path"]
        found = SINGLE.match(path)
        if found is not None:
            return await self._single(found, scope, receive)
        for pattern, method, handler in self._table():
            found = pattern.match(path)
            if found is not None:
                if scope["method"] != method:
                    raise refusal("method")
                reply: Reply = await handler(found, scope, receive)
                return reply
        if path == "/v1/openapi.json":
            return 200, [JSON], self.openapi
        if path == "/healthz":
            return 200, [JSON], encode(self.gateway.health())
        raise refusal("path")

    def _table(self) -> tuple[tuple[re.Pattern[str], str, Callable[..., Awaitable[Reply]]], ...]:
        return (
            (ROWS, "GET", self._rows),
            (SECRET, "POST", self._secret),
            (DAY, "GET", self._reconciliation),
        )

    async def _single(self, found: re.Match[str], scope: Scope, receive: Receive) -> Reply:
        if scope["method"] != "POST":
            raise refusal("method")
        header, idempotency = _headers(scope)
        body = await _body(receive)
        test, product, operation = found.groups()
        target = _target(scope)
        gateway = self.gateway
        if test:
            now_ms = gateway.now_ms()
            testing.authenticate(gateway.replays, "POST", target, header, body, now_ms, idempotency)
            return 200, [JSON], encode(testing.answer(operation, body))
        return 200, [JSON], await gateway.single(operation, product, target, header, body, idempotency)

    async def _rows(self, found: re.Match[str], scope: Scope, _receive: Receive) -> Reply:
        query = scope["query_string"].decode("ascii", "replace")
        return 200, [JSON], await self.gateway.rows(found[1], _target(scope), query, _headers(scope)[0])

    async def _secret(self, found: re.Match[str], scope: Scope, receive: Receive) -> Reply:
        body = await _body(receive)
        made = self.gateway.draw_secret(found[1], _target(scope), _headers(scope)[0], body)
        return 200, [JSON, (b"cache-control", b"no-store")], encode(made)

    async def _reconciliation(self, found: re.Match[str], scope: Scope, _receive: Receive) -> Reply:
        gateway = self.gateway
        gateway.own("GET", _target(scope), _headers(scope)[0], b"", found[1])
        try:
            day = date.fromisoformat(found[2])
        except ValueError as error:
            raise refusal("query", "日期写法不对，应为 YYYY-MM-DD。") from error
        after = gateway.totals.day_from(reconcile.day_number(day))
        key, now_ms = gateway.signer, gateway.now_ms()
        file = await asyncio.to_thread(
            reconcile.make, gateway.ledger.calls, after, found[1], day, key, now_ms
        )
        name = f"{found[1]}-{found[2]}.csv"
        headers = [
            (b"content-type", b"text/csv; charset=utf-8"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
            (b"x-gongshu-digest", file.digest.encode()),
            (b"x-gongshu-signature", file.signature.encode()),
            (b"x-gongshu-key", file.key.encode()),
            (b"x-gongshu-complete", b"true" if file.complete else b"false"),
        ]
        return 200, headers, file.content


def _headers(scope: Scope) -> tuple[str, str]:
    """The two headers the gateway reads: the signature and the idempotency key."""
    authorization = idempotency = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"idempotency-key":
            idempotency = value
    return authorization.decode("ascii", "replace"), idempotency.decode("ascii", "replace")


def _target(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    path: str = scope["path"]
    return f"{path}?{query.decode('ascii', 'replace')}" if query else path


def make_app(gateway: Gateway) -> App:
    """The ASGI application over a gateway."""
    return App(gateway)
