"""Checks on single cells: `threshold`, `dominance_nk`, `dominance_p`, `extreme`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from .cells import is_suppressed, number
from .explain import Explained
from .identifiers import place
from .model import Cell, Finding, Mark, Note, Table, unnoted
from .query import EXTREME_FUNCTIONS, SUM_FUNCTIONS, Aggregate, Core, Result, fewest
from .raw import Raw
from .reading.tabular import plain
from .sentences import rows_phrase, say
from .shape import canon
from .spec import Spec
from .tracer import text_of

Named = Any


def threshold(explained: Explained, spec: Spec, note: Note = unnoted) -> list[Finding]:
    """Rows whose subjects are fewer than the threshold, and figures that count fewer."""
    table = explained.table
    small = [
        row
        for row in explained.rows
        if (n := explained.subjects(row)) is not None and 0 < n < spec.threshold and explained.published(row)
    ]
    found = []
    if small:
        note(Mark("threshold", table, small, behind={r: explained.subjects(r) or 0 for r in small}))
        found.append(
            say("threshold", "block", f"{table.name} {_rows(table, small)}", threshold=spec.threshold)
        )
        singles = [row for row in small if explained.subjects(row) == 1]
        if singles:
            found.append(say("unique", "block", f"{table.name} {_rows(table, singles)}"))
    return found


def _rows(table: Table, rows: list[int]) -> str:
    if table.origin is not None:
        rows = [table.origin[r][0] for r in rows]
    return rows_phrase(rows)


def literal(
    table: Table, roles: Mapping[int, str], spec: Spec, named: Named, note: Note = unnoted
) -> list[Finding]:
    """Counts that are written under the threshold, whatever they count."""
    found = []
    for i, role in roles.items():
        if role != "count":
            continue
        rows = [
            r
            for r, cell in enumerate(table.columns[i])
            if (n := number(cell)) is not None and not n.percent and 0 < n.value < spec.threshold
        ]
        if rows:
            note(Mark("threshold", table, rows, i))
            found.append(
                say(
                    "threshold",
                    "block",
                    f"{place(table, i, named)} {_rows(table, rows)}",
                    threshold=spec.threshold,
                )
            )
    return found


def shares(
    table: Table, roles: Mapping[int, str], spec: Spec, named: Named, note: Note = unnoted
) -> list[Finding]:
    """Shares which times the count beside them give back a whole number under the threshold."""
    counts = [i for i, role in roles.items() if role == "count"]
    found = []
    for i, role in roles.items():
        header = table.headers[i]
        if (
            role == "dimension"
            or i in counts
            or not re.search(r"率|占比|比例|share|rate|ratio|pct|percent|prop", header, re.I)
        ):
            continue
        for j in counts:
            rows = _small_shares(table, i, j, spec.threshold)
            if rows:
                note(Mark("threshold", table, rows, i))
                where = f"{place(table, i, named)} {_rows(table, rows)}"
                found.append(say("threshold", "block", where, "threshold_share", threshold=spec.threshold))
                break
    return found


def _small_shares(table: Table, i: int, j: int, threshold: int) -> list[int]:
    pairs = [
        (r, number(a), number(b))
        for r, (a, b) in enumerate(zip(table.columns[i], table.columns[j], strict=True))
    ]
    shown = [
        (r, a, b) for r, a, b in pairs if a is not None and b is not None and b.value > 0 and a.value > 0
    ]
    for scale in (1.0, 0.01):
        small, exact, luck = [], 0, 1.0
        for row, a, b in shown:
            part, width = a.value * scale * b.value, a.half * scale * b.value + 1e-9
            if width < 0.25 and abs(part - round(part)) <= width:
                exact += 1
                luck *= min(1.0, 2 * width)
                if 0 < round(part) < threshold or 0 < b.value - round(part) < threshold:
                    small.append(row)
        if small and exact >= 0.9 * len(shown) and luck < 0.02:
            return small
    return []


def groups(explained: Explained) -> dict[tuple[Any, ...], list[int]]:
    """Group keys of the core → published output rows."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row, at in explained.rows.items():
        if explained.published(row):
            found.setdefault(tuple(map(str, explained.result.keys[at])), []).append(row)
    return found


def _inner(core: Core, name: str, columns: str) -> str:
    """A sub-query with one row a group and subject."""
    who = core.whos[name]
    keys = "".join(f"{text_of(k)} AS k{i}, " for i, k in enumerate(core.keys))
    grouping = f"{core.grouping}, {who}" if core.grouping else who
    with_ = core.prefix.rstrip() + ", " if core.prefix else "WITH "
    return f"{with_}x AS (SELECT {keys}{who} AS who, {columns}{core.of[name]} GROUP BY {grouping})"


