"""Keys that are none are refused in one sentence that repeats nothing of them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gongshu.crypto.sign import ALGORITHMS, BadKey, PrivateKey, PublicKey

OTHER = ec.generate_private_key(ec.SECP256R1())


def pem(label: str, body: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.b64encode(body).decode()}\n-----END {label}-----\n".encode()


PRIVATE = [
    b"",
    b"nothing",
    pem("PRIVATE KEY", b"secret that is no key"),
    b"-----BEGIN PRIVATE KEY-----\n***\n-----END PRIVATE KEY-----\n",
    OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
]
PUBLIC = [
    b"",
    pem("PUBLIC KEY", b"no key"),
    b"-----BEGIN PUBLIC KEY-----\n***\n-----END PUBLIC KEY-----\n",
    OTHER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
]


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_key_that_is_none(text: bytes) -> None:
    with pytest.raises(BadKey, match=r"。$") as told:
        PrivateKey.from_pem(text)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_key_that_is_none(text: bytes) -> None:
    with pytest.raises(BadKey, match=r"。$"):
        PublicKey.from_pem(text)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_shows_its_fingerprint_and_not_itself(alg: str) -> None:
    key = PrivateKey.generate(alg)
    assert key.public().id in repr(key)
    assert key.public().id in repr(key.public())
    assert len({key.public(), PublicKey.from_pem(key.public().to_pem())}) == 1
    with pytest.raises(BadKey):
        PublicKey("rsa", bytes(32))
    with pytest.raises(BadKey):
        PublicKey(alg, bytes(3))
