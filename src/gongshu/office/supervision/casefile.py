"""One case as it stands in an auditor's archive: history, decisions, deadlines, parties, materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.queries import person_names
from gongshu.office.cases import deposits, materials, why
from gongshu.office.cases.models import Case, CaseEvent, Decision, Material, jsonable

# 决定的摘要是对这几项算的（cases.decisions.store）
DECIDED = ("procedure", "act", "state", "allowed", "code", "sentence", "articles", "facts", "checks")


@dataclass(frozen=True)
class CaseFile:
    """`data`: case.json without its entries; `whys`: decision → screen; `files`: name → deposit."""

    data: dict[str, Any]
    whys: dict[str, dict[str, Any]]
    files: dict[str, str]


def build(case: Case, actor: Actor, *, materials: bool = True) -> CaseFile:
    """Everything the actor may see of a case."""
    events = list(case.events.order_by("seq"))
    decided = list(case.decisions.order_by("wall_at", "pk"))
    names = person_names({row.actor for row in [*events, *decided]})
    papers, files = _materials(case, actor, wanted=materials)
    data = {
        "v": 1,
        "id": case.pk,
        "number": case.number,
        "zone": case.zone_id,
        "title": case.title,
        "procedure": case.procedure,
        "procedure_title": case.procedure_title,
        "state": case.state,
        "state_title": case.state_title,
        "closed": case.closed,
        "opened_at": case.opened_at.isoformat(),
        "law_day": case.law_day.isoformat(),
        "pack": case.pack_digest,
        "parties": [
            {"role": zone_title(row.role, case.zone_id), "organisation": row.organisation.name}
            for row in case.parties.select_related("organisation").order_by("role", "pk")
        ],
        "events": [_event(row, names) for row in events],
        "decisions": [_decision(row, names) for row in decided],
        "deadlines": [_deadline(row) for row in case.deadlines.order_by("started", "pk")],
        "materials": papers,
    }
    return CaseFile(without_floats(data), {row.pk: _why(row, actor) for row in decided}, files)


def _event(row: CaseEvent, names: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "act": row.act,
        "actor": row.actor,
        "name": "　".join(filter(None, reversed(names.get(row.actor, ("", ""))))),
        "role": row.role,
        "state": row.state,
        "at": row.at.isoformat(),
        "wall_at": row.wall_at.isoformat(),
        "data": row.data,
        "decision": row.decision_id,
    }


def _decision(row: Decision, names: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "content": {name: getattr(row, name) for name in DECIDED},
        "salt": row.salt,
        "digest": row.digest,
        "actor": row.actor,
        "name": "　".join(filter(None, reversed(names.get(row.actor, ("", ""))))),
        "role": row.role,
        "at": row.at.isoformat(),
        "wall_at": row.wall_at.isoformat(),
    }


def _deadline(row: Any) -> dict[str, Any]:
    return {
        "id": row.pk,
        "title": row.title,
        "clock": row.clock,
        "started": row.started.isoformat(),
        "due": row.due.isoformat() if row.due else "",
        "met": row.met.isoformat() if row.met else "",
        "late": row.late,
        "basis": list(row.fact.get("basis", ())),
    }


def _why(row: Decision, actor: Actor) -> dict[str, Any]:
    """The tree of a decision as its page shows it; times as text."""
    screen = why.screen(row.pk, actor) or {"id": row.pk, "sentence": row.sentence}
    left_out = ("proof", "entry")  # 证明就在旁边，地址和库里的编号在离线时没有用
    found: dict[str, Any] = without_floats(
        jsonable({name: value for name, value in screen.items() if name not in left_out})
    )
    return found


def _materials(case: Case, actor: Actor, *, wanted: bool) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(what case.json says of each, name in the archive → digest of those whose bytes come with it)."""
    seen = set(materials.visible(actor).filter(case=case).values_list("pk", flat=True))
    said, files = [], {}
    for row in case.materials.order_by("at", "pk"):
        name = f"materials/{row.digest.partition(':')[2][:16]}-{row.name.replace('/', '_')}"
        absent = _absent(row, wanted=wanted, seen=row.pk in seen)
        said.append(
            {
                "id": row.pk,
                "name": row.name,
                "digest": row.digest,
                "size": row.size,
                "act": row.act,
                "file": "" if absent else name,
                "absent": absent,
            }
        )
        if not absent:
            files[name] = row.digest
    return said, files


def _absent(row: Material, *, wanted: bool, seen: bool) -> str:
    """'' when the bytes come with the archive, else one sentence why not."""
    if not seen:
        return "调阅人没有查看原件的权限，只给摘要。"
    if not wanted:
        return "下载时选择了不附原件，只给摘要。"
    try:
        deposits.open_checked(row.digest).close()
    except deposits.DepositError as error:
        return str(error)
    return ""


def without_floats(value: Any) -> Any:
    """Floats as text, as the digests of decisions take them."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: without_floats(item) for key, item in value.items()}
    return [without_floats(item) for item in value] if isinstance(value, list | tuple) else value
