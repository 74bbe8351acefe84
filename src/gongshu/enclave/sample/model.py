"""What a sample is drawn from and how: tables, columns and the few settings, as plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gongshu.recognise import kinds

Array = Any
"""An array of numpy; its own types say nothing of length or cells."""

VALUES = ("DATE", "TIMESTAMP", "DOUBLE", "BOOLEAN")
"""Types whose values are drawn from bands and name nobody by themselves, unless they are graded L4."""
WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+, ?0\)")
"""Types of whole numbers; an unsigned number of a Parquet file is a decimal without places."""
NOT_NAMING = ("coordinate",)


class SampleError(Exception):
    """No sample can be drawn. `args[0]`: one Chinese sentence, for the airlock only."""


@dataclass(frozen=True)
class Column:
    """`type`: the engine's; `grade`: L1 to L4, the stricter of manifest and grant; `kind`: as recognised."""

    name: str
    type: str
    grade: str
    kind: str | None = None

    @property
    def is_value(self) -> bool:
        return self.type in VALUES or self.type.startswith("DECIMAL")

    @property
    def names_somebody(self) -> bool:
        """Whether its values are replaced by pseudonyms: L4 of whatever type, or sensitive and of an
        identifying kind."""
        if self.grade == "L4":
            return True
        if self.is_value or self.kind in NOT_NAMING:
            return False
        return self.grade == "L3" and self.kind in kinds.KINDS

    @property
    def is_number(self) -> bool:
        """Whether its pseudonyms are numbers too: those of all other types are texts."""
        return WHOLE.fullmatch(self.type) is not None

    @property
    def domain(self) -> str:
        """The type of its pseudonyms: equal values of one domain become equal samples in every table."""
        if self.is_number:
            return "number"
        return str(self.kind) if self.kind in kinds.KINDS else "code"


@dataclass(frozen=True)
class Source:
    """One granted table. `place`: file or folder of plain Parquet; `rows`: the grant's filter as the lens
    rendered it (`policy.rows_of`) or ''; never the office's own text."""

    name: str
    place: Path
    columns: tuple[Column, ...]
    subject: str | None = None
    rows: str = ""

    def named(self, column: Column) -> bool:
        """Whether its cells are pseudonyms."""
        return column.names_somebody or column.name == self.subject

    def written(self, column: Column) -> str:
        """The type its cells have in a sample: a pseudonym that stands for no whole number is a text."""
        return "VARCHAR" if self.named(column) and not column.is_number else column.type

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)


@dataclass(frozen=True)
class Settings:
    """How much is drawn. `threshold`: subjects a category, a band or a combination must have (from the
    packs); `subjects`: the most of one sample; `share`: the most of all subjects; `frame`: rows looked at
    a table, a pseudo-random part of larger ones; `rows`: the most of one table's sample."""

    threshold: int = 10
    subjects: int = 1000
    share: float = 0.2
    frame: int = 60_000
    rows: int = 4_000


@dataclass
class Drawn:
    """One table of a sample: columns of equal length in the table's order; None is an empty cell."""

    source: Source
    columns: dict[str, list[object]] = field(default_factory=dict)
    dropped: int = 0

    @property
    def height(self) -> int:
        return len(next(iter(self.columns.values()), []))
