"""Parquet that a query or a program wrote: judged by its footer and its widest cell before it is read.

A column of equal values costs a few bytes a million rows on the disk and all of them in memory; so nothing of
it is decoded before its rows, bytes and widest row are known, and then only batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS = 10_000_000
MOST_BYTES = 4 << 30
"""Of the columns as the footer says they unpack."""
WIDEST_ROW = 1 << 20
"""Bytes of text in one row."""
BATCH_ROWS, BATCH_BYTES = 65_536, 32 << 20
NUMBER = 16
"""Bytes a cell that is no text takes at most."""


class TooLarge(Exception):
    """The file is larger than a result may be. `args[0]`: one Chinese sentence, for the airlock."""


def opened(path: Path) -> pq.ParquetFile:
    """The file, nothing of its columns read."""
    return pq.ParquetFile(path, coerce_int96_timestamp_unit="us")


def check(path: Path, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> int:
    """Raises `TooLarge`; else the bytes of the widest row, texts as they unpack."""
    with opened(path) as file:
        footer = file.metadata
        if footer.num_rows > most_rows:
            raise TooLarge(f"结果有 {footer.num_rows} 行，最多 {most_rows} 行；请先汇总或筛选。")
        unpacked = sum(footer.row_group(n).total_byte_size for n in range(footer.num_row_groups))
        if unpacked > most_bytes:
            raise TooLarge(f"结果解压后超过 {most_bytes >> 20} MB；请先汇总或筛选。")
        columns = len(file.schema_arrow)
    widest = NUMBER * columns + _text_bytes(path, "max")
    if widest > WIDEST_ROW:
        raise TooLarge(f"结果里有一行的文字超过 {WIDEST_ROW >> 10} KB；请截短。")
    return widest


def unpacked(path: Path) -> int:
    """Bytes all cells take as they unpack, about."""
    with opened(path) as file:
        cells = int(file.metadata.num_rows) * len(file.schema_arrow)
    return NUMBER * cells + _text_bytes(path, "sum")


def _text_bytes(path: Path, how: str) -> int:
    """Bytes of the texts, `max` of each column or `sum`, together; the engine streams in bounded memory."""
    with opened(path) as file:
        texts = [one.name for one in file.schema_arrow if not pa.types.is_primitive(one.type)]
    if not texts:
        return 0
    names = ['"' + name.replace('"', '""') + '"' for name in texts]
    asked = " + ".join(f"coalesce({how}(strlen(CAST({name} AS VARCHAR))), 0)" for name in names)
    with duckdb.connect(config={"memory_limit": "512MB", "threads": 1}) as engine:
        row = engine.read_parquet(str(path)).aggregate(asked).fetchone()
    return int(row[0]) if row else 0


def batches(file: pq.ParquetFile, path: Path) -> Iterator[pa.RecordBatch]:
    """The rows, so few at a time that a batch stays below `BATCH_BYTES` however often a long text repeats."""
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES // check(path)))
    yield from file.iter_batches(batch_size=rows, use_threads=False)
