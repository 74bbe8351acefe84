"""What one check carries along: the grant, what was found, what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from gongshu.lens.facts import Fact, Level
from gongshu.lens.frames import Frame, Relation
from gongshu.lens.grant import Grant
from gongshu.lens.verdict import Findings, Refusal

MAX_NODES = 50_000


@dataclass(slots=True)
class State:
    """`query` is set by the module that reads queries, so that expressions can hold sub-queries."""

    grant: Grant
    findings: Findings = field(default_factory=Findings)
    reads: dict[str, set[str]] = field(default_factory=dict)
    bases: list[Relation] = field(default_factory=list)
    query: Callable[[State, exp.Expression, Frame | None, bool], QueryResult] | None = None
    nodes: int = 0
    frames: int = 0

    @property
    def answer(self) -> bool:
        return self.grant.mode == "answer"

    def spend(self, nodes: int) -> None:
        """Count nodes copied by the rewrite, so that short aliases cannot grow without end."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise Refusal("too_large", "查询展开后过大")

    def refuse(self, code: str, what: str) -> None:
        self.findings.add(code, what)


@dataclass(slots=True)
class QueryResult:
    """A query read to its end: its columns, what its rows stand for, whether it has at most one row."""

    names: list[str]
    facts: list[Fact]
    level: Level
    weight: int = 0
    single: bool = False
    correlated: bool = False
    key_facts: list[Fact] = field(default_factory=list)
