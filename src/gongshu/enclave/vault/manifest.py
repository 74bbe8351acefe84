"""The manifest of a snapshot: what lies in the vault, signed by the enclave, and the only word on it.

What a message says about owner, types, grades or subject is never believed; it is read here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gongshu.crypto import canonical, hashes
from gongshu.crypto.sign import PrivateKey, PublicKey

GRADES = ("L1", "L2", "L3", "L4")
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_PART = re.compile(r"part-\d{5}")


class VaultError(Exception):
    """A snapshot cannot be read, written or deleted. `code` is fixed, `args[0]` a Chinese sentence.

    Codes: `unknown, exists, deleted, missing, corrupted, swapped, signature, format, space`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Column:
    """`type`: the engine's; `grade`: L1 to L4 as the provider confirmed it; `proposed`: as recognised."""

    name: str
    type: str
    grade: str = "L4"
    kind: str | None = None
    proposed: str | None = None

    def __post_init__(self) -> None:
        if self.grade not in GRADES:
            raise VaultError("format", f"字段“{self.name}”的等级只能是 L1 至 L4。")


@dataclass(frozen=True)
class Part:
    """`name` without ending; `digest` and `size` of the sealed file; `plain`: bytes of the Parquet."""

    name: str
    rows: int
    size: int
    plain: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """One snapshot. `source`: digest, size and format of the file handed in, lines set aside, who
    confirmed; `made`: wall time, RFC 3339; `parent`: the snapshot it follows, for time travel."""

    id: str
    zone: str
    resource: str
    owner: str
    table: str
    columns: tuple[Column, ...]
    subject: str | None
    rows: int
    parts: tuple[Part, ...]
    alg: str
    made: str
    parent: str | None = None
    title: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    v: int = 1

    def __post_init__(self) -> None:
        if self.subject is not None and self.subject not in {c.name for c in self.columns}:
            raise VaultError("format", "主体字段不在表的字段之中。")
        if self.rows != sum(p.rows for p in self.parts):
            raise VaultError("format", "快照清单的行数与各分片之和不符。")
        if any(not _PART.fullmatch(p.name) for p in self.parts) or not ID.fullmatch(self.id):
            raise VaultError("format", "快照清单里的编号不合规。")

    def to_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "columns": [asdict(c) for c in self.columns],
            "parts": [asdict(p) for p in self.parts],
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Manifest:
        try:
            if told["v"] != 1:
                raise VaultError("format", "快照清单的版本不认识，请先升级。")
            return cls(
                **{
                    **told,
                    "columns": tuple(Column(**c) for c in told["columns"]),
                    "parts": tuple(Part(**p) for p in told["parts"]),
                }
            )
        except (KeyError, TypeError) as error:
            raise VaultError("format", "快照清单缺少内容或有多余内容。") from error

    @property
    def digest(self) -> str:
        """Digest of the canonical manifest: how outputs and certificates cite the snapshot."""
        return hashes.digest(canonical.dumps(self.to_dict()))

    def outline(self) -> dict[str, Any]:
        """What the office may know once the provider has confirmed it: names, types, grades, rows."""
        return {
            "snapshot": self.id,
            "resource": self.resource,
            "owner": self.owner,
            "table": self.table,
            "columns": {c.name: {"type": c.type, "grade": c.grade} for c in self.columns},
            "subject": self.subject,
            "rows": self.rows,
        }


def signed(body: Mapping[str, Any], key: PrivateKey) -> bytes:
    """Canonical JSON of `{body, key, alg, signature}`, the signature over the canonical body."""
    signature = key.sign(canonical.dumps(dict(body)))
    return canonical.dumps(
        {
            "body": dict(body),
            "alg": key.alg,
            "key": key.public().id,
            "signature": base64.b64encode(signature).decode(),
        }
    )


def opened(data: bytes, key: PublicKey, what: str) -> dict[str, Any]:
    """The body of `signed`, or VaultError `signature`/`format` naming `what`."""
    try:
        told = canonical.loads(data)
        body, signature = dict(told["body"]), base64.b64decode(told["signature"], validate=True)
    except (canonical.CanonicalError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise VaultError("corrupted", f"{what}已损坏，请从备份恢复。") from error
    if told.get("key") != key.id or not key.verify(signature, canonical.dumps(body)):
        raise VaultError("signature", f"{what}的签名不是本数据域的，或内容被改动过。")
    return body
