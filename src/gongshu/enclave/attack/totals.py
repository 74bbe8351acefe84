"""Check `total`: withheld cells that follow from what is shown.

Every additive column gives a linear system: a total is the sum of its parts. Withheld cells are
unknowns that are not negative; exact elimination and narrowing of bounds tell which are determined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from .cells import is_suppressed, is_total, number, text
from .explain import Explained
from .identifiers import place
from .linear import Equation, eliminate, narrow
from .margins import across, steps_across, wholes
from .model import Finding, Mark, Note, Table, unnoted
from .query import fewest
from .sentences import rows_phrase, say
from .shape import canon
from .spec import Spec

_MOST_CELLS = 40_000
_MOST_UNKNOWNS = 400


class TooLarge(Exception):
    """More cells than can be solved for in time."""


@dataclass
class System:
    """Cells by their labels; `known` values, the rest unknown; equations whole = sum of parts."""

    cells: dict[tuple[str, ...], int]
    known: dict[int, Fraction]
    slack: Fraction
    rows: dict[int, int]


def check(
    table: Table,
    explained: Explained | None,
    roles: dict[int, str],
    spec: Spec,
    named: Any,
    note: Note = unnoted,
) -> list[Finding]:
    """Recoverable withheld cells of every count and magnitude column, also over column totals."""
    found = []
    for i in _figure_columns(roles):
        try:
            hit = recoverable(table, roles, i, explained, spec)
        except TooLarge:
            found.append(say("unexplained", "review", place(table, i, named), "total_large"))
            continue
        if hit is None:
            continue
        system, equations, bad = hit
        rows = [system.rows[c] for c in bad if c in system.rows]
        note(Mark("total", table, rows, i, steps=steps(system, equations, bad[0])))
        if table.origin is not None:
            rows = [table.origin[r][0] for r in rows]
        where = place(table, i, named) if table.origin is None else table.name
        found.append(say("total", "block", f"{where} {rows_phrase(rows)}".strip()))
    found += _left_out(table, roles, spec, named, note)
    for whole, parts, rows in across(table, roles, spec):
        note(Mark("total", table, rows, whole, steps=steps_across(table, whole, parts, rows[0])))
        found.append(say("total", "block", f"{table.name} {rows_phrase(rows)}"))
    return found


def _left_out(table: Table, roles: dict[int, str], spec: Spec, named: Any, note: Note) -> list[Finding]:
    """Counts whose parts, all shown, fall short of their total by less than the threshold: a category was
    left out, and the difference is it. Rounded tables and means do not add up and are let be."""
    keys = [i for i, role in roles.items() if role == "dimension"]
    found = []
    for i in _figure_columns(roles):
        if roles[i] != "count":
            continue
        short = _short(table, keys, i, spec.threshold)
        if not short:
            continue
        whole, parts = short[0]
        rest = _value(table, i, whole) - sum(_value(table, i, p) for p in parts)
        lines = [["合计", _titles(table, keys, whole), text(table.columns[i][whole])]]
        lines += [["减去", _titles(table, keys, p), text(table.columns[i][p])] for p in parts]
        note(
            Mark(
                "total",
                table,
                [w for w, _ in short],
                i,
                steps=[*lines, ["剩下", "没有列出的类别", f"{rest:g}"]],
            )
        )
        rows = sorted({table.origin[w][0] if table.origin is not None else w for w, _ in short})
        where = place(table, i, named) if table.origin is None else table.name
        found.append(
            say("total", "block", f"{where} {rows_phrase(rows)}", "total_short", threshold=spec.threshold)
        )
    return found


def _short(table: Table, keys: list[int], column: int, threshold: int) -> list[tuple[int, list[int]]]:
    """(row of a total, rows of its parts) where parts fall short; empty when the column does not add up."""
    figures = [n.value for c in table.columns[column] if (n := number(c)) is not None]
    if not figures or any(not v.is_integer() for v in figures) or all(v % 5 == 0 for v in figures):
        return []
    whole = wholes(table, keys, column)
    found = []
    for key in keys:
        lines: dict[tuple[str, ...], list[int]] = {}
        for row in range(table.height):
            lines.setdefault(
                tuple(_label(table.columns[k][row], whole[k]) for k in keys if k != key), []
            ).append(row)
        for rows in lines.values():
            totals = [r for r in rows if _label(table.columns[key][r], whole[key]) == ""]
            parts = [r for r in rows if r not in totals]
            cells = [table.columns[column][r] for r in rows]
            if len(totals) != 1 or not parts or any(is_suppressed(c) or number(c) is None for c in cells):
                continue
            rest = _value(table, column, totals[0]) - sum(_value(table, column, p) for p in parts)
            if rest < 0:
                return []
            if 0 < rest < threshold:
                found.append((totals[0], parts))
    return found


def _value(table: Table, column: int, row: int) -> float:
    value = number(table.columns[column][row])
    return value.value if value is not None else 0.0


def _titles(table: Table, keys: list[int], row: int) -> str:
    return " / ".join(text(table.columns[k][row]) or "合计" for k in keys)


def _figure_columns(roles: dict[int, str]) -> list[int]:
    return [i for i, role in roles.items() if role != "dimension"] if "dimension" in roles.values() else []


def withheld_rows(
    table: Table, explained: Explained | None, roles: dict[int, str], spec: Spec
) -> list[tuple[int, int]]:
    """(row, column) of withheld cells that can still be recovered, or of whose row a part follows."""
    found = []
    for i in _figure_columns(roles):
        hit = recoverable(table, roles, i, explained, spec)
        if hit is not None:
            system, _, bad = hit
            found += [(system.rows[c], i) for c in bad if c in system.rows]
    for _, parts, rows in across(table, roles, spec):
        found += [(r, i) for r in rows for i in parts if is_suppressed(table.columns[i][r])]
    return found


def _label(cell: Any, whole: frozenset[str] = frozenset()) -> str:
    """A dimension label; empty for a total."""
    folded = text(cell).casefold()
    return "" if cell is None or is_total(cell) or folded in whole else folded


def recoverable(
    table: Table, roles: dict[int, str], column: int, explained: Explained | None, spec: Spec
) -> tuple[System, list[Equation], list[int]] | None:
    """The system of one column with the withheld cells it gives away; null when it gives none."""
    keys = [i for i, role in roles.items() if role == "dimension"]
    whole = wholes(table, keys, column)
    if not any(_label(table.columns[k][r], whole[k]) == "" for k in keys for r in range(table.height)):
        return None
    system = _system(table, keys, column, whole)
    if system is None:
        return None
    equations = list(_equations(system))
    if not _additive(system, equations):
        return None
    bad = recover(system, equations, spec.threshold, _truth(system, explained, column))
    return (system, equations, bad) if bad else None


def steps(system: System, equations: list[Equation], cell: int) -> list[list[str]]:
    """The subtraction that gives a withheld cell, line by line; joint equations when one is not enough."""
    titles = {at: " / ".join(label or "合计" for label in labels) for labels, at in system.cells.items()}
    axes = reversed(range(len(next(iter(system.cells)))))
    lines_of = [line for axis in axes if (line := _line(system, cell, axis)) is not None]
    if lines_of:
        whole, parts = min(lines_of, key=lambda line: len(line[1]))
        rest = system.known[whole] - sum(system.known[p] for p in parts)
        return [
            ["合计", titles[whole], _written(system.known[whole])],
            *(["减去", titles[p], _written(system.known[p])] for p in parts),
            ["剩下", titles[cell], _written(rest)],
        ]
    used = [(c, r) for c, r in equations if cell in c][:6]
    lines = [
        ["联立", " + ".join(titles[c] for c in coefficients)[:120], _written(abs(right))]
        for coefficients, right in used
    ]
    unknown = sorted({c for coefficients, _ in equations for c in coefficients})
    live = [(c, r) for c, r in equations if c]
    reduced = eliminate(live) if len(unknown) <= _MOST_UNKNOWNS else live
    low, high = narrow([*live, *reduced], unknown)
    top = high.get(cell)
    span = (
        _written(low[cell])
        if top == low[cell] or top is None
        else f"{_written(low[cell])} 至 {_written(top)}"
    )
    return [*lines, ["解得", titles[cell], span]]


def _line(system: System, cell: int, axis: int) -> tuple[int, list[int]] | None:
    """The known total and known other parts of a cell along an axis; null when another one is withheld."""
    labels = next(k for k, at in system.cells.items() if at == cell)
    if labels[axis] == "":
        return None
    line = {
        k[axis]: at
        for k, at in system.cells.items()
        if k[:axis] + k[axis + 1 :] == labels[:axis] + labels[axis + 1 :]
    }
    whole = line.pop("")
    parts = [at for at in line.values() if at != cell]
    shown = [at for at in parts if at in system.known]
    if whole not in system.known or any(at not in system.known and at in system.rows for at in parts):
        return None
    return whole, shown


def _written(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"


def _system(table: Table, keys: list[int], column: int, whole: dict[int, frozenset[str]]) -> System | None:
    domains = [list(dict.fromkeys(["", *(_label(c, whole[k]) for c in table.columns[k])])) for k in keys]
    size = 1
    for domain in domains:
        size *= len(domain)
    if size > _MOST_CELLS:
        if any(is_suppressed(c) for c in table.columns[column]):
            raise TooLarge
        return None
    cells = {labels: at for at, labels in enumerate(product(*domains))}
    known: dict[int, Fraction] = {}
    rows: dict[int, int] = {}
    places = 0
    for row in range(table.height):
        at = cells[tuple(_label(table.columns[k][row], whole[k]) for k in keys)]
        rows.setdefault(at, row)
        value = number(table.columns[column][row])
        if value is not None and not is_suppressed(table.columns[column][row]):
            known[at] = Fraction(str(value.value)) if abs(value.value) < 1e15 else Fraction(int(value.value))
            places = max(places, value.decimals)
    slack = Fraction(1, 2 * 10**places) if places else Fraction(0)
    return System(cells, known, slack, rows)


def _equations(system: System) -> Iterator[Equation]:
    """For each dimension and each combination of the others: total − parts = 0, where the total stands."""
    size = len(next(iter(system.cells)))
    for axis in range(size):
        groups: dict[tuple[str, ...], list[tuple[str, int]]] = {}
        for labels, at in system.cells.items():
            groups.setdefault(labels[:axis] + labels[axis + 1 :], []).append((labels[axis], at))
        for members in groups.values():
            whole = [at for label, at in members if label == ""]
            parts = [at for label, at in members if label != ""]
            if len(parts) < 2 or not any(at in system.rows for at in parts):
                continue
            coefficients: dict[int, Fraction] = {}
            right = Fraction(0)
            for at, sign in [(whole[0], 1), *((p, -1) for p in parts)]:
                if at in system.known:
                    right -= sign * system.known[at]
                else:
                    coefficients[at] = Fraction(sign)
            yield coefficients, right


def _additive(system: System, equations: list[Equation]) -> bool:
    """Whether the column adds up wherever everything is shown (means and shares do not)."""
    full = [right for coefficients, right in equations if not coefficients]
    broken = sum(abs(right) > system.slack * 40 for right in full)
    if full and broken > 0.1 * len(full):
        return False
    wrong = 0
    for coefficients, right in equations:
        # parts − total may not exceed what is withheld: a sum of parts above its total is no sum
        if coefficients and all(c < 0 for c in coefficients.values()) and -right < -system.slack * 40:
            wrong += 1
    return wrong == 0


def _truth(system: System, explained: Explained | None, column: int) -> dict[int, int]:
    """Unknown cell → subjects really behind it, where the raw data tells: a guess must give the column."""
    if explained is None or not (explained.declared or column in explained.functions):
        return {}
    by_labels: dict[tuple[str, ...], int] = {}
    for at, row in enumerate(explained.result.rows):
        labels = tuple(canon(row[explained.columns[k]]) for k in explained.keys)
        subjects = fewest(explained.result.subjects[at])
        if subjects is not None:
            by_labels[labels] = subjects
    found = {}
    for labels, cell in system.cells.items():
        key = tuple(canon(part) for part in labels)
        if cell not in system.known and len(key) == len(explained.keys):
            found[cell] = by_labels.get(key, 0)
    return found


def recover(system: System, equations: list[Equation], threshold: int, truth: dict[int, int]) -> list[int]:
    """Withheld cells that are determined, and stand for fewer subjects than the threshold."""
    unknown = sorted({c for coefficients, _ in equations for c in coefficients})
    live = [(c, r) for c, r in equations if c]
    if not unknown or not live:
        return []
    if len(unknown) > _MOST_UNKNOWNS * 10:
        raise TooLarge
    reduced = eliminate(live) if len(unknown) <= _MOST_UNKNOWNS else live
    low, high = narrow([*live, *reduced], unknown)
    bad = []
    for cell in unknown:
        top = high[cell]
        if top is None or top <= 0:
            continue
        tight = top - low[cell] <= system.slack * 4
        if not tight and top >= threshold:
            continue
        if not tight and low[cell] <= 0 and cell not in system.rows:
            continue
        subjects = truth.get(cell)
        if subjects is not None and subjects == 0:
            continue
        if (tight and (subjects < threshold if subjects is not None else 0 < top < threshold)) or (
            not tight
            and cell in system.rows
            and (subjects is None or subjects < threshold)
            and top < threshold
        ):
            bad.append(cell)
    return bad
