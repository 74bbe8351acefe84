"""Bytes to text: byte order marks, UTF-8, UTF-16, GB18030; never a guess that loses a byte."""

from __future__ import annotations

import codecs


class Unreadable(Exception):
    """The file is not what it claims to be; `str(error)` is a few Chinese words."""


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes) -> str:
    """The text of a file. Raises Unreadable for bytes that are no text."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], name)
    if b"\0" in data:
        raise Unreadable("不是文本")
    for name in ("utf-8", "gb18030"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise Unreadable("不是 UTF-8 或 GB18030 文本")


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise Unreadable("文本编码损坏") from error
