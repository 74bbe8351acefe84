"""Which rows and columns of a table are sums of others, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .cells import is_suppressed, is_total, number, text
from .model import Table
from .spec import Spec

_WHOLE = re.compile(
    r"合计|总计|小计|总数|总人数|总户数|总量|总额|不分|不限|全部|全体|所有|汇总|两性|男女|^全.{1,3}$|"
    r"\b(total|all|both|any|overall|grand)\b|^(total|all|both|sum)",
    re.I,
)
_PLAIN = re.compile(r"^(人数|户数|家数|件数|数量|次数|n|count|num|people|persons)$", re.I)


def says_whole(label: str) -> bool:
    """Whether a label or header says that it stands for the sum of the others."""
    return is_total(label) or bool(_WHOLE.search(label.strip()))


def wholes(table: Table, keys: Sequence[int], column: int) -> dict[int, frozenset[str]]:
    """Dimension → folded labels that stand for the whole of it: by their name, or because in every group
    that is shown completely (two at least) they are the sum of the others."""
    found = {}
    for key in keys:
        labels = dict.fromkeys(text(c).casefold() for c in table.columns[key] if text(c))
        named = {label for label in labels if is_total(label)}
        groups = [] if named else _groups(table, keys, key, column)
        if not named:
            named = {label for label in labels if says_whole(label)} if len(labels) > 1 else set()
            if len(named) != 1 or not _never_less(groups, next(iter(named))):
                named = set()
        if not named and 3 <= len(labels) <= 40:
            sums = [label for label in labels if _sums(groups, label)]
            named = set(sums) if len(sums) == 1 else set()
        found[key] = frozenset(named)
    return found


def _groups(table: Table, keys: Sequence[int], key: int, column: int) -> list[dict[str, float | None]]:
    """For each combination of the other dimensions: label → figure, null when withheld."""
    found: dict[tuple[str, ...], dict[str, float | None]] = {}
    others = [table.columns[k] for k in keys if k != key]
    for row in range(table.height):
        rest = tuple(text(cells[row]) for cells in others)
        cell = table.columns[column][row]
        value = number(cell)
        shown = value.value if value is not None and not is_suppressed(cell) else None
        found.setdefault(rest, {})[text(table.columns[key][row]).casefold()] = shown
    return list(found.values())


Groups = Sequence[dict[str, float | None]]


def _never_less(groups: Groups, label: str) -> bool:
    """Whether a label's figure is never less than the sum of the others shown."""
    for group in groups:
        whole = group.get(label)
        if whole is not None and sum(v for k, v in group.items() if k != label and v is not None) > whole:
            return False
    return True


def _sums(groups: Groups, label: str) -> bool:
    complete = 0
    for group in groups:
        whole = group.get(label)
        others = [v for k, v in group.items() if k != label]
        if whole is None or any(v is None for v in others) or len(others) < 2:
            continue
        if sum(v for v in others if v is not None) != whole or not whole:
            return False
        complete += 1
    return complete >= 2


def across(table: Table, roles: dict[int, str], spec: Spec) -> Iterator[tuple[int, list[int], list[int]]]:
    """(total column, its parts, rows) where a column is the sum of others of its row (男 + 女 = 合计) and the
    withheld parts of a row stand for less than the threshold."""
    figures = [i for i, role in roles.items() if role != "dimension"]
    for whole in figures:
        parts = [i for i in figures if i != whole]
        if len(parts) < 2:
            continue
        complete = _complete(table, whole, parts)
        if complete is None or not (complete or _names_whole(table, whole, parts)):
            continue
        rows = [r for r in range(table.height) if 0 < rest(table, whole, parts, r) < spec.threshold]
        if rows:
            yield whole, parts, rows


def _names_whole(table: Table, whole: int, parts: Sequence[int]) -> bool:
    header = table.headers[whole].strip()
    return (
        says_whole(header)
        or "总" in header[:2]
        or (bool(_PLAIN.match(header)) and not any(_PLAIN.match(table.headers[i].strip()) for i in parts))
    )


def _complete(table: Table, whole: int, parts: Sequence[int]) -> int | None:
    """In how many rows, shown completely, the parts add up; null when in one they do not."""
    good = 0
    for r in range(table.height):
        total = number(table.columns[whole][r])
        values = [n.value for i in parts if (n := number(table.columns[i][r])) is not None]
        if total is None or len(values) < len(parts):
            if total is not None and sum(values) > 1.01 * total.value:
                return None
            continue
        if abs(total.value - sum(values)) > 0.01 * max(1.0, abs(total.value)):
            return None
        good += 1
    return good


def rest(table: Table, whole: int, parts: list[int], row: int) -> float:
    """What the withheld parts of a row add up to; 0 when none is withheld."""
    total = number(table.columns[whole][row])
    if total is None or not any(is_suppressed(table.columns[i][row]) for i in parts):
        return 0.0
    return total.value - sum(n.value for i in parts if (n := number(table.columns[i][row])))


def steps_across(table: Table, whole: int, parts: list[int], row: int) -> list[list[str]]:
    """The subtraction in one row, line by line."""
    hidden = [i for i in parts if is_suppressed(table.columns[i][row])]
    lines = [["合计", table.headers[whole], text(table.columns[whole][row])]]
    lines += [["减去", table.headers[i], text(table.columns[i][row])] for i in parts if i not in hidden]
    left = rest(table, whole, parts, row)
    return [*lines, ["剩下", " + ".join(table.headers[i] for i in hidden), f"{left:.6g}"]]
