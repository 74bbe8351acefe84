"""The deposit store: files under their SHA-256, `deposits/<aa>/<sha256>`; the same bytes are stored once."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

PREFIX = "sha256:"


class DepositError(Exception):
    """A deposit is missing or no longer what its digest says. `args[0]` is a Chinese sentence."""


def path_of(digest: str) -> Path:
    """Where the file of a digest lies."""
    name = digest.removeprefix(PREFIX)
    if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        raise DepositError("摘要写法不对。")
    return Path(settings.DEPOSITS_DIR) / name[:2] / name


def put(chunks: Iterable[bytes]) -> tuple[str, int]:
    """Store bytes durably; (digest, size). Crash-safe: temp file, fsync, rename, fsync of the folder."""
    root = Path(settings.DEPOSITS_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = root / f".part-{secrets.token_hex(8)}"
    hashed, size = hashlib.sha256(), 0
    try:
        with part.open("xb") as file:
            for chunk in chunks:
                hashed.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        digest = PREFIX + hashed.hexdigest()
        place = path_of(digest)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        part.replace(place)
        _sync(place.parent)
    finally:
        part.unlink(missing_ok=True)
    return digest, size


def put_bytes(data: bytes) -> str:
    """Store bytes already in memory; the digest."""
    return put([data])[0]


def read(digest: str) -> bytes:
    """The bytes of a digest, checked against it."""
    try:
        data = path_of(digest).read_bytes()
    except FileNotFoundError as error:
        raise DepositError("这份材料的文件不在库里，请从备份恢复。") from error
    if PREFIX + hashlib.sha256(data).hexdigest() != digest:
        raise DepositError("这份材料的文件与登记的摘要不符，可能被改动过，不能使用。")
    return data


def open_checked(digest: str) -> BinaryIO:
    """The file of a digest, checked before it is handed out."""
    try:
        file = path_of(digest).open("rb")
    except FileNotFoundError as error:
        raise DepositError("这份材料的文件不在库里，请从备份恢复。") from error
    if PREFIX + hashlib.file_digest(file, "sha256").hexdigest() != digest:
        file.close()
        raise DepositError("这份材料的文件与登记的摘要不符，可能被改动过，不能使用。")
    file.seek(0)
    return file


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
