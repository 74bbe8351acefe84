"""Check `covert`: what an output carries beside what it shows."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .cells import number, text
from .identifiers import place
from .model import Cell, Document, Finding, Table
from .sentences import rows_phrase, say

_BLANKS = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2028\u2029\u0085\x0b\x0c]")
_EDGES = re.compile(r"^[ \t\u3000]+\S|\S[ \t\u3000]+$")
_BLOB = re.compile(r"(?<![0-9A-Za-z+/=])(?:[0-9A-Fa-f]{48,}|[A-Za-z0-9+/_\-]{60,}={0,2})(?![0-9A-Za-z+/=])")
_QUIET = ("标签属性", "脚本或样式", "文件内的部件", "文件元数据", "字段元数据", "模型文本", "文件属性")


def invisible(body: str) -> bool:
    """Format characters, private-use characters, odd variation selectors."""
    for char in body:
        if char < "\u0080" and (char >= " " or char in "\t\n\r"):
            continue
        category = unicodedata.category(char)
        if category in ("Cf", "Co", "Cn", "Cs") or (category == "Cc" and char not in "\t\n\r"):
            return True
        if 0xFE00 <= ord(char) <= 0xFE0F or 0xE0100 <= ord(char) <= 0xE01EF:
            return True
    return False


def check(document: Document, named: Any) -> list[Finding]:
    """Invisible characters, odd blanks, coded blobs, empty and unnamed columns."""
    found: list[Finding] = []
    for table in document.tables:
        for i, cells in enumerate(table.columns):
            found += _column([table.headers[i], *cells], place(table, i, named))
    for fragment in document.fragments:
        if invisible(
            fragment.text.replace("\ufeff", "", 1) if fragment.place == "正文第 1 行" else fragment.text
        ):
            found.append(say("covert", "review", fragment.place, "covert_invisible"))
        elif _BLANKS.search(fragment.text.replace("\u00a0", " ")):
            found.append(say("covert", "review", fragment.place, "covert_blank"))
        if (
            not fragment.place.startswith(_QUIET)
            and _BLOB.search(fragment.text)
            and not _prose(fragment.text)
        ):
            found.append(say("covert", "review", fragment.place, "covert_blob"))
    return found


def _prose(body: str) -> bool:
    """Long runs of letters in words and addresses are no blobs."""
    return all("-" in run or "_" in run or run.isalpha() for run in _BLOB.findall(body))


def _column(cells: list[Cell], where: str) -> list[Finding]:
    found = []
    texts = [(r - 1, c) for r, c in enumerate(cells) if isinstance(c, str)]
    hidden = [max(r, 0) for r, c in texts if invisible(c)]
    if hidden:
        found.append(say("covert", "review", f"{where} {rows_phrase(hidden)}", "covert_invisible"))
    blank = [max(r, 0) for r, c in texts if _BLANKS.search(c) or (r >= 0 and _EDGES.search(c))]
    if blank and (len(blank) < len(texts) - 1 or any(_BLANKS.search(c) for _, c in texts)):
        found.append(say("covert", "review", f"{where} {rows_phrase(blank)}", "covert_blank"))
    blobs = [max(r, 0) for r, c in texts if _BLOB.search(c) and not _prose(c)]
    if blobs:
        found.append(say("covert", "review", f"{where} {rows_phrase(blobs)}", "covert_blob"))
    spelled = _mixed_spelling(cells[1:])
    if spelled:
        found.append(say("covert", "review", f"{where} {rows_phrase(spelled)}", "covert_precision"))
    return found


def _mixed_spelling(cells: list[Cell]) -> list[int]:
    """Figures written with needless zeros, signs or other digits in some rows only: a carrier of bits."""
    odd, plain = [], 0
    for r, cell in enumerate(cells):
        if not isinstance(cell, str) or number(cell) is None:
            continue
        body = cell.strip()
        if body.startswith("+") or re.match(r"^-?0\d", body) or body != unicodedata.normalize("NFKC", body):
            odd.append(r)
        else:
            plain += 1
    same_width = len({len(text(c)) for c in cells if c is not None}) == 1
    return odd if odd and plain and not same_width else []


def surplus(table: Table, i: int, where: str) -> list[Finding]:
    """Figures nothing explains, written with more places than a statistic needs, yet fewer than a
    float printed whole."""
    numbers = [(r, n) for r, c in enumerate(table.columns[i]) if (n := number(c)) is not None]
    long = [r for r, n in numbers if 6 < n.decimals < 12]
    if len(long) >= 3 and len(long) >= 0.3 * len(numbers):
        return [say("covert", "review", f"{where} {rows_phrase(long)}", "covert_precision")]
    return []
