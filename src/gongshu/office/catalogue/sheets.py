"""Excel in: a template made from the pack, sheets of items and of their data items, every bad cell named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from gongshu.law.forms import Form
from gongshu.office.catalogue.content import ITEMS
from gongshu.ui.inputs import whole_number

SHEET, ITEM_SHEET = "目录", "信息项"
KEY = "信息资源名称"
MOST_ROWS = 5_000
LIST_KINDS = ("choices", "names")


class BadSheet(ValueError):
    """The file is not the template. `args[0]`: one Chinese sentence."""


@dataclass
class Line:
    """One row of the sheet. `problems`: (cell, sentence)."""

    number: int
    typed: dict[str, Any]
    problems: list[tuple[str, str]] = field(default_factory=list)


def template(form: Form) -> bytes:
    """An empty workbook with the pack's fields as headings and lists to choose from."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    for number, each in enumerate(_fields(form), 1):
        _heading(sheet, number, each.title, dict(each.ask.options), many=each.ask.kind in LIST_KINDS)
    items = book.create_sheet(ITEM_SHEET)
    _heading(items, 1, KEY, {}, many=False)
    for number, each in enumerate(form.of(ITEMS), 2):
        _heading(items, number, each.title, dict(each.ask.options), many=False)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _heading(sheet: Any, number: int, title: str, options: Mapping[str, str], *, many: bool) -> None:
    cell = sheet.cell(row=1, column=number, value=title)
    cell.font = Font(bold=True)
    letter = get_column_letter(number)
    sheet.column_dimensions[letter].width = max(14, len(title) * 2.4)
    if options and not many:
        listed = '"' + ",".join(title for title in options.values())[:250] + '"'
        choice = DataValidation(type="list", formula1=listed, allow_blank=True)
        sheet.add_data_validation(choice)
        choice.add(f"{letter}2:{letter}{MOST_ROWS}")


def _fields(form: Form) -> list[Any]:
    return [each for each in form.fields if each.group != ITEMS]


def read(form: Form, data: bytes) -> list[Line]:
    """The rows of a filled-in template; `BadSheet` when it is none. Cells are not yet judged by the law."""
    try:
        book = load_workbook(BytesIO(data), read_only=True, data_only=True)
    except Exception as error:
        raise BadSheet("文件不是 Excel 工作簿（.xlsx），请用模板填写后上传。") from error
    if SHEET not in book.sheetnames:
        raise BadSheet(f"工作簿里没有“{SHEET}”这张表，请用模板填写。")
    rows = _rows(book[SHEET])
    if not rows:
        raise BadSheet("“目录”表里没有内容。")
    titles = {each.title: each for each in _fields(form)}
    heads = rows[0]
    missing = [each.title for each in _fields(form) if each.ask.required and each.title not in heads]
    if KEY in missing or not set(heads) & set(titles):
        raise BadSheet(f"“目录”表的表头缺少：{'、'.join(missing[:5])}。请用模板填写。")
    items = _items(form, book)
    found = []
    for number, row in enumerate(rows[1:], 2):
        given = {head: cell for head, cell in zip(heads, row, strict=False) if head in titles and cell}
        if not given:
            continue
        typed = {titles[head].id: _value(titles[head].ask, cell) for head, cell in given.items()}
        name = str(given.get(KEY, "")).strip()
        if name in items:
            typed[ITEMS] = items[name]
        found.append(Line(number, typed))
    return found


def _rows(sheet: Any) -> list[list[str]]:
    found = []
    for row in sheet.iter_rows(max_row=MOST_ROWS + 1, values_only=True):
        found.append(["" if cell is None else _text(cell) for cell in row])
    return found


def _text(cell: Any) -> str:
    if hasattr(cell, "strftime"):
        return str(cell.strftime("%Y-%m-%d"))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _items(form: Form, book: Any) -> dict[str, list[dict[str, str]]]:
    if ITEM_SHEET not in book.sheetnames:
        return {}
    rows = _rows(book[ITEM_SHEET])
    if not rows:
        return {}
    ids = {each.title: each.id for each in form.of(ITEMS)}
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows[1:]:
        given = dict(zip(rows[0], row, strict=False))
        name = given.get(KEY, "").strip()
        item = {ids[head]: cell for head, cell in given.items() if head in ids and cell}
        if name and item:
            found.setdefault(name, []).append(item)
    return found


def _value(ask: Any, cell: str) -> Any:
    """A cell as the law reads it: titles become codes, 是/否 booleans, 、 separates several."""
    options = {title: code for code, title in ask.options}
    if ask.kind == "bool":
        return {"是": True, "否": False}.get(cell, cell)
    if ask.kind in LIST_KINDS:
        parts = [part.strip() for part in cell.replace("，", "、").replace(";", "、").split("、")]
        return [options.get(part, part) for part in parts if part]
    if ask.kind == "number":
        number = whole_number(cell)
        return cell if number is None else number
    return options.get(cell, cell)


def cell_of(form: Form, line: Line, name: str) -> str:
    """Where in the sheet a field of a line stands, for the sentence about it."""
    for number, each in enumerate(_fields(form), 1):
        if each.id == name:
            return f"{SHEET}!{get_column_letter(number)}{line.number}"
    return f"{SHEET} 第 {line.number} 行"


def left_over(form: Form, lines: list[Line]) -> bytes:
    """The lines that were not taken, with what is wrong, in the shape of the template."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    fields = _fields(form)
    sheet.append([*(each.title for each in fields), "问题"])
    for line in lines:
        cells = [_shown(each.ask, line.typed.get(each.id)) for each in fields]
        sheet.append([*cells, "；".join(sentence for _, sentence in line.problems)])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _shown(ask: Any, value: Any) -> str:
    titles = dict(ask.options)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(str(titles.get(one, one)) for one in value)
    return str(titles.get(value, "" if value is None else value))