def by_core(explained: Explained, raw: Raw, spec: Spec, named: Named, note: Note = unnoted) -> list[Finding]:
    """Conditions, dominance and extremes of every aggregate the output shows."""
    core = explained.result.core
    if core is None:
        return []
    back = {j: i for i, j in explained.columns.items()}
    shown = groups(explained)
    found: list[Finding] = []
    for aggregate in core.aggregates:
        column = back.get(aggregate.index) if explained.declared else _column_of(explained, aggregate.index)
        if column is None:
            continue
        for name in core.whos:
            try:
                found += _one(explained, raw, spec, named, core, aggregate, name, column, shown, note)
            except duckdb.Error:
                found.append(say("unexplained", "review", place(explained.table, column, named), "no_shares"))
    return found


def part(result: Result, raw: Raw, spec: Spec, named: Named) -> list[Finding]:
    """The same of a scalar sub-query, whose cell stands in other cells."""
    columns: list[list[Cell]] = [[plain(row[i]) for row in result.rows] for i in range(len(result.names))]
    table = Table("子查询", list(result.names), columns)
    every = {i: i for i in range(len(columns))}
    explained = Explained(table, result, every, [], {at: at for at in range(len(result.rows))}, True)
    found = threshold(explained, spec) + by_core(explained, raw, spec, named)
    if result.unasked:
        found.append(say("unexplained", "review", table.name, "no_shares"))
    return found


def _column_of(explained: Explained, index: int) -> int | None:
    """The output column that a guessed aggregate explains."""
    name = explained.result.names[index]
    named = {**explained.assumed, **explained.functions}
    return next((i for i, function in named.items() if function == name), None)


def _one(
    explained: Explained, raw: Raw, spec: Spec, named: Named, core: Core, aggregate: Aggregate, who: str,
    column: int, shown: Mapping[tuple[Any, ...], list[int]], note: Note,
) -> list[Finding]:  # fmt: skip
    where = place(explained.table, column, named)
    visible = {
        key: [r for r in rows if not is_suppressed(explained.table.columns[column][r])]
        for key, rows in shown.items()
    }
    if not aggregate.plain and not _single_subjects(raw, core, who):
        return [say("unexplained", "review", where, "no_shares")]
    condition = f" FILTER (WHERE {aggregate.condition})" if aggregate.condition else ""
    arg = aggregate.arg
    found = []
    if aggregate.function in SUM_FUNCTIONS and arg is not None and not aggregate.flag:
        found = _dominance(
            explained, raw, spec, core, who, f"sum({arg}){condition}", where, visible, column, note
        )
    elif aggregate.function in EXTREME_FUNCTIONS and arg is not None:
        low = aggregate.function == "Min"
        value = f"{'min' if low else 'max'}({arg}){condition}"
        found = _extreme(explained, raw, spec, core, who, value, low, where, visible)
    if _chooses(raw, core, aggregate):
        test = f"{_tested(aggregate)}{condition}"
        found += _counted(explained, raw, spec, core, who, test, where, visible, aggregate, column, note)
    return found


def _chooses(raw: Raw, core: Core, aggregate: Aggregate) -> bool:
    """Whether some rows of a cell may have no part in the figure; where all have, `threshold` has counted."""
    if aggregate.flag or aggregate.condition or aggregate.conditional or aggregate.arg is None:
        return aggregate.flag or aggregate.condition is not None or aggregate.conditional
    return not raw.rows(f"{core.prefix}SELECT count(*) = count({aggregate.arg}){core.source}")[0][0]


def _tested(aggregate: Aggregate) -> str:
    """What is not 0 where a subject's rows have a part in the figure."""
    arg = aggregate.arg
    if arg is not None and aggregate.flag:
        return f"sum(CAST({arg} AS DOUBLE))"
    if arg is not None and aggregate.conditional and aggregate.function in SUM_FUNCTIONS:
        return f"sum(abs({arg}))"
    return f"count({arg or '*'})"


def _single_subjects(raw: Raw, core: Core, who: str) -> bool:
    """Whether each row that is aggregated is one subject's, so that its figures are that subject's part."""
    if who not in core.many:
        return True
    most = raw.rows(f"{core.prefix}SELECT max(len({core.many[who]})){core.source}")[0][0]
    return int(most or 0) <= 1


def _keys(core: Core) -> str:
    return "".join(f"k{i}, " for i in range(len(core.keys)))


def _group_by(core: Core, more: str = "") -> str:
    parts = [f"k{i}" for i in range(len(core.keys))] + ([more] if more else [])
    return f" GROUP BY {', '.join(parts)}" if parts else ""


def _by_key(raw: Raw, core: Core, sql: str) -> dict[tuple[str, ...], tuple[Any, ...]]:
    size = len(core.keys)
    return {tuple(map(str, row[:size])): row[size:] for row in raw.rows(sql)}


