"""Check `unique` of datasets made by a query: rows so rare in what is not a figure that they name someone."""

from __future__ import annotations

from collections import Counter

from .cells import text
from .model import Cell, Finding, Table
from .sentences import rows_phrase, say
from .shape import is_numeric
from .spec import Spec

_CLASSES = 60


def check(table: Table, spec: Spec) -> list[Finding]:
    """k-anonymity with the threshold as k: each combination of classes stands in so many rows.

    Only where queries made them, so that the rows are real; made-up rows are judged by their nearest record.
    """
    if spec.nobody or not (spec.real or spec.sql is not None) or not table.height:
        return []
    quasi = [i for i, cells in enumerate(table.columns) if _class_like(cells)]
    if not quasi:
        return []
    keys = list(zip(*([text(c) for c in table.columns[i]] for i in quasi), strict=True))
    counted = Counter(keys)
    rare = [row for row, key in enumerate(keys) if counted[key] < spec.threshold]
    if not rare:
        return []
    return [say("unique", "block", f"{table.name} {rows_phrase(rare)}", "unique_rows", k=spec.threshold)]


def _class_like(cells: list[Cell]) -> bool:
    return not is_numeric(cells) or len({text(c) for c in cells}) <= _CLASSES
