"""A durable journal in files for a process without a database: numbered, chained, group-committed.

    <first number>.journal:
        gongshu-journal 1 <first number> <chain before it, hex>
        R <number> <chain, hex> <record, canonical JSON>
        C <number> <chain, hex>          ends every flush: all before it was durable when it was said so

chain = SHA-256(chain before | record). What follows the last `C` line after a crash was never
acknowledged and is cut off; a line before it that does not fit is damage and refused by name. A process
whose flush failed cuts that flush off, whatever of it reached the disk.

Every line is proved when the files are read. A journal opened `quick` proves those written since the files
before were proved last (`proved` names where that begins) and of the older ones that each ends where the next
begins: opening takes no longer as the journal grows.

Lock: `lock` (flock) keeps a second writer out; `_guard` orders numbers, `_flushing` lets one thread
write for all who wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.evidence.crash import crashpoint
from gongshu.evidence.files import sync_folder, write_all
from gongshu.evidence.segments import JournalError, records, skim, walk

__all__ = ["SEGMENT", "FileJournal", "JournalError", "Record"]

_SUFFIX = ".journal"
_PROVED = "proved"
_START = bytes(32)
SEGMENT = 16 << 20
"""Bytes after which a new file is begun, so that old ones can be pruned."""


@dataclass(frozen=True)
class Record:
    """One line: its number from 1, the chain digest after it (hex) and what was recorded."""

    number: int
    chain: str
    data: Any


class FileJournal:
    """The journal below `directory`. Safe for threads; for asyncio use `put` and a `flush` elsewhere."""

    def __init__(self, directory: Path | str, segment: int = SEGMENT, *, quick: bool = False) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segment = segment
        self._quick = quick
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
        if self.flush() < number:  # it went with a flush that failed, and the journal was opened again
            raise JournalError("这条记录随一次失败的写盘丢弃了，请重新写入。")
        return number

    def read(self, after: int = 0, limit: int | None = None) -> list[Record]:
        """The durable records numbered above `after`, at most `limit` of them, in order."""
        found: list[Record] = []
        segments = self._segments()
        for place, path in enumerate(segments):
            if place + 1 < len(segments) and int(segments[place + 1].stem) <= after + 1:
                continue
            for number, chain, record in records(path.read_bytes()):
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
            for number, _, record in records(path.read_bytes()):
                if number > self._durable:
                    return
                if number > after:
                    yield number, record

    def backwards(self) -> Iterator[Record]:
        """The durable records, the newest first, a file at a time in memory."""
        for path in reversed(self._segments()):
            for number, chain, record in reversed(list(records(path.read_bytes()))):
                if number <= self._durable:
                    yield Record(number, chain.decode(), canonical.loads(record))

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
        self._mark(path)

    def _mark(self, path: Path) -> None:
        """All before this file is proved or was written by this process."""
        if self._quick:
            with contextlib.suppress(OSError):  # then the next opening proves more
                temporary = self.directory / f"{_PROVED}.new"
                temporary.write_text(path.stem, encoding="ascii")
                temporary.replace(self.directory / _PROVED)

    def _marked(self, segments: Sequence[Path]) -> int:
        """The place of the file from which lines must be proved."""
        if not self._quick:
            return 0
        with contextlib.suppress(OSError, ValueError):
            stem = (self.directory / _PROVED).read_text(encoding="ascii")
            return [path.stem for path in segments].index(stem)
        return 0

    def _recover(self, upto: int | None = None) -> None:
        """Read the files. `upto`: keep nothing behind this record (None: all that was committed)."""
        for path in self.directory.glob("*.new"):
            path.unlink()
        segments = self._segments()
        if not segments:
            self._begin(1, _START)
            return
        keep, start = 0, self._marked(segments)
        for place, path in enumerate(segments):
            known = (self._number, self._chain) if place else None
            if place < start:
                self._number, self._chain = skim(path, known)
                continue
            last = path == segments[-1]
            self._number, self._chain, keep = walk(path, known, last=last, upto=upto if last else None)
        descriptor = os.open(segments[-1], os.O_WRONLY | os.O_APPEND)
        try:
            os.ftruncate(descriptor, keep)
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._file, self._durable, self._written = descriptor, self._number, keep
        self._mark(segments[-1])


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalError("流水正由另一个进程写入，不能再打开。") from error
    return descriptor
