"""Linking an output's table to a query's result: columns by name, place or content; rows by their keys."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from .cells import is_suppressed, number, text
from .model import Cell, Table
from .query import Result, fewest
from .reading.tabular import plain
from .shape import canon, is_numeric


@dataclass
class Explained:
    """A table whose rows are rows of a result.

    `columns`: output column → result column; `keys`: output columns that say where; `rows`: output row
    → result row; `declared`: the result is that of the spec's own query; `functions`: output column → the
    aggregate that gives it; `assumed`: the same for declared magnitudes that no aggregate gives exactly.
    """

    table: Table
    result: Result
    columns: dict[int, int]
    keys: list[int]
    rows: dict[int, int]
    declared: bool
    functions: dict[int, str] = field(default_factory=dict)
    assumed: dict[int, str] = field(default_factory=dict)

    def subjects(self, row: int) -> int | None:
        """Distinct subjects behind an output row: the fewest of any kind, null when unknown."""
        at = self.rows.get(row)
        if at is None:
            return None
        return fewest(self.result.subjects[at])

    def published(self, row: int) -> bool:
        """Whether the row shows more than withheld cells."""
        values = [i for i in range(len(self.table.columns)) if i not in self.keys]
        return not values or any(not is_suppressed(self.table.columns[i][row]) for i in values)


@dataclass
class View:
    """One table in the shape in which it is judged."""

    table: Table
    roles: dict[int, str]
    explained: Explained | None
    original: Table
    computed: set[int] = field(default_factory=set)
    single: bool = False


def link(table: Table, result: Result, declared: bool, roles: Mapping[int, str]) -> Explained | None:
    """Link `table` to `result`; null when too little of it fits."""
    columns = _columns(table, result)
    if len(columns) < 0.5 * len(table.columns) or not columns:
        return None
    keys = _keys(table, result, columns, roles)
    rows = _rows(table, result, columns, keys)
    if table.height and len(rows) < 0.5 * table.height and not declared:
        return None
    return Explained(table, result, columns, keys, rows, declared)


def _columns(table: Table, result: Result) -> dict[int, int]:
    names = {name.strip().casefold(): i for i, name in reversed(list(enumerate(result.names)))}
    found = {
        i: names[header.strip().casefold()]
        for i, header in enumerate(table.headers)
        if header.strip().casefold() in names
    }
    if len(found) == len(table.headers):
        return found
    left = [i for i in range(len(table.headers)) if i not in found]
    free = [i for i in range(len(result.names)) if i not in found.values()]
    if len(left) == len(free) and all(
        _alike(table, i, result, j) >= 0.5 for i, j in zip(left, free, strict=True)
    ):
        found.update(zip(left, free, strict=True))
        return found
    for i in left:
        scored = sorted(((_alike(table, i, result, j), -j) for j in free), reverse=True)
        if scored and scored[0][0] >= 0.8:
            j = -scored[0][1]
            found[i] = j
            free.remove(j)
    return found


def _alike(table: Table, i: int, result: Result, j: int) -> float:
    """Share of the output column's distinct shown values that the result column has, at written precision."""
    shown = [c for c in table.columns[i] if not is_suppressed(c)]
    if not shown:
        return 0.5
    if is_numeric(table.columns[i]):
        theirs = [n.value for row in result.rows if (n := number(plain(row[j]))) is not None]
        if not theirs:
            return 0.0
        theirs.sort()
        hits = sum(_near(cell, theirs) for cell in shown[:500])
        return hits / len(shown[:500])
    theirs_text = {canon(row[j]) for row in result.rows}
    ours = {canon(c) for c in shown}
    return len(ours & theirs_text) / len(ours)


def _near(cell: Cell, sorted_values: list[float]) -> bool:
    """Whether some value equals the cell at its written precision."""
    value = number(cell)
    if value is None:
        return False
    slack = value.half * 1.001 + 1e-9 * abs(value.value)
    at = bisect_left(sorted_values, value.value - slack)
    return at < len(sorted_values) and sorted_values[at] <= value.value + slack


def _keys(table: Table, result: Result, columns: dict[int, int], roles: Mapping[int, str]) -> list[int]:
    if result.core is not None and (result.core.outputs or not result.core.keys):
        return [i for i, j in columns.items() if j in result.core.outputs]
    keys = [i for i in columns if roles.get(i) == "dimension"]
    return keys or [i for i in columns if not is_numeric(table.columns[i])]


def _rows(table: Table, result: Result, columns: dict[int, int], keys: list[int]) -> dict[int, int]:
    if not keys:
        return {0: 0} if table.height == 1 and len(result.rows) == 1 else _by_values(table, result, columns)
    index: dict[tuple[str, ...], list[int]] = {}
    for at, cells in enumerate(result.rows):
        index.setdefault(tuple(canon(cells[columns[k]]) for k in keys), []).append(at)
    found: dict[int, int] = {}
    for row in range(table.height):
        options = index.get(tuple(canon(table.columns[k][row]) for k in keys))
        if options:
            found[row] = (
                options[0] if len(options) == 1 else _nearest(table, result, columns, keys, row, options)
            )
    return found


def _nearest(
    table: Table, result: Result, columns: dict[int, int], keys: list[int], row: int, options: list[int]
) -> int:
    """Among result rows with the same keys the one that agrees in most other cells."""

    def agreement(at: int) -> int:
        score = 0
        for i, j in columns.items():
            if i in keys:
                continue
            ours, theirs = number(table.columns[i][row]), number(plain(result.rows[at][j]))
            if ours and theirs and abs(ours.value - theirs.value) <= ours.half + 1e-9 * abs(theirs.value):
                score += 1
        return score

    return max(options, key=agreement)


def _by_values(table: Table, result: Result, columns: dict[int, int]) -> dict[int, int]:
    index: dict[tuple[str, ...], int] = {}
    for at, cells in enumerate(result.rows):
        index.setdefault(tuple(text(plain(cells[j])) for j in columns.values()), at)
    found = {}
    for row in range(table.height):
        hit = index.get(tuple(text(table.columns[i][row]) for i in columns))
        if hit is not None:
            found[row] = hit
    return found
