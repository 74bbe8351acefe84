"""Figures of single subjects that a tree model keeps: split points, and the extremes of its features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import trees
from .model import Finding
from .raw import Column, Raw, quote
from .reading.models import Forest
from .sentences import say
from .spec import Spec

_RANGE = re.compile(r"\[([^:\]]+):([^:\]]+)\]")
_FINE = 50
"""Columns with fewer different values are classes: a split at one of them tells of many subjects."""
_STEPS = (-3, -2, -1, 1, 2, 3)
Array = np.ndarray[Any, Any]


def single_values(
    grown: Sequence[trees.Tree], raw: Raw, spec: Spec, table: str, features: Sequence[str]
) -> list[Finding]:
    """Split points that equal values few subjects have, far more often than points moved a little do.

    A split between two values lies in the middle of them; one that lies on a value keeps that value.
    """
    columns = {c.name.casefold(): c for c in raw.columns[table].values()}
    for place, feature in enumerate(features):
        column = columns.get(feature.casefold())
        if column is None or column.kind != "number" or column.distinct < _FINE:
            continue
        points = [
            tree.threshold[node]
            for tree in grown
            for node in np.flatnonzero(tree.feature == place)
            if node not in tree.classes
        ]
        if points and _kept(np.unique(np.array(points)), _rare(raw, column, table, spec)):
            return [say("model_memory", "block", "模型的分裂点", "model_threshold")]
    return []


def _rare(raw: Raw, column: Column, table: str, spec: Spec) -> Array:
    rows = raw.rows(
        f"SELECT CAST({column.sql} AS DOUBLE) FROM {quote(table)} WHERE {column.sql} IS NOT NULL GROUP BY 1"
        f" HAVING count(DISTINCT {raw.who(table)}) < {spec.threshold} ORDER BY 1"
    )
    found: Array = np.array([v for (v,) in rows], dtype=float)
    return found


def _kept(points: Array, rare: Array) -> bool:
    if len(rare) < 2:
        return False
    unit = 10.0 ** -max((len(repr(float(v)).partition(".")[2].rstrip("0")) for v in rare[:200]), default=0)
    hits = _equal(points, rare)
    luck = max(_equal(points + step * unit, rare) for step in _STEPS)
    return hits >= 3 and hits > 2 * luck + 1


def _equal(points: Array, rare: Array) -> int:
    """How many points stand on a value, to the last digits a float loses."""
    at = np.clip(np.searchsorted(rare, points), 1, len(rare) - 1)
    gap = np.minimum(np.abs(points - rare[at]), np.abs(points - rare[at - 1]))
    return int((gap <= 1e-9 * np.maximum(1, np.abs(points))).sum())


def extremes(forest: Forest, raw: Raw, spec: Spec, tables: Sequence[str]) -> list[Finding]:
    """LightGBM writes the range of each feature: an end that stands alone is one subject's value."""
    for feature, told in zip(forest.features, forest.head.get("feature_infos", "").split(), strict=False):
        range_ = _RANGE.fullmatch(told)
        if range_ is None:
            continue
        for table in tables:
            column = next(
                (c for c in raw.columns[table].values() if c.name.casefold() == feature.casefold()), None
            )
            if column is not None and column.kind == "number" and _alone(range_, raw, column, table, spec):
                return [say("extreme", "review", "模型的特征范围", "model_extreme")]
    return []


def _alone(range_: re.Match[str], raw: Raw, column: Column, table: str, spec: Spec) -> bool:
    """Whether an end lies farther from the next few subjects than all the others lie apart."""
    rows = raw.rows(
        f"SELECT CAST({column.sql} AS DOUBLE) FROM {quote(table)} WHERE {column.sql} IS NOT NULL ORDER BY 1"
    )
    values = np.array([v for (v,) in rows])
    k = spec.threshold
    if len(values) <= 2 * k:
        return False
    low, high = values[k - 1], values[-k]
    try:
        least, most = float(range_[1]), float(range_[2])
    except ValueError:
        return False
    spread = high - low
    return bool(
        (np.isclose(most, values[-1]) and most - high > spread)
        or (np.isclose(least, values[0]) and low - least > spread)
    )
