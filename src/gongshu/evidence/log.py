"""The append-only log: one writer, entries of many sources, tiles on disk, a signed checkpoint last.

An entry is acknowledged when `append` returns: by then it is durable (in `pending`, and as bundle and
tiles under their names) and a signed, durable checkpoint covers it. Before the checkpoint is renamed
into place nothing of a batch is visible; files a crash left beyond it are never read and overwritten.

Locks: `lock` (flock, held as long as the log is open) keeps a second writer out; `_guard` keeps threads
of this process apart. Readers take no lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import entry as entries_
from gongshu.evidence import note
from gongshu.evidence.crash import crashpoint
from gongshu.evidence.edge import Edge, full_between
from gongshu.evidence.files import Writer, write_all
from gongshu.evidence.history import CHECKPOINT, HISTORY, History, store_cosignatures
from gongshu.evidence.pending import Pending
from gongshu.evidence.tiles import WIDTH, Reader, TileError

KEYS, LOCK, SOURCES = "keys", "lock", "sources"
_SOURCES_EVERY = 1 << 16


class LogError(Exception):
    """The log cannot be opened or written. `args[0]` is a Chinese sentence."""


class GapError(LogError):
    """A source skipped a number: an alarm. Nothing of the batch was written."""

    def __init__(self, source: str, expected: int, found: int) -> None:
        super().__init__(f"来源“{source}”的编号断开：应为 {expected}，来的是 {found}。")
        self.source, self.expected, self.found = source, expected, found


class ConflictError(LogError):
    """A source sent a number again with other content: an alarm. Nothing of the batch was written."""

    def __init__(self, source: str, seq: int) -> None:
        super().__init__(f"来源“{source}”的第 {seq} 号与日志里已有的内容不一致。")
        self.source, self.seq = source, seq


@dataclass(frozen=True)
class AppendResult:
    """`size` after the append, how many entries were new and how many were there already."""

    size: int
    accepted: int
    duplicates: int


class Log:
    """The log below `directory`. `origin` names it in its checkpoints, for example `gongshu/huangshi`.

    `signers` holds one Ed25519 and one SM2 key (under any names); `former` are public keys that signed
    earlier checkpoints, after a change of keys. Raises `LogError` when another process writes it, or
    when what lies there is not what its own checkpoint says.
    """

    def __init__(
        self,
        directory: Path | str,
        origin: str,
        signers: Mapping[str, PrivateKey],
        former: Iterable[PublicKey] = (),
    ) -> None:
        self.directory = Path(directory)
        self.origin = origin
        self._signers = sorted(signers.values(), key=lambda key: key.alg)
        if [key.alg for key in self._signers] != ["ed25519", "sm2"]:
            raise LogError("日志需要一把 Ed25519 和一把 SM2 签名密钥。")
        self._guard = threading.Lock()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.directory)
        self._broken = False
        self._note = b""
        self._size = 0
        self._history = History(self.directory)
        self._pending = Pending(self.directory)
        # Signs while the disk is busy.
        self._aside = ThreadPoolExecutor(1, "evidence")
        try:
            self._writer = Writer(self.directory)
            self._writer.sweep()
            self._open([*(key.public() for key in self._signers), *former])
            self._publish_keys()
        except BaseException:
            self.close()
            raise

    # reading

    @property
    def size(self) -> int:
        """How many entries the newest checkpoint covers."""
        return self._size

    def checkpoint(self) -> bytes:
        """The newest checkpoint as signed note; empty before the first `append`."""
        return self._note

    def entry(self, index: int) -> dict[str, Any]:
        """Entry `index`, from 0. Raises `tiles.TileError` when there is none."""
        found: dict[str, Any] = canonical.loads(self._reader.entry(index))
        return found

    def last(self, source: str) -> int:
        """The highest number taken of `source`, 0 when there is none."""
        return self._last.get(source, 0)

    def find(self, source: str, seq: int) -> int | None:
        """The index of the entry `seq` of `source`, or None."""
        if not 1 <= seq <= self.last(source):
            return None
        wanted = b'"seq":%d,"source":"%s",' % (seq, source.encode())
        bundles = -(-self._size // WIDTH)
        hint_seq, hint = self._hints.get(source, (0, 0))
        order = range(hint, bundles) if hint_seq and seq >= hint_seq else reversed(range(bundles))
        for number in order:
            for place, data in enumerate(self._reader.bundle(number)):
                if wanted in data:
                    self._hints[source] = (seq, number)
                    return number * WIDTH + place
        return None

    # writing

    def append(self, entries: Sequence[Mapping[str, Any]], now: datetime) -> AppendResult:
        """Make `entries` durable, in this order, under a checkpoint signed at wall time `now`.

        Numbers already taken with the same content are counted as duplicates and change nothing. Raises
        `entry.EntryError`, `GapError` or `ConflictError` before anything is written. An empty list
        publishes the checkpoint of an empty log, if there is none yet.
        """
        with self._guard:
            if self._broken:
                raise LogError("日志上一次写入没有完成，请重新打开。")
            fresh, last, duplicates = self._sift(entries)
            if fresh or not self._note:
                self._broken = True  # until the memory agrees with the disk again
                self._write(fresh, now)
                self._last = last
                self._broken = False
                self._tidy(len(fresh))
            return AppendResult(self._size, len(fresh), duplicates)

    def add_cosignature(self, size: int, lines: str, keys: Iterable[PublicKey]) -> None:
        """Keep a witness's lines over the checkpoint of `size`, if they hold for one of `keys`.

        Raises `note.NoteError` when they do not, `LogError` when there was no such checkpoint.
        """
        with self._guard:
            text = self._history.find(size)
            if text is None:
                raise LogError(f"没有条数为 {size} 的检查点，见证签名不能收存。")
            store_cosignatures(self._writer, text, lines, list(keys))

    def close(self) -> None:
        """Give the lock back. The log needs no closing to be durable."""
        with self._guard:
            if self._lock >= 0:
                self._aside.shutdown()
                self._pending.close()
                os.close(self._lock)
                self._lock = -1
                self._history.close()
                self._broken = True

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # inside

    def _publish_keys(self) -> None:
        lines = [note.verifier_line(self.origin, key.public()) for key in self._signers]
        data = ("\n".join(lines) + "\n").encode()
        path = self.directory / KEYS
        if not path.exists() or path.read_bytes() != data:
            self._writer.write([(KEYS, data)])

    def _open(self, keys: list[PublicKey]) -> None:
        try:
            self._note = (self.directory / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            if (self.directory / HISTORY).exists():
                raise LogError("日志的检查点文件不见了，请从备份恢复。") from None
        try:
            if self._note:
                self._load(keys)
        except (note.NoteError, TileError) as error:
            raise LogError(f"日志打不开：{error.args[-1]}请运行 gongshu evidence verify 查明。") from error
        else:
            self._reader = Reader(self.directory, self._size)
            self._hints: dict[str, tuple[int, int]] = {}
            self._last = self._read_sources()
            if not self._note:
                self._edge = Edge.empty()
            else:
                self._history.catch_up(self._size, self._note)

    def _load(self, keys: list[PublicKey]) -> None:
        said, signed = checkpoints.read(self._note)
        if said.origin != self.origin:
            raise LogError(f"这里的日志叫“{said.origin}”，不是“{self.origin}”。")
        if not note.signed_by(signed, self.origin, keys):
            raise LogError("日志的检查点不是用现在的密钥签的；换过密钥就要给出原来的公钥。")
        self._size = said.size
        self._restore(said)
        self._edge = Edge.load(Reader(self.directory, said.size))
        for alg, root in self._edge.roots().items():
            if root != said.roots[alg]:
                raise LogError(f"日志的 {alg} 树与检查点不符，请运行 gongshu evidence verify 查明。")
        self._pending.clear()

    def _restore(self, said: checkpoints.Checkpoint) -> None:
        """After a crash: write bundles and tiles again that may not have reached the disk."""
        first, entries = self._pending.read()
        if not entries or first % WIDTH or not first <= said.size <= first + len(entries):
            return
        edge = Edge.load(Reader(self.directory, first, whole=True))
        files = edge.grow(entries[: said.size - first])
        if edge.roots() != said.roots:
            return  # not what was signed: the tiles themselves decide
        self._writer.write(files)

    def _read_sources(self) -> dict[str, int]:
        """The last number of each source: from the file kept now and then, and the entries since."""
        size, last = 0, {}
        try:
            kept = json.loads((self.directory / SOURCES).read_bytes())
            if kept["size"] <= self._size:
                size, last = kept["size"], dict(kept["last"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # the file is only a shortcut; the entries themselves decide
        for number in range(size // WIDTH, -(-self._size // WIDTH)):
            for data in self._reader.bundle(number):
                found = json.loads(data)
                last[found["source"]] = max(found["seq"], last.get(found["source"], 0))
        return last

    def _sift(self, entries: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], dict[str, int], int]:
        """The canonical bytes of those entries that are new, the numbers after them, and the rest's count."""
        fresh: list[bytes] = []
        ahead: dict[tuple[str, int], bytes] = {}
        last = dict(self._last)
        duplicates = 0
        for one in entries:
            data = entries_.checked(one)
            source, seq = one["source"], one["seq"]
            expected = last.get(source, 0) + 1
            if seq == expected:
                last[source] = seq
                ahead[source, seq] = data
                fresh.append(data)
            elif seq > expected:
                raise GapError(source, expected, seq)
            else:
                known = ahead.get((source, seq))
                if known is None:
                    index = self.find(source, seq)
                    known = self._reader.entry(index) if index is not None else None
                if known != data:
                    raise ConflictError(source, seq)
                duplicates += 1
        return fresh, last, duplicates

    def _write(self, fresh: list[bytes], now: datetime) -> None:
        edge = self._edge.copy()
        start, size = self._size, self._size + len(fresh)
        files = edge.grow(fresh)
        roots = edge.roots()
        said = checkpoints.of(self.origin, size, roots["sha256"], roots["sm3"], now)
        signing = self._aside.submit(note.sign, self.origin, said.text(), self._signers)
        self._pending.add(start, fresh, self._edge.bundle)
        self._writer.write(files, flush=False)
        self._pending.wrote([name for name, _ in files])
        signed = signing.result().encode()
        crashpoint("before_checkpoint")
        self._writer.write([(CHECKPOINT, signed)], keep=True)
        self._edge, self._size, self._note = edge, size, signed
        self._reader = Reader(self.directory, size)

    def _tidy(self, written: int) -> None:
        """What may be lost without harm: the history's newest line, partial files, the sources' shortcut."""
        self._history.add(self._size, self._note)
        before = self._size - written
        if self._size // WIDTH > before // WIDTH:
            self._history.sync()
            for folder in full_between(before, self._size):
                self._writer.discard(folder)
        if self._size // _SOURCES_EVERY > before // _SOURCES_EVERY:
            data = json.dumps({"size": self._size, "last": self._last}, sort_keys=True).encode()
            self._writer.write([(SOURCES, data)])


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LogError("日志正由另一个进程写入，不能再打开。") from error
    os.ftruncate(descriptor, 0)
    write_all(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
