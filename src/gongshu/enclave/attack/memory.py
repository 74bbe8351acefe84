"""Check `model_memory`: models that hold rows, or groups so small that they are rows.

What a model file keeps of single subjects: stored training rows (neighbours, support vectors), arrays as
long as the training set, leaves and clusters under the threshold, rare category names, split points that are
single subjects' values. What its errors tell of who was trained on is asked by `membership`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from . import membership, scores, thresholds, trees
from .copies import Copies
from .model import Document, Finding, Table
from .raw import Raw, quote
from .reading.models import Forest, Graph, numbers
from .sentences import say
from .spec import Spec

_ROW_KEYS = re.compile(
    r"^_?(fit_x|x_train|y_train|x_fit|training_data|train_data|train_x|train_y|samples|examples|rows|records|"
    r"support_vectors|support|sv|shape_fit|core_sample_indices|labels|embedding|x|y|data|tree_data|neighbors|prototypes|"
    r"medoid_indices|dual_coef|leaf_rows|sample_ids|row_ids|index|indices|oob_prediction|oob_decision_function|"
    r"estimators_samples|train_score_rows|residuals|fitted_values|y_pred|predictions)_?$",
    re.I,
)
_ROW_CLASSES = re.compile(
    r"(KNeighbors|RadiusNeighbors|NearestNeighbors|GaussianProcess|KernelDensity|KernelRidge|LabelPropagation|"
    r"LabelSpreading|LocalOutlierFactor|NuSV|OneClassSVM|\bSVC\b|\bSVR\b|DBSCAN|IsotonicRegression)",
)
_COUNT_KEYS = re.compile(
    r"^(n_node_samples|weighted_n_node_samples|leaf_count|leaf_counts|internal_count|n_samples|samples|node_samples|cover|count|counts|"
    r"class_count|category_count|feature_count|cluster_sizes|cluster_counts|sizes|n|n_samples_leaf|support_count|num_samples|sample_count)_?$",
    re.I,
)
_ROW_OPERATORS = ("SVMClassifier", "SVMRegressor", "TopK", "CDist")


def check(document: Document, raw: Raw, spec: Spec) -> list[Finding]:
    """Findings on a model; the document's other texts are searched by the identifier checks."""
    model = document.model
    if isinstance(model, Forest):
        found = _lightgbm(model, raw, spec)
    elif isinstance(model, Graph):
        found = _onnx(model, raw, spec)
    else:
        found = _json(model, raw, spec)
    found += _rare_names(document, raw, spec)
    return found


def _tables(raw: Raw, spec: Spec) -> list[str]:
    named = spec.model.get("trained_on")
    chosen = [t for t in raw.columns if isinstance(named, str) and t.casefold() == named.casefold()]
    return chosen or list(raw.columns)


def _features(spec: Spec, own: list[str]) -> list[str]:
    declared = spec.model.get("features")
    return [str(f) for f in declared] if isinstance(declared, list) and declared else own


def _leaf(where: str, spec: Spec) -> Finding:
    return say("model_memory", "block", where, "model_leaf", threshold=spec.threshold)


def _routed(grown: list[trees.Tree], raw: Raw, spec: Spec, features: list[str]) -> int | None:
    for table in _tables(raw, spec):
        data = trees.matrix(raw, table, features)
        if (
            data is not None
            and grown
            and max(int(t.feature.max(initial=0)) for t in grown) < data[0].shape[1]
        ):
            return trees.smallest_leaf(grown, *data)
    return None


def _lightgbm(forest: Forest, raw: Raw, spec: Spec) -> list[Finding]:
    features = _features(spec, forest.features)
    found = _kept_figures(forest, raw, spec, features)
    if spec.nobody:
        return found
    found += thresholds.extremes(forest, raw, spec, _tables(raw, spec))
    counts = [float(c) for tree in forest.trees for c in tree.get("leaf_count", [])]
    told = spec.model.get("least_leaf")  # of the file as trained: the counts themselves do not leave
    counts += [float(told)] if isinstance(told, int) else []
    if any(c < spec.threshold for c in counts):
        return [*found, _leaf("模型的叶子", spec)]
    try:
        grown = trees.of_lightgbm(forest)
    except (ValueError, KeyError, IndexError):
        grown = None
    classes = trees.class_features(grown, forest.categories) if grown else None
    splits = any(len(t.get("leaf_value", [])) > 1 for t in forest.trees)
    if not grown or classes is None:
        return [*found, say("model_memory", "review", "模型的叶子", "model_unknown")] if splits else found
    table = _home(grown, raw, spec, features, classes)
    if table is None:
        return [*found, say("model_memory", "review", "模型的叶子", "model_unknown")] if splits else found
    data = trees.matrix(raw, table, features, classes)
    least = trees.smallest_leaf([t for t in grown if len(t.feature)], *data) if data else None
    if least is not None and least < spec.threshold:
        return [*found, _leaf("模型的叶子", spec)]
    found += thresholds.single_values(grown, raw, spec, table, features)
    return found + membership.check(forest, grown, raw, spec, table, features, classes)


