"""What was sealed comes back whole or not at all."""

from __future__ import annotations

import io
import os

import pytest

from gongshu.crypto import aead
from gongshu.crypto.aead import ALGORITHMS, CHUNK, AeadError

HEADER = 45
pytestmark = pytest.mark.parametrize("alg", ALGORITHMS)


class Dribble(io.BytesIO):
    """A source that gives few bytes at a time, as a pipe does."""

    def read(self, size=-1):
        return super().read(min(size, 70_001) if size >= 0 else size)


def encrypted(alg, key, plain, aad=b"part 1"):
    out = io.BytesIO()
    assert aead.encrypt_stream(alg, key, Dribble(plain), out, aad) == len(plain)
    return out.getvalue()


def decrypted(alg, key, sealed, aad=b"part 1"):
    out = io.BytesIO()
    aead.decrypt_stream(alg, key, Dribble(sealed), out, aad)
    return out.getvalue()


def test_sealed_bytes_open_only_unchanged(alg):
    key = aead.new_key()
    sealed = aead.seal(alg, key, b"plain", b"aad")
    assert aead.open_(alg, key, sealed, b"aad") == b"plain"
    assert aead.seal(alg, key, b"plain", b"aad") != sealed
    for place in range(len(sealed)):
        bad = bytearray(sealed)
        bad[place] ^= 0x80
        with pytest.raises(AeadError):
            aead.open_(alg, key, bytes(bad), b"aad")
    for wrong in ((key, b"other"), (aead.new_key(), b"aad")):
        with pytest.raises(AeadError):
            aead.open_(alg, wrong[0], sealed, wrong[1])
    with pytest.raises(AeadError):
        aead.open_(alg, key, sealed[:20], b"aad")


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
def test_streams_of_every_length(alg, size):
    key, plain = aead.new_key(), os.urandom(size)
    assert decrypted(alg, key, encrypted(alg, key, plain)) == plain


def test_a_stream_cut_swapped_doubled_or_mixed_is_found(alg):
    key, plain = aead.new_key(), os.urandom(3 * CHUNK + 5)
    sealed = encrypted(alg, key, plain)
    step = CHUNK + 16
    chunks = [sealed[HEADER + i * step : HEADER + (i + 1) * step] for i in range(4)]
    other = encrypted(alg, key, plain)
    damaged = {
        "last chunk gone": sealed[: HEADER + 3 * step],
        "one byte gone": sealed[:-1],
        "one byte more": sealed + b"x",
        "swapped": sealed[:HEADER] + b"".join(chunks[i] for i in (1, 0, 2, 3)),
        "doubled": sealed[:HEADER] + b"".join(chunks[i] for i in (0, 0, 1, 2, 3)),
        "dropped": sealed[:HEADER] + b"".join(chunks[i] for i in (0, 2, 3)),
        "chunk of another file": sealed[:HEADER] + other[HEADER : HEADER + step] + b"".join(chunks[1:]),
        "header changed": sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:],
        "nothing": b"",
        "header only": sealed[:HEADER],
    }
    for name, bad in damaged.items():
        with pytest.raises(AeadError):
            decrypted(alg, key, bad)
            pytest.fail(name)
    with pytest.raises(AeadError):
        decrypted(alg, key, sealed, b"part 2")
    with pytest.raises(AeadError):
        decrypted(alg, aead.new_key(), sealed)
    with pytest.raises(AeadError):
        decrypted(next(a for a in ALGORITHMS if a != alg), key, sealed)


def test_unfit_keys_are_refused(alg):
    with pytest.raises(AeadError):
        aead.seal(alg, b"k" * 24, b"")
    with pytest.raises(AeadError):
        aead.seal("rot13", aead.new_key(), b"")
