"""The bytes that would leave, made from a run's result: a CSV table, or a report around it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from gongshu.enclave import parquet

LARGEST_ROWS = 200_000
REPORT_ROWS = 5_000
LARGEST_CELLS = 256 << 20
"""Bytes a result may take before it is cut down to what may leave."""
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "onnx": "application/octet-stream",
}


class RenderError(Exception):
    """The result cannot be put into the form asked for. `args[0]`: one Chinese sentence."""


def rows_of(path: Path, largest: int = LARGEST_ROWS) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of a result."""
    try:
        parquet.check(path, largest)
    except parquet.TooLarge as error:
        raise RenderError(str(error)) from error
    if parquet.unpacked(path) > LARGEST_CELLS:
        raise RenderError(f"结果的内容超过 {LARGEST_CELLS >> 20} MB，不能按这种形式出域；请先汇总。")
    table = pq.read_table(path)
    return list(table.column_names), [list(row.values()) for row in table.to_pylist()]


def text(value: Any) -> str:
    """One cell as people and programs read it; nothing is rounded here."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return str(value)


def dated(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows with days instead of timestamps in each column whose timestamps all lie at midnight.

    A month or day that a query cuts out of a time is a timestamp to the engine and a day to the reader.
    """
    whole = {
        number
        for number in range(len(rows[0]) if rows else 0)
        if _all_midnight([row[number] for row in rows if row[number] is not None])
    }
    return [
        [value.date() if number in whole and value is not None else value for number, value in enumerate(row)]
        for row in rows
    ]


def _all_midnight(values: Sequence[Any]) -> bool:
    """Whether a column holds timestamps, and only at midnight of their own zone."""
    return bool(values) and all(isinstance(one, datetime) and one.time() == time.min for one in values)


# How a spreadsheet tells a formula; a dash alone or before a number is none.
FORMULA = re.compile(r"\s*(?:[=@＝＠]|[+\-＋－](?!\s*(?:[0-9.,%]*|[0-9.]+[eE][+-]?[0-9]+)\s*\Z))")


def _no_formulas(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Raises `RenderError` for text a reviewer's spreadsheet would compute: it could carry cells away."""
    texts = (value for row in rows for value in row if isinstance(value, str))
    if any(FORMULA.match(one) for one in (*columns, *texts)):
        raise RenderError(
            "表头或文字以 =、+、-、@ 开头，表格软件会当作公式执行，不能按这种形式出域；请改写查询。"
        )


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """UTF-8 with a byte-order mark, so that a spreadsheet opens the Chinese headers. Raises `RenderError`."""
    _no_formulas(columns, rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([text(value) for value in row] for row in dated(rows))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_report(title: str, lead: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A Markdown report: title, the developer's fixed words, the table."""
    if len(rows) > REPORT_ROWS:
        raise RenderError(f"报告的表超过 {REPORT_ROWS} 行；请先汇总。")

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    body = [line(columns), line(["---"] * len(columns))]
    body += [line([text(value) for value in row]) for row in dated(rows)]
    words = [part.strip() for part in lead.splitlines() if part.strip()]
    return "\n\n".join([f"# {title}", *words, "\n".join(body)]).encode() + b"\n"


def form(kind: str, output: Mapping[str, Any], path: Path) -> tuple[str, bytes]:
    """(ending, bytes) of what would leave for a release of `kind`; raises `RenderError`."""
    if kind == "report":
        columns, rows = rows_of(path, REPORT_ROWS)
        return "md", as_report(str(output.get("title", "")), str(output.get("lead", "")), columns, rows)
    if kind in ("table", "index"):
        return "csv", as_csv(*rows_of(path))
    raise RenderError("这种形式的成果还不能出域。")
