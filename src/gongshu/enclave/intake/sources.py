"""CSV, Excel and Parquet behind one face: column names, and batches of bounded size."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .base import BATCH, Source, distinct, texts
from .excel import Excel
from .lines import Lines, is_gzip
from .problems import IntakeError
from .records import Records, Row, check_width, shape

LIMIT = 64 << 30
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Csv(Source):
    kind = "csv"

    def __init__(self, path: Path, header: bool = True, limit: int = LIMIT) -> None:
        super().__init__()
        self.packed = is_gzip(path)
        self.lines = Lines(path, self.broken, limit)
        self.shape = shape(self.lines.head())
        check_width(self.shape.width)
        self.records = Records(self.lines, self.shape, self.broken, header)
        self.with_header = header

    def batches(self) -> Iterator[pa.RecordBatch]:
        waiting: list[Row] = []
        for rows in self.records:
            waiting += self._named(rows)
            while len(waiting) >= BATCH:
                yield texts(waiting[:BATCH], self.names)
                del waiting[:BATCH]
        if not self.names:
            self._named([])
        if waiting:
            yield texts(waiting, self.names)

    def _named(self, rows: list[Row]) -> list[Row]:
        """Give the columns their names once; without a header the first record is data."""
        if self.names:
            return rows
        header = self.records.header
        if header is None:
            raise IntakeError("empty", "文件里没有一行能读成记录，请检查编码和分隔符。")
        if self.with_header:
            self.names = [name.strip() for name in header]
            return rows
        self.names = [f"列{n}" for n in range(1, len(header) + 1)]
        return [header, *rows]

    def format(self) -> dict[str, Any]:
        names = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线", "\x01": "\\x01", "，": "中文逗号"}
        return {
            "kind": "csv",
            "gzip": self.packed,
            "encoding": self.lines.encoding.name.upper().removesuffix("-LE").removesuffix("-BE"),
            "delimiter": names[self.shape.delimiter],
            "header": self.with_header,
            "blank_lines": self.records.blank,
        }


class Parquet(Source):
    """Types come with the file; text columns are still recognised."""

    kind = "parquet"
    typed = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            self.file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
            schema = self.file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise IntakeError("format", "Parquet 文件打不开，可能已损坏。") from error
        check_width(len(schema.names))
        if not schema.names:
            raise IntakeError("empty", "Parquet 文件里没有字段。")
        nested = [n for n, f in enumerate(schema, 1) if pa.types.is_nested(f.type)]
        if nested:
            raise IntakeError("nested", f"第 {nested[0]} 列是嵌套结构，请展开成普通字段后再入库。")
        self.names = [str(n) for n in schema.names]

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.file.iter_batches(batch_size=BATCH, use_threads=False):
                yield pa.RecordBatch.from_arrays(
                    [_flat(c) for c in batch.columns], names=distinct(self.names)
                )
        except (pa.ArrowException, OSError, ValueError) as error:
            raise IntakeError("format", "Parquet 文件中途读不下去，可能已损坏。") from error

    def format(self) -> dict[str, Any]:
        return {"kind": "parquet", "rows": self.file.metadata.num_rows, "header": True}


def _flat(column: pa.Array) -> pa.Array:
    """One Arrow type for each of the engine's; what has none becomes text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _flat(column.dictionary_decode())
    if pa.types.is_boolean(kind) or pa.types.is_date32(kind) or pa.types.is_string(kind):
        return column
    if pa.types.is_uint64(kind) or pa.types.is_decimal(kind):
        return column if pa.types.is_decimal128(kind) else column.cast(pa.decimal128(20, 0))
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        if kind.tz:
            column = pa.compute.local_timestamp(
                column.cast(pa.timestamp("us", tz="Asia/Shanghai"), safe=False)
            )
        return column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.date32())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(
            [None if v is None else v.as_py().hex() if v.is_valid else None for v in column], pa.string()
        )
    return column.cast(pa.string())


def open_source(path: Path, name: str | None = None, header: bool = True, limit: int = LIMIT) -> Source:
    """The reader for a file, chosen by its first bytes; `name` only decides between text formats.

    Raises IntakeError `empty, format, encrypted, too_large`.
    """
    with path.open("rb") as file:
        head = file.read(64).removeprefix(b"\xef\xbb\xbf")
    if not head:
        raise IntakeError("empty", "文件是空的，没有可以入库的内容。")
    if head[:4] == b"PAR1":
        return Parquet(path)
    if head[:8] == _OLE or (head[:4] == b"PK\x03\x04" and _is_workbook(path)):
        return Excel(path, header)
    if head[:4] == b"PK\x03\x04":
        raise IntakeError("format", "这是一个 zip 压缩包，请解压后再入库（CSV 可以用 gzip 压缩）。")
    if head[:5] in (b"%PDF-", b"{\\rtf") or head[:4] in (
        b"\x89PNG",
        b"\xff\xd8\xff\xe0",
        b"Rar!",
        b"7z\xbc\xaf",
    ):
        raise IntakeError("format", "只能入库 CSV（可用 gzip 压缩）、Excel 和 Parquet 文件。")
    if re.match(rb"\s*(?:<[a-z!?]|\[?\s*\{\s*\")", head, re.I):
        raise IntakeError(
            "format", "这是网页、XML 或 JSON，只能入库 CSV（可用 gzip 压缩）、Excel 和 Parquet 文件。"
        )
    if name and re.search(r"\.(?:jsonl?|xml|pdf|docx?|sql)(?:\.gz)?$", name, re.I):
        raise IntakeError("format", "只能入库 CSV（可用 gzip 压缩）、Excel 和 Parquet 文件。")
    return Csv(path, header, limit)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(n.startswith("xl/") or n == "content.xml" for n in archive.namelist())
    except zipfile.BadZipFile as error:
        raise IntakeError("format", "文件已损坏，打不开。") from error
