"""Check `threshold` of what is told in words: small numbers of subjects in a sentence."""

from __future__ import annotations

import re

from .cells import text
from .model import Document, Finding, Mark, Note, Table, unnoted
from .raw import Raw, quote
from .sentences import say
from .spec import Spec

_PROSE = re.compile(
    r"(?<![\d.,第~—\-–至到])([1-9])\s*(?:个|名|位)?\s*(人|名|位|户|家|例)(?!次|均|员|以上|以下|一|/|每|日|月|年|工|民|庭)"
)
_NOT_A_CELL = re.compile(
    r"(平均|每|户均|人均|至少|不少于|少于|小于|低于|不足|大于|超过|以上|<|≥|≤|>|阈值|门槛)\D{0,6}$"
)


def small_numbers(document: Document, raw: Raw, spec: Spec, note: Note = unnoted) -> list[Finding]:
    """Small numbers of subjects told in words, in a sentence that names a raw category."""
    wanted = {f.place: f.text for f in document.fragments if _mentions_small(f.text, spec.threshold)}
    if not wanted:
        return []
    categories: set[str] = set()
    for column in raw.all():
        if column.kind == "text" and column.distinct <= 5000:
            rows = raw.rows(
                f"SELECT DISTINCT {column.sql} FROM {quote(column.table)} WHERE {column.sql} IS NOT NULL"
            )
            categories |= {text(v) for (v,) in rows if len(text(v)) >= 2}
    small = {where: body for where, body in wanted.items() if any(c in body for c in categories)}
    if small:
        told = Table("正文", ["位置", "文字"], [list(small), [body[:200] for body in small.values()]])
        note(Mark("threshold", told, list(range(len(small))), 1))
    return [say("threshold", "block", where, "threshold_text", threshold=spec.threshold) for where in small]


def _mentions_small(body: str, threshold: int) -> bool:
    return any(
        int(hit[1]) < threshold and not _NOT_A_CELL.search(body[: hit.start()])
        for hit in _PROSE.finditer(body)
    )
