"""Signing a request: `GS1-HMAC-SHA256`, `GS1-HMAC-SM3` with the drawn secret, `GS1-KEY` with one's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any, Protocol

_BLOCK = 64


class Signer(Protocol):
    """How a request is signed: the scheme's name, and a signature over bytes."""

    scheme: str

    def sign(self, data: bytes) -> bytes: ...


class HmacKey:
    """The secret drawn from the gateway. `sm3`: HMAC over SM3 instead of SHA-256."""

    def __init__(self, secret: bytes, *, sm3: bool = False) -> None:
        self._secret = secret
        self._hash = _sm3 if sm3 else _sha256
        self.scheme = "GS1-HMAC-SM3" if sm3 else "GS1-HMAC-SHA256"

    def sign(self, data: bytes) -> bytes:
        return self._hash(self._secret, data)


class Ed25519Key:
    """One's own Ed25519 key, PKCS#8 PEM."""

    scheme = "GS1-KEY"

    def __init__(self, pem: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(pem, None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("这不是 Ed25519 私钥。")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class Sm2Key:
    """One's own SM2 key, PKCS#8 PEM; signatures are DER over SM3 with the default signer id (GM/T 0009)."""

    scheme = "GS1-KEY"

    def __init__(self, pem: bytes) -> None:
        from tongsuopy.crypto import hashes, serialization
        from tongsuopy.crypto.asymciphers import ec

        self._key: Any = serialization.load_pem_private_key(pem, None)
        self._how = ec.ECDSA(hashes.SM3())

    def sign(self, data: bytes) -> bytes:
        signature: bytes = self._key.sign(data, self._how)
        return signature


def headers(
    signer: Signer, credential: str, method: str, target: str, body: bytes, idempotency: str = ""
) -> dict[str, str]:
    """The headers of one request; every try is signed anew, the idempotency key stays."""
    time_ms, nonce = int(time.time() * 1000), secrets.token_hex(16)
    signed = f"GS1\n{method}\n{target}\n{time_ms}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
    if idempotency:
        signed += f"\n{idempotency}"
    signature = base64.b64encode(signer.sign(signed.encode())).decode()
    value = f"{signer.scheme} Credential={credential}, Time={time_ms}, Nonce={nonce}, Signature={signature}"
    made = {"authorization": value}
    return {**made, "idempotency-key": idempotency} if idempotency else made


def _sha256(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "sha256")


def _sm3(secret: bytes, data: bytes) -> bytes:
    """HMAC over SM3, written out because some OpenSSL builds lack the digest."""
    key = (_sm3_digest(secret) if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner = _sm3_digest(bytes(byte ^ 0x36 for byte in key) + data)
    return _sm3_digest(bytes(byte ^ 0x5C for byte in key) + inner)


def _sm3_digest(data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes

    state = hashes.Hash(hashes.SM3())
    state.update(data)
    return state.finalize()
