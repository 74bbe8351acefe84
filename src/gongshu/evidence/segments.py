"""The files of a journal as they are read: proved line by line, or only by their first and last line.

The form of a file is told in `journal`. Nothing here writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

# More than the longest `C` line.
_LONGEST_END = 200


class JournalError(Exception):
    """The journal is in use, damaged or closed. `args[0]` is a Chinese sentence."""


def skim(path: Path, known: tuple[int, bytes] | None) -> tuple[int, bytes]:
    """(last number, chain after it) of a whole file, read from its first and last line."""
    with path.open("rb") as file:
        head = file.readline()
        file.seek(max(0, path.stat().st_size - _LONGEST_END))
        end = file.read()
    number, chain, _ = _head(path, head)
    _check_follows(path, known, number, chain)
    parts = end.rstrip(b"\n").rpartition(b"\n")[2].split(b" ")
    try:
        if parts[0] == b"C" and end.endswith(b"\n"):
            return int(parts[1]), bytes.fromhex(parts[2].decode())
    except (IndexError, ValueError):
        pass
    raise JournalError(f"流水文件 {path.name} 的末尾不完整。")


def _check_follows(path: Path, known: tuple[int, bytes] | None, number: int, chain: bytes) -> None:
    if known is not None and known != (number, chain):
        raise JournalError(f"流水文件 {path.name} 接不上前一个文件：缺少第 {known[0] + 1} 号起的记录。")


def walk(
    path: Path, known: tuple[int, bytes] | None, *, last: bool, upto: int | None = None
) -> tuple[int, bytes, int]:
    """(last number, chain after it, bytes to keep) of one file, each line proved up to its last `C`, or to
    the `C` of record `upto`."""
    data = path.read_bytes()
    number, chain, place = _head(path, data)
    _check_follows(path, known, number, chain)
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


def records(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    for line in data.split(b"\n"):
        if line.startswith(b"R "):
            parts = line.split(b" ", 3)
            if len(parts) == 4:
                yield int(parts[1]), parts[2], parts[3]
