"""Models in safe formats: LightGBM's own text, ONNX, JSON with scikit-learn's names."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..model import Document, Fragment
from .text import Unreadable, decode


@dataclass
class Forest:
    """A LightGBM model: trees as the lists the file holds, and the names of its features."""

    features: list[str]
    trees: list[dict[str, list[str]]]
    head: dict[str, str] = field(default_factory=dict)
    categories: list[list[Any]] = field(default_factory=list)
    """Classes of the categorical features, in the features' order, as pandas numbered them."""


@dataclass
class Graph:
    """An ONNX model: named arrays (initialisers, constants, attributes) and its texts."""

    operators: list[str] = field(default_factory=list)
    arrays: list[tuple[str, np.ndarray[Any, Any]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    strings: dict[str, list[str]] = field(default_factory=dict)


_TREE_KEYS = frozenset(
    "num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value "  # noqa: SIM905
    "leaf_weight leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold "
    "is_linear leaf_const num_features leaf_features leaf_coeff shrinkage".split()
)


def _categories(named: re.Match[str] | None) -> list[list[Any]]:
    """The lists of `pandas_categorical`; none when they are not JSON."""
    try:
        found = json.loads(named[1]) if named else None
    except ValueError:
        return []
    return [one for one in found if isinstance(one, list)] if isinstance(found, list) else []


def read_lightgbm(data: bytes) -> Document:
    """LightGBM text; Unreadable when it is not."""
    text = decode(data)
    if not text.startswith("tree") or "Tree=" not in text:
        raise Unreadable("不是 LightGBM 文本模型")
    head, *blocks = re.split(r"^Tree=\d+\s*$", text.split("end of trees")[0], flags=re.M)
    trees = []
    document = Document("lightgbm-text")
    for block in blocks:
        pairs = [line.partition("=") for line in block.splitlines() if line.strip()]
        trees.append({key: value.split() for key, sign, value in pairs if sign and key in _TREE_KEYS})
        # what no tree of LightGBM has is text, whatever it calls itself
        strange = ["".join(pair) for pair in pairs if not pair[1] or pair[0] not in _TREE_KEYS]
        document.fragments += [Fragment("模型文本", line) for line in strange]
    heads = {key: value for key, sign, value in (line.partition("=") for line in head.splitlines()) if sign}
    if re.search(r"^average_output$", head, re.M):
        heads["average_output"] = "1"
    tail = text.split("end of trees", 1)[-1]
    named = re.search(r"^pandas_categorical:(.*)$", tail, re.M)
    document.model = Forest(heads.get("feature_names", "").split(), trees, heads, _categories(named))
    document.fragments += [
        Fragment("模型文本", line) for line in [*head.splitlines(), *tail.splitlines()] if line
    ]
    return document


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Unreadable("不是完整的 ONNX")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a protocol-buffer message: (number, integer or bytes)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            size, at = _varint(data, at)
        if size is None or at + size > len(data) or number == 0:
            raise Unreadable("不是完整的 ONNX")
        yield number, data[at : at + size]
        at += size


_DTYPES = {
    1: "<f4",
    2: "u1",
    3: "i1",
    4: "<u2",
    5: "<i2",
    6: "<i4",
    7: "<i8",
    10: "<f2",
    11: "<f8",
    12: "<u4",
    13: "<u8",
}


def _packed(value: int | bytes, code: str) -> list[float]:
    if isinstance(value, int):
        return [value]
    if code == "varint":
        numbers, at = [], 0
        while at < len(value):
            one, at = _varint(value, at)
            numbers.append(one - (1 << 64) if one >> 63 else one)
        return list(map(float, numbers))
    return list(struct.unpack(f"<{len(value) // struct.calcsize(code)}{code}", value))


def _tensor(data: bytes) -> tuple[str, np.ndarray[Any, Any], list[str]]:
    """TensorProto: name, array, texts."""
    dims: list[int] = []
    kind, name, raw = 1, "", b""
    numbers: list[float] = []
    texts: list[str] = []
    for number, value in fields(data):
        if number == 1:
            dims += [int(v) for v in _packed(value, "varint")]
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number in (4, 10):
            numbers += _packed(value, "f" if number == 4 else "d")
        elif number in (5, 7, 11):
            numbers += _packed(value, "varint")
        elif number == 6 and isinstance(value, bytes):
            texts.append(value.decode("utf-8", "replace"))
        elif number == 8 and isinstance(value, bytes):
            name = value.decode("utf-8", "replace")
        elif number == 9 and isinstance(value, bytes):
            raw = value
        elif number == 12 and isinstance(value, bytes):
            texts.append(value.decode("utf-8", "replace"))
    if raw and kind in _DTYPES:
        array = np.frombuffer(
            raw[: len(raw) // np.dtype(_DTYPES[kind]).itemsize * np.dtype(_DTYPES[kind]).itemsize],
            _DTYPES[kind],
        )
    else:
        array = np.array(numbers, dtype=float)
    array = array.astype(float)
    size = int(np.prod(dims)) if dims else array.size
    return name, array.reshape(dims) if dims and size == array.size else array, texts


def _attribute(data: bytes, graph: Graph, operator: str) -> None:
    name = ""
    floats: list[float] = []
    strings: list[str] = []
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            name = value.decode("utf-8", "replace")
        elif number == 7:
            floats += _packed(value, "f")
        elif number == 8:
            floats += _packed(value, "varint")
        elif number in (4, 9) and isinstance(value, bytes):
            strings.append(value.decode("utf-8", "replace"))
        elif number in (5, 10) and isinstance(value, bytes):
            _add_tensor(value, graph)
        elif number in (6, 11) and isinstance(value, bytes):
            _graph(value, graph)
    if strings:
        graph.strings[f"{operator}.{name}"] = strings
        graph.texts += strings
    if floats:
        graph.arrays.append((f"{operator}.{name}", np.array(floats, dtype=float)))


def _add_tensor(data: bytes, graph: Graph) -> None:
    name, array, texts = _tensor(data)
    graph.texts += [name, *texts]
    if array.size:
        graph.arrays.append((name, array))


def _node(data: bytes, graph: Graph) -> None:
    parts = list(fields(data))
    operator = next((v.decode("utf-8", "replace") for n, v in parts if n == 4 and isinstance(v, bytes)), "")
    graph.operators.append(operator)
    for number, value in parts:
        if number == 5 and isinstance(value, bytes):
            _attribute(value, graph, operator)
        elif number in (1, 2, 3, 6) and isinstance(value, bytes):
            graph.texts.append(value.decode("utf-8", "replace"))


def _graph(data: bytes, graph: Graph) -> None:
    for number, value in fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            _node(value, graph)
        elif number == 5:
            _add_tensor(value, graph)
        elif number in (2, 10):
            graph.texts.append(value.decode("utf-8", "replace"))


def read_onnx(data: bytes) -> Document:
    """An ONNX model, read by its wire format: nothing of it is executed."""
    graph = Graph()
    seen = False
    for number, value in fields(data):
        if number == 7 and isinstance(value, bytes):
            _graph(value, graph)
            seen = True
        elif number == 14 and isinstance(value, bytes):
            graph.texts += [v.decode("utf-8", "replace") for _, v in fields(value) if isinstance(v, bytes)]
        elif isinstance(value, bytes):
            graph.texts.append(value.decode("utf-8", "replace"))
    if not seen or not graph.operators:
        raise Unreadable("不是 ONNX 模型")
    document = Document("onnx")
    document.model = graph
    document.fragments += [Fragment("模型文本", text) for text in graph.texts if text]
    return document


def numbers(value: Any) -> np.ndarray[Any, Any] | None:
    """A nested list of numbers as an array, null when it is none or ragged."""
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.size else None
