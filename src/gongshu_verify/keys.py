"""Public keys a reader trusts: verifier lines of signed notes, PEM, or `algorithm:base64` lines."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from gongshu_verify import ed25519, sm

NOTE_TYPES: dict[tuple[str, bool], bytes] = {
    ("ed25519", False): b"\x01",
    ("ed25519", True): b"\x04",
    ("sm2", False): b"\xffgongshu/sm2-sm3\0",
    ("sm2", True): b"\xffgongshu/sm2-sm3-cosignature\0",
}
_SIZES = {"ed25519": 32, "sm2": 65}
_SM2_OID = bytes.fromhex("06082a811ccf5501822d")
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
_PEM = re.compile(
    r"(?:^# (?P<service>\S+) (?P<name>\S+) (?P<id>[0-9a-f]{16})[ \t]*\r?\n)?"
    r"-----BEGIN PUBLIC KEY-----(?P<body>.*?)-----END PUBLIC KEY-----",
    re.DOTALL | re.MULTILINE,
)
LOG = "log"


class KeyFileError(ValueError):
    """The key file holds something that is no public key. A Chinese sentence."""


@dataclass(frozen=True)
class Key:
    """A public key: `raw` as in a verifier line (32 bytes, or the uncompressed SM2 point).

    `roles`: what the key file says it speaks for (`log`, `enclave`, `office`, …); none where it says nothing,
    and then it is believed under any name. `logs`: the names of the logs whose verifier lines held it.
    """

    alg: str
    raw: bytes
    roles: frozenset[str] = field(default=frozenset(), compare=False)
    logs: frozenset[str] = field(default=frozenset(), compare=False)

    def speaks_for(self, role: str) -> bool:
        return not self.roles or role in self.roles

    @property
    def id(self) -> str:
        return hashlib.sha256(self.alg.encode() + self.raw).hexdigest()[:16]

    def note_id(self, name: str, *, cosigner: bool = False) -> bytes:
        return hashlib.sha256(name.encode() + b"\n" + NOTE_TYPES[self.alg, cosigner] + self.raw).digest()[:4]

    def verify(self, signature: bytes, data: bytes) -> bool:
        check = ed25519.verify if self.alg == "ed25519" else sm.sm2_verify
        return check(self.raw, signature, data)


def read_keys(data: bytes) -> tuple[Key, ...]:
    """Every key of a key file. Lines that are empty or begin with `#` are skipped. Raises `KeyFileError`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KeyFileError("公钥文件不是文本。") from error
    keys = [_from_pem(match) for match in _PEM.finditer(text)]
    for line in _PEM.sub("\n", text).splitlines():
        line = line.strip()  # noqa: PLW2901
        if line and not line.startswith("#"):
            keys.append(_from_line(line))
    if not keys:
        raise KeyFileError("公钥文件里没有公钥。")
    return merged(keys)


def merged(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Each key once, with every role and log that is said of it."""
    found: dict[Key, Key] = {}
    for key in keys:
        known = found.get(key, key)
        found[key] = replace(known, roles=known.roles | key.roles, logs=known.logs | key.logs)
    return tuple(found.values())


def _from_pem(match: re.Match[str]) -> Key:
    """A PEM key, with its role where the line before says it as `gongshu keys` does."""
    key = _from_der(match["body"])
    return replace(key, roles=frozenset({role_of(match["name"])})) if match["id"] == key.id else key


def role_of(name: str) -> str:
    """The role of a key by its name: a service's second key of SM2 speaks for the same."""
    return name.removesuffix("-sm2")


def _from_line(line: str) -> Key:
    try:
        if line.startswith(("ed25519:", "sm2:")):
            alg, encoded = line.split(":", 1)
            return _checked(alg, base64.b64decode(encoded, validate=True))
        name, identifier, encoded = line.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyFileError("公钥文件里有一行既不是公钥行也不是 PEM。") from error
    for (alg, cosigner), kind in NOTE_TYPES.items():
        if raw.startswith(kind) and len(raw) == len(kind) + _SIZES[alg]:
            key = _checked(alg, raw[len(kind) :])
            if key.note_id(name, cosigner=cosigner).hex() == identifier:
                if cosigner:
                    return replace(key, roles=frozenset({name}))
                return replace(key, roles=frozenset({LOG}), logs=frozenset({name}))
    raise KeyFileError(f"公钥行“{name[:60]}”的标识与公钥不符，或类型不认识。")


def _from_der(encoded: str) -> Key:
    try:
        der = base64.b64decode("".join(encoded.split()), validate=True)
    except binascii.Error as error:
        raise KeyFileError("PEM 的内容不是 base64。") from error
    if der.startswith(_ED25519_SPKI):
        return _checked("ed25519", der[len(_ED25519_SPKI) :])
    if _SM2_OID in der and der[-66:-65] == b"\0":
        return _checked("sm2", der[-65:])
    raise KeyFileError("PEM 里的公钥既不是 Ed25519 也不是 SM2。")


def _checked(alg: str, raw: bytes) -> Key:
    if len(raw) != _SIZES[alg]:
        raise KeyFileError(f"{alg} 公钥长度不对。")
    x, y = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    if alg == "sm2" and (raw[0] != 4 or not sm.on_curve(x, y)):
        raise KeyFileError("SM2 公钥不在曲线上。")
    return Key(alg, raw)


def by_id(keys: Sequence[Key], identifier: str) -> Key | None:
    """The key whose fingerprint is `identifier`."""
    return next((key for key in keys if key.id == identifier), None)
