"""Lines as records of fields: delimiter, quotes over several lines, and recovery after a bad one."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .lines import LINE_LIMIT
from .problems import Broken, IntakeError

DELIMITERS = (",", "\t", ";", "|", "\x01", "，")
_OPEN_LINES = 200
_OPEN_CHARACTERS = 1 << 18
_GUESS_RECORDS = 300

csv.field_size_limit(LINE_LIMIT)

Row = list[str]


@dataclass(frozen=True)
class Shape:
    """How the records of a file look: `width` fields, `delimiter` between them; `trailing`: lines end with
    one more delimiter and nothing behind it."""

    delimiter: str
    width: int
    trailing: bool = False


def shape(head: str) -> Shape:
    """The delimiter under which most of the first records have the same number of fields, more than one;
    a file of one column has the comma and width 1."""
    texts = head.split("\n")[:_GUESS_RECORDS]
    texts = [t.removesuffix("\r") for t in (texts[:-1] if len(texts) > 1 and len(head) >= 1 << 19 else texts)]
    best = (0, 0, Shape(",", 1))
    for place, delimiter in enumerate(DELIMITERS):
        rows = [r for r in _lenient(texts, delimiter) if r]
        if not rows:
            continue
        width, count = max(Counter(map(len, rows)).items(), key=lambda item: (item[1], item[0]))
        if width > 1 and (count * width, -place) > best[:2]:
            best = (count * width, -place, _trimmed(rows, delimiter, width))
    return best[2]


def _trimmed(rows: list[Row], delimiter: str, width: int) -> Shape:
    """Many exports end each line, or each but the header, with a delimiter."""
    if width > 2 and not any(r[-1].strip() for r in rows if len(r) == width):
        return Shape(delimiter, width - 1, trailing=True)
    return Shape(delimiter, width)


def _lenient(texts: Iterable[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(texts, delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue


def _strict(texts: list[str], delimiter: str) -> list[Row | None]:
    """One row a text; None where it cannot be parsed."""
    try:
        rows: list[Row | None] = list(csv.reader(texts, delimiter=delimiter, strict=True))
        if len(rows) == len(texts):
            return rows
    except csv.Error:
        pass
    return [_one(text, delimiter) for text in texts]


def _one(text: str, delimiter: str) -> Row | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


class Records:
    """The whole records of a file, as blocks of rows that all have `width` fields.

    A quoted field may run over lines, up to 200 of them. A quote that never closes breaks only the line
    it stands in: the lines after it are read again by themselves. `named`: the first record is a header.
    """

    def __init__(
        self,
        blocks: Iterable[tuple[int, list[str | None]]],
        shape_: Shape,
        broken: Broken,
        named: bool = True,
    ) -> None:
        self.blocks = blocks
        self.shape = shape_
        self.broken = broken
        self.named = named
        self.blank = 0
        self.header: Row | None = None
        self._open: list[tuple[int, str]] = []
        self._size = 0
        self._begun = False

    def __iter__(self) -> Iterator[list[Row]]:
        for start, texts in self.blocks:
            if not self._open and None not in texts and not any('"' in t for t in texts if t):
                yield from self._rows(list(range(start, start + len(texts))), [t or "" for t in texts])
                continue
            numbers, whole = self._assemble([(start + n, t) for n, t in enumerate(texts) if t is not None])
            yield from self._rows(numbers, whole)
        while self._open:
            waiting = self._give_up()
            numbers, whole = self._assemble(waiting)
            yield from self._rows(numbers, whole)

    def _assemble(self, lines: list[tuple[int, str]]) -> tuple[list[int], list[str]]:
        """Join lines while a quote is open; what stays open is kept for the next block."""
        queue = deque(lines)
        numbers: list[int] = []
        whole: list[str] = []
        while queue:
            number, text = queue.popleft()
            odd = text.count('"') % 2 == 1
            if not self._open and not odd:
                numbers.append(number)
                whole.append(text)
                continue
            self._open.append((number, text))
            self._size += len(text)
            if len(self._open) > 1 and odd:
                joined = "\n".join(t for _, t in self._open)
                row = _one(joined, self.shape.delimiter)
                if row is not None and len(row) == self.shape.width:
                    numbers.append(self._open[0][0])
                    whole.append(joined)
                    self._open, self._size = [], 0
                else:
                    queue.extendleft(reversed(self._give_up()))
            elif len(self._open) > _OPEN_LINES or self._size > _OPEN_CHARACTERS:
                queue.extendleft(reversed(self._give_up()))
        return numbers, whole

    def _give_up(self) -> list[tuple[int, str]]:
        (number, text), *rest = self._open
        self.broken.add(number, "quote", text)
        self._open, self._size = [], 0
        return rest

    def _rows(self, numbers: list[int], texts: list[str]) -> Iterator[list[Row]]:
        rows = _strict(texts, self.shape.delimiter)
        width = self.shape.width
        if self.shape.trailing:
            rows = [r[:-1] if r and len(r) == width + 1 and not r[-1].strip() else r for r in rows]
        good = [r for r in rows if r is not None and len(r) == width]
        if len(good) != len(rows):
            told = zip(numbers, texts, rows, strict=True)
            good = [r for n, t, r in told if self._sound(n, t, r) and r is not None]
        first = self.header is None and bool(good)
        if first:
            self.header, *good = good
        if self.named and self.header in good:
            good = self._without_headers(numbers, texts, rows, first)
        if good:
            yield good

    def _without_headers(
        self, numbers: list[int], texts: list[str], rows: list[Row | None], first: bool
    ) -> list[Row]:
        """Files put together from several repeat their header: such a line is no data."""
        kept = []
        for number, text, row in zip(numbers, texts, rows, strict=True):
            if row == self.header:
                if not first:
                    self.broken.add(number, "header_again", text)
                first = False
            elif row is not None and len(row) == self.shape.width:
                kept.append(row)
        return kept

    def _sound(self, number: int, text: str, row: Row | None) -> bool:
        width = self.shape.width
        if row is None:
            self.broken.add(number, "quote", text)
        elif len(row) == width:
            self._begun = True
            return True
        elif not row:
            self.blank += 1
        elif self.header is None and not self._begun:
            self.broken.add(number, "before_header", text)
        else:
            self.broken.add(number, "few" if len(row) < width else "many", text)
        return False


def check_width(width: int) -> None:
    if width > 2000:
        raise IntakeError("columns", "字段超过 2000 个，请拆分后再入库。")
