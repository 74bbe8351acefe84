"""Check `row_copy` of datasets: rows that are raw records moved a little, by their nearest record.

A row is suspect when it lies much closer to a raw record than that record lies to any other subject's: then
it points at one. How often that happens by chance is measured on the same rows with their columns turned
against each other. Distances are taken on ranks, so that no unit and no outlier weighs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cells import is_suppressed, number, text
from .model import Finding, Table
from .raw import Column, Raw, quote
from .sentences import rows_phrase, say
from .shape import is_numeric
from .spec import Spec

MOST_ROWS, MOST_RAW = 1_500, 40_000
CLOSER = 0.2
"""A row this many times closer to a record than its neighbours are is taken for that record."""
_FINE = 30
_TURNS = (1, 2, 3)
Array = np.ndarray[Any, Any]


def check(table: Table, raw: Raw, spec: Spec) -> list[Finding]:
    """Findings on one table of a dataset."""
    if spec.nobody or table.height < 5:
        return []
    for name in raw.subjects:
        pairs = _pairs(table, raw.columns[name])
        if sum(c.kind == "number" and c.distinct > _FINE for _, c in pairs) < 2:
            continue
        rows = _suspects(table, pairs, raw, name)
        if rows:
            where = f"{table.name} {rows_phrase(rows)}"
            return [say("row_copy", "block", where, "row_copy_near")]
    return []


def _pairs(table: Table, columns: Mapping[str, Column]) -> list[tuple[int, Column]]:
    """Output columns beside the raw columns of the same name and sort."""
    known = {c.name.casefold(): c for c in columns.values() if not c.identifying}
    found = []
    for index, header in enumerate(table.headers):
        column = known.get(header.strip().casefold())
        if column is None or column.kind not in ("number", "text"):
            continue
        if is_numeric(table.columns[index]) == (column.kind == "number"):
            found.append((index, column))
    return found


def _suspects(table: Table, pairs: list[tuple[int, Column]], raw: Raw, name: str) -> set[int]:
    shown = ", ".join(c.sql for _, c in pairs)
    rows = raw.rows(
        f"SELECT hash({raw.who(name)}), {shown} FROM {quote(name)}"
        f" USING SAMPLE {MOST_RAW} ROWS (reservoir, 7)"
    )
    if len(rows) < 20:
        return set()
    who = np.unique(np.array([r[0] for r in rows]), return_inverse=True)[1]
    step = max(1, table.height // MOST_ROWS)
    picked = list(range(0, table.height, step))
    theirs, ours = [], []
    for place, (index, column) in enumerate(pairs, 1):
        cells = [table.columns[index][i] for i in picked]
        one, two = _codes([r[place] for r in rows], cells, column.kind == "number")
        theirs.append(one)
        ours.append(two)
    numeric = [column.kind == "number" for _, column in pairs]
    x, y = np.column_stack(theirs), np.column_stack(ours)
    hits = _hits(y, x, who, numeric, raw)
    luck = [_hits(_turned(y, turn), x, who, numeric, raw).sum() for turn in _TURNS]
    expected = float(np.mean(luck))
    if hits.sum() >= max(3.0, 0.02 * len(y)) and hits.sum() > 3 * expected + 4 * expected**0.5 + 2:
        return {picked[i] for i in np.flatnonzero(hits)}
    return set()


def _codes(theirs: list[Any], cells: list[Any], numeric: bool) -> tuple[Array, Array]:
    """Both sides of a column as numbers: ranks of figures among the raw ones, codes of classes."""
    if not numeric:
        names = {value: i for i, value in enumerate(dict.fromkeys(text(v) for v in theirs))}
        return (
            np.array([names[text(v)] for v in theirs], float),
            np.array([names.get(text(c), -1) for c in cells], float),
        )
    values = np.array([np.nan if v is None else float(v) for v in theirs])
    told = [None if is_suppressed(c) else number(c) for c in cells]
    mine = np.array([np.nan if n is None else float(n.value) for n in told])
    order = np.unique(values[~np.isnan(values)])
    ranks = np.linspace(0, 1, max(2, len(order)))[: len(order)]
    if not len(order):
        return np.zeros(len(values)), np.zeros(len(mine))
    one: Array = np.interp(values, order, ranks)
    two: Array = np.interp(mine, order, ranks)
    return one, two


def _turned(rows: Array, turn: int) -> Array:
    turned: Array = np.column_stack([np.roll(rows[:, i], turn * i) for i in range(rows.shape[1])])
    return turned


def _hits(rows: Array, raw_rows: Array, who: Array, numeric: list[bool], raw: Raw) -> Array:
    """Which rows lie closer to a record than its neighbours of other subjects do."""
    found: Array = np.zeros(len(rows), bool)
    for at in range(0, len(rows), 64):
        raw.budget.check()
        away = _distance(rows[at : at + 64], raw_rows, numeric)
        near = np.argmin(away, axis=1)
        own = away[np.arange(len(near)), near]
        around = _distance(raw_rows[near], raw_rows, numeric)
        around[who[near][:, None] == who[None, :]] = np.inf
        found[at : at + 64] = own < CLOSER * around.min(axis=1)
    return found


def _distance(one: Array, two: Array, numeric: list[bool]) -> Array:
    """Sum over columns: difference of ranks, or 1 for another class. A missing figure is far."""
    total: Array = np.zeros((len(one), len(two)), np.float32)
    for i, is_number in enumerate(numeric):
        gap = np.abs(one[:, i, None] - two[None, :, i])
        total += np.nan_to_num(gap, nan=1.0) if is_number else (gap != 0)
    return total
