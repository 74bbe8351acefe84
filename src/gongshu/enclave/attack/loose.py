"""Records told in prose, and lists of raw figures in cells, scripts, attributes and text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .domains import Domains, chance, share_of
from .identifiers import place
from .model import Document, Finding
from .raw import Column, Raw, quote
from .sentences import say
from .shape import is_numeric

_NUMBERS = re.compile(r"(?<![0-9A-Za-z_.])-?\d+(?:\.\d+)?(?![0-9A-Za-z_]|\.\d)")
Named = Any


def told(document: Document, raw: Raw) -> list[Finding]:
    """A subject's number and one of its figures in the same piece of text."""
    found = []
    for fragment in document.fragments:
        words = list(
            dict.fromkeys(re.findall(r"(?<![0-9A-Za-z_.])\d+(?:\.\d+)?(?![0-9A-Za-z_]|\.\d)", fragment.text))
        )[:60]
        figures = {float(w) for w in words if len(w.replace(".", "")) >= 4}
        if len(words) < 2 or not figures:
            continue
        for table, subject in raw.subjects.items():
            rows = raw.rows(
                f"SELECT * FROM {quote(table)} WHERE CAST({quote(subject)} AS VARCHAR) IN"
                f" ({', '.join('?' * len(words))}) LIMIT 2000",
                list(words),
            )
            place_of = list(raw.columns[table]).index(subject)
            if any(
                isinstance(v, int | float) and float(v) in figures
                for r in rows
                for i, v in enumerate(r)
                if i != place_of
            ):
                found.append(say("row_copy", "block", fragment.place))
                break
    return found


def loose(document: Document, domains: Domains, named: Named) -> list[Finding]:
    """Lists of raw figures in cells, scripts, attributes and text."""
    pieces: dict[str, list[float]] = {}
    for fragment in document.fragments:
        pieces.setdefault(fragment.place.split("第")[0], []).extend(_numbers_in(fragment.text))
    for table in document.tables:
        for i, cells in enumerate(table.columns):
            if not is_numeric(cells):
                inner = [v for c in cells if isinstance(c, str) for v in _numbers_in(c)]
                if len(inner) >= 3 * max(1, table.height):
                    pieces[place(table, i, named)] = inner
    found = []
    for where, values in pieces.items():
        unique = np.unique(np.array(values))
        if len(unique) < 12:
            continue
        for source in domains.sources():
            for column in source.columns:
                if (
                    column.kind == "number"
                    and column.distinct >= 50
                    and _list_copied(domains, unique, column)
                ):
                    found.append(say("row_copy", "block", where, "row_copy_column", way="原值"))
    return found


def _list_copied(domains: Domains, values: np.ndarray[Any, Any], column: Column) -> bool:
    known = domains.numbers(column)
    places = max(_places(v) for v in values[:200])
    half = 0.5 * 10.0 ** -min(places, 6)
    share, luck = share_of(values, known, half), chance(values, known, half)
    return share >= 0.6 and luck < 0.3


def _places(value: float) -> int:
    body = repr(float(value))
    return 0 if "e" in body or body.endswith(".0") else len(body.partition(".")[2])


def _numbers_in(body: str) -> list[float]:
    return [float(m) for m in _NUMBERS.findall(body) if len(m.replace(".", "").lstrip("-0")) >= 3]
