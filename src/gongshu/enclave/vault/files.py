"""Files that survive a crash: temp file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def durable(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that is either whole and on disk under its name, or not there. Mode 0600."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    with durable(path) as file:
        file.write(data)


def erase(path: Path) -> None:
    """Overwrite with zeros, then remove: for keys, so that the bytes are gone even from the same blocks
    where the file system writes in place (the cipher is what deletion really rests on)."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)


_WRITING = "writing"
_JUST_BORN = 60.0


def claim(directory: Path) -> IO[bytes]:
    """Mark a directory as being written; the mark dies with the process. Close the file to release it."""
    mark = (directory / _WRITING).open("wb")
    fcntl.flock(mark, fcntl.LOCK_EX)
    return mark


def being_written(directory: Path) -> bool:
    """Whether a living process claims the directory, or it was born so lately that one may be about to."""
    try:
        with (directory / _WRITING).open("rb") as mark:
            fcntl.flock(mark, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return time.time() - directory.stat().st_mtime < _JUST_BORN
    return False


def release(directory: Path, mark: IO[bytes]) -> None:
    (directory / _WRITING).unlink(missing_ok=True)
    mark.close()
