"""CSV, Excel and Parquet behind one face: column names, and batches of bounded size."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .lines import Lines, is_gzip
from .problems import Broken, IntakeError
from .records import Records, Row, check_width, shape

BATCH = 20_000
LIMIT = 64 << 30
_EXCEL_PLAIN = 1 << 30
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Source(ABC):
    """`names` are known once the first batch has been read; all batches have the same schema."""

    names: list[str]
    kind: str
    typed = False

    def __init__(self) -> None:
        self.broken = Broken()
        self.names = []

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in order, at most `BATCH` at a time; text unless `typed`."""

    @abstractmethod
    def format(self) -> dict[str, Any]:
        """What the file turned out to be, for the provider's screen."""


def _texts(rows: Sequence[Row], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array(c, pa.string()) for c in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=_distinct(names))


def _distinct(names: Sequence[str]) -> list[str]:
    """Arrow needs distinct names; the draft's are numbers, the provider sees `names`."""
    return [f"c{n}" for n in range(len(names))]


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
                yield _texts(waiting[:BATCH], self.names)
                del waiting[:BATCH]
        if not self.names:
            self._named([])
        if waiting:
            yield _texts(waiting, self.names)

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


def _cell(value: object) -> str:
    """An Excel cell as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ") if value.time() != dt.time() else value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


class Excel(Source):
    """The first sheet that holds anything. Rows above the widest header are titles and are set aside."""

    kind = "excel"

    def __init__(self, path: Path, header: bool = True) -> None:
        super().__init__()
        _check_archive(path)
        import python_calamine

        try:
            self.book = python_calamine.CalamineWorkbook.from_path(str(path))
            found = [(n, self.book.get_sheet_by_name(n)) for n in self.book.sheet_names]
        except Exception as error:  # the binding raises its own kinds, and ZipError
            if "password" in str(error).lower():
                raise IntakeError("encrypted", "Excel 文件有密码，请去掉密码后再入库。") from error
            raise IntakeError("format", "Excel 文件打不开，可能已损坏或不是 Excel 格式。") from error
        filled = [(name, sheet) for name, sheet in found if sheet.height and sheet.width]
        if not filled:
            raise IntakeError("empty", "Excel 文件里没有内容。")
        self.sheets = [name for name, _ in filled]
        self.sheet = filled[0][1]
        check_width(self.sheet.width)
        self.with_header = header

    def batches(self) -> Iterator[pa.RecordBatch]:
        waiting: list[Row] = []
        number = self.sheet.start[0] if self.sheet.start else 0
        for cells in self.sheet.iter_rows():
            number += 1
            row = [_cell(c) for c in cells]
            if not any(c.strip() for c in row):
                continue
            if not self.names and not self._is_header(row, number):
                continue
            if self.names and self._taken:
                waiting.append(row)
            self._taken = True
            if len(waiting) >= BATCH:
                yield _texts(waiting, self.names)
                waiting = []
        if not self.names:
            raise IntakeError("empty", "Excel 表里没有表头，请补上后再入库。")
        if waiting:
            yield _texts(waiting, self.names)

    _taken = False

    def _is_header(self, row: Row, number: int) -> bool:
        if self.with_header and sum(bool(c.strip()) for c in row) * 2 <= len(row) and len(row) > 2:
            self.broken.add(number, "before_header", " ".join(c for c in row if c))
            return False
        self.names = [c.strip() for c in row] if self.with_header else [f"列{n + 1}" for n in range(len(row))]
        self._taken = not self.with_header
        return True

    def format(self) -> dict[str, Any]:
        return {
            "kind": "excel",
            "sheet": self.sheets[0],
            "other_sheets": self.sheets[1:],
            "header": self.with_header,
        }


def _check_archive(path: Path) -> None:
    """An xlsx that unpacks to more than 1 GiB is a bomb or a mistake; CSV is the way for such sizes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(i.file_size for i in archive.infolist()) > _EXCEL_PLAIN:
            raise IntakeError("too_large", "Excel 展开后超过 1 GiB，请改用 CSV 入库。")


class Parquet(Source):
    """Types come with the file; text columns are still recognised."""

    kind = "parquet"
    typed = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            self.file = pq.ParquetFile(path, pre_buffer=False)
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
                    [_flat(c) for c in batch.columns], names=_distinct(self.names)
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
