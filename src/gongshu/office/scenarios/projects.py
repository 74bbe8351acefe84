"""Projects: agreed requests of one scenario, named developers, lawful reviewers, and the grant issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.law.inputs import day_of, period_of
from gongshu.law.rules import Rule
from gongshu.office.accounts import affiliation
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.models import Person
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import lawbook, registry
from gongshu.office.link import clock, evidence
from gongshu.office.scenarios import grants, queries, reviewing
from gongshu.office.scenarios.models import DataRequest, Membership, Project

GROUND = "project.open"
RUNS = "runs.per_day"
OPERATOR = "operator"
MODES = {"answer": "汇总结果，拟出域", "build": "供数快照，留在数据域"}


@transaction.atomic
def begin(
    *,
    actor: Actor,
    now: datetime,
    name: str,
    requests: Sequence[str],
    developers: Sequence[str],
    start: str,
    until: str,
    purpose: str = "",
    mode: str = "answer",
    runs_per_day: int | None = None,
    reviewing_orgs: Mapping[str, str] | None = None,
    zone: str = "",
) -> Project:
    """Make a project of agreed requests and issue its grant. `now` is business time.

    `developers`: person ids, all of one organisation; `runs_per_day`: no more than the pack's, which holds
    when None; `reviewing_orgs`: role → organisation where a zone has several. Raises `Refused` with code
    `input:<field>` or the rule that forbids.
    """
    zone = zone or actor.zone
    check(actor, "scenarios.project", zone)
    registry.may_begin(OPERATOR, actor.organisation, zone)
    if not name.strip():
        raise Refused("请填写项目名称。", "input:name")
    chosen = _requests(actor, zone, requests)
    people = _developers(zone, developers)
    developing = people[0].organisation_id
    first, last = _days(start, until, chosen, local_day(now))
    if mode not in MODES:
        raise Refused("请选择结果的用法。", "input:mode")
    runs = _runs(zone, local_day(now), runs_per_day)
    tables = grants.tables_of(chosen)
    owners = sorted({str(table["owner"]) for table in tables.values()})
    reviewers = reviewing.choose(zone, local_day(now), owners, reviewing_orgs or {}, developing)
    _independent(zone, developing, reviewers, owners, local_day(now))
    purpose = purpose.strip() or str(chosen[0].typed.get("purpose") or "")
    project = Project(
        zone_id=zone,
        name=name.strip()[:200],
        purpose=purpose[:2000],
        scenario=chosen[0].scenario,
        operator_id=actor.organisation,
        opened_by=actor.person,
        opened_at=now,
    )
    project.save(force_insert=True)
    project.requests.set(chosen)
    _enter(project, developing, owners, reviewers)
    evidence.record(
        act="project.opened",
        actor=actor.person,
        role="operator",
        subject=project.id,
        zone=zone,
        now=clock.wall_now(),
        articles=basis(zone, GROUND, local_day(now)),
    )
    body = {
        "mode": mode,
        "purpose": project.purpose,
        "from": first.isoformat(),
        "until": last.isoformat(),
        "tables": tables,
        "developing_org": developing,
        "developers": sorted(each.pk for each in people),
        "reviewing_orgs": reviewers,
        "runs_per_day": runs,
    }
    grants.issue(project, actor=actor, now=now, body=body)
    return project


def most_runs(zone: str, day: date) -> Rule:
    """The most raw runs a day a grant of the zone may allow, from its packs."""
    return lawbook.rules_now(zone, day).limit(RUNS)


def _runs(zone: str, day: date, wanted: int | None) -> int:
    rule = most_runs(zone, day)
    most = int(rule.value)
    given = most if wanted is None else wanted
    if not 1 <= given <= most:
        raise Refused(f"每日运行次数应在 1 到 {most} 之间。", "input:runs_per_day", rule.basis)
    return given


@transaction.atomic
def reissue(project: Project, *, actor: Actor, now: datetime) -> Any:
    """Issue the grant anew after it was refused or has expired: same people, days and agreed fields."""
    check(actor, "scenarios.project", project.zone_id)
    if project.operator_id not in actor.organisations:
        raise Refused("只有本项目的运营机构可以重新发出授权。", "forbidden", basis(project.zone_id, GROUND))
    registry.may_begin(OPERATOR, project.operator_id, project.zone_id)
    last = queries.grant_of(project)
    if last is None or last.state_on(local_day(now)) in ("live", "awaiting", "stopped"):
        raise Refused(
            "授权正在等待确认、已经生效或者已经停止，不能重新发出。", "state", basis(project.zone_id, GROUND)
        )
    chosen = list(project.requests.select_related("case"))
    _still_agreed(chosen)
    body = {**last.body, "tables": grants.tables_of(chosen)}
    return grants.issue(project, actor=actor, now=now, body=body)


def _requests(actor: Actor, zone: str, wanted: Sequence[str]) -> list[DataRequest]:
    found = list(queries.granted_requests(actor, zone).filter(pk__in=list(wanted)).order_by("pk"))
    if not found or len(found) != len(set(wanted)):
        raise Refused("请选择提供单位已经同意的数据申请。", "input:requests", basis(zone, GROUND))
    if len({each.scenario_id for each in found}) > 1:
        raise Refused(
            "一个项目只对应一个应用场景，请选择同一场景的数据申请。", "input:requests", basis(zone, GROUND)
        )
    if not queries.approved(found[0].scenario):
        raise Refused("应用场景现在不是审核通过的状态，不能建立项目。", "input:requests", basis(zone, GROUND))
    return found


def _still_agreed(requests: Sequence[DataRequest]) -> None:
    lapsed = [each for each in requests if each.case.state not in queries.GRANTED]
    if lapsed:
        raise Refused(
            f"数据申请 {lapsed[0].case.number} 已经收回，不能再授权。",
            "input:requests",
            basis(requests[0].zone_id, GROUND),
        )


def _developers(zone: str, wanted: Sequence[str]) -> list[Person]:
    known = {each.pk: each for each in queries.developers(zone)}
    if not wanted or not set(wanted) <= known.keys():
        raise Refused(
            "请选择开发人员：他们须有“其他经营主体（开发）”的角色。", "input:developers", basis(zone, GROUND)
        )
    found = [known[each] for each in dict.fromkeys(wanted)]
    if len({each.organisation_id for each in found}) > 1:
        raise Refused("一个项目的开发人员须属同一家开发机构。", "input:developers", basis(zone, GROUND))
    return found


def _days(start: str, until: str, requests: Sequence[DataRequest], today: date) -> tuple[date, date]:
    first, last = day_of(start), day_of(until)
    if first is None:
        raise Refused("请填写授权的开始日期，写成 YYYY-MM-DD。", "input:from")
    if last is None:
        raise Refused("请填写授权的结束日期，写成 YYYY-MM-DD。", "input:until")
    if last < first or last < today:
        raise Refused("授权的结束日期早于开始日期，或者已经过去。", "input:until")
    for each in requests:
        begin, end = period_of(each.typed.get("period"))
        if (begin and first < begin) or (end and last > end):
            raise Refused(
                f"授权的日期超出数据申请 {each.case.number} 写明的使用期限（{begin} 至 {end}）。",
                "input:until",
                basis(each.zone_id, GROUND, today),
            )
    return first, last


def _independent(
    zone: str, developing: str, reviewers: Sequence[str], owners: Sequence[str], today: date
) -> None:
    """No reviewer may be tied to the developing organisation; a provider that develops is told so."""
    tied = affiliation.related(developing, reviewers, today)
    if tied:
        names = queries.names_of([tied])
        raise Refused(
            f"开发机构与出域审核机构“{names.get(tied, tied)}”有隶属、控股或其他利害关系，应当回避。",
            "recused",
            basis(zone, GROUND, today),
            {"related": tied, "owners": list(owners)},
        )


def _enter(project: Project, developing: str, owners: Sequence[str], reviewers: Sequence[str]) -> None:
    rows = {(project.operator_id, "operator"), (developing, "developer")}
    rows |= {(each, "provider") for each in owners} | {(each, "reviewer") for each in reviewers}
    Membership.objects.bulk_create(
        [
            Membership(project=project, zone_id=project.zone_id, organisation_id=organisation, role=role)
            for organisation, role in sorted(rows)
        ]
    )
