"""Each algorithm against an implementation that shares no code with it."""

from __future__ import annotations

import os
import subprocess

import gmalg
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gongshu.crypto import aead
from gongshu.crypto.hashes import HashError, _sm3_by_cryptography, digest, file_digest, salted, sm3
from gongshu.crypto.sign import ALGORITHMS, SM2_SIGNER_ID, BadKey, PrivateKey, PublicKey
from gongshu_verify import ed25519 as plain_ed25519
from gongshu_verify import sm as plain_sm
from gongshu_verify import strict_json


def halves(der: bytes) -> tuple[bytes, bytes]:
    """(r, s) of a DER signature, 32 bytes each."""
    length = der[3]
    r, rest = der[4 : 4 + length], der[4 + length :]
    return tuple(part[-32:].rjust(32, b"\0") for part in (r, rest[2:]))


def joined(r: bytes, s: bytes) -> bytes:
    body = b""
    for part in (r, s):
        number = part.lstrip(b"\0") or b"\0"
        number = b"\0" + number if number[0] & 0x80 else number
        body += b"\x02" + bytes([len(number)]) + number
    return b"\x30" + bytes([len(body)]) + body


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 1000])
def test_sm3_three_ways(length):
    data = os.urandom(length)
    other = gmalg.SM3()
    other.update(data)
    assert sm3(data) == other.value() == plain_sm.sm3_plain(data) == _sm3_by_cryptography(data)


def test_sm2_against_gmalg_both_ways():
    secret, public = gmalg.SM2().generate_keypair()
    other = gmalg.SM2(secret, SM2_SIGNER_ID, public)
    assert PublicKey("sm2", public).verify(joined(*other.sign(b"data")), b"data")
    key = PrivateKey.generate("sm2")
    other = gmalg.SM2(None, SM2_SIGNER_ID, key.public().raw)
    r, s = halves(key.sign(b"data"))
    assert other.verify(b"data", r, s)
    assert not other.verify(b"datb", r, s)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signatures_against_openssl(alg, tmp_path):
    key = PrivateKey.generate(alg)
    for name, data in (
        ("p", key.public().to_pem()),
        ("k", key.to_pem()),
        ("m", b"message"),
        ("s", key.sign(b"message")),
    ):
        (tmp_path / name).write_bytes(data)
    digest_ = ["-digest", "sm3", "-pkeyopt", "distid:1234567812345678"] if alg == "sm2" else []
    call = ["openssl", "pkeyutl", "-rawin", *digest_, "-in", "m"]
    checked = subprocess.run(
        [*call, "-verify", "-pubin", "-inkey", "p", "-sigfile", "s"], cwd=tmp_path, check=False
    )
    assert checked.returncode == 0
    subprocess.run([*call, "-sign", "-inkey", "k", "-out", "t"], cwd=tmp_path, check=True)
    assert key.public().verify((tmp_path / "t").read_bytes(), b"message")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signatures_against_the_verifier_in_plain_python(alg):
    check = {"sm2": plain_sm.sm2_verify_plain, "ed25519": plain_ed25519.verify_plain}[alg]
    key = PrivateKey.generate(alg)
    signature = key.sign(b"data")
    assert check(key.public().raw, signature, b"data")
    for place in range(len(signature)):
        bad = bytearray(signature)
        bad[place] ^= 1
        assert not key.public().verify(bytes(bad), b"data")
        if place % 16 == 0:
            assert not check(key.public().raw, bytes(bad), b"data")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_keys_in_every_form(alg):
    key = PrivateKey.generate(alg)
    public = key.public()
    assert PrivateKey.from_pem(key.to_pem()).public() == public
    assert PublicKey.from_pem(public.to_pem()) == PublicKey.decode(public.encode()) == public
    assert len(public.id) == 16 and public.id in repr(key)
    with pytest.raises(BadKey):
        PublicKey.decode(public.encode()[:-8])
    with pytest.raises(BadKey):
        PrivateKey.from_pem(public.to_pem())
    with pytest.raises(BadKey):
        PublicKey(alg, bytes(len(public.raw)) if alg == "sm2" else b"short")


def test_sm4_gcm_against_cryptography():
    key, plain, aad = os.urandom(16), os.urandom(1000), b"aad"
    sealed = aead.seal("sm4-gcm", key, plain, aad)
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(sealed[:12], sealed[-16:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    assert decryptor.update(sealed[12:-16]) + decryptor.finalize() == plain


def test_canonical_json_against_the_verifier():
    from gongshu.crypto import canonical

    value = {
        "b": [1.5e-7, 1e21, 0.1, -0.0, 123456789.125, None],
        "a": '中\u2028\x7f\x01"',
        "\U0001f600": 1,
        "\ufb33": 2,
    }
    assert canonical.dumps(value) == strict_json.canonical(value)


def test_digests_in_words(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    for alg in ("sha256", "sm3"):
        assert file_digest(tmp_path / "f", alg) == digest(b"x" * 3_000_000, alg)
    assert salted(b"x", b"s" * 16) != salted(b"x", b"t" * 16) != digest(b"x")
    with pytest.raises(HashError):
        salted(b"x", b"short")
    with pytest.raises(HashError):
        digest(b"x", "md5")
