"""What a grant may say, judged by the vault's own manifests. A message is never believed about data:
owner, types, grades and subject come from the manifest; the grant can only be stricter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.lens import Refusal, row_filter

GRADES = ("L1", "L2", "L3", "L4")
UNGRADED = "L4"


class PolicyError(Exception):
    """The grant asks what the vault's manifest does not bear. `args[0]`: one Chinese sentence."""


@dataclass(frozen=True)
class Source:
    """What the vault's manifest says of the newest snapshot of a resource."""

    snapshot: str
    resource: str
    organisation: str
    table: str
    columns: Mapping[str, Mapping[str, str]]
    """column → {type, grade}"""
    subject: str | None
    rows: int


def rank(grade: str | None) -> int:
    """The place of a grade; an unknown or missing one is the strictest."""
    return GRADES.index(grade) if grade in GRADES else GRADES.index(UNGRADED)


def check_grant(body: Mapping[str, Any], sources: Mapping[str, Source]) -> None:
    """Raises `PolicyError` unless the grant is no weaker than the manifests. `sources`: by its tables."""
    if body.get("v") != 1:
        raise PolicyError("授权的版本不认识，不采纳。")
    tables = body.get("tables")
    if not isinstance(tables, dict) or not tables:
        raise PolicyError("授权没有写明任何表，不采纳。")
    try:
        first, last = date.fromisoformat(body["from"]), date.fromisoformat(body["until"])
    except (TypeError, ValueError) as error:
        raise PolicyError("授权的起止日期不是日期，不采纳。") from error
    if last < first:
        raise PolicyError("授权的止期早于起期，不采纳。")
    developing = body["developing_org"]
    if not body["reviewing_orgs"] or developing in body["reviewing_orgs"]:
        raise PolicyError("审核机构为空，或与开发机构相同，不采纳（不得自己审核自己）。")
    if body["runs_per_day"] < 1:
        raise PolicyError("授权写明的每日运行次数不足一次，不采纳。")
    for name, table in tables.items():
        source = sources.get(name)
        if source is None:
            raise PolicyError(f"授权中的表“{name}”在数据域没有入库的快照，不采纳。")
        _check_table(name, table, source)


def _check_table(name: str, table: Any, source: Source) -> None:
    if not isinstance(table, dict) or not isinstance(table.get("columns"), dict) or not table["columns"]:
        raise PolicyError(f"授权中的表“{name}”没有写明字段，不采纳。")
    if table.get("owner") != source.organisation:
        raise PolicyError(f"授权中表“{name}”的提供单位与入库时不一致，不采纳。")
    if table.get("subject") != source.subject:
        raise PolicyError(f"授权中表“{name}”的主体字段与入库时不一致，不采纳。")
    for column, said in table["columns"].items():
        known = source.columns.get(column)
        if known is None:
            raise PolicyError(f"授权中表“{name}”有入库时没有的字段，不采纳。")
        if not isinstance(said, dict) or rank(said.get("grade")) < rank(known["grade"]):
            raise PolicyError(f"授权中表“{name}”有字段的等级低于入库时的等级，不采纳。")
        if said.get("type") != known["type"]:
            raise PolicyError(f"授权中表“{name}”有字段的类型与入库时不一致，不采纳。")
    rows_of(name, table, source)


def rows_of(name: str, table: Mapping[str, Any], source: Source) -> str:
    """The grant's row filter as the lens renders it, '' without one; the office's own text runs nowhere.

    Raises `PolicyError` unless it is one condition on the columns of this table.
    """
    types = {column: said["type"] for column, said in source.columns.items()}
    try:
        return row_filter(name, table.get("rows"), types)
    except Refusal as refusal:
        raise PolicyError(f"授权中{refusal.what}，不采纳。") from refusal


def owners(sources: Mapping[str, Source]) -> tuple[str, ...]:
    """The organisations that must confirm: each provider that handed in a table the grant names."""
    return tuple(sorted({source.organisation for source in sources.values()}))


def within(body: Mapping[str, Any], today: date) -> str:
    """'' when the grant holds on the business day `today`, else why not."""
    if today < date.fromisoformat(body["from"]):
        return "授权尚未生效。"
    if today > date.fromisoformat(body["until"]):
        return "授权已经到期。"
    return ""


def lens_grant(body: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """The grant the lens judges by: the office's words where stricter, the manifest's everywhere else."""
    tables: dict[str, Any] = {}
    for name, table in body["tables"].items():
        source = sources[name]
        columns = {
            column: {
                "type": source.columns[column]["type"],
                "grade": GRADES[max(rank(said.get("grade")), rank(source.columns[column]["grade"]))],
            }
            for column, said in table["columns"].items()
        }
        tables[name] = {"columns": columns}
        if source.subject:
            tables[name]["subject"] = source.subject
        if table.get("rows"):
            tables[name]["rows"] = table["rows"]
    kept = ("v", "zone", "project", "mode", "purpose", "from", "until")
    return {**{key: body[key] for key in kept}, "tables": tables}


def reviewers_missing(
    votes: Sequence[tuple[str, str]], reviewing: Sequence[str], developing: str, needed: int
) -> str:
    """'' when the (person, organisation) pairs suffice for a release, else what is missing.

    At least `needed` different people, all of reviewing organisations, every reviewing organisation heard,
    none of the developing one.
    """
    people = {person for person, _ in votes}
    voices = {organisation for _, organisation in votes}
    if developing in voices or voices - set(reviewing):
        return "有不该参加审核的机构投了票。"
    if len(people) < max(needed, 2):
        return "审核人数不足，须两人以上互不知情地审核。"
    if set(reviewing) - voices:
        return "还有审核机构没有投票。"
    return ""
