"""Trees of a model walked with the raw rows: how many distinct subjects fall into each leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from .raw import Column, Raw, literal, quote
from .reading.models import Forest, Graph, numbers

_MOST_ROWS = 1_000_000


@dataclass
class Tree:
    """Nodes in parallel arrays; a child below 0 is leaf `-1 - child`; `feature` indexes the matrix."""

    feature: np.ndarray[Any, Any]
    threshold: np.ndarray[Any, Any]
    left: np.ndarray[Any, Any]
    right: np.ndarray[Any, Any]
    strict: bool = False
    value: np.ndarray[Any, Any] | None = None
    """What each leaf adds to the prediction."""
    classes: dict[int, list[int]] = field(default_factory=dict)
    """Node that splits by class → the classes that go left."""
    missing: np.ndarray[Any, Any] | None = None
    """LightGBM's decision types: where a missing figure goes."""


def matrix(
    raw: Raw, table: str, features: Sequence[str], classes: Mapping[int, list[Any]] | None = None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """(rows × features as float, subject number of each row); null when a feature is no raw column.

    `classes`: feature → its classes in the order the model numbered them.
    """
    columns = {c.name.casefold(): c for c in raw.columns[table].values()}
    found = [columns.get(f.casefold()) for f in features]
    if not features or any(c is None for c in found):
        return None
    numbered = classes or {}
    shown = ", ".join(
        f"{_numbered(c, numbered.get(i))} AS f{i}" for i, c in enumerate(found) if c is not None
    )
    try:
        data = raw.engine.execute(
            f"SELECT hash({raw.who(table)}) AS who, {shown} FROM {quote(table)}"
            f" ORDER BY rowid LIMIT {_MOST_ROWS}"
        ).fetchnumpy()
    except duckdb.Error:
        return None
    x = np.column_stack([_plain(data[f"f{i}"]) for i in range(len(found))])
    return x, np.unique(np.asarray(data["who"]), return_inverse=True)[1]


def _numbered(column: Column, classes: list[Any] | None) -> str:
    if classes is None:
        return f"TRY_CAST({column.sql} AS DOUBLE)"
    named = ", ".join(literal(str(one)) for one in classes)
    place = f"list_position([{named}]::VARCHAR[], CAST({column.sql} AS VARCHAR))"
    return f"CAST({place} - 1 AS DOUBLE)"


def _plain(values: Any) -> np.ndarray[Any, Any]:
    """A column as floats, missing values as NaN."""
    plain: np.ndarray[Any, Any] = np.asarray(getattr(values, "data", values)).astype(float)
    mask = getattr(values, "mask", None)
    if mask is not None:
        plain[np.broadcast_to(mask, plain.shape)] = np.nan
    return plain


def smallest_leaf(trees: Sequence[Tree], x: np.ndarray[Any, Any], who: np.ndarray[Any, Any]) -> int | None:
    """Distinct subjects in the smallest leaf any raw row reaches; null without trees."""
    least: int | None = None
    for tree in trees:
        leaves = _route(tree, x)
        pairs = np.unique(np.stack([leaves, who]), axis=1)
        counts = np.unique(pairs[0], return_counts=True)[1]
        if len(counts) and (least is None or counts.min() < least):
            least = int(counts.min())
    return least


def _route(tree: Tree, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    at = np.zeros(len(x), dtype=np.int64) if len(tree.feature) else np.full(len(x), -1)
    rows = np.arange(len(x))
    for _ in range(len(tree.feature) + 1):
        live = at >= 0
        if not live.any():
            break
        node = at[live]
        value = x[rows[live], tree.feature[node]]
        below = value < tree.threshold[node] if tree.strict else value <= tree.threshold[node]
        if tree.missing is not None:
            below = _astray(tree, node, value, below)
        for one in set(tree.classes) & set(np.unique(node).tolist()):
            here = node == one
            below[here] = np.isin(value[here], tree.classes[one])
        at[live] = np.where(below, tree.left[node], tree.right[node])
    routed: np.ndarray[Any, Any] = at
    return routed


_DEFAULT_LEFT, _MISSING = 2, 12
_ZERO, _NAN = 4, 8
_TINY = 1e-35


def _astray(
    tree: Tree, node: np.ndarray[Any, Any], value: np.ndarray[Any, Any], below: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Where missing figures go, as LightGBM's decision types say."""
    assert tree.missing is not None
    kind = tree.missing[node]
    treated = kind & _MISSING
    left = (kind & _DEFAULT_LEFT) > 0
    empty = np.isnan(value)
    lost = ((treated == _NAN) & empty) | ((treated == _ZERO) & (empty | (np.abs(value) <= _TINY)))
    as_zero = empty & (treated == 0)
    found: np.ndarray[Any, Any] = np.where(lost, left, np.where(as_zero, tree.threshold[node] >= 0, below))
    return found


def of_lightgbm(forest: Forest) -> list[Tree] | None:
    """Trees of a LightGBM model with what their leaves add; null when their lists do not fit together."""
    found = []
    for tree in forest.trees:
        split = np.array(tree.get("split_feature", []), dtype=int)
        value = np.array(tree.get("leaf_value", []), dtype=float)
        if tree.get("is_linear", ["0"]) != ["0"]:
            return None
        if not len(split):
            found.append(Tree(split, split.astype(float), split, split, value=value))
            continue
        kinds = np.array(tree.get("decision_type", ["0"] * len(split)), dtype=int)
        made = Tree(
            split,
            np.array(tree["threshold"], dtype=float),
            np.array(tree["left_child"], dtype=int),
            np.array(tree["right_child"], dtype=int),
            value=value,
            missing=kinds,
        )
        sizes = {len(a) for a in (made.feature, made.threshold, made.left, made.right, kinds)}
        if len(sizes) > 1 or len(value) != len(split) + 1:
            return None
        made.classes = _class_splits(tree, kinds, made.threshold)
        found.append(made)
    return found


def _class_splits(
    tree: Mapping[str, list[str]], kinds: np.ndarray[Any, Any], threshold: np.ndarray[Any, Any]
) -> dict[int, list[int]]:
    """Node → classes that go left, from LightGBM's bit sets of 32."""
    bounds = [int(b) for b in tree.get("cat_boundaries", [])]
    words = [int(w) for w in tree.get("cat_threshold", [])]
    found = {}
    for node in np.flatnonzero(kinds & 1):
        at = int(threshold[node])
        own = words[bounds[at] : bounds[at + 1]]
        found[int(node)] = [
            32 * i + bit for i, word in enumerate(own) for bit in range(32) if word >> bit & 1
        ]
    return found


def class_features(trees: Sequence[Tree], classes: Sequence[list[Any]]) -> dict[int, list[Any]] | None:
    """Feature → its classes; null when the model does not say which classes belong to which feature."""
    used = sorted({int(t.feature[node]) for t in trees for node in t.classes})
    if len(used) != len(classes):
        return {} if not used else None
    return dict(zip(used, classes, strict=True))


def predict(trees: Sequence[Tree], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The sum of the leaves each row falls into."""
    total: np.ndarray[Any, Any] = np.zeros(len(x))
    for tree in trees:
        if tree.value is not None and len(tree.value):
            total += tree.value[-1 - _route(tree, x)] if len(tree.feature) else tree.value[0]
    return total


def of_onnx(graph: Graph) -> list[Tree] | None:
    """Trees of the TreeEnsemble operators; null when they are not simple ≤ trees."""
    arrays = dict(graph.arrays)
    found = []
    for name in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
        if f"{name}.nodes_featureids" not in arrays:
            continue
        modes = graph.strings.get(f"{name}.nodes_modes", [])
        if set(modes) - {"BRANCH_LEQ", "BRANCH_LT", "LEAF"}:
            return None
        part = {
            k: arrays[f"{name}.nodes_{k}"]
            for k in ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids")
        }
        for tree_id in np.unique(part["treeids"]):
            here = np.flatnonzero(part["treeids"] == tree_id)
            number = {int(part["nodeids"][i]): at for at, i in enumerate(here)}
            leaf = [modes[i] == "LEAF" for i in here]

            def child(
                i: int,
                side: str,
                number: dict[int, int] = number,
                leaf: list[bool] = leaf,
                part: dict[str, Any] = part,
            ) -> int:
                at = number[int(part[side][i])]
                return -1 - at if leaf[at] else at

            if leaf[0]:
                continue
            found.append(
                Tree(
                    part["featureids"][here].astype(int),
                    part["values"][here],
                    np.array([0 if leaf[a] else child(i, "truenodeids") for a, i in enumerate(here)]),
                    np.array([0 if leaf[a] else child(i, "falsenodeids") for a, i in enumerate(here)]),
                    "BRANCH_LT" in modes,
                )
            )
    return found


def _node_values(value: Any, nodes: int) -> np.ndarray[Any, Any] | None:
    """What scikit-learn's nodes predict: the mean, or the share of the second of two classes."""
    array = numbers(value)
    if array is None or array.size not in (nodes, 2 * nodes):
        return None
    each = array.reshape(nodes, -1)
    if each.shape[1] == 1:
        return each[:, 0]
    total = each.sum(axis=1)
    found: np.ndarray[Any, Any] = np.divide(each[:, 1], total, out=np.zeros(nodes), where=total != 0)
    return found


def of_json(value: Any) -> Iterator[Tree]:
    """Trees written with scikit-learn's arrays anywhere in a JSON model."""
    if isinstance(value, Mapping):
        keys = ("children_left", "children_right", "feature", "threshold")
        if all(isinstance(value.get(k), list) for k in keys):
            left, right, feature, threshold = (np.array(value[k], dtype=float) for k in keys)
            if len({len(left), len(right), len(feature), len(threshold)}) == 1 and len(left) > 1:
                inner = left >= 0
                fix = [np.where(inner[s.clip(0).astype(int)], s, -1 - s).astype(int) for s in (left, right)]
                yield Tree(
                    feature.clip(0).astype(int),
                    threshold,
                    np.where(inner, fix[0], 0),
                    np.where(inner, fix[1], 0),
                    value=_node_values(value.get("value"), len(left)),
                )
        for one in value.values():
            yield from of_json(one)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping | list):
                yield from of_json(one)
