"""Which columns of a table say where (dimensions) and which say how much; cross tables made long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from .cells import Number, is_suppressed, is_total, number, text
from .model import Cell, Table
from .reading.tabular import plain

_COUNT = re.compile(
    r"^(n|cnt|count|num|number|freq|frequency|size|total|people|persons|households|firms|人数|户数|数量|计数|件数|家数|次数|样本数|样本量|"
    r"数|总数|总人数|记录数|.*(人数|户数|家数|企业数|人次|数量|笔数|件数|车次|样本量|人口)|.*_(n|cnt|count|num)|(n|num|count|cnt)_.*)$",
    re.I,
)
_WHEN = re.compile(
    r"^(year|month|day|hour|week|weekday|quarter|date|age|hh|hr|yy|yyyy|yr|mon|dow|wk|qtr|钟点|年|月|日|时|小时|年份|月份|日期|年龄|季度|星期|周|时段|统计月|统计期)$",
    re.I,
)

# A day, or a moment to the minute or second, as engines, spreadsheets and people write it.
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ t](\d{2}:\d{2}(?::\d{2})?)(?:\.0+)?z?)?\Z")


def canon(cell: object) -> str:
    """How a dimension's cell is compared: totals and nulls are one, numbers by value, texts folded."""
    return _canon_text(cell) if isinstance(cell, str) else _canon(cell)


def _canon(cell: object) -> str:
    one = plain(cell)
    if one is None or is_total(one):
        return ""
    value = number(one)
    if value is not None and not (isinstance(one, str) and len(text(one)) > 15):
        return repr(value.value)
    folded = text(one).casefold()
    moment = _MOMENT.match(folded)
    if moment is None:
        return folded
    clock = f"{moment[2]}:00" if len(moment[2] or "") == len("00:00") else moment[2] or ""
    return moment[1] if clock in ("", "00:00:00") else f"{moment[1]} {clock}"


# Labels of raw domains are compared again for each reading of a table.
_canon_text = lru_cache(maxsize=50_000)(_canon)


def forget() -> None:
    """Drop what is remembered of raw labels: nothing of one attack stays for the next."""
    _canon_text.cache_clear()


def figures(cells: list[Cell]) -> list[Number | None]:
    """The numbers of a column, null where there is none."""
    return [number(c) for c in cells]


def is_numeric(cells: list[Cell]) -> bool:
    """Whether all cells that say anything are numbers, and some are."""
    shown = [c for c in cells if not is_suppressed(c)]
    return bool(shown) and all(number(c) is not None for c in shown)


def looks_count(header: str) -> bool:
    return bool(_COUNT.match(header.strip()))


def roles(table: Table, declared: Mapping[str, str], raw_names: set[str]) -> dict[int, str]:
    """Column → `dimension`, `count`, `magnitude`, `magnitude:x`; declared ones as declared.

    Undeclared: text says where; numbers say how much unless their name or their use says when.
    """
    folded = {name.strip().casefold(): role for name, role in declared.items()}
    found: dict[int, str] = {}
    for i, (header, cells) in enumerate(zip(table.headers, table.columns, strict=True)):
        name = header.strip().casefold()
        if name in folded:
            found[i] = folded[name]
        elif not is_numeric(cells) or _WHEN.match(header.strip()) or (name in raw_names and _repeats(cells)):
            found[i] = "dimension"
        elif looks_count(header):
            found[i] = "count"
        else:
            found[i] = "magnitude"
    return found


def _repeats(cells: list[Cell]) -> bool:
    """Whole numbers of which each stands in several rows, or none is missing between the least and the
    greatest: a dimension written as a number. Never counts through the range: it may be as wide as a phone
    number."""
    values = [n.value for c in cells if (n := number(c)) is not None]
    if not values or any(not v.is_integer() for v in values):
        return False
    different = len(set(values))
    return different <= 0.5 * len(values) or max(values) - min(values) + 1 == different


def melt(table: Table) -> Table | None:
    """A cross table as a long one: (row labels…, column label, value); null when it is none."""
    if table.origin is not None or len(table.columns) < 3 or not table.height:
        return None
    labels = [
        i for i, cells in enumerate(table.columns) if not is_numeric(cells) and not _all_suppressed(cells)
    ]
    lead = 0
    while lead in labels:
        lead += 1
    if lead == 0:
        lead = 1
    values = list(range(lead, len(table.columns)))
    if len(values) < 2 or any(i in labels for i in values) or lead > 3:
        return None
    columns: list[list[Cell]] = [[] for _ in range(lead + 2)]
    origin = []
    for row in range(table.height):
        for i in values:
            for k in range(lead):
                columns[k].append(table.columns[k][row])
            columns[lead].append(table.headers[i])
            columns[lead + 1].append(table.columns[i][row])
            origin.append((row, i))
    return Table(table.name, [*table.headers[:lead], "列", "值"], columns, origin)


def _all_suppressed(cells: list[Cell]) -> bool:
    return all(is_suppressed(c) for c in cells)