def _home(
    grown: list[trees.Tree],
    raw: Raw,
    spec: Spec,
    features: list[str],
    classes: Mapping[int, list[Any]],
) -> str | None:
    """The raw table that has every feature of the model."""
    most = max((int(t.feature.max(initial=0)) for t in grown), default=0)
    for table in _tables(raw, spec):
        data = trees.matrix(raw, table, features, classes)
        if data is not None and most < data[0].shape[1]:
            return table
    return None


def _kept_figures(forest: Forest, raw: Raw, spec: Spec, features: list[str]) -> list[Finding]:
    """Values of leaves and nodes that are the training rows' own."""
    for key in ("leaf_value", "internal_value", "leaf_weight", "split_gain"):
        array = numbers([v for tree in forest.trees for v in tree.get(key, [])])
        if array is None or array.size < 8:
            continue
        if found := _array("模型的叶子和节点的值", array.reshape(-1, 1), raw, spec, features):
            return found
    return []


def _onnx(graph: Graph, raw: Raw, spec: Spec) -> list[Finding]:
    found = []
    if any(op in _ROW_OPERATORS for op in graph.operators):
        found.append(say("model_memory", "block", "模型的算子", "model_rows"))
    features = _features(spec, [])
    for name, array in graph.arrays:
        part = name.rsplit(".", 1)[-1]
        if part.startswith(("nodes_", "class_ids", "class_nodeids", "class_treeids", "target_")):
            continue
        found += _array("模型的数组", array, raw, spec, features)
    if not spec.nobody and any(op.startswith("TreeEnsemble") for op in graph.operators):
        grown = trees.of_onnx(graph)
        least = _routed(grown, raw, spec, features) if grown else None
        if least is not None and least < spec.threshold:
            found.append(_leaf("模型的叶子", spec))
        elif least is None:
            found.append(say("model_memory", "review", "模型的叶子", "model_unknown"))
    return found


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, key, value) of everything in a JSON model; lists of numbers are not entered."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield f"{path}/{key}", str(key), one
            yield from _walk(one, f"{path}/{key}")
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for one in value:
            yield from _walk(one, path)


def _json(model: Any, raw: Raw, spec: Spec) -> list[Finding]:
    if not isinstance(model, Mapping):
        return [say("model_memory", "review", "模型", "model_unknown")]
    found: list[Finding] = []
    features = _features(spec, [str(f) for f in model.get("features", []) if isinstance(f, str)])
    top = model.get("n_samples")
    samples = top if isinstance(top, int) and not isinstance(top, bool) else None
    texts = [
        v
        for _, k, v in _walk(model)
        if isinstance(v, str) and k in ("model", "class", "type", "estimator", "kind", "name")
    ]
    if any(_ROW_CLASSES.search(t) for t in texts) and _large_arrays(model, raw, samples):
        found.append(say("model_memory", "block", "模型的类别", "model_rows"))
    for path, key, value in _walk(model):
        found += _one(path, key, value, raw, spec, features, samples)
    if not spec.nobody:
        found += _freedom(model, samples, spec)
        least = _routed(list(trees.of_json(model)), raw, spec, features)
        if least is not None and least < spec.threshold:
            found.append(_leaf("模型的叶子", spec))
        found += scores.check(model, raw, spec, _tables(raw, spec)[0], features)
    return found


def _large_arrays(model: Any, raw: Raw, samples: int | None) -> bool:
    sizes = {samples, *(next(iter(c.values())).rows for c in raw.columns.values() if c)}
    return any(
        isinstance(v, list) and len(v) >= 3 and (_ROW_KEYS.match(k) or len(v) in sizes)
        for _, k, v in _walk(model)
    )


def _one(
    path: str, key: str, value: Any, raw: Raw, spec: Spec, features: list[str], samples: int | None
) -> list[Finding]:
    where = "模型的字段" if not re.fullmatch(r"[A-Za-z_]{1,40}", key) else f"模型的字段 {key}"
    found: list[Finding] = []
    if _COUNT_KEYS.match(key) and not spec.nobody and path.count("/") >= 1:
        array = numbers(value)
        if (
            array is not None
            and bool(((array > 0) & (array < spec.threshold)).any())
            and not _is_hyper(path, key)
        ):
            found.append(_leaf(where, spec))
    if isinstance(value, list) and value:
        if all(isinstance(v, Mapping) for v in value) and len(value) >= 3:
            found += _records(where, value, raw, spec)
            return found
        array = numbers(value)
        if array is None:
            return found + _strings(where, value, raw, spec)
        long = samples is not None and samples >= 20 and samples in array.shape and array.size >= samples
        named = _ROW_KEYS.match(key) and array.size >= 20 and array.ndim <= 2 and not _is_axis(key, array)
        if long or named:
            found.append(say("model_memory", "block", where, "model_rows"))
        else:
            found += _array(where, array, raw, spec, features)
    return found


