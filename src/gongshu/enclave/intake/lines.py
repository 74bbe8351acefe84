"""Bytes of any length as lines of text, in bounded memory: compression, encoding, broken lines."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from .problems import Broken, IntakeError

BLOCK = 2 << 20
SAMPLE = 1 << 20
LINE_LIMIT = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_EIGHT_BIT = ("utf-8", "gb18030", "big5")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_REPLACED = "\ufffd"
_BROKEN_GZIP = IntakeError("truncated", "压缩文件不完整或已损坏，请重新导出后再入库。")


@dataclass(frozen=True)
class Encoding:
    """`name` as Python calls it; `certain` is false while only ASCII has been seen."""

    name: str
    bom: int = 0
    certain: bool = True


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if it is gzip (by its first bytes, not its name)."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


def read(file: BinaryIO, size: int) -> bytes:
    """Read, turning a damaged archive into IntakeError."""
    try:
        return file.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _BROKEN_GZIP from error


def sample(path: Path) -> bytes:
    with open_bytes(path) as file:
        return read(file, SAMPLE)


def guess(data: bytes, cut: bool = True) -> Encoding:
    """The encoding of a sample: byte-order mark, else UTF-16 by its zero bytes, else UTF-8, GB18030 or Big5,
    whichever leaves fewer lines unread. `cut`: the sample may end inside a character."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return Encoding(name, len(bom))
    even, odd = data[0:4096:2].count(0), data[1:4096:2].count(0)
    if len(data) >= 4 and max(even, odd) > 0.2 * len(data[:4096]) / 2:
        return Encoding("utf-16-le" if odd > even else "utf-16-be")
    if data.isascii():
        return Encoding("utf-8", certain=False)
    rows = data.split(b"\n")
    rows = (rows[:-1] or rows) if cut else rows
    bad = {name: sum(not _reads(row, name) for row in rows) for name in _EIGHT_BIT}
    return Encoding(min(bad, key=lambda name: (bad[name], _EIGHT_BIT.index(name))))


def _reads(row: bytes, encoding: str) -> bool:
    """Big5 read as GB18030 gives characters of the private use area, which no office writes."""
    try:
        text = row.decode(encoding)
    except UnicodeDecodeError:
        return False
    return encoding != "gb18030" or not _PRIVATE.search(text)


class _FromUtf16(io.RawIOBase):
    """UTF-16 bytes in, UTF-8 bytes out, so that a line end is one byte; what cannot be read becomes
    U+FFFD and its line is set aside later."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.file = file
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")

    def read(self, size: int = -1) -> bytes:
        while True:
            piece = read(self.file, size)
            text = self.decoder.decode(piece, final=not piece)
            if text or not piece:
                return text.encode("utf-8", "replace")


class Lines:
    """The physical lines of a text file as blocks `(number of the first, texts)`; numbers count from 1.

    Lines that cannot be read go to `broken`; in their place stands None.
    """

    def __init__(self, path: Path, broken: Broken, limit: int) -> None:
        head = sample(path)
        if not head.strip(b"\x00\r\n \t\xef\xbb\xbf\xff\xfe"):
            raise IntakeError("empty", "文件是空的，没有可以入库的内容。")
        self.path = path
        self.broken = broken
        self.limit = limit
        self.encoding = guess(head)
        self.wide = self.encoding.name.startswith("utf-16")
        plain = head.decode(self.encoding.name, "replace")
        self.old_mac = "\n" not in plain and "\r" in plain
        self.bytes = 0

    def head(self) -> str:
        """The beginning as text, without its byte-order mark, for guessing the delimiter."""
        data = sample(self.path)[self.encoding.bom :]
        text = data.decode(self.encoding.name, "replace")
        return text.replace("\r", "\n") if self.old_mac else text

    def __iter__(self) -> Iterator[tuple[int, list[str | None]]]:
        number = 1
        with open_bytes(self.path) as file:
            read(file, self.encoding.bom)
            source = cast(BinaryIO, _FromUtf16(file, self.encoding.name)) if self.wide else file
            for rows in self._rows(source):
                yield number, self._texts(rows, number)
                number += len(rows)

    def _rows(self, source: BinaryIO) -> Iterator[list[bytes | None]]:
        """Complete lines, block by block; None for a line over the limit."""
        rest = b""
        skipping = False
        while block := read(source, BLOCK):
            self.bytes += len(block)
            if self.bytes > self.limit:
                raise IntakeError("too_large", f"文件展开后超过 {self.limit >> 30} GiB，请分成几个文件入库。")
            if self.old_mac:
                block = block.replace(b"\r", b"\n")
            pieces = (rest + block).split(b"\n")
            rest = pieces.pop()
            rows: list[bytes | None] = [p if len(p) <= LINE_LIMIT else None for p in pieces]
            if skipping and rows:
                rows[0], skipping = None, False
            if len(rest) > LINE_LIMIT:
                rest, skipping = b"", True
            if rows:
                yield rows
        if rest or skipping:
            yield [None if skipping else rest]

    def _texts(self, rows: list[bytes | None], number: int) -> list[str | None]:
        encoding = "utf-8" if self.wide else self.encoding.name
        if None not in rows:
            whole = b"\n".join(cast(list[bytes], rows))
            if not self.encoding.certain and not whole.isascii():
                self.encoding = Encoding(guess(whole, cut=False).name, self.encoding.bom)
                encoding = self.encoding.name
            try:
                text = whole.decode(encoding)
            except UnicodeDecodeError:
                pass
            else:
                if "\0" not in text and not (self.wide and _REPLACED in text):
                    return [line[:-1] if line.endswith("\r") else line for line in text.split("\n")]
        return [self._text(row, number + n, encoding) for n, row in enumerate(rows)]

    def _text(self, row: bytes | None, number: int, encoding: str) -> str | None:
        if row is None:
            self.broken.add(number, "long", "")
            return None
        try:
            text = row.decode(encoding).removesuffix("\r")
        except UnicodeDecodeError:
            text = ""
        if (row.strip() and not text) or "\0" in text or (self.wide and _REPLACED in text):
            self.broken.add(number, "bytes", row.decode(encoding, "replace"))
            return None
        return text
