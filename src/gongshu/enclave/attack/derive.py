"""Without a declared query: guess the aggregation an output shows, from names and contents alone.

Each dimension column is sought among the raw columns as it is, cut, dated or banded; then the figures
are sought among the usual aggregates of the raw numbers. The guess is a query like any other, so its
cells are recounted in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from .bands import band
from .cells import is_suppressed, is_total, number, text
from .explain import Explained, _rows
from .model import Cell, Table
from .query import Result, Untraceable, run
from .raw import Column, Raw, literal, quote
from .reading.tabular import plain
from .shape import canon

_LOOK = 60_000
_DATE_FORMATS = (
    "%Y",
    "%Y-%m",
    "%Y-%m-%d",
    "%m",
    "%d",
    "%H",
    "%Y年%m月",
    "%Y%m",
    "%Y/%m",
    "%Y.%m",
    "%Y年",
    "%Y-%m-%d %H:00",
    "%H:00",
    "%Y%m%d",
)
_FUNCTIONS = {
    "avg": "avg({0})",
    "sum": "sum({0})",
    "count_of": "count({0})",
    "min": "min({0})",
    "max": "max({0})",
}
# Asked only when the first do not give a figure: they cost far more.
_RARER = {
    "stddev": "stddev_samp({0})",
    "stddev_pop": "stddev_pop({0})",
    "variance": "var_samp({0})",
    "distinct_of": "count(DISTINCT {0})",
}
_QUANTILES = {
    "median": "median({0})",
    "q25": "quantile_cont({0}, 0.25)",
    "q75": "quantile_cont({0}, 0.75)",
    "q10": "quantile_cont({0}, 0.1)",
    "q90": "quantile_cont({0}, 0.9)",
    "q95": "quantile_cont({0}, 0.95)",
    "q99": "quantile_cont({0}, 0.99)",
    "qd50": "quantile_disc({0}, 0.5)",
}


@dataclass(frozen=True)
class Dimension:
    """An output column explained as an expression over one raw column. `fit`: 0 … 1."""

    index: int
    table: str
    column: str
    expression: str
    fit: float


def labels(cells: list[Cell]) -> list[str]:
    """Distinct shown labels of a dimension, totals left out."""
    return list(dict.fromkeys(text(c) for c in cells if not is_suppressed(c) and not is_total(c)))


def _candidates(column: Column, shown: list[str]) -> Iterator[str]:
    c = column.sql
    yield c
    if column.kind == "date":
        for form in _DATE_FORMATS:
            yield f"strftime({c}, {literal(form)})"
        for part in ("year", "month", "day", "hour", "quarter", "isodow", "dow", "week"):
            yield f"date_part({literal(part)}, {c})"
        yield f"strftime({c}, '%Y') || '-Q' || date_part('quarter', {c})"
        yield f"strftime({c}, '%Y') || 'Q' || date_part('quarter', {c})"
        return
    if column.kind == "text":
        sizes = {len(s) for s in shown}
        if len(sizes) == 1:
            size = sizes.pop()
            for start in (1, 7, 3, 5):
                yield f"substr({c}, {start}, {size})"
        if any(re.match(r"\d{4}", s) for s in shown[:3]):
            for form in ("%Y-%m", "%Y年%m月", "%Y", "%m", "%H"):
                yield f"strftime(TRY_CAST({c} AS TIMESTAMP), {literal(form)})"
            for part in ("year", "month", "hour", "day"):
                yield f"date_part({literal(part)}, TRY_CAST({c} AS TIMESTAMP))"
        return
    values = [n.value for s in shown if (n := number(s)) is not None]
    if len(values) == len(shown) >= 2:
        steps = sorted({b - a for a, b in zip(sorted(values), sorted(values)[1:], strict=False)})
        if steps and steps[0] > 1 and all(v % steps[0] == 0 for v in values):
            yield f"floor({c} / {steps[0]:g}) * {steps[0]:g}"
        yield f"floor({c} / 10) * 10"
    banded = band(c, shown)
    if banded:
        yield banded


_MINUTES = re.compile(r"\d:[0-5]\d")


def _domain(raw: Raw, column: Column, expression: str, shown: list[str]) -> frozenset[str]:
    """The labels an expression over a column gives, as compared; empty when it gives none."""
    if column.type.startswith("TIMESTAMP") and expression == column.sql:
        moments = [s for s in shown if _MINUTES.search(s)]
        if moments:  # finer than the hours kept: looked up one by one
            raw.engine.register("__moments", pa.table({"v": pa.array(moments, pa.string())}))
            return _labels(
                raw,
                f"SELECT DISTINCT CAST({expression} AS VARCHAR) FROM {quote(column.table)} WHERE"
                f" {expression} IN (SELECT TRY_CAST(v AS {column.type}) FROM __moments)",
            )
    key = (column.table, column.name, expression)
    if key not in raw.domains:
        raw.domains[key] = _labels(
            raw, f"SELECT DISTINCT CAST({expression} AS VARCHAR) FROM {raw.coarse(column)} LIMIT {_LOOK}"
        )
    return raw.domains[key]


def _labels(raw: Raw, sql: str) -> frozenset[str]:
    try:
        return frozenset(canon(v) for (v,) in raw.rows(sql))
    except duckdb.Error:
        return frozenset()


def dimension(raw: Raw, tables: list[str], index: int, header: str, cells: list[Cell]) -> list[Dimension]:
    """The best explanation of a dimension in each raw table."""
    shown = labels(cells)
    wanted = {canon(s) for s in shown} - {""}
    if not wanted:
        return []
    found = []
    for table in tables:
        best: Dimension | None = None
        for column in raw.columns[table].values():
            same = column.name.strip().casefold() == header.strip().casefold()
            if column.distinct > 2_000_000:
                continue
            for expression in _candidates(column, shown):
                domain = _domain(raw, column, expression, shown)
                if not domain:
                    continue
                share = len(wanted & domain) / len(wanted)
                if share < (0.5 if same else 0.7):
                    continue
                tight = len(wanted & domain) / len(domain)
                fit = share + 0.5 * same + 0.3 * tight - (0.05 if expression != column.sql else 0)
                if column.identifying and not same:
                    fit -= 0.3
                if best is None or fit > best.fit:
                    best = Dimension(index, table, column.name, expression, fit)
                if expression == column.sql and share == 1:
                    break
        if best is not None:
            found.append(best)
    return found


def derive(raw: Raw, table: Table, roles: Mapping[int, str]) -> Explained | None:
    """A table explained by a guessed aggregation; null when no dimension is found."""
    dims = [i for i, role in roles.items() if role == "dimension" and labels(table.columns[i])]
    options = {i: dimension(raw, list(raw.columns), i, table.headers[i], table.columns[i]) for i in dims}
    base = _best_table(raw, options, dims)
    if base is None:
        return None
    chosen = [d for i in dims for d in options[i] if d.table == base]
    missing = [i for i in dims if i not in {d.index for d in chosen}]
    joined = _joins(raw, base, missing, options)
    source = quote(base)
    for one in dict.fromkeys(d.table for d in joined):
        source += (
            f" JOIN {quote(one)} ON {quote(base)}.{quote(raw.subjects[base])}"
            f" = {quote(one)}.{quote(raw.subjects[one])}"
        )
    chosen += joined
    return _explain(raw, table, roles, base, source, chosen)


def _best_table(raw: Raw, options: Mapping[int, list[Dimension]], dims: list[int]) -> str | None:
    if not dims:
        with_subject = [t for t in raw.columns if t in raw.subjects]
        return (with_subject or list(raw.columns))[0] if len(raw.columns) == 1 or with_subject else None
    score: dict[str, float] = {}
    for found in options.values():
        for one in found:
            score[one.table] = score.get(one.table, 0) + one.fit
    return max(score, key=lambda t: (score[t], t in raw.subjects), default=None)


def _joins(
    raw: Raw, base: str, missing: list[int], options: Mapping[int, list[Dimension]]
) -> list[Dimension]:
    """Dimensions the base table lacks, found in other tables about the same subjects."""
    found = []
    for i in missing:
        for one in sorted(options[i], key=lambda d: -d.fit):
            if (
                one.table in raw.subjects
                and base in raw.subjects
                and raw.families[one.table] == raw.families[base]
            ):
                found.append(one)
                break
    return found


def _owned(expression: str, column: str, table: str) -> str:
    return expression.replace(quote(column), f"{quote(table)}.{quote(column)}")


def _explain(
    raw: Raw, table: Table, roles: Mapping[int, str], base: str, source: str, dims: list[Dimension]
) -> Explained | None:
    keys = {d.index: _owned(d.expression, d.column, d.table) for d in dims}
    if not keys and any(role == "dimension" and labels(table.columns[i]) for i, role in roles.items()):
        return None
    sets = _grouping(table, list(keys))
    shown = [f"{sql} AS {quote(f'k{i}')}" for i, sql in keys.items()]
    numeric = [
        c
        for c in raw.columns[base].values()
        if c.kind == "number" and not c.identifying and c.sql not in keys.values()
    ][:40]
    figures: dict[str, str] = {"count": "count(*)"}
    if base in raw.subjects:
        figures["people"] = f"count(DISTINCT {raw.who(base, quote(base))})"
    values = [
        i for i, role in roles.items() if role != "dimension" and any(number(c) for c in table.columns[i])
    ]
    if values:
        for column in numeric:
            for name, form in _FUNCTIONS.items():
                figures[f"{name}:{column.name}"] = form.format(f"{quote(base)}.{column.sql}")
    result = _aggregate(raw, source, shown, figures, list(keys.values()), sets)
    if result is None:
        return None
    explained = _linked(table, result, list(keys))
    if explained is None:
        return None
    left = _functions(explained, values, list(figures), len(keys), roles)
    for rarer in (_RARER, _QUANTILES):
        if not left or not numeric:
            break
        more = {
            f"{name}:{c.name}": form.format(f"{quote(base)}.{c.sql}")
            for c in numeric
            for name, form in rarer.items()
        }
        second = _aggregate(raw, source, shown, more, list(keys.values()), sets, traced=False)
        other = _linked(table, second, list(keys)) if second is not None else None
        if other is not None:
            left = _functions(other, left, list(more), len(keys), roles)
            explained.functions.update(other.functions)
    folded = {name.casefold(): name for name in figures}
    for i in values:
        wanted = roles[i].partition(":")[2].casefold()
        if i not in explained.functions and f"sum:{wanted}" in folded:
            explained.assumed[i] = folded[f"sum:{wanted}"]
    return explained


def _grouping(table: Table, keys: list[int]) -> list[tuple[int, ...]]:
    """The combinations of dimensions that are grouped: all, and those in which some stand as totals."""
    sets = {tuple(keys)}
    for row in range(table.height):
        sets.add(
            tuple(k for k in keys if not (is_total(table.columns[k][row]) or table.columns[k][row] is None))
        )
    return sorted(sets, reverse=True)


def _aggregate(
    raw: Raw,
    source: str,
    shown: list[str],
    figures: Mapping[str, str],
    keys: list[str],
    sets: list[tuple[int, ...]],
    traced: bool = True,
) -> Result | None:
    columns = [*shown, *(f"{sql} AS {quote(name)}" for name, sql in figures.items())]
    sql = f"SELECT {', '.join(columns)} FROM {source}"
    if keys:
        index = [int(s.rsplit('"k', 1)[1].rstrip('"')) for s in shown]
        by = dict(zip(index, keys, strict=True))
        if len(sets) == 1:
            sql += f" GROUP BY {', '.join(keys)}"
        else:
            sql += (
                " GROUP BY GROUPING SETS ("
                + ", ".join("(" + ", ".join(by[k] for k in s) + ")" for s in sets)
                + ")"
            )
    try:
        return run(raw, sql, traced)
    except Untraceable:
        return None


def _linked(table: Table, result: Result, keys: list[int]) -> Explained | None:
    columns = {k: at for at, k in enumerate(keys)}
    rows = _rows(table, result, columns, keys) if keys else ({0: 0} if table.height == 1 else {})
    if not rows:
        return None
    return Explained(table, result, columns, keys, rows, False)


def _functions(
    explained: Explained, values: list[int], names: list[str], offset: int, roles: Mapping[int, str]
) -> list[int]:
    """Name the aggregate each figure column shows; returns the columns left unexplained."""
    left = []
    for i in values:
        wanted = roles.get(i, "").partition(":")[2].casefold()
        order = sorted(range(len(names)), key=lambda at: (not _about(names[at], wanted), at))
        for at in order:
            if _agrees(explained, i, offset + at):
                explained.functions[i] = names[at]
                break
        else:
            left.append(i)
    return left


def _about(name: str, wanted: str) -> bool:
    return bool(wanted) and name.partition(":")[2].casefold() == wanted


def _agrees(explained: Explained, column: int, at: int) -> bool:
    """Whether nearly all cells of an output column equal a result column at their written precision."""
    same = total = 0
    varied: set[float] = set()
    for row, result_row in explained.rows.items():
        ours = number(explained.table.columns[column][row])
        theirs = number(plain(explained.result.rows[result_row][at]))
        if ours is None or theirs is None:
            continue
        total += 1
        varied.add(ours.value)
        same += abs(ours.value - theirs.value) <= ours.half * 1.001 + 1e-9 * abs(theirs.value)
    if not total:
        return False
    if max(abs(v) for v in varied) < 2 and len(varied) == 1 and total > 1:
        return False
    return same >= 0.9 * total
