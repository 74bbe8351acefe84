"""数据使用情况的披露 where a zone asks for approval first: a case the operator opens, and what it let out."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.permissions import check, declare
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case

PROCEDURE = "disclosure.usage"
APPROVED = "approved"

declare(
    "portal.disclose",
    "提请审核数据使用情况披露",
    ["operator"],
    sentence="数据使用情况由运营机构提请披露，您的账号没有这个角色。",
)


@transaction.atomic
def begin(*, actor: Actor, now: datetime, zone: str = "") -> Case:
    """Open the case in which data authority and implementing body decide; `now` is business time.

    Raises `Refused` without the role, and where the zone's packs have no such procedure.
    """
    zone = zone or actor.zone
    check(actor, "portal.disclose", zone)
    return cases.open_case(
        PROCEDURE, new_id("du"), actor, now, title="数据使用情况披露", subject_kind="disclosure", zone=zone
    )


def approved(zone: str) -> list[str]:
    """What may be published, one line an operator: the text of its newest approved case, as approved."""
    found: dict[str, str] = {}
    rows = Case.objects.filter(zone_id=zone, procedure=PROCEDURE, state=APPROVED).order_by("since", "pk")
    for case in rows.select_related("organisation").prefetch_related("events"):
        said = [
            event.data
            for event in sorted(case.events.all(), key=lambda each: each.seq)
            if event.act == "submit"
        ]
        name = case.organisation.name if case.organisation else ""
        found[name] = f"{name}（{said[-1]['period']}）：{said[-1]['usage']}"
    return list(found.values())
