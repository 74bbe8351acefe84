"""Signatures: Ed25519 (RFC 8032) and SM2 with SM3 (GB/T 32918.2), behind one pair of classes.

An SM2 signature is DER as GM/T 0009 writes it, over the default signer id `1234567812345678`: the
national library offers no other id. An Ed25519 signature is its 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from tongsuopy.crypto import exceptions as _gm_exceptions
from tongsuopy.crypto import hashes as _gm_hashes
from tongsuopy.crypto import serialization as _gm
from tongsuopy.crypto.asymciphers import ec as _gm_ec

from gongshu.crypto.sm2_tables import OutsideTables, Tables

ALGORITHMS: Final = ("ed25519", "sm2")
SM2_SIGNER_ID: Final = b"1234567812345678"
_SM2_OID = bytes.fromhex("06082a811ccf5501822d")
_RAW_SIZE = {"ed25519": 32, "sm2": 65}


class BadKey(ValueError):
    """A key that cannot be read or an unknown algorithm. `args[0]` is a Chinese sentence."""


class PublicKey:
    """A public key. `raw` is 32 bytes for ed25519, the 65 bytes of the uncompressed point for sm2."""

    __slots__ = ("_key", "alg", "raw")

    def __init__(self, alg: str, raw: bytes) -> None:
        if alg not in ALGORITHMS:
            raise BadKey(f"不认识的签名算法“{alg}”，只有 {'、'.join(ALGORITHMS)}。")
        if len(raw) != _RAW_SIZE[alg]:
            raise BadKey(f"{alg} 公钥应为 {_RAW_SIZE[alg]} 个字节，这里是 {len(raw)} 个。")
        self.alg = alg
        self.raw = bytes(raw)
        try:
            self._key = _LOAD_PUBLIC[alg](self.raw)
        except Exception as error:  # the national library raises its own internal error here
            raise BadKey(f"{alg} 公钥不在曲线上。") from error

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over exactly `data`. Never raises for a bad signature."""
        try:
            if self.alg == "ed25519":
                self._key.verify(signature, data)
            elif self.raw in _prepared:
                return _by_tables(self, bytes(signature), bytes(data))
            else:
                self._key.verify(bytes(signature), bytes(data), _SM2_WITH_SM3)
        except (InvalidSignature, _gm_exceptions.InvalidSignature, _gm_exceptions.InternalError, ValueError):
            return False
        return True

    @property
    def id(self) -> str:
        """Short fingerprint: the first 16 hex characters of SHA-256 over algorithm name and raw key."""
        return hashlib.sha256(self.alg.encode() + self.raw).hexdigest()[:16]

    def encode(self) -> str:
        """One line: `alg:` and the raw key in base64."""
        return f"{self.alg}:{base64.b64encode(self.raw).decode()}"

    @classmethod
    def decode(cls, text: str) -> PublicKey:
        """The inverse of `encode`. Raises `BadKey`."""
        alg, _, encoded = text.strip().partition(":")
        try:
            return cls(alg, base64.b64decode(encoded, validate=True))
        except binascii.Error as error:
            raise BadKey("公钥应写成“算法:base64”。") from error

    def to_pem(self) -> bytes:
        """SubjectPublicKeyInfo, as openssl reads it."""
        if self.alg == "ed25519":
            pem: bytes = self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        else:
            pem = self._key.public_bytes(_gm.Encoding.PEM, _gm.PublicFormat.SubjectPublicKeyInfo)
        return pem

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Read `to_pem` or any other SubjectPublicKeyInfo of the two algorithms."""
        der = _der(pem, "PUBLIC KEY")
        try:
            if _SM2_OID in der:
                key = _gm.load_der_public_key(der)
                return cls("sm2", key.public_bytes(_gm.Encoding.X962, _gm.PublicFormat.UncompressedPoint))
            loaded = load_der_public_key(der)
        except BadKey:
            raise
        except Exception as error:  # two libraries, many kinds
            raise BadKey("这段 PEM 不是可用的公钥。") from error
        if not isinstance(loaded, ed25519.Ed25519PublicKey):
            raise BadKey("这把公钥既不是 Ed25519 也不是 SM2。")
        return cls("ed25519", loaded.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and (self.alg, self.raw) == (other.alg, other.raw)

    def __hash__(self) -> int:
        return hash((self.alg, self.raw))

    def __repr__(self) -> str:
        return f"PublicKey({self.alg}, {self.id})"


class PrivateKey:
    """A private key; made by `generate` or `from_pem`. Its text form shows only the public part."""

    __slots__ = ("_key", "_public", "alg")

    def __init__(self, alg: str, key: Any) -> None:
        self.alg = alg
        self._key = key
        self._public = PublicKey(alg, _PUBLIC_RAW[alg](key))

    @classmethod
    def generate(cls, alg: str) -> PrivateKey:
        """A fresh key from the system's random source."""
        if alg not in ALGORITHMS:
            raise BadKey(f"不认识的签名算法“{alg}”，只有 {'、'.join(ALGORITHMS)}。")
        if alg == "ed25519":
            return cls(alg, ed25519.Ed25519PrivateKey.generate())
        return cls(alg, _gm_ec.generate_private_key(_gm_ec.SM2()))

    def sign(self, data: bytes) -> bytes:
        """Sign `data`: 64 bytes for ed25519, DER (r, s) for sm2, which differs each time."""
        if self.alg == "ed25519":
            signature: bytes = self._key.sign(data)
        else:
            signature = self._key.sign(bytes(data), _SM2_WITH_SM3)
        return signature

    def public(self) -> PublicKey:
        return self._public

    def to_pem(self) -> bytes:
        """PKCS#8 without a password: whoever stores it guards the file."""
        if self.alg == "ed25519":
            pem: bytes = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        else:
            pem = self._key.private_bytes(_gm.Encoding.PEM, _gm.PrivateFormat.PKCS8, _gm.NoEncryption())
        return pem

    @classmethod
    def from_pem(cls, pem: bytes) -> PrivateKey:
        """Read PKCS#8. Raises `BadKey` without repeating anything of the text."""
        der = _der(pem, "PRIVATE KEY")
        try:
            if _SM2_OID in der:
                return cls("sm2", _gm.load_der_private_key(der, None))
            loaded = load_der_private_key(der, None)
        except BadKey:
            raise
        except Exception as error:  # two libraries, many kinds
            raise BadKey("这段 PEM 不是可用的私钥。") from error
        if not isinstance(loaded, ed25519.Ed25519PrivateKey):
            raise BadKey("这把私钥既不是 Ed25519 也不是 SM2。")
        return cls("ed25519", loaded)

    def __repr__(self) -> str:
        return f"PrivateKey({self.alg}, {self._public.id})"


