"""The gateway's HTTP face (ASGI, no framework): products to buyers who signed, and why not when not."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from gongshu.contract.model import Contract
from gongshu.crypto.hashes import digest
from gongshu.crypto.keystore import FileKeyStore
from gongshu.crypto.sign import PublicKey
from gongshu.gateway import requests
from gongshu.gateway.answers import Counts, Refusal, answer, contract_of, wall_day, zone_of
from gongshu.gateway.calls import Call, Ledger
from gongshu.gateway.line import Line

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ROWS = re.compile(r"/v1/products/([A-Za-z0-9._-]{1,80})/rows\Z")
SECRET = re.compile(r"/v1/credentials/([A-Za-z0-9._-]{1,80})/secret\Z")
LARGEST_BODY = 64 * 1024
encode = msgspec.json.Encoder().encode


def secret_name(credential: str, number: int | str) -> str:
    """The key store's name of the `number`th secret of a credential (ids differ by case, names do not)."""
    return f"hmac.{digest(credential.encode())[7:39]}.{number}"


@dataclass
class Gateway:
    """Everything the app answers from."""

    line: Line
    keys: FileKeyStore
    ledger: Ledger
    replays: requests.Replays
    counts: Counts = field(default_factory=Counts)

    def key_of(self, contract: Contract) -> PublicKey:
        """The buyer's key on the trust list now."""
        now = datetime.now(UTC)
        entry = self.line.trust.current(now).find(contract.key, "buyer")
        if entry is None or not entry.holds(contract.zone, now):
            raise Refusal(401, "key", "使用单位的公钥不在信任名单上，或已过期。")
        return entry.public

    def drawn(self, credential: str) -> int:
        """How often a credential's secret was drawn; only the newest one counts."""
        return len(list(self.keys.directory.glob(f"{secret_name(credential, '*')}.secret")))

    def secret(self, credential: str) -> bytes | None:
        drawn = self.drawn(credential)
        return self.keys.secret(secret_name(credential, drawn)) if drawn else None

    def authenticate(
        self, method: str, target: str, headers: Mapping[bytes, bytes], body: bytes, credential: str = ""
    ) -> tuple[Contract, requests.Authorization]:
        """The contract of a request whose signature holds; `Refusal` 401 otherwise."""
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        try:
            given = requests.parse(headers.get(b"authorization", b"").decode("ascii", "replace"))
            if credential and given.credential != credential:
                raise requests.Unauthorised("credential", "签名的凭证与路径中的不一致。")
            self.replays.check(given, now_ms)
            contract = contract_of(self.line.book, self.line.state, given.credential)
            signed = requests.message(method, target, given, body)
            requests.check(given, signed, self.secret(given.credential), self.key_of(contract))
            self.replays.remember(given, now_ms)
        except requests.Unauthorised as error:
            raise Refusal(401, error.code, error.sentence) from error
        return contract, given

    async def rows(
        self, product: str, target: str, query: str, headers: Mapping[bytes, bytes]
    ) -> dict[str, Any]:
        """Answer a call; the answer leaves only once its record is durable."""
        contract, _ = self.authenticate("GET", target, headers, b"")
        now = datetime.now(UTC)
        made = answer(self.line.state, self.line.book, contract, product, query, self.counts, now)
        day = wall_day(now)
        self.counts.add(day, contract.id, contract.product)
        call = Call(
            secrets.token_hex(12),
            contract.zone,
            contract.id,
            contract.product,
            made["version"],
            now,
            digest(encode(made["rows"])),
        )
        try:
            await self.ledger.write(call)
        except OSError as error:
            self.counts.take_back(day, contract.id, contract.product)
            raise Refusal(503, "ledger", "网关写不下调用记录，没有回答也没有计次；请稍后再试。") from error
        return {**made, "call": call.id}

    def draw_secret(
        self, credential: str, target: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> dict[str, Any]:
        """A new HMAC secret for a credential, asked for with the buyer's own key, unseen by the office."""
        contract, given = self.authenticate("POST", target, headers, body, credential)
        if given.scheme != requests.KEY_SCHEME:
            raise Refusal(401, "scheme", "领取密钥须用使用单位自己的私钥签名。")
        zone_of(self.line.state, contract, datetime.now(UTC))
        secret = self.keys.create_secret(secret_name(credential, self.drawn(credential) + 1))
        return {"ok": True, "credential": credential, "secret": base64.b64encode(secret).decode()}

    def health(self) -> dict[str, Any]:
        zones = {name: zone.broken or "ok" for name, zone in self.line.state.zones.items()}
        return {"ok": bool(zones), "zones": zones}


async def _body(receive: Receive) -> bytes:
    parts: bytes = b""
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if len(parts) > LARGEST_BODY:
            raise Refusal(413, "too_large", "请求正文过大。")
        if not message.get("more_body"):
            return parts


async def _send(send: Send, status: int, data: Mapping[str, Any]) -> None:
    body = encode(data)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_app(gateway: Gateway) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application."""

    async def route(scope: Scope, receive: Receive) -> dict[str, Any]:
        method, path = scope["method"], scope["path"]
        query = scope["query_string"].decode("ascii", "replace")
        target = f"{path}?{query}" if query else path
        headers = dict(scope["headers"])
        if path == "/healthz" and method == "GET":
            return gateway.health()
        found = ROWS.match(path)
        if found and method == "GET":
            return await gateway.rows(found[1], target, query, headers)
        found = SECRET.match(path)
        if found and method == "POST":
            return gateway.draw_secret(found[1], target, headers, await _body(receive))
        raise Refusal(404, "path", "没有这个地址。接口说明见产品页。")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await _send(send, 200, await route(scope, receive))
        except Refusal as refusal:
            await _send(send, refusal.status, refusal.data())

    return app
