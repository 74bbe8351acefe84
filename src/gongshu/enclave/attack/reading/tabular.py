"""CSV and Parquet."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..model import Cell, Document, Fragment, Table
from ..sentences import say
from .text import Unreadable, decode

MAX_CELLS = 6_000_000
_DELIMITERS = ",\t;|"


def read_csv(data: bytes) -> Document:
    """A delimited text as one table; a row longer than the header keeps its extra cells."""
    text = decode(data)
    document = Document("csv")
    table = delimited(text)
    if table is None:
        raise Unreadable("没有表头")
    document.tables.append(table)
    if any(line != line.rstrip(" \t\u3000") for line in text.splitlines()):
        document.findings.append(say("covert", "review", "行尾", "covert_blank"))
    return document


def delimiter(sample: str) -> str:
    """The delimiter that splits the first lines most evenly; comma when none does."""
    best, score = ",", 0.0
    for candidate in _DELIMITERS:
        rows = list(csv.reader(io.StringIO(sample), delimiter=candidate))
        widths = [len(row) for row in rows if row]
        if not widths or widths[0] < 2:
            continue
        even = sum(width == widths[0] for width in widths) / len(widths)
        if even * (1 + widths[0] / 1000) > score:
            best, score = candidate, even * (1 + widths[0] / 1000)
    return best


def delimited(text: str, name: str = "表 1") -> Table | None:
    """A table from delimited text, null when there is no header."""
    csv.field_size_limit(10_000_000)
    rows = [
        row
        for row in csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter("\n".join(text.splitlines()[:50]))
        )
        if row and any(cell.strip() for cell in row)
    ]
    return from_rows(rows, name)


def from_rows(rows: list[list[Any]], name: str) -> Table | None:
    """Rows, the first of which is the header, as a table of equal columns."""
    if not rows:
        return None
    width = max(len(row) for row in rows)
    if width * len(rows) > MAX_CELLS:
        raise OverflowError
    head = [str(cell) if cell is not None else "" for cell in rows[0]] + [""] * (width - len(rows[0]))
    body = [list(row) + [None] * (width - len(row)) for row in rows[1:]]
    columns: list[list[Cell]] = [[row[i] for row in body] for i in range(width)]
    return Table(name, head, [[None if cell == "" else cell for cell in column] for column in columns])


def plain(value: Any) -> Cell:
    """A cell a check can look at; nested values become their own text."""
    if value is None or isinstance(value, str | int | float | bool | bytes):
        return value
    if hasattr(value, "isoformat"):
        text: str = (
            value.isoformat(sep=" ")
            if hasattr(value, "hour") and hasattr(value, "year")
            else value.isoformat()
        )
        return text.removesuffix(" 00:00:00")
    if isinstance(value, list | tuple):
        return " ".join(str(plain(one)) for one in value)
    if isinstance(value, dict):
        return " ".join(f"{key} {plain(one)!s}" for key, one in value.items())
    try:  # decimals: keep the number when it is one
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return int(number) if number.is_integer() and "." not in str(value) else number


def _flatten(table: pa.Table) -> pa.Table:
    for _ in range(8):
        if not any(pa.types.is_struct(f.type) for f in table.schema):
            break
        table = table.flatten()
    return table


def read_parquet(path: Path) -> Document:
    """A Parquet file with its metadata; dictionary and nested columns included."""
    document = Document("parquet")
    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows * max(1, file.metadata.num_columns) > MAX_CELLS:
            raise OverflowError
        table = _flatten(file.read())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable("不是完整的 Parquet") from error
    columns = [[plain(v) for v in column.to_pylist()] for column in table.columns]
    document.tables.append(Table("表 1", [str(n) for n in table.column_names], columns))
    document.fragments += [
        Fragment("文件元数据", piece)
        for key, value in (file.metadata.metadata or {}).items()
        if key != b"ARROW:schema"
        for piece in (key.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
    ]
    for one in file.schema_arrow:
        for key, value in (one.metadata or {}).items():
            if not key.startswith(b"PARQUET:"):
                text = key.decode("utf-8", "replace") + " " + value.decode("utf-8", "replace")
                document.fragments.append(Fragment("字段元数据", text))
    if _slack(path, file) > 4096:
        document.findings.append(say("covert", "review", "文件", "covert_extra"))
    return document


def _slack(path: Path, file: pq.ParquetFile) -> int:
    """Bytes of the file that belong neither to a column chunk nor to the footer."""
    used = 12 + file.metadata.serialized_size
    for group in range(file.metadata.num_row_groups):
        row_group = file.metadata.row_group(group)
        for i in range(row_group.num_columns):
            chunk = row_group.column(i)
            used += chunk.total_compressed_size
            if chunk.has_column_index or chunk.has_offset_index:
                used += 4096  # page indexes lie outside the chunks and their size is not told
    return int(path.stat().st_size - used)
