"""Excel: ordinary workbooks through calamine; large ones row by row through openpyxl, in bounded memory."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .base import BATCH, Source, texts
from .problems import IntakeError
from .records import Row, check_width

_LARGE = 64 << 20
_TOO_LARGE = 4 << 30
_LOOKED_AT = 100
_BROKEN = "Excel 文件打不开，可能已损坏或不是 Excel 格式。"


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


def _unpacked(path: Path) -> int:
    """Bytes of an xlsx once unpacked; 0 for the old binary format."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(i.file_size for i in archive.infolist())


class Excel(Source):
    """The first sheet that holds anything. Rows with at most half of their cells filled that stand above
    the header are titles and are set aside."""

    kind = "excel"

    def __init__(self, path: Path, header: bool = True) -> None:
        super().__init__()
        size = _unpacked(path)
        if size > _TOO_LARGE:
            raise IntakeError("too_large", "Excel 展开后超过 4 GiB，请改用 CSV 入库。")
        self.with_header = header
        self.sheets, self.rows = (_streamed if size > _LARGE else _whole)(path)
        self._reading = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        waiting: list[Row] = []
        for number, cells in self.rows:
            row = [_cell(c) for c in cells]
            if not any(c.strip() for c in row) or not self._is_data(row, number):
                continue
            width = len(self.names)
            if any(c.strip() for c in row[width:]):
                self.broken.add(number, "many", "\t".join(row))
                continue
            waiting.append(row[:width] + [""] * (width - len(row)))
            if len(waiting) >= BATCH:
                yield texts(waiting, self.names)
                waiting = []
        if not self.names:
            raise IntakeError("empty", "Excel 表里没有表头，请补上后再入库。")
        if waiting:
            yield texts(waiting, self.names)

    def _is_data(self, row: Row, number: int) -> bool:
        """Take titles and the header off the top."""
        if self.names:
            return True
        if not self.with_header:
            self.names = [f"列{n + 1}" for n in range(len(row))]
            return True
        if sum(bool(c.strip()) for c in row) * 2 <= len(row) and len(row) > 2:
            self.broken.add(number, "before_header", " ".join(c for c in row if c))
            return False
        while row and not row[-1].strip():
            row.pop()
        self.names = [c.strip() for c in row]
        return False

    def format(self) -> dict[str, Any]:
        return {
            "kind": "excel",
            "sheet": self.sheets[0],
            "other_sheets": self.sheets[1:],
            "header": self.with_header,
        }


Rows = Iterable[tuple[int, Sequence[object]]]


def _whole(path: Path) -> tuple[list[str], Rows]:
    """Through calamine: fast, the sheet in memory. Also reads xls, xlsb and ods."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        found = [(n, book.get_sheet_by_name(n)) for n in book.sheet_names]
    except Exception as error:  # the binding raises its own kinds
        if "password" in str(error).lower():
            raise IntakeError("encrypted", "Excel 文件有密码，请去掉密码后再入库。") from error
        raise IntakeError("format", _BROKEN) from error
    filled = [(name, sheet) for name, sheet in found if sheet.height and sheet.width]
    if not filled:
        raise IntakeError("empty", "Excel 文件里没有内容。")
    sheet = filled[0][1]
    check_width(sheet.width)
    first = (sheet.start[0] if sheet.start else 0) + 1
    return [name for name, _ in filled], enumerate(sheet.iter_rows(), first)


def _streamed(path: Path) -> tuple[list[str], Rows]:
    """Through openpyxl: slower, one row in memory at a time."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            top = sheet.iter_rows(max_row=_LOOKED_AT, values_only=True)
            if any(cell is not None for row in top for cell in row):
                check_width(sheet.max_column or 0)
                names = [sheet.title, *(s.title for s in book.worksheets if s is not sheet)]
                return names, _guarded(enumerate(sheet.iter_rows(values_only=True), 1))
    except IntakeError:
        raise
    except Exception as error:  # a damaged archive shows itself in many ways
        raise IntakeError("format", _BROKEN) from error
    raise IntakeError("empty", "Excel 文件里没有内容。")


def _guarded(rows: Rows) -> Rows:
    try:
        yield from rows
    except Exception as error:  # as above, met half-way
        raise IntakeError("format", "Excel 文件中途读不下去，可能已损坏。") from error
