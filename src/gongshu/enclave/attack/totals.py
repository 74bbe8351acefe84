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
from .model import Finding, Mark, Note, Table, unnoted
from .sentences import rows_phrase, say
from .shape import canon
from .spec import Spec

_MOST_CELLS = 40_000
_MOST_UNKNOWNS = 400
Equation = tuple[dict[int, Fraction], Fraction]


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
        hit = recoverable(table, roles, i, explained, spec)
        if hit is None:
            continue
        system, equations, bad = hit
        rows = [system.rows[c] for c in bad if c in system.rows]
        note(Mark("total", table, rows, i, steps=steps(system, equations, bad[0])))
        if table.origin is not None:
            rows = [table.origin[r][0] for r in rows]
        where = place(table, i, named) if table.origin is None else table.name
        found.append(say("total", "block", f"{where} {rows_phrase(rows)}".strip()))
    for whole, parts, rows in across(table, roles, spec):
        note(Mark("total", table, rows, whole, steps=_across_steps(table, whole, parts, rows[0])))
        found.append(say("total", "block", f"{table.name} {rows_phrase(rows)}"))
    return found


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


def _label(cell: Any) -> str:
    """A dimension label; empty for a total."""
    return "" if cell is None or is_total(cell) else text(cell).casefold()


def recoverable(
    table: Table, roles: dict[int, str], column: int, explained: Explained | None, spec: Spec
) -> tuple[System, list[Equation], list[int]] | None:
    """The system of one column with the withheld cells it gives away; null when it gives none."""
    keys = [i for i, role in roles.items() if role == "dimension"]
    if not any(_label(table.columns[k][r]) == "" for k in keys for r in range(table.height)):
        return None
    system = _system(table, keys, column)
    if system is None:
        return None
    equations = list(_equations(system))
    if not _additive(system, equations):
        return None
    bad = recover(system, equations, spec.threshold, _truth(system, explained))
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
    reduced = _eliminate(live) if len(unknown) <= _MOST_UNKNOWNS else live
    low, high = _narrow([*live, *reduced], unknown)
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


def _system(table: Table, keys: list[int], column: int) -> System | None:
    domains = [list(dict.fromkeys(["", *(_label(c) for c in table.columns[k])])) for k in keys]
    size = 1
    for domain in domains:
        size *= len(domain)
    if size > _MOST_CELLS:
        return None
    cells = {labels: at for at, labels in enumerate(product(*domains))}
    known: dict[int, Fraction] = {}
    rows: dict[int, int] = {}
    places = 0
    for row in range(table.height):
        at = cells[tuple(_label(table.columns[k][row]) for k in keys)]
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


def _truth(system: System, explained: Explained | None) -> dict[int, int]:
    """Unknown cell → subjects really behind it, where the raw data tells."""
    if explained is None:
        return {}
    by_labels: dict[tuple[str, ...], int] = {}
    for at, row in enumerate(explained.result.rows):
        labels = tuple(canon(row[explained.columns[k]]) for k in explained.keys)
        counts = explained.result.subjects[at].values()
        if counts:
            by_labels[labels] = min(counts)
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
    if not unknown or not live or len(unknown) > _MOST_UNKNOWNS * 10:
        return []
    reduced = _eliminate(live) if len(unknown) <= _MOST_UNKNOWNS else live
    low, high = _narrow([*live, *reduced], unknown)
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


def _eliminate(equations: list[Equation]) -> list[Equation]:
    """Reduced row echelon form over the rationals."""
    done: list[tuple[int, dict[int, Fraction], Fraction]] = []
    for coefficients, right in equations:
        row, value = dict(coefficients), right
        for pivot, other, other_value in done:
            factor = row.get(pivot)
            if factor:
                _subtract(row, other, factor)
                value -= factor * other_value
        if not row:
            continue
        pivot = next(iter(row))
        scale = row[pivot]
        row = {c: v / scale for c, v in row.items()}
        value /= scale
        for at, (p, other, other_value) in enumerate(done):
            factor = other.get(pivot)
            if factor:
                _subtract(other, row, factor)
                done[at] = (p, other, other_value - factor * value)
        done.append((pivot, row, value))
    return [(row, value) for _, row, value in done]


