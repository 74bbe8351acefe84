"""What can be wrong with a file: the whole of it (an error), or single lines (set aside and counted)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REASONS = {
    "few": "字段少于表头",
    "many": "字段多于表头",
    "quote": "引号不配对",
    "bytes": "有不能按文件编码读出的字节",
    "long": "一行超过 1 MiB",
    "before_header": "在表头之前",
    "header_again": "重复的表头",
}
_LISTED = 1000
_KEPT_BYTES = 4 << 20
_KEPT_TEXT = 2000


class IntakeError(Exception):
    """The file as a whole cannot be taken. `code` is fixed, `args[0]` one Chinese sentence.

    Codes: `empty, format, encrypted, truncated, too_large, columns, sheet, nested, header, decision`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass
class Broken:
    """Lines set aside: how many for which reason, the first thousand by number, and their text (up to
    4 MiB in all), which never leaves the data domain and is sealed with the draft."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[tuple[int, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    _bytes: int = 0

    def add(self, line: int, reason: str, text: str) -> None:
        self.counts[reason] += 1
        if len(self.first) < _LISTED:
            self.first.append((line, reason))
        if self._bytes < _KEPT_BYTES:
            shown = f"{line}\t{REASONS[reason]}\t{text[:_KEPT_TEXT]}"
            self.kept.append(shown)
            self._bytes += len(shown.encode("utf-8", "replace"))

    def total(self) -> int:
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """Counts and line numbers (from 1, counting every physical line), without any text."""
        return {
            "total": self.total(),
            "counts": dict(sorted(self.counts.items())),
            "reasons": {r: {"count": n, "why": REASONS[r]} for r, n in sorted(self.counts.items())},
            "first": [{"line": line, "reason": reason} for line, reason in self.first],
        }

    def text(self) -> bytes:
        return "\n".join(self.kept).encode("utf-8", "replace")
