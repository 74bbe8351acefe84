"""Excel out: values only, never a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font, PatternFill

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# 控制字符写不进 xlsx
_ILLEGAL = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])


def clean(value: Any) -> Any:
    """A cell value Excel stores as it is; text that looks like a formula stays text."""
    if not isinstance(value, str):
        return value
    return value.translate(_ILLEGAL)[:32_000]


def workbook(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """One sheet with bold headings, frozen, as the bytes of an xlsx file."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("".join(c for c in title if c not in "[]:*?/\\")[:31] or "列表")
    sheet.freeze_panes = "A2"
    for number, heading in enumerate(headings):
        sheet.column_dimensions[_letter(number)].width = max(12, min(40, len(heading) * 2 + 6))
    top = []
    for heading in headings:
        cell = WriteOnlyCell(sheet, value=heading)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="E8EEF6")
        top.append(cell)
    sheet.append(top)
    for row in rows:
        line = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=clean(value))
            if isinstance(value, str):
                cell.data_type = "s"  # “=…”开头也是文字，不是公式
            line.append(cell)
        sheet.append(line)
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def workbook_response(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The workbook as a download named after its title."""
    response = HttpResponse(workbook(title, headings, rows), content_type=EXCEL)
    response["Content-Disposition"] = attachment(f"{title}.xlsx")
    return response


def attachment(name: str) -> str:
    """A Content-Disposition value for a Chinese file name (RFC 6266)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _letter(number: int) -> str:
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
