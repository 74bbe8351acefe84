"""Filing: a document is entered with its file; the case then carries it to 已建档."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from gongshu.law.inputs import Input, day_of, period_of
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, check, declare
from gongshu.office.authorisation.models import SUPERSEDED, FiledDocument, document_id
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case, CaseEvent, Material

PROCEDURE = "filing.document"
ENTER = "enter"

declare(
    "authorisation.file",
    "文件建档",
    ["data_authority", "implementing_body"],
    sentence="文件由数据管理部门或实施机构建档，您的账号没有这个角色。",
)


def inputs(zone: str, day: date) -> tuple[Input, ...]:
    """What the zone's procedure asks about a document. Raises `LawError` when it has none."""
    return lawbook.procedure_now(zone, day, PROCEDURE).act(ENTER).asks


def kinds(zone: str, day: date) -> dict[str, str]:
    """Kind → Chinese title, in the order of the pack."""
    return next((dict(each.options) for each in inputs(zone, day) if each.id == "kind"), {})


@transaction.atomic
def enter(
    *, actor: Actor, now: datetime, facts: Mapping[str, Any], materials: Iterable[Material] = ()
) -> FiledDocument:
    """Open the case of a document and enter it: all of it or nothing.

    `now` is business time; `facts` answer `inputs`, the file as {name, digest}; `materials` are its rows.
    Raises `Refused`: role, missing or wrong input, a date in the future, the number entered before.
    """
    check(actor, "authorisation.file")
    title = str(facts.get("name") or "")
    case = cases.open_case(PROCEDURE, document_id(), actor, now, title=title, subject_kind="document")
    cases.perform(case, ENTER, actor, facts, now, materials)
    return FiledDocument.objects.select_related("case", "zone", "material").get(case=case)


def keep_entered(case: Case, event: CaseEvent) -> FiledDocument:
    """Write what an event entered; inside the transaction of the act. Raises `Refused` on a double number."""
    data = event.data
    term = period_of(data.get("term"))
    kind, number = str(data["kind"]), str(data["number"]).strip()[:120]
    _refuse_double(case, kind, number)
    digest = str(data["file"]["digest"])
    values = {
        "zone_id": case.zone_id,
        "kind": kind,
        "name": str(data["name"]).strip()[:200],
        "number": number,
        "dated": day_of(data["dated"]),
        "term_from": term[0],
        "term_until": term[1],
        "parties": [str(each).strip() for each in data.get("parties") or []],
        "material": Material.objects.filter(case=case, digest=digest).order_by("-at").first(),
        "digest": digest,
        "state": event.state,
        "entered_by": event.actor,
        "entered_at": event.at,
        "confirmed_by": "",
        "confirmed_at": None,
    }
    try:
        with transaction.atomic():
            row, _ = FiledDocument.objects.update_or_create(
                case=case, defaults=values, create_defaults=values | {"id": case.subject}
            )
    except IntegrityError as error:  # 另一人同时录入了同一文号
        raise _double(number) from error
    Case.objects.filter(pk=case.pk).update(title=row.name)
    return row


def _refuse_double(case: Case, kind: str, number: str) -> None:
    """One live document a kind and number."""
    live = FiledDocument.objects.filter(zone_id=case.zone_id, kind=kind, number=number)
    found = live.exclude(case=case).exclude(state=SUPERSEDED).select_related("case").first()
    if found is not None:
        raise _double(number, f"，案号 {found.case.number}")


def _double(number: str, where: str = "") -> Refused:
    return Refused(f"文号“{number}”已经录入{where}；要换新的文件，请先把旧的标为被替代。", "input:number")


def keep_state(case: Case, event: CaseEvent) -> None:
    """Follow the case: the state, and on confirmation who confirmed and when."""
    changed: dict[str, Any] = {"state": event.state}
    if event.act == "confirm":
        changed |= {"confirmed_by": event.actor, "confirmed_at": event.at}
    FiledDocument.objects.filter(case=case).update(**changed)
