"""Checks `identifier`, `identifier_encoded`, `identifier_hashed`: subjects named, plainly or in disguise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gongshu.recognise import kinds

from . import disguise, hashed, known
from .cells import is_suppressed, number, text
from .known import Known
from .model import Cell, Document, Finding, Table
from .raw import Raw
from .sentences import rows_phrase, say

_DECODED_CELLS = 20_000
_KEYED_CELLS = 60
_DECODABLE = re.compile(
    r"[0-9A-Za-z〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖]|[^\W\u3400-\u9fff]|[!@#$%^&*()]{6}"
)


def place(table: Table, index: int, named: Callable[[str], bool]) -> str:
    """`表 1 第 2 列“n”`; the header itself is left out unless it is known to be no datum."""
    header = table.headers[index]
    label = f"“{header}”" if header and named(header) else ""
    return f"{table.name} 第 {index + 1} 列{label}"


# A day or a full hour: too few different ones to carry an id, and their digits meet short ids by chance.
_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:00(?::00)?)?")


class Scan:
    """One pass over an output. `named` says which headers may be printed."""

    def __init__(self, raw: Raw, what: Known, named: Callable[[str], bool]) -> None:
        self.raw, self.known, self.named = raw, what, named
        self.found: list[Finding] = []
        self.keyed: dict[int, int] = {}
        """id of a table → its column of keyed tokens, where the output may have one."""

    def document(self, document: Document, explained: Callable[[Table, int], bool]) -> list[Finding]:
        """All findings of the three checks. `explained(table, column)`: a computed figure, no identifier."""
        for table in document.tables:
            self._headers(table)
            for index, cells in enumerate(table.columns):
                if self.keyed.get(id(table)) == index:
                    self._keyed_column(table, index, cells)
                elif not explained(table, index):
                    self._column(table, index, cells)
            self._across(table)
            self._down(table)
        for fragment in document.fragments:
            self.raw.budget.check()
            self._fragment(fragment.place, fragment.text)
        self._acrostic(document)
        self._hashes(document, explained)
        return self.found

    def _plain(self, body: str) -> str | None:
        """The kind of identifier that stands openly in a text."""
        return known.certain(body) or self.known.anywhere(body)

    def _headers(self, table: Table) -> None:
        for index, header in enumerate(table.headers):
            kind = self._plain(header) or known.likely(header)
            if kind:
                self._say_plain(kind, f"{table.name} 第 {index + 1} 列的列名")
            elif way := self._decoded(header):
                self._say_encoded(way, f"{table.name} 第 {index + 1} 列的列名")

    def _say_plain(self, kind: str, where: str) -> None:
        sentence = "identifier" if kind in kinds.KINDS else "identifier_raw"
        self.found.append(say("identifier", "block", where, sentence, kind=known.title(kind)))

    def _say_encoded(self, way: str, where: str) -> None:
        self.found.append(say("identifier_encoded", "block", where, way=way))

    def _keyed_column(self, table: Table, index: int, cells: list[Cell]) -> None:
        """Random tokens meet the form of a number now and then; identifiers in disguise do so everywhere."""
        step = max(1, len(cells) // _KEYED_CELLS)
        told = [self._cell(text(c), False, True) for c in cells[::step]]
        where = place(table, index, self.named)
        for hits, say_so in (
            ([k for k, _ in told if k], self._say_plain),
            ([w for _, w in told if w], self._say_encoded),
        ):
            if len(hits) >= max(3, 0.05 * len(told)):
                say_so(hits[0], where)
        if any(self.known.has(text(c)) for c in cells):
            self._say_plain("subject", where)

    def _column(self, table: Table, index: int, cells: list[Cell]) -> None:
        texts = [text(c) for c in cells]
        where = place(table, index, self.named)
        numeric = [isinstance(c, int | float) or (number(c) is not None) for c in cells]
        hits: dict[str, list[int]] = {}
        encoded: dict[str, list[int]] = {}
        seen: dict[str, tuple[str | None, str | None]] = {}
        for row, body in enumerate(texts):
            if not body:
                continue
            written = str(cells[row]) if isinstance(cells[row], str) else body
            if written not in seen:
                self.raw.budget.check()
                seen[written] = self._cell(written, numeric[row], len(seen) < _DECODED_CELLS)
            kind, way = seen[written]
            if kind:
                hits.setdefault(kind, []).append(row)
            elif way:
                encoded.setdefault(way, []).append(row)
        for kind, rows in hits.items():
            self._say_plain(kind, f"{where} {rows_phrase(rows)}")
        for way, rows in encoded.items():
            self._say_encoded(way, f"{where} {rows_phrase(rows)}")
        if not hits:
            self._whole_column(table, index, [t for t in texts if t], where)
        if not hits and not encoded and all(numeric[r] for r, t in enumerate(texts) if t):
            self._moved(cells, where)

    def _cell(self, body: str, numeric: bool, decode: bool) -> tuple[str | None, str | None]:
        """(kind found openly, way of a disguise)."""
        if numeric:
            digits = re.sub(r"\D", "", body)
            if len(digits) < 9:
                return None, None
            kind = known.certain(body) or ("subject" if self.known.has(body) else None)
        else:
            kind = self._plain(body) or known.likely(body)
        if kind:
            plain = known.certain(body) or known.likely(body) or self.known.has(body)
            return (kind, None) if plain or not _disguised(body) else (None, "全角、空白或分隔")
        if not decode or _HOUR.fullmatch(body.strip()):
            return None, None
        return None, self._decoded(body, numeric)

    def _decoded(self, body: str, numeric: bool = False) -> str | None:
        """The disguise under which an identifier hides in a text."""
        if len(body) < 6 or len(body) > 20_000:
            return None
        marked = any(c in disguise.INVISIBLE or ord(c) >= 0xE0020 for c in body) or not body.isprintable()
        if not numeric and not marked and not _DECODABLE.search(body):
            return None
        for way, result in disguise.undo(body):
            kind = known.certain(result)
            # a credit code's one check character in a long run of noise is chance
            if (kind and (kind != "credit_code" or len(result) <= 24)) or self._known_in(result):
                return way
        return None

    def _known_in(self, result: str) -> bool:
        value = known.canonical(result)
        if self.known.is_strong(value):
            return True
        return self.known.anywhere(result) is not None if len(result) <= 4000 else False

    def _whole_column(self, table: Table, index: int, values: list[str], where: str) -> None:
        """Columns that are identifiers only taken together: names, phones as numbers, short ids."""
        distinct = set(values)
        if len(distinct) < 3:
            return
        numeric = all(number(v) is not None for v in distinct)
        strong = (
            [v for v in distinct if any(kinds.KINDS[k].strong for k in kinds.of(v))]
            if len(distinct) < 100_000
            else []
        )
        if len(strong) >= 0.8 * len(distinct) and (not numeric or min(map(len, distinct)) >= 11):
            kind = next(k for k in kinds.of(strong[0]) if kinds.KINDS[k].strong)
            self._say_plain(kind, where)
            return
        folded = {known.canonical(v) for v in distinct}
        weak = folded & (self.known.weak | self.known.names)
        if not numeric and len(weak) >= 0.6 * len(folded):
            self._say_plain("name" if any("\u3400" <= v[0] <= "\u9fff" for v in weak) else "subject", where)
        elif numeric and len(weak) == len(folded) and len(distinct) >= 0.95 * len(values):
            sources = {s.casefold() for s in self.known.sources}
            if table.headers[index].strip().casefold() in sources or self._sparse(folded):
                self._say_plain("subject", where)

    def _sparse(self, values: set[str]) -> bool:
        """Whether hitting known numbers by chance is unlikely: few of the numbers in the span are ids."""
        ids = np.array(sorted(int(v) for v in self.known.weak if v.isdigit()))
        inside = [int(v) for v in values if v.isdigit()]
        if len(ids) < 5 or not inside:
            return False
        low, high = min(inside), max(inside)
        span = max(1, high - low + 1)
        density = float(np.searchsorted(ids, high, "right") - np.searchsorted(ids, low)) / span
        return float(min(1.0, density)) ** len(inside) < 1e-4

    def _moved(self, cells: list[Cell], where: str) -> None:
        """Numbers that are identifiers plus, times or xor a constant."""
        values = sorted({w for c in cells if (w := _whole(c)) is not None and abs(w) < 2**62})
        if len(values) < 3 or len(values) < 0.9 * sum(not is_suppressed(c) for c in cells):
            return
        for ids in self._id_arrays():
            if len(ids) >= 3 and _affine(np.array(values[:40], dtype=np.int64), ids):
                self._say_encoded("加减或乘以常数", where)
                return

    def _id_arrays(self) -> Iterator[np.ndarray[Any, Any]]:
        if not hasattr(self, "_ids"):
            numeric = [int(v) for v in self.known.strong if v.isdigit() and len(v) <= 18]
            numeric += [int(v) for v in self.known.cores if len(v) <= 18]
            bodies = [int(v[:-1]) for v in self.known.strong if len(v) == 18 and v[:-1].isdigit()]
            small = [int(v) for v in self.known.weak if v.isdigit() and len(v) <= 18]
            inner = [
                int(d)
                for v in self.known.strong
                if not v.isdigit() and v.isascii() and 4 <= len(d := re.sub(r"\D", "", v)) < 17
            ]
            self._ids = [
                np.unique(np.array(a, dtype=np.int64)) for a in (numeric, bodies, small, inner) if len(a) >= 3
            ]
        yield from self._ids

    def _across(self, table: Table) -> None:
        """Identifiers cut over neighbouring cells of a row, in either direction."""
        width = len(table.columns)
        if width < 2:
            return
        rows: list[int] = []
        for row, cells in enumerate(table.rows()):
            if row >= _DECODED_CELLS:
                break
            self.raw.budget.check()
            parts = [text(c) for c in cells]
            if self._row_cut(parts, width):
                rows.append(row)
        if rows:
            self._say_encoded("分写在多列", f"{table.name} {rows_phrase(rows)}")

    def _row_cut(self, parts: list[str], width: int) -> bool:
        for start in range(width - 1):
            joined = parts[start]
            for stop in range(start + 1, min(width, start + 12)):
                if not parts[stop]:
                    continue
                joined += parts[stop]
                if len(joined) > 40:
                    break
                if not parts[start] or len(joined) < 8:
                    continue
                pieces = [p for p in parts[start : stop + 1] if p]
                if len(max(pieces, key=len)) == len(joined):
                    continue
                for one in (
                    joined,
                    joined[::-1],
                    "".join(reversed(pieces)),
                    "".join(p[::-1] for p in pieces),
                ):
                    if self._cut_hit(one, pieces):
                        return True
        return False

    def _cut_hit(self, one: str, pieces: list[str]) -> bool:
        if any(self.known.has(p) for p in pieces):
            return False
        value = known.canonical(one)
        if self.known.is_strong(value) and (len(value) >= 9 or not value.isdigit()):
            return True
        return len(value) == 18 and value[:17].isdigit() and "resident_id" in kinds.of(value)

    def _down(self, table: Table) -> None:
        """Identifiers written down a column, a few characters a row."""
        for index, cells in enumerate(table.columns):
            parts = [text(c) for c in cells[:5000]]
            if len(parts) >= 4 and parts and max(map(len, parts)) <= 3:
                self._joined("".join(parts), place(table, index, self.named))

    def _joined(self, body: str, where: str) -> None:
        for size in {len(v) for v in list(self.known.strong)[:2000] if len(v) >= 9}:
            for start in range(max(0, len(body) - size + 1)):
                for one in (body[start : start + size], body[start : start + size][::-1]):
                    if known.canonical(one) in self.known.strong:
                        self._say_encoded("逐行拆写", where)
                        return

    def _acrostic(self, document: Document) -> None:
        lines = [f.text.strip() for f in document.fragments if f.place.startswith("正文") and f.text.strip()]
        if len(lines) >= 8:
            self._joined("".join(line[0] for line in lines), "正文各行首字")
            self._joined("".join(line[-1] for line in lines), "正文各行末字")

    def _fragment(self, where: str, body: str) -> None:
        kind = self._plain(body) or known.likely(body)
        if kind:
            self._say_plain(kind, where)
        elif way := self._decoded(body):
            self._say_encoded(way, where)
        else:
            for run in {*re.findall(r"[0-9A-Za-z+/=_\-%\\]{8,}", body)}:
                if run != body and (way := self._decoded(run, numeric=run.isdigit())):
                    self._say_encoded(way, where)
                    return

    def _hashes(self, document: Document, explained: Callable[[Table, int], bool]) -> None:
        places: dict[str, list[str]] = {}
        for table in document.tables:
            for index, cells in enumerate(table.columns):
                if explained(table, index):
                    continue
                where = place(table, index, self.named)
                places.setdefault(where, []).extend({text(c) for c in cells if c is not None})
                places[where].append(table.headers[index])
        for fragment in document.fragments:
            places.setdefault(fragment.place, []).append(fragment.text)
        self._tokens(document, explained)
        everything = [one for texts in places.values() for one in texts]
        values = [*self.known.strong, *self.known.names, *self.known.weak]
        names = [c.name for c in self.raw.all()] + list(self.raw.columns)
        way = hashed.search(everything, values, names, not self.found and not self.keyed) if values else None
        if way is None and self.keyed and not self.found:
            # a token a subject: where all subjects have theirs, few raw values meet it as surely as all would
            covered = max(table.height for table in document.tables if id(table) in self.keyed)
            wanted = _KEYED_CELLS * max(1, len(values) // max(1, covered))
            some = values[:: max(1, len(values) // wanted)]
            way = hashed.search(everything, some, names, guess=True)
        if way is None:
            return
        guilty = [where for where, texts in places.items() if hashed.made_so(texts, values, way)]
        for where in guilty or ["文件"]:
            self.found.append(say("identifier_hashed", "block", where, way=way[0]))

    def _tokens(self, document: Document, explained: Callable[[Table, int], bool]) -> None:
        for table in document.tables:
            for index, cells in enumerate(table.columns):
                if self.keyed.get(id(table)) == index:
                    continue
                values = [text(c) for c in cells if not is_suppressed(c)]
                digests = [r for r, c in enumerate(cells) if hashed.DIGEST.fullmatch(text(c))]
                if digests:  # whose salt nobody knows may be anybody's
                    where = f"{place(table, index, self.named)} {rows_phrase(digests)}"
                    self.found.append(say("identifier_hashed", "block", where, "identifier_digest"))
                    continue
                if explained(table, index) or not hashed.random_looking(values) or self._plain_label(values):
                    continue
                where = place(table, index, self.named)
                self.found.append(say("identifier_hashed", "block", where, "identifier_token"))

    def _plain_label(self, values: list[str]) -> bool:
        """Codes that are ordinary numbers (sums, means) are no pseudonyms."""
        return all((n := number(v)) is not None and (n.decimals > 0 or abs(n.value) < 1e9) for v in values)


def _whole(cell: Cell) -> int | None:
    """The whole number of a cell, exact also beyond the digits of a float."""
    body = text(cell).replace(",", "")
    return int(body) if re.fullmatch(r"-?\d{1,19}", body) else None


def _disguised(body: str) -> bool:
    return body != kinds.normal(body)


def _affine(values: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> bool:
    """Whether the values are ids + c, ids xor c, or ids times a small whole number, beyond chance."""
    span = max(1, int(ids[-1] - ids[0]))
    density = len(ids) / span
    if density ** (len(values) - 1) * len(ids) > 1e-4:
        return False
    for sign in (1, -1):
        shifts = values[0] - sign * ids
        shifts = shifts[shifts != 0]
        for value in values[1:]:
            if not len(shifts):
                break
            shifts = shifts[np.isin(sign * (value - shifts), ids)]
        if len(shifts):
            return True
    masks = values[0] ^ ids
    masks = masks[masks != 0]
    for value in values[1:]:
        masks = masks[np.isin(value ^ masks, ids)]
        if not len(masks):
            break
    if len(masks):
        return True
    common = int(np.gcd.reduce(values))
    return any(
        bool(np.isin(values // factor, ids).all())
        for factor in (common, *range(2, 100), 1000, 10_000, 100_000, 1_000_000)
        if factor > 1 and bool((values % factor == 0).all())
    )
