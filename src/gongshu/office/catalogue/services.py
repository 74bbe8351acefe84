"""Every change of the catalogue: begin, save as typed, take what the airlock confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db import transaction
from django.db.models import Value

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, check, declare
from gongshu.office.accounts.queries import saved_between
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case
from gongshu.office.catalogue import content
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import clock, evidence

PROCEDURE = "catalogue.publication"
OPEN_STATES = ("draft", "returned")

declare(
    "catalogue.make",
    "编制目录",
    ["provider_officer"],
    sentence="目录由数据提供单位的经办人编制，您的账号没有这个角色。",
)


@transaction.atomic
def begin(
    *, actor: Actor, now: datetime, typed: Mapping[str, Any], zone: str = "", organisation: str = ""
) -> Resource:
    """Open a case with a draft. `now` is business time; wrong or missing answers are kept as typed.

    Raises `Refused` when the actor may not, or the zone has no catalogue form.
    """
    zone = zone or actor.zone
    check(actor, "catalogue.make", zone)
    try:
        form = content.form_of(lawbook.rules_now(zone, local_day(now)))
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    name = str(typed.get("name") or "").strip()[:200]
    if not name:
        raise Refused("请填写信息资源名称。", "input:name")
    made = Resource(zone_id=zone, name=name)
    made.case = cases.open_case(
        PROCEDURE,
        made.id,
        actor,
        now,
        title=name,
        subject_kind="resource",
        zone=zone,
        organisation=organisation,
    )
    if made.case.organisation_id is None:
        raise Refused("您的账号没有所在机构，不能编制目录。", "input:organisation")
    made.provider_id = made.case.organisation_id
    made.state = made.case.state
    _write(made, form, typed, actor, now)
    made.save(force_insert=True)
    _index(made, form)
    _record("catalogue.begin", made, actor)
    return made


@transaction.atomic
def save(
    resource: Resource, *, actor: Actor, now: datetime, typed: Mapping[str, Any], version: int
) -> Resource:
    """Keep what was typed, right or wrong. Raises `Refused` when it may not be changed now."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=resource.case_id)
    row = Resource.objects.select_for_update(of=("self",)).get(pk=resource.pk)
    row.case = case
    check(actor, "catalogue.make", row.zone_id)
    if row.provider_id not in actor.organisations:
        raise Refused("这条目录由别的单位编制，您不能修改。", "organisation")
    if case.state not in OPEN_STATES:
        raise Refused("这条目录已经提交，现在不能修改；要改请先退回或更新。", "state")
    if version != row.version:
        raise Refused(saved_between(row.saved_by, actor), "version")
    form = content.form_of(lawbook.rules_of(case))
    _write(row, form, typed, actor, now)
    row.save()
    Case.objects.filter(pk=case.pk).update(title=row.name)
    _index(row, form)
    _record("catalogue.save", row, actor)
    return row


def _write(row: Resource, form: Any, typed: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    row.typed = content.coded(form, typed)
    row.name = str(row.typed.get("name") or row.name).strip()[:200]
    row.code = str(row.typed.get("code") or "").strip()[:60]
    row.version += 1
    row.saved_at, row.saved_by = now, actor.person


def _index(row: Resource, form: Any) -> None:
    vector = SearchVector(Value(content.words(form, row.typed)), config="simple")
    Resource.objects.filter(pk=row.pk).update(search=vector)


def _record(act: str, row: Resource, actor: Actor) -> None:
    evidence.record(
        act=act,
        actor=actor.person,
        role="provider_officer",
        subject=row.id,
        zone=row.zone_id,
        now=clock.wall_now(),
        case=row.case_id,
        digests={"content": evidence.digest_of(row.typed)[0]},
    )


@transaction.atomic
def take_facts(resource: str, zone: str, body: Mapping[str, Any], now: datetime) -> bool:
    """Keep what the provider confirmed at the airlock; False when the catalogue has no such item.

    `now` is wall time. The provider of the message must be the provider of the item.
    """
    row = Resource.objects.select_for_update(of=("self",)).filter(pk=resource, zone_id=zone).first()
    if row is None or row.provider_id != body["organisation"]:
        return False
    row.facts = {key: body[key] for key in ("table", "columns", "subject", "rows", "snapshot")}
    row.confirmed_at = now
    row.save(update_fields=["facts", "confirmed_at"])
    evidence.record(
        act="catalogue.facts",
        actor="airlock",
        role="enclave",
        subject=row.id,
        zone=zone,
        now=now,
        case=row.case_id,
        digests={"facts": evidence.digest_of(row.facts)[0]},
    )
    return True
