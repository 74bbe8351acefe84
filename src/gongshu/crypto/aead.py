"""Authenticated encryption: AES-256-GCM (NIST SP 800-38D) and SM4-GCM (RFC 8998), whole or as a stream.

A key is 32 random bytes for either algorithm; SM4 takes its 16 bytes out of it by SM3, or is given
16 bytes as they are. `seal` is for small things (up to 64 MiB); the stream is for files: each file gets
its own key by HKDF from a random salt, and is cut into chunks as in the STREAM construction, so that a
chunk lost, doubled, moved, changed or cut off at the end is found.

    file  = magic "GSAEAD1\\0" | algorithm (1) | chunk size (4) | salt (32) | chunk*
    chunk = ciphertext | tag (16);  nonce = prefix (7) | counter (4) | last (1)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tongsuopy.crypto import exceptions as _gm_exceptions
from tongsuopy.crypto.ciphers.aead import SM4GCM

from gongshu.crypto.hashes import sha256, sm3

ALGORITHMS: Final = ("aes-256-gcm", "sm4-gcm")
KEY_SIZE: Final = 32
CHUNK: Final = 1 << 20
_MAGIC = b"GSAEAD1\0"
_HEADER = struct.Struct(">8sBI32s")
_NUMBER = {"aes-256-gcm": 1, "sm4-gcm": 2}
_NONCE, _TAG, _PREFIX = 12, 16, 7
_MAX_CHUNK = 1 << 26
_BAD_SEAL = "密文通不过完整性校验：密钥不对，或者内容被改动、截断、调换过。"


class AeadError(ValueError):
    """The sealed bytes are not what was sealed, or the key does not fit. A Chinese sentence."""


def new_key() -> bytes:
    """32 random bytes, good for either algorithm."""
    return os.urandom(KEY_SIZE)


def seal(alg: str, key: bytes, plain: bytes, aad: bytes = b"") -> bytes:
    """Encrypt and authenticate: nonce (12, random) | ciphertext | tag (16). `aad` is bound, not stored."""
    cipher = _cipher(alg, key)
    nonce = os.urandom(_NONCE)
    sealed: bytes = cipher.encrypt(nonce, bytes(plain), bytes(aad))
    return nonce + sealed


def sealer(alg: str, key: bytes) -> Callable[[bytes, bytes], bytes]:
    """`seal` with algorithm and key set up once, for many small things: a function of (plain, aad)."""
    encrypt = _cipher(alg, key).encrypt
    nonces = _nonces()

    def sealed(plain: bytes, aad: bytes) -> bytes:
        nonce = next(nonces)
        return nonce + bytes(encrypt(nonce, plain, aad))

    return sealed


def _nonces() -> Iterator[bytes]:
    """Random nonces, a thousand of the system's at a time: each question to it gives the interpreter away."""
    while True:
        drawn = os.urandom(_NONCE * 1024)
        for place in range(0, len(drawn), _NONCE):
            yield drawn[place : place + _NONCE]


