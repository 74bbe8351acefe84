"""Signed requests of buyers' systems: who asks, that it is this request, and that it is not a replay.

`Authorization: <scheme> Credential=<id>, Time=<unix ms>, Nonce=<16–64 letters or digits>, Signature=<base64>`
signs `GS1\\n<METHOD>\\n<path?query>\\n<time>\\n<nonce>\\n<hex sha256 of the body>`, and where the request
carries an `Idempotency-Key`, `\\n<that key>` behind it. Schemes:
`GS1-HMAC-SHA256` and `GS1-HMAC-SM3` with the secret drawn from the gateway, `GS1-KEY` with the
buyer's own key (Ed25519 or SM2). Times are wall time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gongshu.crypto.hashes import hmac_of
from gongshu.crypto.sign import PublicKey

WINDOW_MS = 300_000
SLOT_MS = 10_000
HMAC_SCHEMES = ("GS1-HMAC-SHA256", "GS1-HMAC-SM3")
KEY_SCHEME = "GS1-KEY"
_NONCE = re.compile(r"[A-Za-z0-9]{16,64}\Z")
# The header as clients write it, in one step; what is written otherwise is taken apart slowly.
_USUAL = re.compile(
    r"(GS1-HMAC-SHA256|GS1-HMAC-SM3|GS1-KEY) Credential=([A-Za-z0-9._-]{1,80}), Time=([0-9]{1,15}), "
    r"Nonce=([A-Za-z0-9]{16,64}), Signature=([A-Za-z0-9+/]{2,200}={0,2})\Z"
)


class Unauthorised(Exception):
    """The request is not shown to be the buyer's. `code`, and one Chinese sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Authorization(NamedTuple):
    """The header, taken apart."""

    scheme: str
    credential: str
    time_ms: int
    nonce: str
    signature: bytes


def parse(header: str) -> Authorization:
    """Takes the header apart, or raises `Unauthorised`."""
    usual = _USUAL.match(header)
    if usual is not None:
        scheme, credential, time_text, nonce, signature = usual.groups()
        try:
            return Authorization(scheme, credential, int(time_text), nonce, binascii.a2b_base64(signature))
        except binascii.Error as error:
            raise Unauthorised("header", "签名头的签名不是 base64。") from error
    return _parse_slowly(header)


def _parse_slowly(header: str) -> Authorization:
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


def message(
    method: str, target: str, authorization: Authorization, body: bytes, idempotency: str = ""
) -> bytes:
    """What a request's signature covers; `target` is the path with its query as sent."""
    head = f"GS1\n{method}\n{target}\n{authorization.time_ms}\n{authorization.nonce}\n"
    tail = f"\n{idempotency}" if idempotency else ""
    return (head + hashlib.sha256(body).hexdigest() + tail).encode()


class Mac(NamedTuple):
    """One secret, ready to check with: HMAC-SHA256 and HMAC-SM3 under it."""

    sha256: Callable[[bytes], bytes]
    sm3: Callable[[bytes], bytes]


def mac(secret: bytes) -> Mac:
    """A secret drawn from the gateway, set up once."""
    return Mac(hmac_of(secret), hmac_of(secret, "sm3"))


def check(
    authorization: Authorization, signed: bytes, secrets: Sequence[Mac], key: Callable[[], PublicKey]
) -> None:
    """Raises `Unauthorised` unless the signature is the buyer's.

    `secrets`: those that count now, the newest first (two while one is rotated); `key` is asked for the
    buyer's public key only where the request was signed with it, and may itself refuse.
    """
    if authorization.scheme == KEY_SCHEME:
        good = key().verify(authorization.signature, signed)
    elif not secrets:
        raise Unauthorised("no_secret", "凭证还没有领取密钥，请先用自己的私钥签名领取。")
    else:
        place = _PLACES[authorization.scheme]
        good = any(hmac.compare_digest(authorization.signature, one[place](signed)) for one in secrets)
    if not good:
        raise Unauthorised("signature", "请求的签名不成立。")


_PLACES: Mapping[str, int] = {"GS1-HMAC-SHA256": 0, "GS1-HMAC-SM3": 1}


class Replays:
    """Nonces seen in the window, by the ten seconds their request was signed in.

    A nonce is kept as its 64-bit hash under this process's random key (Python's string hash): a million a
    minute fit into memory, what is old goes a slot at a time, and nobody can aim at another's. A request
    from before this process started is refused, so that a restart forgets nothing.
    """

    def __init__(self, started_ms: int) -> None:
        self.started_ms = started_ms
        self._slots: dict[int, set[int]] = {}

    def check(self, authorization: Authorization, now_ms: int) -> None:
        """Raises `Unauthorised` for a stale, future or repeated request."""
        at = authorization.time_ms
        if not -WINDOW_MS <= now_ms - at <= WINDOW_MS:
            raise Unauthorised("time", "请求的时间与网关相差超过五分钟，请核对时钟。")
        if at < self.started_ms:
            raise Unauthorised("time", "请求在网关本次启动之前签署，请重新签署。")
        slot = self._slots.get(at // SLOT_MS)
        if slot is not None and hash((authorization.credential, authorization.nonce)) in slot:
            raise Unauthorised("replay", "同一请求已经收到过，不再回答。")

    def remember(self, authorization: Authorization, now_ms: int) -> None:
        """Call once the signature holds: an unsigned request must not use up a nonce."""
        number = authorization.time_ms // SLOT_MS
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = set()
            self.sweep(now_ms)
        slot.add(hash((authorization.credential, authorization.nonce)))

    def sweep(self, now_ms: int) -> None:
        """Forget what the window refuses anyway."""
        oldest = (now_ms - WINDOW_MS) // SLOT_MS
        for number in [one for one in self._slots if one < oldest]:
            del self._slots[number]

    def forget(self) -> None:
        """All nonces at once."""
        self._slots.clear()

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))


def header(scheme: str, credential: str, time_ms: int, nonce: str, signature: bytes) -> Mapping[str, str]:
    """The header a client sends."""
    text = base64.b64encode(signature).decode()
    value = f"{scheme} Credential={credential}, Time={time_ms}, Nonce={nonce}, Signature={text}"
    return {"authorization": value}
