"""Scenarios and requests before they are submitted: begin, save as typed; every change leaves evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.accounts.queries import saved_between
from gongshu.office.cases import services
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, evidence
from gongshu.office.scenarios import permissions, queries, resources
from gongshu.office.scenarios.models import DataRequest, Scenario

REVIEW, REQUEST = "scenario.review", "data.request"
DIRECTIONS = ("public", "industry")


@transaction.atomic
def begin_scenario(*, actor: Actor, now: datetime, name: str = "", zone: str = "") -> Scenario:
    """Open a review with an empty draft. `now` is business time; raises `Refused`."""
    zone = zone or actor.zone
    check(actor, "scenarios.write", zone)
    if not name.strip():
        raise Refused("请填写场景名称；暂用的也行，以后可以改。没有名称的不建草稿，不占案号。", "input:name")
    made = Scenario(zone_id=zone, name=name.strip()[:200], saved_at=now, saved_by=actor.person)
    made.typed = {"name": made.name} if made.name else {}
    made.case = services.open_case(
        REVIEW, made.id, actor, now, title=made.name or "未命名的应用场景", subject_kind="scenario", zone=zone
    )
    made.save(force_insert=True)
    return made


@transaction.atomic
def begin_request(
    *, actor: Actor, now: datetime, scenario: str, resource: str, zone: str = ""
) -> DataRequest:
    """Open a request for one resource on an approved scenario; the fields are chosen afterwards."""
    zone = zone or actor.zone
    check(actor, "scenarios.write", zone)
    wanted = queries.usable_scenarios(actor, zone).filter(pk=scenario).first()
    if wanted is None:
        raise Refused("请选择一个审核通过的应用场景：数据申请要以它为依据。", "input:scenario")
    found = resources.find(zone, resource)
    if found is None:
        raise Refused("请选择一项已经入库的数据资源。", "input:resource")
    provider = Organisation.objects.filter(pk=found.organisation).first()
    if provider is None:
        raise Refused("这项资源的提供单位没有在平台建档，请先请管理员建立机构。", "input:resource")
    made = DataRequest(
        zone_id=zone,
        scenario=wanted,
        resource=found.id,
        resource_title=found.title[:200],
        provider=provider,
        saved_at=now,
        saved_by=actor.person,
        typed={"scenario": wanted.name, "resource": found.title, "provider": provider.name},
    )
    title = f"{wanted.name}：{found.title}"[:200]
    made.case = services.open_case(
        REQUEST, made.id, actor, now, title=title, subject_kind="request", zone=zone
    )
    made.save(force_insert=True)
    return made


@transaction.atomic
def save(
    row: Scenario | DataRequest, *, actor: Actor, now: datetime, typed: Mapping[str, Any], version: int
) -> Scenario | DataRequest:
    """Keep what was typed, right or wrong. `version` is the one the page was opened with.

    Raises `Refused`: code `conflict` when somebody saved in between, `state` when it may not be changed.
    """
    permissions.check_edit(actor, row.case)
    assert row.case is not None
    case = Case.objects.select_for_update(of=("self",)).get(pk=row.case.pk)
    row = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    row.case = case
    permissions.check_edit(actor, case)
    if version != row.version:
        raise Refused(saved_between(row.saved_by, actor), "conflict")
    if isinstance(row, Scenario):
        _of_scenario(row, typed)
    else:
        kept = {key: row.typed[key] for key in ("scenario", "resource", "provider") if key in row.typed}
        row.typed = {**typed, **kept}
    row.version += 1
    row.saved_at, row.saved_by = now, actor.person
    row.save()
    evidence.record(
        act="scenarios.save",
        actor=actor.person,
        role="operator",
        subject=row.pk,
        zone=case.zone_id,
        now=clock.wall_now(),
        case=case.id,
        digests={"content": evidence.digest_of(row.typed)[0]},
    )
    return row


def _of_scenario(row: Scenario, typed: Mapping[str, Any]) -> None:
    row.typed = dict(typed)
    row.name = str(typed.get("name") or "").strip()[:200]
    row.domain = str(typed.get("domain") or "").strip()[:100]
    direction = str(typed.get("direction") or "")
    row.direction = direction if direction in DIRECTIONS else ""
    if row.name and row.case_id:
        Case.objects.filter(pk=row.case_id).update(title=row.name)
