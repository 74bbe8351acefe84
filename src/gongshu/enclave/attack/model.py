"""The words of the attack: a finding, a table of an output, a document, the report.

Nothing here holds a sentence with a value in it: a finding names a check, a place and an article.
The replay, which does show cells, is kept apart and is for the airlock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | bool | bytes | None

CHECKS = (
    "threshold",
    "dominance_nk",
    "dominance_p",
    "identifier",
    "identifier_encoded",
    "identifier_hashed",
    "row_copy",
    "unique",
    "differencing",
    "total",
    "extreme",
    "unexplained",
    "covert",
    "model_memory",
    "format",
    "unreadable",
)
SEVERITIES = ("review", "block")


@dataclass(frozen=True, order=True)
class Finding:
    """One reason why an output may not leave as it is.

    `where` names table, column and row numbers (data rows count from 1), never a value.
    """

    check: str
    severity: str
    where: str
    sentence: str
    basis: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "severity": self.severity,
            "where": self.where,
            "sentence": self.sentence,
            "basis": list(self.basis),
        }


@dataclass
class Table:
    """One table of an output: headers and equally long columns of cells as they were written.

    `origin` is set when a cross table was turned into a long one: the row and column of each value.
    """

    name: str
    headers: list[str]
    columns: list[list[Cell]]
    origin: list[tuple[int, int]] | None = None

    @property
    def height(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def rows(self) -> Iterable[tuple[Cell, ...]]:
        return zip(*self.columns, strict=True)

    def column(self, header: str) -> list[Cell] | None:
        """The column under `header`, compared without case and outer blanks."""
        wanted = header.strip().casefold()
        for name, cells in zip(self.headers, self.columns, strict=True):
            if name.strip().casefold() == wanted:
                return cells
        return None


@dataclass(frozen=True)
class Fragment:
    """A piece of an output that is not a cell: running text, a comment, a property, a sheet's name."""

    place: str
    text: str


@dataclass
class Document:
    """An output taken apart. `model` is the parsed model when the output is one."""

    form: str
    tables: list[Table] = field(default_factory=list)
    fragments: list[Fragment] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    model: Any = None


@dataclass
class Mark:
    """What a check saw in a table, for the replay alone: cells, and how they were found.

    `rows` of `column` (every figure of the rows when null); `behind`: row → subjects; `shares`: row → shares
    of the largest subjects; `steps`: the subtraction, line by line, ending with what is left; `before`:
    the earlier table it was subtracted from; `again`: rows that would still be found in a mended table.
    """

    check: str
    table: Table
    rows: list[int]
    column: int | None = None
    behind: dict[int, int] = field(default_factory=dict)
    shares: dict[int, list[float]] = field(default_factory=dict)
    steps: list[list[str]] = field(default_factory=list)
    before: Table | None = None
    before_rows: list[int] = field(default_factory=list)
    again: Callable[[Table], list[int]] | None = None


Note = Callable[[Mark], None]


def unnoted(mark: Mark) -> None:
    """Where nobody watches a replay."""


@dataclass(frozen=True)
class AttackReport:
    """`verdict` is the worst severity found. `replay` may be shown at the airlock only."""

    verdict: str
    findings: tuple[Finding, ...]
    replay: tuple[dict[str, Any], ...] = ()

    def data(self) -> dict[str, Any]:
        """The object of design section 11, sorted; without the replay."""
        return {"verdict": self.verdict, "findings": [f.data() for f in self.findings]}


def report(findings: Iterable[Finding], replay: Iterable[dict[str, Any]] = ()) -> AttackReport:
    """Sort and de-duplicate findings and draw the verdict."""
    kept = tuple(sorted(set(findings), key=lambda f: (CHECKS.index(f.check), f.severity, f.where)))
    worst = "pass"
    for severity in SEVERITIES:
        if any(f.severity == severity for f in kept):
            worst = severity
    return AttackReport(worst, kept, tuple(replay))
