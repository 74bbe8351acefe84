"""The envelope: the only form in which anything crosses between domains.

`{v, zone, seq, kind, issued, expires, body, signatures}` as canonical JSON (RFC 8785). A signature
covers one of two messages:

* `over: "envelope"`: the canonical JSON of the envelope without `signatures` (binds zone and number);
* `over: "body"`: the digest of (kind, zone, body), for signers who agree to a content before the
  office gives it a number: security administrators, buyers, subjects.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest
from gongshu.crypto.sign import PrivateKey
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant, stamp

if TYPE_CHECKING:
    from gongshu.wire.trust import TrustList

VERSION = 1
FIELDS = ("v", "zone", "seq", "kind", "issued", "expires", "body", "signatures")
OVER = ("envelope", "body")
# A trust list speaks for the whole data domain, so its digest names no zone.
EVERY_ZONE = "*"
SHARED_KINDS = frozenset({"trust"})


@dataclass(frozen=True)
class Signature:
    """One signature: the role the signer claims, the key's id, and what was signed."""

    role: str
    key: str
    alg: str
    sig: str
    over: str = "envelope"

    def data(self) -> dict[str, str]:
        return {"role": self.role, "key": self.key, "alg": self.alg, "sig": self.sig, "over": self.over}


@dataclass(frozen=True)
class Verified:
    """A signature that holds: who signed, under which role of the trust list."""

    role: str
    key: str
    person: str | None
    organisation: str | None
    over: str


@dataclass(frozen=True)
class Envelope:
    """One message. `seq` counts from 1 within its feed or source; `expires` may be None."""

    zone: str
    seq: int
    kind: str
    issued: str
    expires: str | None
    body: dict[str, Any]
    signatures: tuple[Signature, ...] = ()
    v: int = VERSION

    def unsigned(self) -> dict[str, Any]:
        return {
            "v": self.v,
            "zone": self.zone,
            "seq": self.seq,
            "kind": self.kind,
            "issued": self.issued,
            "expires": self.expires,
            "body": self.body,
        }

    def data(self) -> dict[str, Any]:
        return {**self.unsigned(), "signatures": [signature.data() for signature in self.signatures]}

    def message(self) -> bytes:
        """What an `over: "envelope"` signature covers."""
        return canonical.dumps(self.unsigned())

    def dumps(self) -> bytes:
        return canonical.dumps(self.data())

    @property
    def id(self) -> str:
        """The digest of the unsigned message: the same message has the same id however often it is sent."""
        return digest(self.message())

    def body_digest(self) -> str:
        return body_digest(self.kind, self.zone, self.body)


def body_digest(kind: str, zone: str, body: Mapping[str, Any]) -> str:
    """The digest that several domains agree on: `sha256:<hex>` over kind, zone and body."""
    zone = EVERY_ZONE if kind in SHARED_KINDS else zone
    return digest(canonical.dumps({"v": VERSION, "kind": kind, "zone": zone, "body": dict(body)}))


def _body_message(kind: str, zone: str, body: Mapping[str, Any]) -> bytes:
    return b"gongshu-body-v1\n" + body_digest(kind, zone, body).encode()


def make(
    kind: str,
    zone: str,
    seq: int,
    body: Mapping[str, Any],
    now: datetime,
    expires: datetime | None = None,
) -> Envelope:
    """An unsigned envelope issued `now` (wall time)."""
    ends = stamp(expires) if expires is not None else None
    return Envelope(zone, seq, kind, stamp(now), ends, dict(body))


def sign(envelope: Envelope, role: str, key: PrivateKey) -> Envelope:
    """The envelope with one more signature over the whole of it."""
    made = _signature(role, key, envelope.message(), "envelope")
    return replace(envelope, signatures=(*envelope.signatures, made))


def consent_message(kind: str, zone: str, body: Mapping[str, Any]) -> bytes:
    """The exact bytes a signature over a body covers, for signers who use a tool of their own."""
    return _body_message(kind, zone, body)


