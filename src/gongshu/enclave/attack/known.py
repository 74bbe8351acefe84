"""The identifying values of the raw tables, ready to be looked up; and the search for them in texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gongshu.recognise import kinds

from .raw import Raw, quote

_LIMIT = 2_000_000
_WORD = re.compile(r"[0-9A-Za-z_@.+\-]{4,}")
_PIECE = re.compile(r"[0-9A-Za-z]{4,}")
_HAN = re.compile(r"[\u3400-\u9fff·0-9A-Za-z（）()\-]{3,}")
_CORE = re.compile(r"(?=.*[A-Z])[A-Z]{0,4}(\d{9,})[A-Z]{0,2}")
_SIGNED = re.compile(
    r"(编制|审核|签发|作者|负责人|联系人|审定|校对|制表|撰写|发布人|经办|主编)[^，。;；\n]{0,6}$"
)
_CERTAIN = ("resident_id", "credit_code")


def canonical(value: object) -> str:
    """NFKC, no blanks, no invisible marks, upper case: how values are compared."""
    return kinds.normal(str(value)).upper()


def strong(value: str) -> bool:
    """Whether finding the value somewhere cannot be chance."""
    if value.isdigit():
        return len(value) >= 9
    if value.isascii():
        letters = sum(c.isalpha() for c in value)
        digits = sum(c.isdigit() for c in value)
        return (letters > 0 and digits > 0 and len(value) >= 4 and digits >= 2) or len(value) >= 12
    return len(value) >= 4


@dataclass
class Known:
    """Identifying values. `strong` may be searched in texts, `names` are Han names of three and more
    characters, `cores` the digits of strong values with letters around, `weak` count only when a whole
    column holds them."""

    strong: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    weak: set[str] = field(default_factory=set)
    cores: set[str] = field(default_factory=set)
    lengths: tuple[int, ...] = ()
    sources: list[str] = field(default_factory=list)

    def is_strong(self, value: str) -> bool:
        """Whether a canonical value is one, or the digits of one, that cannot stand there by chance."""
        return value in self.strong or value in self.cores

    def has(self, text: str) -> bool:
        return self.is_strong(canonical(text))

    def anywhere(self, text: str) -> str | None:
        """The kind of a strong known value inside a text, null when there is none."""
        value = canonical(text)
        if self.is_strong(value):
            return self.strong.get(value, "subject")
        folded = unicodedata.normalize("NFKC", text).upper()
        for pattern in (_WORD, _PIECE):
            for word in pattern.findall(folded):
                if self.is_strong(word):
                    return self.strong.get(word, "subject")
        for run in _HAN.finditer(folded):
            body = run[0]
            for size in self.lengths:
                for start in range(len(body) - size + 1):
                    piece = body[start : start + size]
                    if piece in self.strong and not piece.isascii():
                        return self.strong[piece]
                    if piece in self.names and not _SIGNED.search(folded[: run.start() + start]):
                        return "name"
        return None


def gather(raw: Raw) -> Known:
    """All values of identifying columns of the raw tables."""
    known = Known()
    lengths: Counter[int] = Counter()
    for column in raw.all():
        if not column.identifying:
            continue
        known.sources.append(column.name)
        reader = raw.engine.cursor()
        reader.execute(
            f"SELECT DISTINCT CAST({column.sql} AS VARCHAR) FROM {quote(column.table)}"
            f" WHERE {column.sql} IS NOT NULL LIMIT {_LIMIT}"
        )
        while batch := reader.fetchmany(50_000):
            for (value,) in batch:
                _sort_in(canonical(value), column.identifying, known, lengths)
    known.lengths = tuple(size for size, _ in lengths.most_common(24))
    return known


def _sort_in(value: str, kind: str, known: Known, lengths: Counter[int]) -> None:
    if kind == "name" and not value.isascii():
        (known.names if len(value) >= 3 else known.weak).add(value)
    elif strong(value):
        known.strong[value] = kind
        core = _CORE.fullmatch(value)
        if core is not None:  # the number without its letters points at the subject as well
            known.cores.add(core[1])
    else:
        known.weak.add(value)
        return
    if not value.isascii() and 3 <= len(value) <= 40:
        lengths[len(value)] += 1


def certain(text: str) -> str | None:
    """An identifier whose own check character proves it: resident id or credit code."""
    if sum(c.isdigit() for c in text) < 8:
        return None
    found = kinds.find(text, _CERTAIN)
    return found[0].kind if found else None


def likely(text: str) -> str | None:
    """Any strong kind inside a text that is not in itself a number: phones, cards, plates, mail."""
    found = [f for f in kinds.find(text) if f.kind not in ("ip",)]
    return found[0].kind if found else None


def title(kind: str) -> str:
    """The Chinese title of a kind of identifier."""
    return kinds.KINDS[kind].title if kind in kinds.KINDS else "主体标识"


def pieces(text: str) -> Iterator[str]:
    """Runs of letters and digits of a text."""
    yield from _PIECE.findall(unicodedata.normalize("NFKC", text))
