"""删除入库的数据: the data authority orders it, the provider agrees at the airlock; neither can alone.

The office knows snapshots by their ids only, as the airlock told them; nothing is deleted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.evidence.ids import fresh
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check, declare
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import clock, evidence, feed
from gongshu.office.link.models import InboxMessage

GROUND = "snapshot.deletion"
LONGEST = 200
declare(
    "catalogue.delete",
    "下达删除入库数据的指令",
    ["data_authority"],
    GROUND,
    sentence="删除入库数据的指令由数据管理部门下达，您的账号没有这个角色；提供单位同意以后才删除。",
)


def ordered(row: Resource) -> str:
    """When the deletion of its data was ordered (wall time, ISO), '' when it was not."""
    return str(row.facts.get("deleting", ""))


def snapshots(row: Resource) -> list[str]:
    """The ids of all snapshots the provider handed in for a resource, the oldest first."""
    told = InboxMessage.objects.filter(
        kind="resource", envelope__zone=row.zone_id, envelope__body__id=row.id,
        envelope__body__organisation=row.provider_id,
    )  # fmt: skip
    found = [
        str(body.get("snapshot", "")) for body in told.order_by("id").values_list("envelope__body", flat=True)
    ]
    return [one for one in dict.fromkeys([*found, str(row.facts.get("snapshot", ""))]) if one]


@transaction.atomic
def order(row: Resource, *, actor: Actor, reason: str) -> list[str]:
    """Order that the data of a resource be deleted, every snapshot of it; their ids. Raises `Refused`.

    It is deleted when its provider has agreed at the airlock, snapshot by snapshot.
    """
    check(actor, "catalogue.delete", row.zone_id)
    row = Resource.objects.select_for_update(of=("self",)).get(pk=row.pk)
    cited = basis(row.zone_id, GROUND)
    if not row.facts.get("snapshot"):
        raise Refused("这项资源没有入库的数据，没有什么要删除。", "state", cited)
    if ordered(row):
        raise Refused("已经下达过删除指令，请等提供单位在闸口同意。", "state", cited)
    if not reason.strip():
        raise Refused("请写明为什么删除。", "input:reason", cited)
    wall = clock.wall_now()
    found = snapshots(row)
    for one in found:
        body = {"id": fresh("del"), "snapshot": one, "resource": row.id, "reason": reason.strip()[:LONGEST]}
        feed.publish("delete", body, zone=row.zone_id, now=wall, subject=row.id)
    row.facts = {**row.facts, "deleting": wall.isoformat(timespec="seconds")}
    row.save(update_fields=["facts"])
    _record("catalogue.delete", row, actor.person, "data_authority", wall)
    return found


@transaction.atomic
def deleted(body: Mapping[str, Any], zone: str, now: datetime) -> bool:
    """The airlock says a snapshot was deleted: from then on the resource has no data. False when it is about
    another snapshot than the newest. Twice is harmless. `now`: wall time."""
    row = Resource.objects.select_for_update(of=("self",)).filter(pk=body["id"], zone_id=zone).first()
    if (
        row is None
        or row.provider_id != body["organisation"]
        or row.facts.get("snapshot") != body["snapshot"]
    ):
        return False
    row.facts = {}
    row.save(update_fields=["facts"])
    _record("catalogue.deleted", row, "airlock", "enclave", now)
    return True


def _record(act: str, row: Resource, person: str, role: str, wall: datetime) -> None:
    evidence.record(
        act=act,
        actor=person,
        role=role,
        subject=row.id,
        zone=row.zone_id,
        now=wall,
        case=row.case_id,
        articles=basis(row.zone_id, GROUND),
    )
