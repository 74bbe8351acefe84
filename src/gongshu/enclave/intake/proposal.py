"""What was recognised in a file, and what its provider decides about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gongshu import recognise
from gongshu.enclave.vault.manifest import GRADES
from gongshu.recognise import headers

from .convert import arrow
from .problems import IntakeError

_NAME = re.compile(r"[\w\u3400-\u9fff][\w\u3400-\u9fff .（）()\-/%℃°]{0,62}", re.UNICODE)
_TABLE = re.compile(r"[A-Za-z_\u3400-\u9fff][\w\u3400-\u9fff]{0,62}", re.UNICODE)


@dataclass(frozen=True)
class Field:
    """One column as recognised. `share`: part of the filled cells of that `kind`; defects are counts."""

    name: str
    type: str
    type_why: str
    grade: str
    why: str
    kind: str | None
    share: float
    unique: bool
    defects: Mapping[str, int]


@dataclass(frozen=True)
class Proposal:
    """A file read into a draft of the data domain. Names in it may still be data: nothing of it leaves
    before `confirm`. `headers`: names that look like data, `[{column, code, sentence}]`."""

    draft: str
    fields: tuple[Field, ...]
    rows: int
    broken: Mapping[str, Any]
    headers: tuple[Mapping[str, Any], ...]
    format: Mapping[str, Any]
    digest: str
    size: int
    read: str

    def to_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "fields": [asdict(f) for f in self.fields],
            "headers": [dict(h) for h in self.headers],
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Proposal:
        return cls(
            **{**told, "fields": tuple(Field(**f) for f in told["fields"]), "headers": tuple(told["headers"])}
        )

    @property
    def format_text(self) -> str:
        """What the file turned out to be, in one line for the provider's screen."""
        told = self.format
        names = {"csv": "CSV", "excel": "Excel", "parquet": "Parquet"}
        words = [names.get(str(told.get("kind")), "")]
        words += ["gzip 压缩"] if told.get("gzip") else []
        words += [f"{told['encoding']} 编码"] if told.get("encoding") else []
        words += [f"以{told['delimiter']}分隔"] if told.get("delimiter") else []
        words += [f"工作表“{told['sheet']}”"] if told.get("sheet") else []
        words += [f"另有 {len(told['other_sheets'])} 个工作表没有读"] if told.get("other_sheets") else []
        words += ["首行是表头" if told.get("header") else "没有表头"]
        words += [f"空行 {told['blank_lines']} 行"] if told.get("blank_lines") else []
        return "，".join(w for w in words if w)

    @property
    def subject(self) -> str | None:
        """The column that most likely names whom a row is about: the first identifying one, people first."""
        order = (
            "resident_id",
            "credit_code",
            "resident_id_15",
            "passport",
            "vin",
            "plate",
            "mobile",
            "bank_card",
        )
        for kind in order:
            for found in self.fields:
                if found.kind == kind:
                    return found.name
        named = [f.name for f in self.fields if f.grade == "L4"]
        return min(named, key=headers.about_rows) if named else None


@dataclass(frozen=True)
class FieldDecision:
    """`field`: name as handed in; `name`, `type`, `grade`: as it enters the vault; `keep=False` leaves
    the column out; `reason` is asked when the grade is lower than proposed."""

    field: str
    name: str
    type: str
    grade: str
    keep: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Decision:
    """The provider's word on a proposal. `subject`: name (as it enters) of the column that tells whom a
    row is about, None when nobody stands behind the rows."""

    fields: tuple[FieldDecision, ...]
    subject: str | None = None

    @property
    def kept(self) -> tuple[FieldDecision, ...]:
        return tuple(f for f in self.fields if f.keep)


def accept(proposal: Proposal) -> Decision:
    """The decision that takes everything as proposed."""
    return Decision(
        tuple(FieldDecision(f.name, f.name, f.type, f.grade) for f in proposal.fields), proposal.subject
    )


def check(proposal: Proposal, decision: Decision, sample: Sequence[Sequence[str | None]]) -> None:
    """Raise IntakeError `decision` or `header` unless the decision may stand.

    `sample`: rows of the draft, against which new names are judged like the old ones.
    """
    if [f.field for f in decision.fields] != [f.name for f in proposal.fields]:
        raise IntakeError("decision", "每个字段都要有决定，次序与识别结果相同。")
    if not decision.kept:
        raise IntakeError("decision", "至少要保留一个字段。")
    for proposed, decided in zip(proposal.fields, decision.fields, strict=True):
        if decided.keep:
            _check_field(proposed, decided)
    places = [n for n, f in enumerate(decision.fields) if f.keep]
    found = recognise.headers_look_like_data(
        [decision.fields[n].name for n in places], [[row[n] for n in places] for row in sample]
    )
    if found:
        raise IntakeError("header", found[0].sentence)
    if decision.subject is None and any(f.grade == "L4" for f in decision.kept):
        raise IntakeError("decision", "有 L4 字段的表必须指明主体字段：每一行说的是谁。")
    if decision.subject is not None and decision.subject not in {f.name for f in decision.kept}:
        raise IntakeError("decision", "主体字段必须是保留下来的字段。")


def _check_field(proposed: Field, decided: FieldDecision) -> None:
    if not _NAME.fullmatch(decided.name):
        raise IntakeError("decision", "字段名只用汉字、字母、数字和常用符号，不超过 63 个字。")
    if decided.grade not in GRADES:
        raise IntakeError("decision", "字段等级只能是 L1 至 L4。")
    if decided.grade < proposed.grade and not decided.reason.strip():
        raise IntakeError("decision", f"字段“{decided.name}”的等级低于建议的 {proposed.grade}，请写明理由。")
    try:
        arrow(decided.type)
    except ValueError as error:
        raise IntakeError("decision", str(error)) from error


def check_table(name: str) -> None:
    """Raise IntakeError unless `name` can be a table in a query."""
    if not _TABLE.fullmatch(name):
        raise IntakeError("decision", "表名以汉字或字母开头，只用汉字、字母、数字和下划线，不超过 63 个字。")


def fields(found: Sequence[recognise.Recognised]) -> tuple[Field, ...]:
    return tuple(
        Field(r.name, r.type, r.type_why, r.grade, r.why, r.kind, r.share, r.unique, asdict(r.defects))
        for r in found
    )


__all__ = [
    "Decision",
    "Field",
    "FieldDecision",
    "Proposal",
    "accept",
    "check",
    "check_table",
    "field",
    "fields",
]