def consent(kind: str, zone: str, body: Mapping[str, Any], role: str, key: PrivateKey) -> Signature:
    """A signature over the digest of a body, made before the body has a number."""
    return _signature(role, key, _body_message(kind, zone, body), "body")


def attach(envelope: Envelope, signatures: Iterable[Signature]) -> Envelope:
    """The envelope with signatures that others made over its body."""
    return replace(envelope, signatures=(*envelope.signatures, *signatures))


def _signature(role: str, key: PrivateKey, message: bytes, over: str) -> Signature:
    sig = base64.b64encode(key.sign(message)).decode()
    return Signature(role, key.public().id, key.alg, sig, over)


def verify(envelope: Envelope, trust: TrustList, now: datetime) -> list[Verified]:
    """The signatures that hold now under the trust list; the others are left out.

    A signature holds when its key is on the list under the claimed role, for the envelope's zone, at
    `now` (wall time), and covers this envelope. The same key counts once.
    """
    found: dict[tuple[str, str], Verified] = {}
    for signature in envelope.signatures:
        entry = trust.find(signature.key, signature.role)
        if entry is None or not entry.holds(envelope.zone, now):
            continue
        if entry.public.alg != signature.alg or not _covers(envelope, signature, entry.public):
            continue
        found.setdefault(
            (entry.role, entry.id),
            Verified(entry.role, entry.id, entry.person, entry.organisation, signature.over),
        )
    return list(found.values())


def _covers(envelope: Envelope, signature: Signature, public: Any) -> bool:
    try:
        raw = base64.b64decode(signature.sig, validate=True)
    except (binascii.Error, ValueError):
        return False
    if signature.over == "envelope":
        message = envelope.message()
    else:
        message = _body_message(envelope.kind, envelope.zone, envelope.body)
    return bool(public.verify(raw, message))


def loads(data: bytes) -> Envelope:
    """Reads one envelope from canonical or any other well-formed JSON; refuses what is not one."""
    try:
        value = canonical.loads(data)
    except canonical.CanonicalError as error:
        raise WireError("shape", "消息不是合格的 JSON。") from error
    return parse(value)


def parse(value: Any) -> Envelope:
    """An envelope from decoded JSON: exactly the known fields, of the right types."""
    if not isinstance(value, dict):
        raise WireError("shape", "消息不是一个对象。")
    if value.get("v") != VERSION or isinstance(value.get("v"), bool):
        raise WireError("version", "消息的版本不认识，请先升级本域的软件。")
    if set(value) != set(FIELDS):
        raise WireError("shape", "消息缺少字段或多出字段。")
    if not (_text(value["zone"]) and _text(value["kind"]) and isinstance(value["body"], dict)):
        raise WireError("shape", "消息的区域、种类或正文写法不对。")
    seq = value["seq"]
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
        raise WireError("shape", "消息的编号不是非负整数。")
    instant(value["issued"], "issued")
    if value["expires"] is not None:
        instant(value["expires"], "expires")
    if not isinstance(value["signatures"], list):
        raise WireError("shape", "消息的签名不是列表。")
    signatures = tuple(_parse_signature(item) for item in value["signatures"])
    return Envelope(
        value["zone"],
        seq,
        value["kind"],
        value["issued"],
        value["expires"],
        value["body"],
        signatures,
    )


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def _parse_signature(item: Any) -> Signature:
    keys = ("role", "key", "alg", "sig")
    if not isinstance(item, dict) or not all(_text(item.get(key)) for key in keys):
        raise WireError("shape", "消息的签名写法不对。")
    over = item.get("over", "envelope")
    if over not in OVER or set(item) - {*keys, "over"}:
        raise WireError("shape", "消息的签名写法不对。")
    return Signature(item["role"], item["key"], item["alg"], item["sig"], over)
