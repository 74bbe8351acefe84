"""The lens's advice under a project's grant, as the page shows it; the data domain asks its own again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.lens import check
from gongshu.office.cases import lawbook
from gongshu.office.scenarios import grants
from gongshu.office.scenarios.models import Grant

LONGEST = 50_000
NO_QUERY = "先写一条 SELECT 查询。"


@dataclass(frozen=True)
class Advice:
    """What the page shows: allowed or each violation with its articles, what is read, what comes out."""

    allowed: bool
    violations: tuple[dict[str, Any], ...] = ()
    reads: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    outputs: tuple[tuple[str, str, str], ...] = ()
    sql: str = ""
    empty: bool = False

    @property
    def rewritten(self) -> bool:
        return bool(self.sql)


def advise(sql: str, grant: Grant, today: date, mode: str = "answer") -> Advice:
    """Judge what is being typed on a business day. `mode`: `answer` for a run, whose result is meant to
    leave, under a grant to build as well; `build` for a step whose result stays in the data domain."""
    if not sql.strip():
        return Advice(False, empty=True)
    rules = lawbook.rules_now(grant.zone_id, today)
    verdict = check(sql[:LONGEST], {**grants.lens_grant(grant), "mode": mode}, at=today, cite=rules.basis)
    tables = grant.body["tables"]
    reads = tuple(
        (table, tuple((column, grade_of(tables, table, column)) for column in columns))
        for table, columns in verdict.reads.items()
    )
    outputs = tuple(
        (name, grade, "、".join(verdict.lineage.get(name, ())) or "计数")
        for name, grade in verdict.grades.items()
    )
    found = tuple(
        {
            "code": each.code,
            "sentence": each.sentence,
            "articles": [rules.cite(article) for article in each.basis],
        }
        for each in verdict.violations
    )
    return Advice(verdict.allowed, found, reads, outputs, verdict.sql or "")


def grade_of(tables: Any, table: str, column: str) -> str:
    """The grade of a granted column, names compared as the engine does; unknown is the strictest."""
    said = next((each for name, each in tables.items() if name.lower() == table.lower()), {"columns": {}})
    columns = {name.lower(): each.get("grade", "L4") for name, each in said["columns"].items()}
    return str(columns.get(column.lower(), "L4"))
