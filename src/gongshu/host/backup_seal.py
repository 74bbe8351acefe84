"""Backup archives as files: one header line, then a tar, plain (office) or sealed to two administrators.

    "gongshu-backup-1\\n" | header (canonical JSON) "\\n" | body

A sealed body is a stream under a random key. For every pair of security administrators the key is split in
two shares (XOR) and each share is sealed to one of them (X25519, HKDF-SHA256, AES-256-GCM): two together can
open the archive, one alone holds random bytes, and the machine that wrote it keeps nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gongshu.crypto import aead, canonical
from gongshu.host.errors import HostError
from gongshu.wire.store import write_file

MAGIC = b"gongshu-backup-1\n"
KEY_FILE = "recovery.key"
KIND = "x25519:"
_LONGEST_HEADER = 1 << 20
_INFO = b"gongshu recovery share v1\0"


def new_recovery(out: Path) -> str:
    """A recovery key in `out` (PEM, 0600); its public half as `x25519:<base64>`."""
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_file(out / KEY_FILE, pem, 0o600)
    return encode(key.public_key())


def encode(key: X25519PublicKey) -> str:
    return KIND + base64.b64encode(key.public_bytes_raw()).decode()


def decode(text: object) -> X25519PublicKey:
    """The public half an administrator's row names; `HostError("recovery")` when it is none."""
    try:
        if isinstance(text, str) and text.startswith(KIND):
            return X25519PublicKey.from_public_bytes(base64.b64decode(text[len(KIND) :], validate=True))
    except (ValueError, binascii.Error):
        pass
    raise HostError("recovery", "安全管理员的恢复公钥写法不对，请重新起草信任名单。")


def read_recovery(path: Path) -> X25519PrivateKey:
    """An administrator's recovery key. Their folder, or the signing key beside it, may be named instead."""
    file = path / KEY_FILE if path.is_dir() else path
    try:
        if file.stat().st_mode & 0o077:
            raise HostError("key", f"{file} 别人也能读，请先 chmod 0600 {file}。")
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise HostError("key", f"读不到恢复钥匙 {file}。") from error
    except (ValueError, TypeError) as error:
        raise HostError("key", f"{file} 不是私钥文件。") from error
    if isinstance(key, X25519PrivateKey):
        return key
    beside = file.with_name(KEY_FILE)
    if file.name != KEY_FILE and beside.exists():
        return read_recovery(beside)
    raise HostError("key", f"{file} 不是恢复钥匙；恢复钥匙是同一目录里的 {KEY_FILE}。")


def recovery_keys(administrators: Sequence[Mapping[str, Any]]) -> list[X25519PublicKey]:
    """The recovery keys a trust list names: at least two different ones, or `HostError("recovery")`."""
    found = {row["recovery"]: decode(row["recovery"]) for row in administrators if row.get("recovery")}
    if len(found) < 2:
        raise HostError(
            "recovery",
            "信任名单上没有两名安全管理员的恢复公钥，数据域不能备份；"
            "请用 gongshu trust new-administrator 生成钥匙后重新签署信任名单。",
        )
    return list(found.values())


def _name(key: X25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _derive(shared: bytes, ephemeral: bytes, recipient: bytes) -> bytes:
    info = _INFO + ephemeral + recipient
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(shared)


def _seal_share(share: bytes, to: X25519PublicKey) -> str:
    ephemeral = X25519PrivateKey.generate()
    mine, theirs = ephemeral.public_key().public_bytes_raw(), to.public_bytes_raw()
    sealed = aead.seal("aes-256-gcm", _derive(ephemeral.exchange(to), mine, theirs), share)
    return base64.b64encode(mine + sealed).decode()


def _open_share(sealed: str, key: X25519PrivateKey) -> bytes:
    raw = base64.b64decode(sealed, validate=True)
    mine, theirs = raw[:32], key.public_key().public_bytes_raw()
    shared = key.exchange(X25519PublicKey.from_public_bytes(mine))
    return aead.open_("aes-256-gcm", _derive(shared, mine, theirs), raw[32:])


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def split(key: bytes, recipients: Sequence[X25519PublicKey]) -> list[dict[str, str]]:
    """For every pair of recipients: `{key id: sealed share}`; both shares of a pair make the key."""
    rows = []
    for first, second in combinations(recipients, 2):
        share = os.urandom(len(key))
        rows.append(
            {
                _name(first): _seal_share(share, first),
                _name(second): _seal_share(_xor(key, share), second),
            }
        )
    return rows


def join(rows: Sequence[Mapping[str, str]], keys: Sequence[X25519PrivateKey]) -> bytes:
    """The archive's key from two administrators' keys; `HostError("key")` when they are not a pair of it."""
    known = {_name(key.public_key()): key for key in keys}
    if len(known) < 2:
        raise HostError("key", "打开数据域的备份要两名安全管理员各自的恢复钥匙，请用 --key 给出两个。")
    for row in rows:
        if set(row) <= set(known):
            try:
                one, other = (_open_share(sealed, known[name]) for name, sealed in row.items())
                return _xor(one, other)
            except (ValueError, binascii.Error) as error:
                raise HostError("archive", "备份的钥匙部分已损坏，打不开。") from error
    raise HostError("key", "这两把恢复钥匙打不开这份备份：它是为别的安全管理员封存的。")


def write_header(dst: BinaryIO, header: Mapping[str, Any]) -> bytes:
    """Writes the first lines; what the body is bound to."""
    lines = MAGIC + canonical.dumps(dict(header)) + b"\n"
    dst.write(lines)
    return lines


def read_header(src: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """(header, its bytes); the file then stands at the body. `HostError("archive")` for another file."""
    if src.read(len(MAGIC)) != MAGIC:
        raise HostError("archive", "这不是公枢的备份文件。")
    line = src.readline(_LONGEST_HEADER)
    try:
        header = canonical.loads(line.rstrip(b"\n"))
    except (canonical.CanonicalError, ValueError) as error:
        raise HostError("archive", "备份文件的文件头已损坏。") from error
    if not line.endswith(b"\n") or not isinstance(header, dict) or header.get("v") != 1:
        raise HostError("archive", "备份文件的版本不认识，请先升级公枢。")
    return header, MAGIC + line


@contextmanager
def sealed(dst: BinaryIO, key: bytes, alg: str, bound: bytes) -> Iterator[BinaryIO]:
    """A writer whose bytes arrive in `dst` encrypted. When the block fails the caller throws `dst` away."""
    read, write = os.pipe()
    failed: list[BaseException] = []

    def encrypt() -> None:
        with os.fdopen(read, "rb") as src:
            try:
                aead.encrypt_stream(alg, key, src, dst, bound)
            except BaseException as error:  # noqa: BLE001 - told to the writing side below
                failed.append(error)

    thread = threading.Thread(target=encrypt, name="seal")
    thread.start()
    try:
        with os.fdopen(write, "wb") as plain:
            yield plain
    finally:
        thread.join()
    if failed:
        raise failed[0]
