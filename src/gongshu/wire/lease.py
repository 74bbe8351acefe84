"""The lease 租约: the office's word, at a wall time, how far its feed had come.

Products that need consent live 5 s on one, others 10 minutes. A lease counts only for a reader that has
taken every item up to its number, and never for longer than the reader's own limits.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant, stamp
from gongshu.wire.trust import TrustList

VERSION = 1
# Seconds by kind of product. The reader's own ceiling: a lease that grants more is cut to this.
TTL: Mapping[str, int] = {"consent": 5, "other": 600}
# How far the office's wall clock may be ahead of the reader's.
AHEAD = timedelta(seconds=2)


@dataclass(frozen=True)
class Lease:
    """`at`: the office's wall time; `seq`: the feed's last number then; `ttl`: seconds by kind."""

    zone: str
    at: str
    seq: int
    ttl: Mapping[str, int]
    key: str
    sig: str
    v: int = VERSION

    def data(self) -> dict[str, Any]:
        return {**_unsigned(self.zone, self.at, self.seq, self.ttl), "key": self.key, "sig": self.sig}


def _unsigned(zone: str, at: str, seq: int, ttl: Mapping[str, int]) -> dict[str, Any]:
    return {"v": VERSION, "zone": zone, "at": at, "seq": seq, "ttl": dict(ttl)}


def _message(zone: str, at: str, seq: int, ttl: Mapping[str, int]) -> bytes:
    return b"gongshu-lease-v1\n" + canonical.dumps(_unsigned(zone, at, seq, ttl))


def issue(zone: str, seq: int, now: datetime, key: PrivateKey, ttl: Mapping[str, int] = TTL) -> Lease:
    """A lease signed by the office at `now` (wall time) for a feed whose last number is `seq`."""
    at = stamp(now)
    sig = base64.b64encode(key.sign(_message(zone, at, seq, ttl))).decode()
    return Lease(zone, at, seq, dict(ttl), key.public().id, sig)


def parse(value: Any) -> Lease:
    """A lease from decoded JSON; its signature is not yet checked."""
    if not isinstance(value, dict) or set(value) != {"v", "zone", "at", "seq", "ttl", "key", "sig"}:
        raise WireError("shape", "租约缺少字段或多出字段。")
    if value["v"] != VERSION:
        raise WireError("version", "租约的版本不认识，请先升级本域的软件。")
    instant(value["at"], "at")
    ttl, seq = value["ttl"], value["seq"]
    whole = isinstance(ttl, dict) and all(type(seconds) is int and seconds >= 0 for seconds in ttl.values())
    texts = all(isinstance(value[name], str) for name in ("zone", "key", "sig"))
    if not whole or not texts or type(seq) is not int or seq < 0:
        raise WireError("shape", "租约的写法不对。")
    return Lease(value["zone"], value["at"], seq, ttl, value["key"], value["sig"])


def check(lease: Lease, trust: TrustList, zone: str, now: datetime) -> Lease:
    """The lease, if an office key of the trust list signed it for this zone and it is not from ahead."""
    entry = trust.find(lease.key, "office")
    if lease.zone != zone:
        raise WireError("zone", "租约属于别的区域。")
    if entry is None or not entry.holds(zone, now):
        raise WireError("signer", "租约不是信任名单上的办公域签发的。")
    try:
        raw = base64.b64decode(lease.sig, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("signature", "租约的签名不成立。") from error
    if not entry.public.verify(raw, _message(lease.zone, lease.at, lease.seq, lease.ttl)):
        raise WireError("signature", "租约的签名不成立。")
    if instant(lease.at, "at") > now + AHEAD:
        raise WireError("future", "租约的时间在当前时刻之后，请核对两域的时钟。")
    return lease


def fresh(lease: Lease | None, kind: str, now: datetime) -> bool:
    """True while a product of this kind (`consent` or `other`) may answer under the lease (wall time)."""
    if lease is None:
        return False
    age = now - instant(lease.at, "at")
    seconds = min(lease.ttl.get(kind, 0), TTL.get(kind, 0))
    return seconds > 0 and -AHEAD <= age <= timedelta(seconds=seconds)
