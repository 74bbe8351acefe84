"""Reports: HTML, Markdown and plain text, with what a reader does not see."""

from __future__ import annotations

import base64
import re
import urllib.parse
from html.parser import HTMLParser

from ..model import Cell, Document, Fragment, Table
from ..sentences import say
from .tabular import delimited, from_rows
from .text import decode

_DATA_URI = re.compile(r"data:([\w/+.\-]*)((?:;[\w=\-]+)*),([A-Za-z0-9+/=%_\-.~ ]*)")
_REMOTE = re.compile(r"(?i)\b(?:https?:)?//[^\s\"')>]+")
_HIDDEN_STYLE = re.compile(
    r"(?i)(display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])|"
    r"left\s*:\s*-\d{3,}|color\s*:\s*(?:#fff(?:fff)?\b|white\b|transparent))"
)
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


class _Page(HTMLParser):
    """Collects tables, visible text, comments, attributes and scripts apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[Cell]]] = []
        self.fragments: list[Fragment] = []
        self.hidden = False
        self.active = False
        self.media = False
        self._open: list[int] = []
        self._cell: list[str] | None = None
        self._span = 1
        self._raw: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("table",):
            self.tables.append([])
            self._open.append(len(self.tables) - 1)
        elif tag == "tr" and self._open:
            self._close_cell()
            self.tables[self._open[-1]].append([])
        elif tag in ("td", "th") and self._open:
            self._close_cell()
            self._cell = []
            self._span = 1
        elif tag in ("script", "style"):
            self._raw = tag
        elif tag in ("iframe", "object", "embed", "applet", "form", "base"):
            self.active = True
        elif tag in ("img", "video", "audio", "canvas", "picture"):
            self.media = True
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if (name == "style" and _HIDDEN_STYLE.search(value)) or name == "hidden":
            self.hidden = True
        elif name == "colspan" and self._cell is not None and value.isdigit():
            self._span = min(50, int(value))
        elif (
            name in ("src", "href", "action", "srcset") and _REMOTE.match(value) and tag != "a"
        ) or name.startswith("on"):
            self.active = True
        if tag == "input" and name == "type" and value == "hidden":
            self.hidden = True
        if value and name not in ("style", "class", "charset", "lang", "colspan", "rowspan"):
            self.fragments.append(Fragment("标签属性", value))

    def _close_cell(self) -> None:
        if self._cell is not None and self._open and self.tables[self._open[-1]]:
            text = " ".join("".join(self._cell).split(" ")).strip("\n\t\r ")
            row = self.tables[self._open[-1]][-1]
            row.append(text)
            row.extend([None] * (self._span - 1))
        self._cell = None

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._close_cell()
        elif tag == "table" and self._open:
            self._close_cell()
            self._open.pop()
        elif tag in ("script", "style"):
            self._raw = None

    def handle_data(self, data: str) -> None:
        if self._raw is not None:
            self.fragments.append(Fragment("脚本或样式", data))
            self.hidden |= self._raw == "style" and bool(_HIDDEN_STYLE.search(data))
            self.active |= self._raw == "script" and bool(data.strip())
        elif self._cell is not None:
            self._cell.append(data)
        elif data.strip():
            self.fragments.append(Fragment("正文", data.strip()))

    def handle_comment(self, data: str) -> None:
        self.fragments.append(Fragment("注释", data))

    def unknown_decl(self, data: str) -> None:
        self.fragments.append(Fragment("注释", data))

    def handle_pi(self, data: str) -> None:
        self.fragments.append(Fragment("注释", data))


def read_html(data: bytes) -> Document:
    """A page; scripts and remote parts are for a human to judge, pictures cannot be judged."""
    document = Document("html")
    _html_into(decode(data), document)
    return document


def _html_into(text: str, document: Document) -> None:
    page = _Page()
    page.feed(text)
    page.close()
    for rows in page.tables:
        table = from_rows([list(row) for row in rows if row], f"表 {len(document.tables) + 1}")
        if table is not None and table.height:
            document.tables.append(table)
        elif table is not None:
            document.fragments += [Fragment("正文", header) for header in table.headers]
    document.fragments += page.fragments
    for flag, sentence in ((page.hidden, "covert_hidden"), (page.active, "covert_active")):
        if flag:
            document.findings.append(say("covert", "review", "页面", sentence))
    if page.media:
        document.findings.append(say("format", "review", "页面", "format_media"))
    _data_uris(text, document)


def _data_uris(text: str, document: Document) -> None:
    for kind, options, body in _DATA_URI.findall(text):
        raw = urllib.parse.unquote_to_bytes(body)
        if "base64" in options:
            try:
                raw = base64.b64decode(re.sub(rb"\s", b"", raw) + b"===")
            except ValueError:
                continue
        if kind.startswith(("image/png", "image/jpeg", "image/gif", "image/webp", "application/")):
            document.findings.append(say("format", "block", "数据链接", "format_media"))
        document.fragments.append(Fragment("数据链接", raw.decode("utf-8", "replace")))


def read_markdown(data: bytes) -> Document:
    """Markdown: pipe tables, code blocks that look like tables, embedded HTML, text."""
    text = decode(data)
    document = Document("md")
    _text_tables(text, document)
    if re.search(r"<[A-Za-z!/]", text):
        inner = Document("html")
        _html_into(text, inner)
        document.tables += list(inner.tables)
        document.fragments += [f for f in inner.fragments if f.place != "正文"]
        document.findings += inner.findings
    else:
        _data_uris(text, document)
    if re.search(r"!\[[^\]]*\]\([^)]*\)", text):
        document.findings.append(say("format", "review", "正文", "format_media"))
    return document


def read_text(data: bytes) -> Document:
    """Plain text: paragraphs, and blocks of lines that are delimited alike as tables."""
    document = Document("txt")
    _text_tables(decode(data), document)
    return document


def _text_tables(text: str, document: Document) -> None:
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        block = _block(lines, i)
        if block is None:
            if lines[i].strip() and not _FENCE.match(lines[i]):
                document.fragments.append(Fragment(f"正文第 {i + 1} 行", lines[i]))
            i += 1
            continue
        table, i = block
        table.name = f"表 {len(document.tables) + 1}"
        document.tables.append(table)
    if any(
        re.search(r"(?:\t| {3,}|\u3000)$", line) or re.search(r"\t +$| \t", line[len(line.rstrip()) :])
        for line in lines
    ):
        document.findings.append(say("covert", "review", "行尾", "covert_blank"))


def _block(lines: list[str], start: int) -> tuple[Table, int] | None:
    """The table that begins at `start`, with the line after it; null when none does."""
    line = lines[start]
    if "|" in line and start + 1 < len(lines) and _RULE.match(lines[start + 1]) and "-" in lines[start + 1]:
        stop = start + 2
        while stop < len(lines) and "|" in lines[stop]:
            stop += 1
        rows: list[list[Cell]] = [_pipes(one) for one in [lines[start], *lines[start + 2 : stop]]]
        table = from_rows([list(row) for row in rows], "")
        return (table, stop) if table is not None and table.height else None
    for mark in ("\t", ",", ";", "|", "，"):
        stop = start
        count = line.count(mark)
        if not count:
            continue
        while stop < len(lines) and lines[stop].count(mark) == count:
            stop += 1
        if stop - start >= (3 if mark != "，" else 4) and not lines[start].rstrip().endswith(("。", ".")):
            body = "\n".join(lines[start:stop])
            table = delimited(body.replace("，", ",") if mark == "，" else body)
            return (table, stop) if table is not None else None
    return _aligned(lines, start)


def _aligned(lines: list[str], start: int) -> tuple[Table, int] | None:
    """A table aligned with two or more blanks."""
    stop, width = start, len(re.split(r"\s{2,}", lines[start].strip()))
    while width >= 2 and stop < len(lines) and len(re.split(r"\s{2,}", lines[stop].strip())) == width:
        stop += 1
    if stop - start < 3:
        return None
    table = from_rows([list(re.split(r"\s{2,}", one.strip())) for one in lines[start:stop]], "")
    return (table, stop) if table is not None else None


def _pipes(line: str) -> list[Cell]:
    body = line.strip()
    body = body.removeprefix("|").removesuffix("|")
    cells = re.split(r"(?<!\\)\|", body)
    return [re.sub(r"[*_`]{1,3}", "", cell.replace("\\|", "|")).strip() for cell in cells]
