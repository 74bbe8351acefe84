"""A sample as files: one Parquet a table, the same bytes each time it is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gongshu.crypto.hashes import digest
from gongshu.enclave.sample.model import Drawn

MEDIA = "application/vnd.apache.parquet"
_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
}


def _type(type_: str) -> pa.DataType:
    if type_.startswith("DECIMAL"):
        precision, scale = (int(part) for part in type_[8:-1].split(","))
        return pa.decimal128(precision, scale)
    return _TYPES.get(type_, pa.string())


def _cells(type_: str, values: Sequence[object]) -> Sequence[Any]:
    if type_.startswith("DECIMAL"):
        scale = Decimal(1).scaleb(-int(type_[8:-1].split(",")[1]))
        with localcontext(prec=60):
            return [None if v is None else Decimal(str(v)).quantize(scale) for v in values]
    return [None if v is None else str(v) for v in values] if type_ == "VARCHAR" else values


def parquet(drawn: Drawn) -> bytes:
    """The table as Parquet, its columns in the table's order and with its types."""
    columns = drawn.source.columns
    table = pa.table(
        [
            pa.array(_cells(type_, drawn.columns[each.name]), _type(type_))
            for each, type_ in ((each, drawn.source.written(each)) for each in columns)
        ],
        names=[each.name for each in columns],
    )
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", store_schema=False)
    return out.getvalue()


def described(drawn: Drawn, number: int, data: bytes) -> dict[str, Any]:
    """What is said of one file: its table and columns, rows, size and digest."""
    return {
        "name": f"t{number}.parquet",
        "table": drawn.source.name,
        "media": MEDIA,
        "rows": drawn.height,
        "size": len(data),
        "digest": digest(data),
        "columns": {
            each.name: {
                "type": drawn.source.written(each),
                "grade": each.grade,
                "pseudonym": drawn.source.named(each),
            }
            for each in drawn.source.columns
        },
    }