_SM2_WITH_SM3 = _gm_ec.ECDSA(_gm_hashes.SM3())

_prepared: dict[bytes, Tables] = {}
_MOST_PREPARED = 32


def prepare(public: PublicKey) -> None:
    """Make later checks of this key's SM2 signatures faster, wherever they are made: for one whose signatures
    are checked again and again. Costs 0.1 s and 2 MB once; other keys are left as they are."""
    if public.alg != "sm2" or public.raw in _prepared:
        return
    while len(_prepared) >= _MOST_PREPARED:
        _prepared.pop(next(iter(_prepared)), None)
    _prepared[public.raw] = Tables(public.raw, SM2_SIGNER_ID)


def _by_tables(public: PublicKey, signature: bytes, data: bytes) -> bool:
    tables = _prepared.get(public.raw)
    try:
        if tables is not None:
            return tables.verify(signature, data)
    except OutsideTables:
        pass
    public._key.verify(signature, data, _SM2_WITH_SM3)
    return True


_LOAD_PUBLIC: dict[str, Any] = {
    "ed25519": ed25519.Ed25519PublicKey.from_public_bytes,
    "sm2": lambda raw: _gm_ec.EllipticCurvePublicKey.from_encoded_point(_gm_ec.SM2(), raw),
}

_PUBLIC_RAW: dict[str, Any] = {
    "ed25519": lambda key: key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
    "sm2": lambda key: key.public_key().public_bytes(_gm.Encoding.X962, _gm.PublicFormat.UncompressedPoint),
}


def _der(pem: bytes, label: str) -> bytes:
    head, tail = f"-----BEGIN {label}-----".encode(), f"-----END {label}-----".encode()
    begin = pem.find(head)
    end = pem.find(tail)
    if begin < 0 or end < begin:
        raise BadKey(f"这段文本里没有 PEM“{label}”。")
    try:
        return base64.b64decode(b"".join(pem[begin + len(head) : end].split()), validate=True)
    except binascii.Error as error:
        raise BadKey("PEM 的内容不是 base64。") from error
