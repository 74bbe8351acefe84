"""How a blocked table could leave: cells withheld with their complements, or fewer dimensions.

A mended table is offered only after the same checks have been asked again and found nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import duckdb

from . import totals
from .cells import is_suppressed, is_total, number
from .explain import Explained, View
from .model import Cell, Table
from .raw import Raw
from .spec import Spec

Place = tuple[int, int]
Again = Callable[[Table], list[int]]
MARK = "*"
_ROUNDS = 40


def withheld(view: View, cells: Iterable[Place], again: Iterable[Again], spec: Spec) -> Table | None:
    """The table of a view with `cells` (row, column) and what they need as complements withheld.

    `again` tells the rows that would still be found by subtraction. Null when no table is left over.
    """
    table = replace(view.table, columns=[list(column) for column in view.table.columns])
    for row, column in cells:
        table.columns[column][row] = MARK
    asked = list(again)
    for _ in range(_ROUNDS):
        try:
            open_ = totals.withheld_rows(table, view.explained, view.roles, spec)
        except totals.TooLarge:
            return None
        rows = {r for ask in asked for r in ask(table)}
        if not open_ and not rows:
            return table if _worth(table, view) else None
        moved = [_withhold_row(table, view, row) for row in rows]
        moved += [_complement(table, view, place) for place in open_[:8]]
        if not any(moved):
            return None
    return None


def _figures(view: View) -> list[int]:
    return [i for i, role in view.roles.items() if role != "dimension"]


def _withhold_row(table: Table, view: View, row: int) -> bool:
    shown = [i for i in _figures(view) if not is_suppressed(table.columns[i][row])]
    for i in shown:
        table.columns[i][row] = MARK
    return bool(shown)


def _complement(table: Table, view: View, place: Place) -> bool:
    """Withhold the smallest shown cell in a line with a recoverable one: same row, or same labels but one."""
    row, column = place
    keys = [i for i, role in view.roles.items() if role == "dimension"]
    options: list[tuple[float, Place]] = []
    for other in range(table.height):
        differ = sum(table.columns[k][other] != table.columns[k][row] for k in keys)
        if (
            other != row
            and (differ == 1 or len(keys) == 1)
            and not any(is_total(table.columns[k][other]) for k in keys)
        ):
            options += _option(table, other, column)
    if not options:
        for i in _figures(view):
            if i != column and not is_total(table.headers[i]) and "合计" not in table.headers[i]:
                options += _option(table, row, i)
    if not options:
        return False
    _, (r, c) = min(options)
    table.columns[c][r] = MARK
    return True


def _option(table: Table, row: int, column: int) -> list[tuple[float, Place]]:
    cell = table.columns[column][row]
    value = number(cell)
    return [(value.value, (row, column))] if value is not None and not is_suppressed(cell) else []


def _worth(table: Table, view: View) -> bool:
    """Whether at least half of the figures are still shown."""
    figures = _figures(view)
    shown = sum(not is_suppressed(table.columns[i][r]) for i in figures for r in range(table.height))
    return 2 * shown >= len(figures) * table.height and shown > 0


def coarser(explained: Explained, raw: Raw, spec: Spec) -> Table | None:
    """The distinct subjects by all dimensions but one, where every cell then reaches the threshold."""
    core = explained.result.core
    if core is None or not core.whos or len(core.keys) < 2:
        return None
    labels = {
        sql: explained.table.headers[i] for i, j in explained.columns.items() if (sql := core.outputs.get(j))
    }
    name, who = next(iter(core.whos.items()))
    for dropped in reversed(core.keys):
        kept = [key for key in core.keys if key != dropped]
        shown = ", ".join(kept)
        try:
            rows = raw.rows(
                f"{core.prefix}SELECT {shown}, count(DISTINCT {who}){core.of[name]} GROUP BY {shown}"
                f" ORDER BY {shown} LIMIT 2000"
            )
        except duckdb.Error:
            continue
        if rows and all(row[-1] >= spec.threshold for row in rows):
            headers = [labels.get(key, "维度") for key in kept]
            columns: list[list[Cell]] = [[str(row[i]) for row in rows] for i in range(len(kept))]
            return Table("合并后", [*headers, "不同主体"], [*columns, [int(row[-1]) for row in rows]])
    return None
