"""Models before they leave: only what predictions need, and no more digits than they need.

A program may write anything where a parameter stands; what is hidden in low digits, in statistics that no
prediction reads, or in remarks beside the model, no attack and no reviewer would see. Learners' own files are
written anew from a list of what is understood, with parameters of `DIGITS` significant digits.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from gongshu.enclave.project.answers import Unfit

# Significant digits of a model's parameters.
DIGITS = 4

# LightGBM puts zero itself on one side by a split at this figure.
_ZERO = 1.0000000180025095e-35


def rounded(value: float) -> float:
    """To `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def halfway(value: float) -> float:
    """A split point to `DIGITS` significant digits and a five: between the values, as the learner laid it.

    Rounded plainly it would often fall on a value of the data, and send the rows that have it the other way.
    """
    if not math.isfinite(value) or abs(value) < 1e-30:
        return math.copysign(_ZERO, value) if value else 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS)
    return float(f"{(math.floor(value / unit + 1e-9) + 0.5) * unit:.{DIGITS + 1}g}")


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────────


def json_model(data: bytes) -> bytes:
    """A JSON model with its parameters rounded; whole numbers outside lists (sizes, settings) stay. Raises
    `Unfit`."""

    def plain(value: Any, listed: bool = False) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, list):
            return [plain(one, True) for one in value]
        if isinstance(value, bool) or not isinstance(value, float if not listed else (int, float)):
            return value
        return type(value)(rounded(value))

    try:
        return json.dumps(plain(json.loads(data)), ensure_ascii=False).encode()
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unfit("模型文件不是合格的 JSON，不能申请出域。") from error


# ── LightGBM ──────────────────────────────────────────────────────────────────────────────────────────────

# Without `tree_sizes` the trees are read one after another; `feature_infos` are single subjects' extremes.
_HEAD = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
    "monotone_constraints",
)
_WHOLE = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "decision_type",
    "left_child",
    "right_child",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "num_features",
    "leaf_features",
)
_PARAMETERS = ("leaf_value", "leaf_const", "leaf_coeff", "shrinkage")
_CATEGORICAL = 1  # the bit of `decision_type` that makes a threshold the number of a set of classes
_CATEGORIES = re.compile(r"^pandas_categorical:.*$", re.M)


def lightgbm_text(data: bytes) -> bytes:
    """LightGBM's text with rounded parameters, without counts, weights, gains, remarks and settings of the
    training. Raises `Unfit` when it is not such a text."""
    try:
        text = data.decode()
        head, *trees = re.split(r"^Tree=\d+\s*$", text.split("end of trees")[0], flags=re.M)
        told = _pairs(head)
        width = len(told["feature_names"].split())
        lines = [
            name if name == "average_output" else f"{name}={told[name]}" for name in _HEAD if name in told
        ]
        lines.append("feature_infos=" + " ".join(["none"] * width))
        blocks = [f"Tree={number}\n{_tree(_pairs(block))}" for number, block in enumerate(trees)]
    except (ValueError, KeyError, OverflowError, MemoryError) as error:
        raise Unfit("模型文件不是合格的 LightGBM 文本，不能申请出域。") from error
    categories = _CATEGORIES.search(text.split("end of trees", 1)[-1])
    tail = ["end of trees", "", categories[0] if categories else "pandas_categorical:null", ""]
    return "\n".join(["tree", *lines, "", *blocks, *tail]).encode()


def least_leaf(data: bytes) -> int | None:
    """The smallest leaf a LightGBM text tells of itself: the counts do not leave, what they say is judged."""
    counts = [
        int(float(one))
        for line in re.findall(r"^leaf_count=(.*)$", data.decode(), re.M)
        for one in line.split()
    ]
    return min(counts, default=None)


def _pairs(block: str) -> dict[str, str]:
    return {
        name.strip(): value.strip()
        for name, _, value in (line.partition("=") for line in block.splitlines() if line.strip())
    }


def _tree(told: Mapping[str, str]) -> str:
    lines = [
        f"{name}={' '.join(str(int(one)) for one in told[name].split())}" for name in _WHOLE if name in told
    ]
    if "threshold" in told:
        points = [float(one) for one in told["threshold"].split()]
        kinds = [int(one) for one in told.get("decision_type", "").split()]
        split = [
            str(int(point)) if kind & _CATEGORICAL else repr(halfway(point))
            for point, kind in zip(points, kinds, strict=True)
        ]
        lines.append("threshold=" + " ".join(split))
    for name in _PARAMETERS:
        if name in told:
            lines.append(f"{name}=" + " ".join(repr(rounded(float(one))) for one in told[name].split()))
    return "\n".join(lines) + "\n\n"


# ── ONNX ──────────────────────────────────────────────────────────────────────────────────────────────────

_Field = tuple[int, int, int | bytes]
_Part = Callable[[bytes], bytes]
_Numbers = Callable[[float], float]

# Message of onnx.proto → the numbers of its fields that a prediction reads. What is not here (remarks,
# metadata, producer, training, unknown fields) does not leave.
_MODEL = frozenset({1, 7, 8, 25})
_GRAPH = frozenset({1, 2, 5, 11, 12, 15})
_NODE = frozenset({1, 2, 3, 4, 5, 7, 8})
_ATTRIBUTE = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 21, 22, 23})
_TENSOR = frozenset({1, 2, 4, 5, 6, 7, 8, 9, 10, 11})
_SPARSE = frozenset({1, 2, 3})
_FUNCTION = frozenset({1, 4, 5, 6, 7, 9, 10, 11, 13})


def onnx_model(data: bytes) -> bytes:
    """An ONNX model with rounded floats and nothing that no prediction reads. Raises `Unfit`."""
    try:
        return _message(data, _MODEL, {7: _graph, 25: _function})
    except (struct.error, IndexError, OverflowError, ValueError, RecursionError) as error:
        raise Unfit("模型文件不是合格的 ONNX，不能申请出域。") from error


def _graph(data: bytes) -> bytes:
    return _message(data, _GRAPH, {1: _node, 5: _tensor, 15: _sparse})


def _function(data: bytes) -> bytes:
    return _message(data, _FUNCTION, {7: _node, 11: _attribute})


def _node(data: bytes) -> bytes:
    return _message(data, _NODE, {5: _attribute})


def _sparse(data: bytes) -> bytes:
    return _message(data, _SPARSE, {1: _tensor, 2: _tensor})


def _attribute(data: bytes) -> bytes:
    name = next((value for number, _, value in _fields(data) if number == 1), b"")
    # The split points of trees; the rest are weights.
    lay: _Numbers = halfway if isinstance(name, bytes) and name.startswith(b"nodes_values") else rounded
    parts: dict[int, _Part] = {2: _floats("f", rounded), 7: _floats("f", lay)}
    parts |= {5: _tensor, 10: _tensor, 6: _graph, 11: _graph, 22: _sparse, 23: _sparse}
    return _message(data, _ATTRIBUTE, parts)


# type of a tensor → how its raw bytes are packed. bfloat16 and the 8-bit floats hold fewer digits anyway.
_RAW = {1: "f", 10: "e", 11: "d", 14: "f", 15: "d"}


def _tensor(data: bytes) -> bytes:
    kind = next((value for number, _, value in _fields(data) if number == 2), 1)
    code = _RAW.get(kind) if isinstance(kind, int) else None
    parts: dict[int, _Part] = {4: _floats("f", rounded), 10: _floats("d", rounded)}
    if code:
        parts[9] = _floats(code, rounded)
    return _message(data, _TENSOR, parts)


def _floats(code: str, lay: _Numbers) -> _Part:
    def packed(value: bytes) -> bytes:
        form = f"<{len(value) // struct.calcsize(code)}{code}"
        return struct.pack(
            form, *(lay(one) if math.isfinite(one) else one for one in struct.unpack(form, value))
        )

    return packed


def _message(data: bytes, keep: Set[int], parts: Mapping[int, _Part]) -> bytes:
    """A protocol-buffer message written anew: the fields kept, some of them through their function."""
    made = bytearray()
    for number, wire, value in _fields(data):
        if number not in keep or (number in parts and isinstance(value, int)):
            continue
        made += _varint(number << 3 | wire)
        if isinstance(value, int):
            made += _varint(value)
            continue
        part = parts[number](value) if number in parts else value
        made += (_varint(len(part)) if wire == 2 else b"") + part
    return bytes(made)


def _fields(data: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        key, at = _read(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _read(data, at)
            yield number, wire, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            size, at = _read(data, at)
        if size is None or number == 0 or at + size > len(data):
            raise ValueError("not a protocol-buffer message")
        yield number, wire, data[at : at + size]
        at += size


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError("not a protocol-buffer number")


def _varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


PLAINER: Mapping[str, Callable[[bytes], bytes]] = {
    "lightgbm-text": lightgbm_text,
    "json": json_model,
    "onnx": onnx_model,
}
"""format → the bytes that may be reviewed and leave."""