def _counted(
    explained: Explained, raw: Raw, spec: Spec, core: Core, who: str, test: str, where: str,
    visible: Mapping[tuple[Any, ...], list[int]], aggregate: Any, column: int, note: Note,
) -> list[Finding]:  # fmt: skip
    sql = (
        _inner(core, who, f"{test} AS v")
        + f" SELECT {_keys(core)}count(*) FILTER (WHERE v <> 0), count(*) FROM x"
        + f" WHERE who IS NOT NULL{_group_by(core)}"
    )
    facts = _by_key(raw, core, sql)
    behind = {
        r: int(facts[key][0])
        for key, rows in visible.items()
        if key in facts and 0 < facts[key][0] < spec.threshold
        for r in rows
    }
    small = list(behind)
    found = []
    if small:
        note(Mark("threshold", explained.table, small, column, behind))
        found.append(
            say("threshold", "block", f"{where} {_rows(explained.table, small)}", threshold=spec.threshold)
        )
    if aggregate.flag and aggregate.function == "Avg":
        whole = [
            r
            for key, rows in visible.items()
            if key in facts and facts[key][0] == facts[key][1]
            for r in rows
        ]
        if whole and len(whole) < sum(map(len, visible.values())):
            found.append(
                say("extreme", "review", f"{where} {_rows(explained.table, whole)}", "group_attribute")
            )
    return found


def _dominance(
    explained: Explained, raw: Raw, spec: Spec, core: Core, who: str, contribution: str, where: str,
    visible: Mapping[tuple[Any, ...], list[int]], column: int, note: Note,
) -> list[Finding]:  # fmt: skip
    top = max(2, *(n for n, _ in spec.nk))
    sql = (
        _inner(core, who, f"abs({contribution}) AS v")
        + f" SELECT {_keys(core)}sum(v), max(CAST(v AS DOUBLE), {top}) FROM x"
        + f" WHERE v IS NOT NULL AND who IS NOT NULL{_group_by(core)}"
    )
    facts = _by_key(raw, core, sql)
    nk: list[int] = []
    p: list[int] = []
    for key, rows in visible.items():
        total, largest = facts.get(key, (0, []))
        total = float(total or 0)
        if total <= 0 or not largest:
            continue
        slack = 1e-9 * total
        if any(sum(largest[:n]) > float(k) * total + slack for n, k in spec.nk):
            nk += rows
        if total - sum(largest[:2]) < float(spec.p) * largest[0] - slack:
            p += rows
    found = []
    if nk or p:
        shares = {
            r: [float(v) / float(facts[key][0]) for v in facts[key][1]]
            for key, rows in visible.items()
            for r in rows
            if r in {*nk, *p}
        }
        note(
            Mark(
                "dominance_nk" if nk else "dominance_p", explained.table, list(shares), column, shares=shares
            )
        )
    if nk:
        found.append(say("dominance_nk", "block", f"{where} {_rows(explained.table, nk)}", n=spec.nk[0][0]))
    if p:
        found.append(say("dominance_p", "block", f"{where} {_rows(explained.table, p)}"))
    return found


def _extreme(
    explained: Explained, raw: Raw, spec: Spec, core: Core, who: str, value: str, low: bool, where: str,
    visible: Mapping[tuple[Any, ...], list[int]],
) -> list[Finding]:  # fmt: skip
    keys = [f"k{i}" for i in range(len(core.keys))]
    partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
    sql = (
        _inner(core, who, f"{value} AS v")
        + f" SELECT {_keys(core)}count(*) FROM x WHERE v IS NOT NULL{_group_by(core, 'v')}"
        + f" QUALIFY row_number() OVER ({partition}ORDER BY v {'ASC' if low else 'DESC'}) = 1"
    )
    facts = _by_key(raw, core, sql)
    rows = [r for key, out in visible.items() if key in facts and facts[key][0] < spec.threshold for r in out]
    return [say("extreme", "review", f"{where} {_rows(explained.table, rows)}")] if rows else []


def hierarchy_free_attribute(explained: Explained, spec: Spec) -> list[Finding]:
    """A whole group falls into one category while most other groups are spread."""
    core, table = explained.result.core, explained.table
    if core is None or len(explained.keys) < 2:
        return []
    found = []
    for key in explained.keys:
        others = [k for k in explained.keys if k != key]
        spread: dict[tuple[str, ...], set[str]] = {}
        weight: dict[tuple[str, ...], int] = {}
        for at, row in enumerate(explained.result.rows):
            cells = {k: canon(row[explained.columns[k]]) for k in explained.keys}
            if any(not v for v in cells.values()):
                continue
            group = tuple(cells[k] for k in others)
            spread.setdefault(group, set()).add(cells[key])
            weight[group] = weight.get(group, 0) + (fewest(explained.result.subjects[at]) or 0)
        categories = set().union(*spread.values()) if spread else set()
        single = {g for g, values in spread.items() if len(values) == 1 and weight[g] >= spec.threshold}
        if not 2 <= len(categories) <= 12 or not single or len(single) > 0.2 * len(spread) or len(spread) < 4:
            continue
        rows = [
            r for r in explained.rows
            if explained.published(r) and tuple(canon(table.columns[k][r]) for k in others) in single
        ]  # fmt: skip
        if rows:
            found.append(say("extreme", "review", f"{table.name} {_rows(table, rows)}", "group_attribute"))
    return found