def open_(alg: str, key: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """The plain bytes, or `AeadError` if anything differs from what `seal` was given."""
    cipher = _cipher(alg, key)
    if len(sealed) < _NONCE + _TAG:
        raise AeadError(_BAD_SEAL)
    return _open_chunk(cipher, bytes(sealed[:_NONCE]), bytes(sealed[_NONCE:]), bytes(aad))


def encrypt_stream(alg: str, key: bytes, src: BinaryIO, dst: BinaryIO, aad: bytes = b"") -> int:
    """Encrypt all of `src` into `dst`; returns the number of plain bytes. Memory: two chunks of 1 MiB."""
    _cipher(alg, key)  # refuses a bad algorithm or key before anything is written
    header = _HEADER.pack(_MAGIC, _NUMBER[alg], CHUNK, os.urandom(32))
    cipher, prefix = _stream_keys(alg, key, header, aad)
    dst.write(header)
    total = counter = 0
    piece = _read(src, CHUNK)
    while True:
        following = _read(src, CHUNK) if len(piece) == CHUNK else b""
        last = not following
        dst.write(cipher.encrypt(_chunk_nonce(prefix, counter, last), piece, b""))
        total += len(piece)
        if last:
            return total
        piece, counter = following, counter + 1


def decrypt_stream(alg: str, key: bytes, src: BinaryIO, dst: BinaryIO, aad: bytes = b"") -> int:
    """Decrypt what `encrypt_stream` wrote; returns the number of plain bytes.

    Chunks are written as they are proved, so on `AeadError` the caller throws `dst` away: a file cut off
    is noticed only at its end. The algorithm is the caller's, never the file's.
    """
    _cipher(alg, key)
    header = _read(src, _HEADER.size)
    if len(header) != _HEADER.size:
        raise AeadError("加密文件的文件头不完整。")
    magic, number, chunk, _salt = _HEADER.unpack(header)
    if magic != _MAGIC or number != _NUMBER[alg] or not 0 < chunk <= _MAX_CHUNK:
        raise AeadError("这不是用该算法加密的文件。")
    cipher, prefix = _stream_keys(alg, key, header, aad)
    total = counter = 0
    piece = _read(src, chunk + _TAG)
    while True:
        following = _read(src, chunk + _TAG) if len(piece) == chunk + _TAG else b""
        last = not following
        plain = _open_chunk(cipher, _chunk_nonce(prefix, counter, last), piece, b"")
        dst.write(plain)
        total += len(plain)
        if last:
            return total
        piece, counter = following, counter + 1


def _cipher(alg: str, key: bytes) -> Any:
    if alg not in ALGORITHMS:
        raise AeadError(f"不认识的加密算法“{alg}”，只有 {'、'.join(ALGORITHMS)}。")
    if alg == "aes-256-gcm" and len(key) == KEY_SIZE:
        return AESGCM(bytes(key))
    if alg == "sm4-gcm" and len(key) == KEY_SIZE:
        return SM4GCM(sm3(b"gongshu sm4-gcm key\0" + bytes(key))[:16])
    if alg == "sm4-gcm" and len(key) == 16:
        return SM4GCM(bytes(key))
    raise AeadError(f"{alg} 的密钥长度不对（{len(key)} 个字节）。")


def _stream_keys(alg: str, key: bytes, header: bytes, aad: bytes) -> tuple[Any, bytes]:
    """The file's own cipher and nonce prefix; header and aad enter the derivation and so are bound."""
    kinds: dict[str, tuple[Callable[[], hashes.HashAlgorithm], Callable[[bytes], bytes]]] = {
        "aes-256-gcm": (hashes.SHA256, sha256),
        "sm4-gcm": (hashes.SM3, sm3),
    }
    algorithm, short = kinds[alg]
    salt = header[-32:]
    info = b"gongshu stream\0" + header + short(bytes(aad))
    derived = HKDF(algorithm=algorithm(), length=KEY_SIZE + _PREFIX, salt=salt, info=info).derive(bytes(key))
    return _cipher(alg, derived[:KEY_SIZE]), derived[KEY_SIZE:]


def _chunk_nonce(prefix: bytes, counter: int, last: bool) -> bytes:
    if counter >= 1 << 32:
        raise AeadError("文件太大，超出了一把密钥可加密的块数。")
    return prefix + counter.to_bytes(4, "big") + bytes([last])


def _open_chunk(cipher: Any, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    try:
        plain: bytes = cipher.decrypt(nonce, sealed, aad)
    except (InvalidTag, _gm_exceptions.InvalidTag, _gm_exceptions.InternalError, ValueError) as error:
        raise AeadError(_BAD_SEAL) from error
    return plain


def _read(src: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes unless the end comes first: a pipe may give fewer at a time."""
    piece = src.read(size)
    if len(piece) == size or not piece:
        return piece
    pieces = [piece]
    missing = size - len(piece)
    while missing and (piece := src.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