def _subtract(row: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction) -> None:
    for cell, value in other.items():
        rest = row.get(cell, Fraction(0)) - factor * value
        if rest:
            row[cell] = rest
        else:
            row.pop(cell, None)


def _narrow(
    equations: list[Equation], unknown: list[int]
) -> tuple[dict[int, Fraction], dict[int, Fraction | None]]:
    """Bounds of each unknown, from 0 upwards, narrowed until nothing moves."""
    low = {c: Fraction(0) for c in unknown}
    high: dict[int, Fraction | None] = dict.fromkeys(unknown)
    for _ in range(30):
        moved = False
        for coefficients, right in equations:
            for cell, factor in coefficients.items():
                least, most = _span(coefficients, right, cell, low, high)
                one, two = (least, most) if factor > 0 else (most, least)
                if one is not None and one / factor > low[cell]:
                    low[cell], moved = one / factor, True
                if two is not None:
                    top = high[cell]
                    if top is None or two / factor < top:
                        high[cell], moved = two / factor, True
        if not moved:
            break
    return low, high


def _span(
    coefficients: dict[int, Fraction], right: Fraction, cell: int,
    low: dict[int, Fraction], high: dict[int, Fraction | None],
) -> tuple[Fraction | None, Fraction | None]:  # fmt: skip
    """Least and most of `factor × cell`, given the bounds of the others."""
    least: Fraction | None = right
    most: Fraction | None = right
    for other, factor in coefficients.items():
        if other == cell:
            continue
        small: Fraction | None = factor * low[other]
        top = high[other]
        large = None if top is None else factor * top
        if factor < 0:
            small, large = large, small
        # factor × cell = right − factor × other
        least = None if least is None or large is None else least - large
        most = None if most is None or small is None else most - small
    return least, most


def across(table: Table, roles: dict[int, str], spec: Spec) -> Iterator[tuple[int, list[int], list[int]]]:
    """(total column, its parts, rows) where a column is the sum of others of its row (男 + 女 = 合计) and the
    withheld parts of a row stand for less than the threshold."""
    figures = [i for i, role in roles.items() if role != "dimension"]
    for whole in figures:
        header = table.headers[whole]
        if not (is_total(header) or "合计" in header or "总" in header[:2]):
            continue
        parts = [i for i in figures if i != whole]
        if len(parts) < 2 or not _adds_up(table, whole, parts):
            continue
        rows = [r for r in range(table.height) if 0 < _rest(table, whole, parts, r) < spec.threshold]
        if rows:
            yield whole, parts, rows


def _rest(table: Table, whole: int, parts: list[int], row: int) -> float:
    """What the withheld parts of a row add up to; 0 when none is withheld."""
    total = number(table.columns[whole][row])
    if total is None or not any(is_suppressed(table.columns[i][row]) for i in parts):
        return 0.0
    return total.value - sum(n.value for i in parts if (n := number(table.columns[i][row])))


def _across_steps(table: Table, whole: int, parts: list[int], row: int) -> list[list[str]]:
    hidden = [i for i in parts if is_suppressed(table.columns[i][row])]
    lines = [["合计", table.headers[whole], text(table.columns[whole][row])]]
    lines += [["减去", table.headers[i], text(table.columns[i][row])] for i in parts if i not in hidden]
    rest = _rest(table, whole, parts, row)
    return [*lines, ["剩下", " + ".join(table.headers[i] for i in hidden), f"{rest:.6g}"]]


def _adds_up(table: Table, whole: int, parts: list[int]) -> bool:
    for r in range(table.height):
        total = number(table.columns[whole][r])
        values = [n.value for i in parts if (n := number(table.columns[i][r])) is not None]
        if total is None or len(values) < len(parts):
            continue
        if abs(total.value - sum(values)) > 0.01 * max(1.0, abs(total.value)):
            return False
    return True
