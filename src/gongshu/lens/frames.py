"""Relations, and finding what a name means in a query the way DuckDB does."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from gongshu.lens.facts import Fact, Level, kind_of
from gongshu.lens.grant import GrantedTable
from gongshu.lens.verdict import Refusal


@dataclass(slots=True)
class OutputColumn:
    """A column a relation offers."""

    name: str
    fact: Fact


@dataclass(slots=True)
class Relation:
    """Something that stands in FROM. `weight`: raw tables in it joined by no condition."""

    name: str
    columns: dict[str, OutputColumn]
    level: Level
    weight: int = 0
    table: GrantedTable | None = None
    used: set[str] = field(default_factory=set)
    node: exp.Expression | None = None
    single: bool = False


@dataclass(slots=True)
class Alias:
    """A named item of the SELECT list, read when first asked for."""

    node: exp.Expression
    fact: Fact | None = None
    busy: bool = False
    twice: bool = False
    index: int = 0


@dataclass(slots=True)
class Frame:
    """One SELECT: its relations, its aliases, the frame around it.

    `item`: which item of the SELECT list is being read (from 1), so that it sees only aliases before it.
    """

    outer: Frame | None = None
    relations: list[Relation] = field(default_factory=list)
    merged: dict[str, list[Relation]] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    ctes: dict[str, Relation] = field(default_factory=dict)
    windows: dict[str, exp.Window] = field(default_factory=dict)
    input_level: Level = Level.PUBLIC
    result_level: Level = Level.PUBLIC
    aggregated: bool = False
    correlated: bool = False
    keyed: bool = False
    negated: bool = False
    item: int = 0
    number: int = 0

    def raise_level(self, level: Level) -> None:
        """Rows of this SELECT depend on rows of `level` that no aggregate has merged."""
        self.input_level = max(self.input_level, level)
        self.result_level = max(self.result_level, level)

    def cte(self, name: str) -> Relation | None:
        found = self.ctes.get(name.lower())
        if found is None and self.outer is not None:
            return self.outer.cte(name)
        return found

    def window(self, name: str) -> exp.Window | None:
        return self.windows.get(name.lower())


def base_relation(table: GrantedTable, alias: str, node: exp.Expression) -> Relation:
    """A granted table under its alias."""
    columns = {
        key: OutputColumn(
            column.name,
            Fact(
                grade=column.grade,
                sources=frozenset({(table.name, column.name)}),
                bare=(table.name, column.name),
                raw=column.grade == 3,
                kind=kind_of(column.type),
                subject=table.subject,
            ),
        )
        for key, column in table.columns.items()
    }
    level = Level.SUBJECT if table.subject else Level.PUBLIC
    return Relation(alias, columns, level, 1, table, node=node)


@dataclass(slots=True)
class Found:
    """Where a name leads: a relation's column, or an alias of the SELECT list."""

    frame: Frame
    relation: Relation | None = None
    column: OutputColumn | None = None
    alias: Alias | None = None
    merged: bool = False


def find(frame: Frame, name: str, qualifier: str, aliases: bool) -> Found:
    """The meaning of a column name. Raises `Refusal` (column); missing and ungranted read alike."""
    at: Frame | None = frame
    while at is not None:
        found = _find_here(at, name.lower(), qualifier.lower())
        if found is not None:
            return found
        if aliases and not qualifier and at is frame and name.lower() in at.aliases:
            return Found(at, alias=at.aliases[name.lower()])
        at = at.outer
    shown = f"{qualifier}.{name}" if qualifier else name
    raise Refusal("column", f"没有字段“{shown}”，或它不在授权范围内")


def _find_here(frame: Frame, name: str, qualifier: str) -> Found | None:
    if not qualifier and name in frame.merged:
        relation = frame.merged[name][0]
        return Found(frame, relation, relation.columns[name], merged=True)
    hits = [
        relation
        for relation in frame.relations
        if name in relation.columns and (not qualifier or relation.name.lower() == qualifier)
    ]
    if len(hits) > 1:
        raise Refusal("column", f"字段“{name}”在多张表里都有，请写明表名")
    return Found(frame, hits[0], hits[0].columns[name]) if hits else None
