"""Excel: every sheet, also the hidden ones, with comments, properties, formats and stray parts."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import openpyxl

from ..model import Document, Fragment, Table
from ..sentences import say
from .tabular import MAX_CELLS, from_rows, plain
from .text import Unreadable

_KNOWN = re.compile(
    r"^(\[Content_Types\]\.xml|_rels/|docProps/|xl/(_rels/|workbook\.xml|styles\.xml|sharedStrings\.xml|theme/|"
    r"worksheets/|comments|drawings/|metadata\.xml|calcChain\.xml|charts/|persons/|threadedComments/|tables/|printerSettings/))"
)
_TAG = re.compile(r"<[^>]+>")
_BIGGEST = 400_000_000


def read_xlsx(data: bytes) -> Document:
    """A workbook; formulas count as text beside their cached value."""
    document = Document("xlsx")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        if sum(entry.file_size for entry in archive.infolist()) > _BIGGEST:
            raise OverflowError
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(data), data_only=False)
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        SyntaxError,
    ) as error:
        raise Unreadable("不是完整的 xlsx") from error
    _parts(archive, document)
    total = 0
    for number, sheet in enumerate(book.worksheets, 1):
        total += (sheet.max_row or 0) * (sheet.max_column or 0)
        if total > MAX_CELLS:
            raise OverflowError
        _sheet(sheet, f"工作表 {number}", document)
    for sheet in formulas.worksheets:
        for row in sheet.iter_rows():
            document.fragments += [
                Fragment("公式", str(cell.value)) for cell in row if cell.data_type == "f" and cell.value
            ]
    _properties(book, document)
    return document


def _parts(archive: zipfile.ZipFile, document: Document) -> None:
    for name in archive.namelist():
        if name.startswith(("xl/media/", "xl/embeddings/", "xl/vbaProject")):
            document.findings.append(say("format", "block", "附件", "format_media"))
        elif name.startswith("xl/externalLinks/"):
            document.findings.append(say("covert", "review", "外部链接", "covert_active"))
        elif not _KNOWN.match(name):
            document.findings.append(say("covert", "review", "文件内的部件", "covert_extra"))
        if name.endswith((".xml", ".rels", ".vml")) and "worksheets/sheet" not in name:
            text = archive.read(name).decode("utf-8", "replace")
            if "theme" not in name and "styles" not in name and "sharedStrings" not in name:
                document.fragments.append(Fragment("文件内的部件", _TAG.sub(" ", text)))


def _sheet(sheet: Any, place: str, document: Document) -> None:
    document.fragments.append(Fragment(f"{place}的名称", sheet.title))
    hidden = sheet.sheet_state != "visible"
    hidden |= any(d.hidden for d in sheet.row_dimensions.values())
    hidden |= any(d.hidden for d in sheet.column_dimensions.values())
    rows: list[list[Any]] = []
    for row in sheet.iter_rows():
        rows.append([plain(cell.value) for cell in row])
        for cell in row:
            if cell.comment is not None:
                document.fragments.append(Fragment(f"{place}的批注", cell.comment.text))
            if cell.hyperlink is not None and cell.hyperlink.target:
                document.fragments.append(Fragment(f"{place}的链接", cell.hyperlink.target))
            if cell.value is not None:
                hidden |= _unseen(cell)
                if '"' in (cell.number_format or ""):
                    document.fragments.append(Fragment(f"{place}的数字格式", cell.number_format))
    for part in (sheet.oddHeader, sheet.oddFooter):
        for side in (part.left, part.center, part.right):
            if side.text:
                document.fragments.append(Fragment(f"{place}的页眉页脚", side.text))
    if hidden:
        document.findings.append(say("covert", "review", place, "covert_hidden"))
    for block in blocks(rows):
        table = from_rows(block, place)
        if table is not None and table.height:
            document.tables.append(table)
        elif block:
            document.fragments += [Fragment(place, str(cell)) for cell in block[0] if cell is not None]


def _unseen(cell: Any) -> bool:
    """A value printed white on white, or by a format that shows nothing."""
    if cell.number_format in (";;;", ";;"):
        return True
    colour = getattr(cell.font, "color", None)
    fill = cell.fill.fgColor.rgb if cell.fill is not None and cell.fill.fill_type else "FFFFFFFF"
    rgb = getattr(colour, "rgb", None)
    return isinstance(rgb, str) and isinstance(fill, str) and rgb[-6:] == fill[-6:] == "FFFFFF"


def blocks(rows: list[list[Any]]) -> list[list[list[Any]]]:
    """Split a sheet at empty rows; a title line of one cell above a block stands alone."""
    found: list[list[list[Any]]] = []
    block: list[list[Any]] = []
    for row in [*rows, []]:
        filled = [cell for cell in row if cell is not None and str(cell).strip()]
        if filled:
            if len(filled) == 1 and len(row) > 1 and not block:
                found.append([filled])
            else:
                block.append(row)
        elif block:
            found.append(_trim(block))
            block = []
    return found


def _trim(block: list[list[Any]]) -> list[list[Any]]:
    """Leave out columns empty in the whole block."""
    width = max(len(row) for row in block)
    used = [i for i in range(width) if any(i < len(row) and row[i] is not None for row in block)]
    return [[row[i] if i < len(row) else None for i in used] for row in block]


def _properties(book: Any, document: Document) -> None:
    properties = book.properties
    for name in ("title", "subject", "description", "keywords", "category", "creator", "lastModifiedBy"):
        text = getattr(properties, name, None)
        if text:
            document.fragments.append(Fragment("文件属性", str(text)))
    for custom in getattr(book, "custom_doc_props", None) or ():
        document.fragments.append(Fragment("文件属性", f"{custom.name} {custom.value}"))
    for name, defined in (getattr(book, "defined_names", None) or {}).items():
        document.fragments.append(Fragment("定义的名称", f"{name} {getattr(defined, 'value', '')}"))


__all__ = ["Table", "blocks", "read_xlsx"]
