"""What is known of a value, a column and a relation while a query is read.

Grades are the numbers 1 to 4 for L1 to L4. A `Fact` is immutable and says, for one expression, which base
columns enter it, how sensitive it is, and in which disguise a single subject could still be seen in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

Source = tuple[str, str]
"""A base column: (table, column), spelt as the grant spells them."""

Number = int | float | bool | str | None


class Level(IntEnum):
    """What a row of a relation may stand for."""

    PUBLIC = 0
    GROUP = 1
    SUBJECT = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """A value that is a known function of one count (or one row number).

    `var` names the count; None means a plain constant. `place` marks a row number, whose values single out
    rows instead of groups. `of` gives the value for a count n.
    """

    var: str | None
    of: Callable[[int], Number]
    place: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One expression.

    `bare`: the base column it is, passed on unchanged. `raw`: holds L3 values neither banded nor
    statistical. `copied`: an aggregate copied a value out of a subject relation that may not leave so.
    `unique`: tells rows apart (row numbers, running totals, pseudonyms). `flag`: takes only values written
    in the query. `size`: the count a list holds. `thin`: is NULL exactly when its group is too small.
    `counted`: comes from
    counts or row numbers alone. `tests`: what a boolean, or a value
    made of one, asks of counts. `kind`: coarse type. `fails`: computing it may raise an error.
    """

    grade: int = 1
    sources: frozenset[Source] = frozenset()
    bare: Source | None = None
    raw: bool = False
    copied: bool = False
    unique: bool = False
    constant: bool = False
    flag: bool = False
    pseudonym: bool = False
    subject: bool = False
    kind: str = ""
    measure: Measure | None = None
    size: Measure | None = None
    thin: Measure | None = None
    counted: bool = False
    tests: tuple[Measure, ...] = ()
    value: Number = None
    outer: bool = False


CONSTANT = Fact(constant=True, flag=True)


def combine(facts: Iterable[Fact], kind: str = "") -> Fact:
    """The fact of something computed from `facts`: the highest grade, all sources, every warning kept."""
    parts = tuple(facts)
    return Fact(
        grade=max((part.grade for part in parts), default=1),
        sources=frozenset().union(*(part.sources for part in parts)),
        raw=any(part.raw for part in parts),
        copied=any(part.copied for part in parts),
        unique=any(part.unique for part in parts),
        constant=all(part.constant for part in parts),
        flag=all(part.flag for part in parts),
        subject=any(part.subject for part in parts),
        outer=any(part.outer for part in parts),
        tests=tuple(test for part in parts for test in part.tests),
        counted=any(part.counted for part in parts) and all(part.counted or part.constant for part in parts),
        kind=kind,
    )


_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("list", ("[",)),
    ("other", ("STRUCT", "MAP", "UNION", "JSON", "BLOB", "BIT", "UUID", "ENUM")),
    ("interval", ("INTERVAL",)),
    ("timestamp", ("TIMESTAMP", "DATETIME")),
    ("date", ("DATE",)),
    ("time", ("TIME",)),
    ("boolean", ("BOOL",)),
    ("float", ("DOUBLE", "FLOAT", "REAL")),
    ("decimal", ("DECIMAL", "NUMERIC")),
    ("integer", ("INT", "LONG", "SHORT")),
    ("text", ("CHAR", "TEXT", "STRING")),
)


_WHOLE = re.compile(r"^(DECIMAL|NUMERIC) *\( *\d+ *(, *0 *)?\)$")


def kind_of(type_name: str) -> str:
    """The coarse kind of a DuckDB type name; empty when it is not known."""
    upper = type_name.upper()
    if _WHOLE.search(upper):
        return "integer"
    return next((kind for kind, marks in _KINDS if any(mark in upper for mark in marks)), "")
