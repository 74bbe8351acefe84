"""Columns of text as columns of the type that was confirmed. Broken cells become empty and are counted."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from gongshu.recognise import types

_DECIMAL = re.compile(r"DECIMAL\((\d{1,2}),(\d{1,2})\)")
_ARROW: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}
_NULLS = {True: sorted(types.BLANKS), False: sorted(types.BLANKS | types.VAGUE)}


def arrow(type_: str) -> pa.DataType:
    """Arrow's type for the engine's. Raises ValueError for one the vault does not keep."""
    decimal = _DECIMAL.fullmatch(type_)
    if decimal and 0 < int(decimal[1]) <= 38 and int(decimal[2]) <= int(decimal[1]):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if type_ not in _ARROW:
        raise ValueError("字段类型只有 BOOLEAN、BIGINT、DECIMAL、DOUBLE、DATE、TIMESTAMP、VARCHAR。")
    return _ARROW[type_]


def engine_type(kind: pa.DataType) -> str:
    """The engine's type for one of Arrow's (see `sources._flat`)."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return next(name for name, found in _ARROW.items() if found == kind)


def convert(column: pa.Array, type_: str) -> tuple[pa.Array, int]:
    """The column as `type_`, and how many of its filled cells could not be read and are now empty."""
    target = arrow(type_)
    if not pa.types.is_string(column.type):
        if column.type == target:
            return column, 0
        column = column.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    blank = pc.is_in(trimmed, value_set=pa.array(_NULLS[type_ == "VARCHAR"], pa.string()))
    if type_ == "VARCHAR":
        return pc.if_else(blank, pa.scalar(None, pa.string()), column), 0
    cells = pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)
    if type_ in ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP"):
        fast = cast_plain(cells, target)
        if fast is not None:
            return fast, 0
    return _one_by_one(cells, type_, target)


def cast_plain(cells: pa.Array, target: pa.DataType) -> pa.Array | None:
    """All cells at once, or None where one of them is not plainly a finite decimal number, or a day or
    moment as ISO 8601 writes it."""
    if pa.types.is_integer(target) and pc.any(pc.match_substring(cells, "x", ignore_case=True)).as_py():
        return None  # Arrow would read 0x10 as sixteen
    try:
        values = cells.cast(target)
    except pa.ArrowInvalid:
        return None
    if pa.types.is_floating(target) and pc.all(pc.is_finite(values)).as_py() is False:
        return None
    return values


def _one_by_one(cells: pa.Array, type_: str, target: pa.DataType) -> tuple[pa.Array, int]:
    """Each distinct cell read once."""
    coded = cells.dictionary_encode()
    read: list[object] = []
    broken: list[bool] = []
    for text in coded.dictionary.to_pylist():
        try:
            read.append(_read(type_, text))
            broken.append(False)
        except ValueError:
            read.append(None)
            broken.append(True)
    values = pa.array(read, target)
    lost = pc.sum(pa.array(broken, pa.bool_()).take(coded.indices)).as_py() if broken else 0
    return values.take(coded.indices), int(lost or 0)


def _read(type_: str, text: str) -> object:
    if not type_.startswith("DECIMAL"):
        return types.read(type_, text)
    found = _DECIMAL.fullmatch(type_)
    return types.decimal(text, int(found[1]), int(found[2])) if found else None
