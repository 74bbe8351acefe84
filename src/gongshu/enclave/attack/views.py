"""How a table is read: as a cross table, as single rows, and which of its columns are aggregates."""

from __future__ import annotations

import duckdb

from .cells import number
from .explain import Explained, View
from .model import Table
from .query import fewest
from .raw import Raw


def crossed(shape: Table, guessed: Explained, own: dict[int, str]) -> float:
    """A table whose column labels are categories of the raw data is a cross table; whole figures count."""
    value = len(shape.columns) - 1
    if value - 1 not in guessed.keys or not any(number(c) for c in shape.columns[value]):
        return 0.0
    figures = [n for c in shape.columns[value] if (n := number(c)) is not None]
    function = guessed.functions.get(value, "count")
    if all(n.decimals == 0 and n.value >= 0 for n in figures) and not function.startswith(
        ("avg", "med", "q")
    ):
        own[value] = "count"
    return 1.0


def single_rows(explained: Explained, raw: Raw) -> bool:
    """Whether most groups are one raw row each: then nothing was aggregated."""
    core = explained.result.core
    if core is None:
        return explained.declared and not raw.subjects
    keys = ", ".join(core.keys)
    grouped = f" GROUP BY {core.grouping}" if core.keys else ""
    try:
        one, all_ = raw.rows(
            f"{core.prefix}SELECT count(*) FILTER (WHERE n = 1), count(*)"
            f" FROM (SELECT {keys + ', ' if keys else ''}count(*) AS n{core.source}{grouped})"
        )[0]
    except duckdb.Error:
        return False
    return bool(one > 0.5 * all_)


def computed(view: View) -> set[int]:
    """Columns of a table that are aggregates the raw data gives; extremes are raw values and are not."""
    explained = view.explained
    if explained is None:
        return set()
    if not explained.declared:
        return {i for i, f in explained.functions.items() if not f.startswith(("min:", "max:"))}
    core = explained.result.core
    if core is None:
        aggregated = explained.result.traced and all(fewest(s) != 1 for s in explained.result.subjects[:50])
        return {i for i in explained.columns if i not in explained.keys} if aggregated else set()
    copying = {a.index for a in core.aggregates if a.function in _COPYING}
    return {i for i, j in explained.columns.items() if j not in core.outputs and j not in copying}


_COPYING = (
    "Min",
    "Max",
    "AnyValue",
    "First",
    "Last",
    "ArgMax",
    "ArgMin",
    "ArrayAgg",
    "GroupConcat",
    "List",
    "Mode",
)