def _is_hyper(path: str, key: str) -> bool:
    """`n` and the like beside hyper-parameters are settings, no groups."""
    return "param" in path.lower() or (key.lower() == "n" and path.count("/") == 1)


def _is_axis(key: str, array: np.ndarray[Any, Any]) -> bool:
    """Short plain lists named x, y or index are axes of a curve."""
    return key.lower() in ("x", "y", "index", "labels", "support") and array.size < 50


def _array(
    where: str, array: np.ndarray[Any, Any], raw: Raw, spec: Spec, features: list[str]
) -> list[Finding]:
    """Rows of an array that are raw rows, in any order of columns, also standardised."""
    width = len(features)
    shapes = [array] if array.ndim == 2 else []
    if array.ndim == 1 and width >= 2 and array.size % width == 0 and array.size >= 2 * width:
        shapes.append(array.reshape(-1, width))
    if array.ndim == 1 and array.size >= 8:
        shapes.append(array.reshape(-1, 1))
    search = Copies(raw, spec, lambda _: False)
    for one in shapes:
        if (
            not 1 <= one.shape[1] <= 200
            or one.shape[0] < 1
            or one.size > 2_000_000
            or (one.shape[0] < 3 and one.shape[1] < 3)
        ):
            continue
        columns: list[list[Any]] = [[float(f"{v:.7g}") for v in one[:, i]] for i in range(one.shape[1])]
        heads = features if len(features) == one.shape[1] else [f"c{i}" for i in range(one.shape[1])]
        table = Table("模型的数组", list(heads), columns)
        if search.table(table, None, dict.fromkeys(range(one.shape[1]), "magnitude"), lambda _: False):
            return [say("model_memory", "block", where, "model_rows")]
    return []


def _records(where: str, rows: list[Any], raw: Raw, spec: Spec) -> list[Finding]:
    from .reading.nested import records
    from .shape import roles

    table = records(rows, "模型的记录")
    own = dict.fromkeys(roles(table, {}, set()), "magnitude")
    if Copies(raw, spec, lambda _: False).table(table, None, own, lambda _: False):
        return [say("model_memory", "block", where, "model_rows")]
    return []


def _strings(where: str, value: list[Any], raw: Raw, spec: Spec) -> list[Finding]:
    """Mixed rows of texts and numbers."""
    if not all(isinstance(v, list) for v in value) or len({len(v) for v in value}) != 1 or not value[0]:
        return []
    rows = [dict(enumerate(v)) for v in value]
    return _records(where, [{str(k): x for k, x in r.items()} for r in rows], raw, spec)


def _freedom(model: Mapping[str, Any], samples: int | None, spec: Spec) -> list[Finding]:
    """Too few degrees of freedom: the parameters give the sample back."""
    if samples is None:
        return []
    coefficients = [
        numbers(v)
        for _, k, v in _walk(model)
        if k.rstrip("_") in ("coef", "coefficients", "coefs", "weights")
    ]
    size = max((a.size for a in coefficients if a is not None), default=len(model.get("features") or []))
    if samples < spec.threshold or samples - size - 1 < spec.freedom:
        return [say("model_memory", "block", "模型的样本数", "model_freedom", freedom=spec.freedom)]
    return []


def _rare_names(document: Document, raw: Raw, spec: Spec) -> list[Finding]:
    """Names of raw categories with fewer subjects than the threshold, kept by an encoder."""
    if spec.nobody:
        return []
    words: set[str] = set()
    bodies = [f.text for f in document.fragments]
    if isinstance(document.model, Mapping):
        for _, key, value in _walk(document.model):
            bodies.append(key)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str):
                    bodies.append(one)
                elif isinstance(one, list):
                    bodies += [x for x in one if isinstance(x, str)]
    for body in bodies:
        words.update(w for w in re.split(r"[\s=:,;|\[\]\"'(){}]+", body) if len(w) >= 2)
    for column in raw.all():
        if (
            column.kind != "text"
            or column.identifying
            or column.table not in raw.subjects
            or column.distinct > 100_000
        ):
            continue
        rows = raw.rows(
            f"SELECT {column.sql} FROM {quote(column.table)} WHERE {column.sql} IS NOT NULL GROUP BY 1"
            f" HAVING count(DISTINCT {raw.who(column.table)}) < {spec.threshold}"
        )
        if words & {str(v) for (v,) in rows}:
            return [say("model_memory", "block", "模型的类别名", "model_rows")]
    return []
