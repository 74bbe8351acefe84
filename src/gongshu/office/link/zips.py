"""Zip files written while they are sent: same content, same bytes; no file is held whole in memory.

Entries of a stream are stored, not compressed; all stand under one fixed date, so the bytes depend on names
and content alone.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

# 压缩包能写的最早的一天：内容相同，逐字节相同
DATE = (1980, 1, 1, 0, 0, 0)
PIECE = 1 << 18

Content = bytes | Callable[[], BinaryIO]
"""Bytes, or what opens the file when its turn comes."""


class _Sink:
    """Takes what the zip writer writes until it is sent; it cannot seek, so sizes follow the content."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return None

    def take(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A whole compressed zip of (name, bytes), in this order, for what is small enough to hold."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def stream(files: Iterable[tuple[str, Content]]) -> Iterator[bytes]:
    """The pieces of a zip with these (name, content), in this order."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as made:  # type: ignore[call-overload]
        for name, content in files:
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = 0o100644 << 16
            with made.open(info, "w", force_zip64=not isinstance(content, bytes)) as entry:
                if isinstance(content, bytes):
                    entry.write(content)
                else:
                    with content() as file:
                        while piece := file.read(PIECE):
                            entry.write(piece)
                            yield sink.take()
            yield sink.take()
    yield sink.take()
