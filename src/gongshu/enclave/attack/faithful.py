"""Does the output say what its query says? Checks `unexplained` and the carriers `covert` finds by it."""

from __future__ import annotations

from typing import Any

from .cells import Number, is_suppressed, number, text
from .explain import Explained
from .identifiers import place
from .model import Finding
from .reading.tabular import plain
from .sentences import rows_phrase, say
from .shape import canon

_SCALES = (1.0, 100.0, 0.01, 1e3, 1e-3, 1e4, 1e-4, 1e6, 1e-6, 1e8, 1e-8)
_TENS = (10, 100, 1000)


def compare(explained: Explained, named: Any, base: int) -> list[Finding]:
    """Cells, rows and columns the query does not give; rounding to `base` or to tens is no difference."""
    table = explained.table
    found = []
    strange = [r for r in range(table.height) if r not in explained.rows and not _empty(explained, r)]
    if strange:
        rows = sorted({table.origin[r][0] for r in strange}) if table.origin else strange
        found.append(say("unexplained", "review", f"{table.name} {rows_phrase(rows)}", "unexplained_row"))
    for i in range(len(table.columns)):
        if i in explained.keys:
            continue
        where = place(table, i, named)
        j = explained.columns.get(i)
        if j is None:
            if any(not is_suppressed(c) for c in table.columns[i]):
                found.append(say("unexplained", "review", where, "unexplained_column"))
            continue
        found += _column(explained, i, j, where, base)
    found += _order(explained)
    return found


def _empty(explained: Explained, row: int) -> bool:
    return not explained.published(row)


def _column(explained: Explained, i: int, j: int, where: str, base: int) -> list[Finding]:
    pairs: list[tuple[int, Number, float]] = []
    wrong: list[int] = []
    for row, at in explained.rows.items():
        cell, theirs = explained.table.columns[i][row], plain(explained.result.rows[at][j])
        if is_suppressed(cell):
            continue
        ours, expected = number(cell), number(theirs)
        if ours is None or expected is None:
            if canon(cell) != canon(theirs) and text(cell) != text(theirs):
                wrong.append(row)
            continue
        pairs.append((row, ours, expected.value))
    scale = next((s for s in _SCALES if pairs and all(_equal(o, e * s) for _, o, e in pairs)), None)
    found = []
    if scale is None and pairs and not _rounded(pairs, base) and not _cut(pairs):
        off = [(row, o, e) for row, o, e in pairs if not _equal(o, e)]
        wrong += [row for row, _, _ in off]
        close = [row for row, o, e in off if o.decimals >= 2 and abs(o.value - e) <= 2e-3 * max(abs(e), 1e-9)]
        if close:
            found.append(say("covert", "review", f"{where} {rows_phrase(close)}", "covert_precision"))
    if wrong:
        found.append(say("unexplained", "review", f"{where} {rows_phrase(wrong)}"))
    return found


def _equal(ours: Number, expected: float) -> bool:
    return abs(ours.value - expected) <= min(ours.half, 0.5) * 1.001 + 1e-9 * abs(expected)


def _rounded(pairs: list[tuple[int, Number, float]], least: int) -> bool:
    """All cells rounded to the same base, as statistical offices do: the pack's, or tens above it."""
    for base in (least, *(ten for ten in _TENS if ten > least)):
        whole = all(o.decimals == 0 and o.value % base == 0 for _, o, _ in pairs)
        if whole and all(abs(o.value - e) < base for _, o, e in pairs):
            return True
    return False


def _cut(pairs: list[tuple[int, Number, float]]) -> bool:
    """All cells cut off, not rounded, at the written place."""
    return all(
        0 <= abs(e) - abs(o.value) < 2 * min(o.half, 0.5) * 1.001 and o.half > 1e-7 for _, o, e in pairs
    )


def _order(explained: Explained) -> list[Finding]:
    if not explained.result.ordered or explained.table.origin is not None:
        return []
    at = [explained.rows[r] for r in sorted(explained.rows)]
    if at == sorted(at) or any(_monotone(explained, i) for i in range(len(explained.table.columns))):
        return []
    return [say("covert", "review", explained.table.name, "covert_order")]


def _monotone(explained: Explained, i: int) -> bool:
    cells = [c for c in explained.table.columns[i] if not is_suppressed(c)]
    values: list[Any] = [number(c) for c in cells]
    keys = [v.value for v in values] if all(v is not None for v in values) else [text(c) for c in cells]
    return len(set(keys)) > 1 and (keys == sorted(keys) or keys == sorted(keys, reverse=True))
