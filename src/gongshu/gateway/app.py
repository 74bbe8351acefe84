"""What the gateway answers at which address: products to buyers who signed, and why not when not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date

from gongshu.gateway import reconcile, testing
from gongshu.gateway.engine import Gateway, encode
from gongshu.gateway.errors import Refusal, refusal
from gongshu.gateway.http import Reply, Request
from gongshu.gateway.openapi import document

JSON = (b"content-type", b"application/json")
_ID = r"([A-Za-z0-9._-]{1,80})"
SINGLE = re.compile(rf"/v1/(test/)?products/{_ID}/(verify|lookup)\Z")
ROWS = re.compile(rf"/v1/products/{_ID}/rows\Z")
SECRET = re.compile(rf"/v1/credentials/{_ID}/secret\Z")
DAY = re.compile(rf"/v1/credentials/{_ID}/reconciliation/(\d{{4}}-\d{{2}}-\d{{2}})\Z")


FAULTS = {"head": "too_large_head", "body": "too_large", "syntax": "syntax", "internal": "internal"}
Handler = Callable[[re.Match[str], Request], Awaitable[Reply]]


class App:
    """The application: a request in, a reply out (`http.Handler`)."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.openapi = encode(document())
        self.replays = testing.replays(gateway.now_ms())

    async def __call__(self, request: Request) -> Reply:
        try:
            return await self._route(request)
        except Refusal as error:
            return refused(error)

    async def _route(self, request: Request) -> Reply:
        path = request.target.partition("?")[0]
        found = SINGLE.match(path)
        if found is not None:
            return await self._single(found, request)
        for pattern, method, handler in self._table():
            found = pattern.match(path)
            if found is not None:
                if request.method != method:
                    raise refusal("method")
                return await handler(found, request)
        if path == "/v1/openapi.json":
            return 200, [JSON], self.openapi
        if path == "/healthz":
            return 200, [JSON], encode(self.gateway.health())
        raise refusal("path")

    def _table(self) -> tuple[tuple[re.Pattern[str], str, Handler], ...]:
        return (
            (ROWS, "GET", self._rows),
            (SECRET, "POST", self._secret),
            (DAY, "GET", self._reconciliation),
        )

    async def _single(self, found: re.Match[str], request: Request) -> Reply:
        method, target, header, idempotency, body = request
        if method != "POST":
            raise refusal("method")
        test, product, operation = found.groups()
        gateway = self.gateway
        if test:
            now_ms = gateway.now_ms()
            testing.authenticate(self.replays, "POST", target, header, body, now_ms, idempotency)
            return 200, [JSON], encode(testing.answer(operation, body))
        return 200, [JSON], await gateway.single(operation, product, target, header, body, idempotency)

    async def _rows(self, found: re.Match[str], request: Request) -> Reply:
        query = request.target.partition("?")[2]
        answer = await self.gateway.rows(found[1], request.target, query, request.authorization)
        return 200, [JSON], answer

    async def _secret(self, found: re.Match[str], request: Request) -> Reply:
        made = self.gateway.draw_secret(found[1], request.target, request.authorization, request.body)
        return 200, [JSON, (b"cache-control", b"no-store")], encode(made)

    async def _reconciliation(self, found: re.Match[str], request: Request) -> Reply:
        gateway = self.gateway
        gateway.own("GET", request.target, request.authorization, b"", found[1])
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


def refused(error: Refusal) -> Reply:
    """A refusal as a reply."""
    headers = [JSON]
    if error.wait:
        headers.append((b"retry-after", b"%d" % error.wait))
    return error.status, headers, encode(error.data())


def fault(kind: str) -> Reply:
    """The reply to what is no request at all (`http.Fault`), or to a fault of our own."""
    return refused(refusal(FAULTS[kind]))
