"""The entries of the last while once more, in one file flushed once an append.

A tile is many small files; flushing each of them for each append would cost more than all the rest.
So an append flushes the entries here, writes bundles and tiles unflushed, and then flushes the
checkpoint. Now and then the bundles and tiles are flushed in the background and the file begins anew.
After a power cut `restore` writes bundles and tiles again from here; a kill loses nothing in either.

    pending-0, pending-1: frame*      frame = "GSP1" | start (8) | length (4) | SHA-256 of body (32) | body
    body: an entry bundle; `start` is the index of its first entry. The first frame of a file starts
    at a bundle's boundary: it begins with the entries of the bundle that was open.
"""

from __future__ import annotations

import hashlib
import os
import struct
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from gongshu.evidence.crash import crashpoint
from gongshu.evidence.files import sync_file, sync_folder, write_all
from gongshu.evidence.tiles import TileError, decode_bundle, encode_bundle

NAMES = ("pending-0", "pending-1")
LIMIT = 8 << 20
"""Bytes after which the other file begins; a restart reads at most twice as much."""
_HEAD = struct.Struct(">4sQI32s")
_MAGIC = b"GSP1"


class Pending:
    """The two files of one log. `settle` work runs in a thread of its own, one at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file = -1
        self._turn = 0
        self._written = 0
        self._unflushed: list[str] = []
        self._settler = ThreadPoolExecutor(1, "settle")
        self._settling: Future[None] | None = None

    def add(self, start: int, fresh: list[bytes], open_bundle: list[bytes]) -> None:
        """Make `fresh`, which begin at index `start`, durable here."""
        if self._file < 0 or self._written > LIMIT:
            self._begin()
            start, fresh = start - len(open_bundle), open_bundle + fresh
        body = encode_bundle(fresh)
        frame = _HEAD.pack(_MAGIC, start, len(body), hashlib.sha256(body).digest()) + body
        write_all(self._file, frame)
        os.fdatasync(self._file)
        self._written += len(frame)
        crashpoint("after_commit")

    def wrote(self, names: list[str]) -> None:
        """These files of the log were written without being flushed."""
        self._unflushed += names

    def close(self) -> None:
        """Flush everything; nothing is pending then."""
        if self._file >= 0:
            self._begin()
            os.close(self._file)
            self._file = -1
        self._settler.shutdown()

    def clear(self) -> None:
        """Forget what an earlier process left: it is in bundles and tiles, flushed."""
        for name in NAMES:
            if (self.directory / name).exists():
                os.truncate(self.directory / name, 0)

    def read(self) -> tuple[int, list[bytes]]:
        """(index of the first, entries) of the longest run the two files hold; (0, []) if none."""
        frames = sorted(
            (start, index, entries)
            for index, name in enumerate(NAMES)
            for start, entries in _frames(self.directory / name)
        )
        first, run = 0, list[bytes]()
        for start, _, entries in frames:
            if not run or start > first + len(run):
                first, run = start, []
            run[start - first :] = entries
        return first, run

    def _begin(self) -> None:
        """Go on in the other file; in the background the full one's bundles and tiles are flushed."""
        if self._settling is not None:
            self._settling.result()
        if self._file >= 0:
            os.close(self._file)
            names, self._unflushed = self._unflushed, []
            full = self.directory / NAMES[self._turn]
            self._settling = self._settler.submit(_settle, self.directory, names, full)
            self._turn = 1 - self._turn
        path = self.directory / NAMES[self._turn]
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._written = 0
        sync_folder(self.directory)


def _settle(directory: Path, names: list[str], full: Path) -> None:
    folders = set()
    for name in dict.fromkeys(names):
        path = directory / name
        try:
            sync_file(path)
        except FileNotFoundError:
            continue  # a partial file whose tile became full
        while path != directory:
            path = path.parent
            folders.add(path)
    for folder in folders:
        sync_folder(folder)
    os.truncate(full, 0)


def _frames(path: Path) -> list[tuple[int, list[bytes]]]:
    """Whole frames up to the first that is not."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    found, place = [], 0
    while place + _HEAD.size <= len(data):
        magic, start, length, digest = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if magic != _MAGIC or len(body) != length or hashlib.sha256(body).digest() != digest:
            break
        try:
            found.append((start, decode_bundle(body, path.name)))
        except TileError:
            break
        place += _HEAD.size + length
    return found
