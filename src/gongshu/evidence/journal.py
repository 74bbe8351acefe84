"""A durable journal in files for a process without a database: numbered, chained, group-committed.

    <first number>.journal:
        gongshu-journal 1 <first number> <chain before it, hex>
        R <number> <chain, hex> <record, canonical JSON>
        C <number> <chain, hex>          ends every flush: all before it was durable when it was said so

chain = SHA-256(chain before | record). What follows the last `C` line after a crash was never
acknowledged and is cut off; a line before it that does not fit is damage and refused by name. A process
whose flush failed cuts that flush off, whatever of it reached the disk.

Lock: `lock` (flock) keeps a second writer out; `_guard` orders numbers, `_flushing` lets one thread
write for all who wait.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.evidence.crash import crashpoint
from gongshu.evidence.files import sync_folder, write_all

_SUFFIX = ".journal"
_START = bytes(32)
SEGMENT = 16 << 20
"""Bytes after which a new file is begun, so that old ones can be pruned."""


class JournalError(Exception):
    """The journal is in use, damaged or closed. `args[0]` is a Chinese sentence."""


@dataclass(frozen=True)
class Record:
    """One line: its number from 1, the chain digest after it (hex) and what was recorded."""

    number: int
    chain: str
    data: Any


class FileJournal:
    """The journal below `directory`. Safe for threads; for asyncio use `put` and a `flush` elsewhere."""

    def __init__(self, directory: Path | str, segment: int = SEGMENT) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segment = segment
        self._guard = threading.Lock()
        self._flushing = threading.Lock()
        self._waiting: list[bytes] = []
        self._lock = _lock(self.directory)
        self._file = -1
        self._number = self._durable = self._written = 0
        self._chain = _START
        try:
            self._recover()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def last(self) -> int:
        """The number of the last record put, durable or not."""
        return self._number

    @property
    def durable(self) -> int:
        """The number of the last record that survives anything."""
        return self._durable

    @property
    def first(self) -> int:
        """The number of the oldest record still kept; `last + 1` when none is."""
        return int(self._segments()[0].stem)

    def put(self, data: Mapping[str, Any] | bytes) -> int:
        """Give `data` (a map, or canonical JSON of one) its number. Not durable before `flush`."""
        record = data if isinstance(data, bytes) else canonical.dumps(dict(data))
        if b"\n" in record:
            raise JournalError("流水记录必须是单行的规范 JSON。")
        with self._guard:
            self._check_open()
            self._number += 1
            self._chain = hashlib.sha256(self._chain + record).digest()
            self._waiting.append(b"R %d %s %s\n" % (self._number, self._chain.hex().encode(), record))
            return self._number

    def flush(self) -> int:
        """Make everything put so far durable (one write, one fsync); the last durable number.

        `JournalError` when it could not be, or when an earlier flush took what was put along and failed.
        """
        with self._flushing:
            with self._guard:
                self._check_open()
                waiting, self._waiting = self._waiting, []
                number, chain = self._number, self._chain
            if not waiting:
                return self._durable
            waiting.append(b"C %d %s\n" % (number, chain.hex().encode()))
            block = b"".join(waiting)
            try:
                write_all(self._file, block)
                crashpoint("after_temp_file")
                os.fdatasync(self._file)
            except OSError as error:
                self._abandon()
                raise JournalError(f"流水写不进磁盘：{error.strerror}。") from error
            crashpoint("after_commit")
            self._durable = number
            self._written += len(block)
            if self._written >= self._segment:
                self._roll(number + 1, chain)
            return number

    def append(self, data: Mapping[str, Any] | bytes) -> int:
        """Record `data` durably and return its number; threads that come together share one fsync."""
        number = self.put(data)
        while self._durable < number:
            self.flush()
        return number

    def read(self, after: int = 0, limit: int | None = None) -> list[Record]:
        """The durable records numbered above `after`, at most `limit` of them, in order."""
        found: list[Record] = []
        segments = self._segments()
        for place, path in enumerate(segments):
            if place + 1 < len(segments) and int(segments[place + 1].stem) <= after + 1:
                continue
            for number, chain, record in _records(path.read_bytes()):
                if number > self._durable or (limit is not None and len(found) >= limit):
                    return found
                if number > after:
                    found.append(Record(number, chain.decode(), canonical.loads(record)))
        return found

    def scan(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(number, record as it was put) of the durable records above `after`, a file at a time in memory."""
        segments = self._segments()
        for place, path in enumerate(segments):
            if place + 1 < len(segments) and int(segments[place + 1].stem) <= after + 1:
                continue
            for number, _, record in _records(path.read_bytes()):
                if number > self._durable:
                    return
                if number > after:
                    yield number, record

    def prune(self, upto: int) -> int:
        """Drop files that hold only records numbered `upto` or less; how many files went.

        Numbers and chain go on where they were. The caller has first checked that the log holds them.
        """
        with self._flushing:
            if upto >= self._durable and self._durable + 1 > int(self._segments()[-1].stem):
                with self._guard:
                    idle = not self._waiting
                    number, chain = self._number, self._chain
                if idle:
                    self._begin(number + 1, chain)
            segments = self._segments()
            gone = 0
            for path, following in pairwise(segments):
                if int(following.stem) > upto + 1:
                    break
                path.unlink()
                gone += 1
            if gone:
                sync_folder(self.directory)
            return gone

    @property
    def broken(self) -> bool:
        """A write failed: nothing is taken until `reopen`."""
        return self._file < 0 <= self._lock

    def reopen(self) -> None:
        """After a failed write (a full disk): read what the disk really holds and go on behind it.

        What was put and not said to be durable is cut off, also where it reached the disk whole: whoever put
        it was told that it failed. Raises `JournalError` or `OSError` while the disk is not mended.
        """
        with self._flushing, self._guard:
            if not self.broken:
                return
            self._waiting, self._chain = [], _START
            self._number = self._written = 0
            self._recover(self._durable)

    def close(self) -> None:
        """Flush and give the lock back."""
        if self._file >= 0:
            self.flush()
            self._abandon()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> FileJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # inside

    def _check_open(self) -> None:
        if self._file < 0:
            raise JournalError("流水已经关闭，或上一次写盘失败，请重新打开。")

    def _segments(self) -> list[Path]:
        return sorted(self.directory.glob(f"*{_SUFFIX}"))

    def _abandon(self) -> None:
        """After a failed write nobody knows what is on the disk: only opening anew finds out."""
        with self._guard:
            os.close(self._file)
            self._file = -1

    def _roll(self, first: int, chain: bytes) -> None:
        """Go on in a new file, or, where none can be begun, in the old one until the next flush."""
        try:
            self._begin(first, chain)
        except OSError:
            # What was flushed is durable. A new file that is there all the same is found by `reopen`.
            if (self.directory / f"{first:016d}{_SUFFIX}").exists():
                self._abandon()

    def _begin(self, first: int, chain: bytes) -> None:
        """Start a new file; the name appears only with a whole first line. `OSError`: all is as before,
        unless the new name could not be taken back."""
        path = self.directory / f"{first:016d}{_SUFFIX}"
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        head = b"gongshu-journal 1 %d %s\n" % (first, chain.hex().encode())
        try:
            write_all(descriptor, head)
            os.fsync(descriptor)
            crashpoint("before_rename")
            temporary.replace(path)
            sync_folder(self.directory)
        except OSError:
            os.close(descriptor)
            for name in (temporary, path):
                name.unlink(missing_ok=True)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._written = descriptor, len(head)

    def _recover(self, upto: int | None = None) -> None:
        """Read the files. `upto`: keep nothing behind this record (None: all that was committed)."""
        for path in self.directory.glob("*.new"):
            path.unlink()
        segments = self._segments()
        if not segments:
            self._begin(1, _START)
            return
        keep = 0
        for place, path in enumerate(segments):
            known = (self._number, self._chain) if place else None
            last = path == segments[-1]
            self._number, self._chain, keep = _walk(path, known, last=last, upto=upto if last else None)
        descriptor = os.open(segments[-1], os.O_WRONLY | os.O_APPEND)
        try:
            os.ftruncate(descriptor, keep)
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._file, self._durable, self._written = descriptor, self._number, keep


