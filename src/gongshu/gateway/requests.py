"""Signed requests of buyers' systems: who asks, that it is this request, and that it is not a replay.

`Authorization: <scheme> Credential=<id>, Time=<unix ms>, Nonce=<16–64 letters or digits>, Signature=<base64>`
signs `GS1\\n<METHOD>\\n<path?query>\\n<time>\\n<nonce>\\n<hex sha256 of the body>`. Schemes:
`GS1-HMAC-SHA256` and `GS1-HMAC-SM3` with the secret drawn from the gateway, `GS1-KEY` with the
buyer's own key (Ed25519 or SM2). Times are wall time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gongshu.crypto.hashes import sha256, sm3
from gongshu.crypto.sign import PublicKey

WINDOW_MS = 300_000
HMAC_SCHEMES = ("GS1-HMAC-SHA256", "GS1-HMAC-SM3")
KEY_SCHEME = "GS1-KEY"
_NONCE = re.compile(r"[A-Za-z0-9]{16,64}\Z")
_BLOCK = 64


class Unauthorised(Exception):
    """The request is not shown to be the buyer's. `code`, and one Chinese sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Authorization:
    """The header, taken apart."""

    scheme: str
    credential: str
    time_ms: int
    nonce: str
    signature: bytes


def parse(header: str) -> Authorization:
    """Takes the header apart, or raises `Unauthorised`."""
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(",") if part.strip())
    if scheme not in (*HMAC_SCHEMES, KEY_SCHEME):
        raise Unauthorised("scheme", "请求没有签名，或签名方式不认识。")
    time_text, nonce = parts.get("Time", ""), parts.get("Nonce", "")
    if not time_text.isascii() or not time_text.isdigit() or len(time_text) > 15 or not _NONCE.match(nonce):
        raise Unauthorised("header", "签名头的时间或随机数写法不对。")
    try:
        signature = base64.b64decode(parts.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unauthorised("header", "签名头的签名不是 base64。") from error
    return Authorization(scheme, parts.get("Credential", ""), int(time_text), nonce, signature)


def message(method: str, target: str, authorization: Authorization, body: bytes) -> bytes:
    """What a request's signature covers; `target` is the path with its query as sent."""
    head = f"GS1\n{method}\n{target}\n{authorization.time_ms}\n{authorization.nonce}\n"
    return head.encode() + sha256(body).hex().encode()


def hmac_sm3(secret: bytes, data: bytes) -> bytes:
    """HMAC (GB/T 15852.2, RFC 2104) over SM3."""
    key = (sm3(secret) if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner = sm3(bytes(byte ^ 0x36 for byte in key) + data)
    return sm3(bytes(byte ^ 0x5C for byte in key) + inner)


def check(authorization: Authorization, signed: bytes, secret: bytes | None, key: PublicKey) -> None:
    """Raises `Unauthorised` unless the signature is the buyer's."""
    if authorization.scheme == KEY_SCHEME:
        good = key.verify(authorization.signature, signed)
    elif secret is None:
        raise Unauthorised("no_secret", "凭证还没有领取密钥，请先用自己的私钥签名领取。")
    elif authorization.scheme == "GS1-HMAC-SM3":
        good = hmac.compare_digest(authorization.signature, hmac_sm3(secret, signed))
    else:
        good = hmac.compare_digest(authorization.signature, hmac.new(secret, signed, hashlib.sha256).digest())
    if not good:
        raise Unauthorised("signature", "请求的签名不成立。")


def _mark(authorization: Authorization) -> str:
    return f"{authorization.credential}:{authorization.nonce}"


@dataclass
class Replays:
    """Nonces seen in the window. A request from before this process started is refused, so that a restart
    forgets nothing."""

    started_ms: int
    seen: dict[str, int] = field(default_factory=dict)
    swept_ms: int = 0

    def check(self, authorization: Authorization, now_ms: int) -> None:
        """Raises `Unauthorised` for a stale, future or repeated request."""
        if abs(now_ms - authorization.time_ms) > WINDOW_MS:
            raise Unauthorised("time", "请求的时间与网关相差超过五分钟，请核对时钟。")
        if authorization.time_ms < self.started_ms:
            raise Unauthorised("time", "请求在网关本次启动之前签署，请重新签署。")
        if _mark(authorization) in self.seen:
            raise Unauthorised("replay", "同一请求已经收到过，不再回答。")

    def remember(self, authorization: Authorization, now_ms: int) -> None:
        """Call once the signature holds: an unsigned request must not use up a nonce."""
        if now_ms - self.swept_ms > WINDOW_MS // 10:
            self.sweep(now_ms)
        self.seen[_mark(authorization)] = authorization.time_ms

    def sweep(self, now_ms: int) -> None:
        self.swept_ms = now_ms
        self.seen = {mark: at for mark, at in self.seen.items() if now_ms - at <= WINDOW_MS}


def header(scheme: str, credential: str, time_ms: int, nonce: str, signature: bytes) -> Mapping[str, str]:
    """The header a client sends."""
    text = base64.b64encode(signature).decode()
    value = f"{scheme} Credential={credential}, Time={time_ms}, Nonce={nonce}, Signature={text}"
    return {"authorization": value}
