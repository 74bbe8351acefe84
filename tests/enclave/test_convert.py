"""Columns of text as columns of a type, with the broken cells counted; recognised types can be read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from gongshu.enclave.intake.convert import arrow, convert, engine_type

CASES = [
    ("BIGINT", ["1", " 2 ", "-3", "NA", "无", "x", None], [1, 2, -3, None, None, None, None], 1),
    ("BIGINT", ["1.5", "99999999999999999999"], [None, None], 2),
    ("DOUBLE", ["1", "2.5", "1,234.5", "—", "1e3"], [1.0, 2.5, 1234.5, None, 1000.0], 0),
    ("DOUBLE", ["1e999", "nan", "inf"], [None, None, None], 2),
    ("DECIMAL(18,2)", ["1.10", "1,000.00", "1.005", ""], [Decimal("1.10"), Decimal(1000), None, None], 1),
    ("DECIMAL(6,3)", ["1.125", "9999"], [Decimal("1.125"), None], 1),
    ("DATE", ["2026-03-02", "20260302", "2026/3/2", "2026-02-30"], [dt.date(2026, 3, 2)] * 3 + [None], 1),
    ("TIMESTAMP", ["2026-03-02 08:00", "昨天"], [dt.datetime(2026, 3, 2, 8), None], 1),
    ("BOOLEAN", ["是", "否", "true", "N", "?"], [True, False, True, False, None], 1),
    ("VARCHAR", ["无", " a ", "NULL", "", None], ["无", " a ", None, None, None], 0),
]


@pytest.mark.parametrize(("type_", "cells", "values", "lost"), CASES)
def test_convert(type_: str, cells: list[str | None], values: list[object], lost: int) -> None:
    column, broken = convert(pa.array(cells, pa.string()), type_)
    assert column.type == arrow(type_)
    assert column.to_pylist() == values
    assert broken == lost


@pytest.mark.parametrize(
    "type_", ["BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR", "DECIMAL(20,4)"]
)
def test_types_there_and_back(type_: str) -> None:
    assert engine_type(arrow(type_)) == type_


@pytest.mark.parametrize(
    "type_", ["BLOB", "DECIMAL(39,2)", "DECIMAL(4,5)", "decimal(4,2)", "", "VARCHAR; DROP"]
)
def test_other_types_are_refused(type_: str) -> None:
    with pytest.raises(ValueError, match="字段类型"):
        arrow(type_)


def test_typed_columns_change_type_by_their_text() -> None:
    column, broken = convert(pa.array([1, None, 3]), "VARCHAR")
    assert (column.to_pylist(), broken) == (["1", None, "3"], 0)
    assert convert(pa.array([1, 2]), "BIGINT")[0].to_pylist() == [1, 2]