def _walk(
    path: Path, known: tuple[int, bytes] | None, *, last: bool, upto: int | None = None
) -> tuple[int, bytes, int]:
    """(last number, chain after it, bytes to keep) of one file, each line proved up to its last `C`, or to
    the `C` of record `upto`."""
    data = path.read_bytes()
    number, chain, place = _head(path, data)
    if known is not None and known != (number, chain):
        raise JournalError(f"流水文件 {path.name} 接不上前一个文件：缺少第 {known[0] + 1} 号起的记录。")
    if upto is not None:
        data = _cut(path, data, place, number, upto)
    end = place
    whole = data[: data.rfind(b"\n") + 1]
    committed = whole.rfind(b"\nC ")
    stop = whole.find(b"\n", committed + 1) + 1 if committed >= 0 else place
    for line in data[place:stop].splitlines(keepends=True):
        end += len(line)
        parts = line.rstrip(b"\n").split(b" ", 3)
        if parts[0] == b"R" and len(parts) == 4:
            number += 1
            chain = hashlib.sha256(chain + parts[3]).digest()
        if parts[1:3] != [b"%d" % number, chain.hex().encode()] or parts[0] not in (b"R", b"C"):
            raise JournalError(
                f"流水文件 {path.name} 在第 {number} 号记录处损坏（第 {end - len(line)} 个字节）。"
            )
    if not last and stop != len(data):
        raise JournalError(f"流水文件 {path.name} 的末尾不完整（第 {stop} 个字节起）。")
    return number, chain, max(stop, place)


def _cut(path: Path, data: bytes, place: int, number: int, upto: int) -> bytes:
    """A file up to the flush that made record `upto` durable. `number`: the last one before the file."""
    if number == upto:
        return data[:place]
    found = data.find(b"\nC %d " % upto, place - 1)
    end = data.find(b"\n", found + 1)
    if found < 0 or end < 0:
        raise JournalError(f"流水文件 {path.name} 里没有已经确认落盘的第 {upto} 号记录。")
    return data[: end + 1]


def _head(path: Path, data: bytes) -> tuple[int, bytes, int]:
    line, newline, _ = data.partition(b"\n")
    parts = line.split(b" ")
    try:
        name, version, first, chain = parts
        if (name, version, newline) == (b"gongshu-journal", b"1", b"\n") and int(first) == int(path.stem):
            return int(first) - 1, bytes.fromhex(chain.decode()), len(line) + 1
    except ValueError:
        pass
    raise JournalError(f"流水文件 {path.name} 的首行损坏。")


def _records(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    for line in data.split(b"\n"):
        if line.startswith(b"R "):
            parts = line.split(b" ", 3)
            if len(parts) == 4:
                yield int(parts[1]), parts[2], parts[3]


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalError("流水正由另一个进程写入，不能再打开。") from error
    return descriptor
