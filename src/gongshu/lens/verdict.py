"""What the lens answers: a verdict, its violations, and the table of codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Code(NamedTuple):
    """A reason to refuse: what to do instead, and the ground (`packs/*/grounds.yaml`) the rule stands on."""

    advice: str
    ground: str


Citing = Callable[[str], Sequence[str]]
"""Ground → articles of the grant's zone; the lens knows no article itself (`gongshu.law.grounds.citing`)."""

_SCOPE = "lens.scope"
_WALL = "lens.wall"
_RELEASE = "release.raw"

CODES: dict[str, Code] = {
    "parse": Code("请改正写法后再提交。", _WALL),
    "statement": Code("只接受一条 SELECT 查询。", _WALL),
    "many_statements": Code("一次只提交一条查询。", _WALL),
    "table_function": Code("请只查询授权清单中的表。", _WALL),
    "function": Code("请改用允许清单中的函数。", _WALL),
    "table": Code("请核对授权清单，需要新表时另行申请。", _SCOPE),
    "column": Code("请核对授权清单，需要新字段时另行申请。", _SCOPE),
    "expired": Code("请重新申请数据授权。", _SCOPE),
    "not_yet": Code("请等授权生效后再运行。", _SCOPE),
    "row_filter": Code("请提供方重新确认行范围。", _SCOPE),
    "identifier": Code("标识字段只可用于连接、分组、去重计数和判断空值。", _RELEASE),
    "sensitive_group": Code("请先分段（CASE、floor、整除或日期截断）再分组，或只输出统计量。", _RELEASE),
    "copying_aggregate": Code("请改用平均数、中位数等统计量。", _RELEASE),
    "row_output": Code("请按不含标识的字段汇总后再输出。", _RELEASE),
    "singling_out": Code("请去掉只留下少数主体的条件。", _RELEASE),
    "error_oracle": Code("请改用 TRY_CAST、nullif 等不会出错的写法。", _RELEASE),
    "too_large": Code("请加上连接条件或减小规模。", _WALL),
    "grant": Code("请提供方和运营方重新签发授权。", _SCOPE),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason the query is refused. `sentence` is Chinese and names no value of any row."""

    code: str
    sentence: str
    basis: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        return {"code": self.code, "sentence": self.sentence, "basis": sorted(self.basis)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The lens's answer about one query under one grant.

    `reads`: base columns named anywhere, `{table: [column]}`, without those of row filters.
    `lineage`: `{output: ["table.column"]}`, base columns whose values enter the output.
    `grades`: `{output: "L1".."L4"}`. `sql`: the query to run instead of the one written, None when refused.
    """

    allowed: bool
    violations: tuple[Violation, ...] = ()
    reads: dict[str, list[str]] = field(default_factory=dict)
    lineage: dict[str, list[str]] = field(default_factory=dict)
    grades: dict[str, str] = field(default_factory=dict)
    sql: str | None = None

    def data(self) -> dict[str, Any]:
        """The object of `gongshu enclave lens --json` (design section 11)."""
        return {
            "allowed": self.allowed,
            "violations": [violation.data() for violation in self.violations],
            "reads": self.reads,
            "lineage": self.lineage,
            "grades": self.grades,
            "sql": self.sql,
        }


class Findings:
    """Collects violations, one of a kind, in the order found. Without `cite` they name no article."""

    def __init__(self, cite: Citing | None = None) -> None:
        self._cite = cite
        self._found: dict[tuple[str, str], Violation] = {}

    def add(self, code: str, what: str) -> None:
        """Record `code` with `what` happened; the advice of the code is appended."""
        sentence = f"{what}；{CODES[code].advice}"
        basis = tuple(self._cite(CODES[code].ground)) if self._cite else ()
        self._found.setdefault((code, sentence), Violation(code, sentence, basis))

    def sorted(self) -> tuple[Violation, ...]:
        return tuple(sorted(self._found.values(), key=lambda found: (found.code, found.sentence)))

    def __bool__(self) -> bool:
        return bool(self._found)


class Refusal(Exception):
    """The query cannot be read further; carries a code and what happened."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
