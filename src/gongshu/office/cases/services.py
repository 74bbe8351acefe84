"""The one door of every procedure: open a case, perform an act; asked, done and proved in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from gongshu.law import engine
from gongshu.law.decisions import ActRefused, Outcome
from gongshu.law.errors import LawError
from gongshu.law.history import Event, History, local_day
from gongshu.law.shapes import Procedure
from gongshu.office.accounts.actors import AGENT, Actor
from gongshu.office.accounts.permissions import Refused, check_zone
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import decisions, lawbook, notices, parties, positions, registry
from gongshu.office.cases.models import Case, CaseEvent, CaseNumber, Decision, Material, jsonable
from gongshu.office.link import clock, evidence


@dataclass(frozen=True)
class Done:
    """An act that was done: the event row, the decision row and what the engine says follows."""

    case: Case
    event: CaseEvent
    decision: Decision
    outcome: Outcome


@transaction.atomic
def open_case(
    procedure_id: str,
    subject: str,
    actor: Actor,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    *,
    title: str,
    subject_kind: str = "",
    zone: str = "",
    party_roles: Mapping[str, str | Iterable[str]] | None = None,
    organisation: str = "",
) -> Case:
    """Begin a procedure about a subject (an opaque id). `now` is business time.

    Who may do one of the first acts may begin. `party_roles`: role → organisation id(s) with that role in
    this case; the applicant `organisation` (the actor's own, or an agent's principal) takes the role the
    case is begun in. Raises `Refused`.
    """
    zone = zone or actor.zone
    check_zone(actor, zone)
    try:
        procedure = lawbook.procedure_now(zone, local_day(now), procedure_id)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    role = _beginning_role(procedure, actor, zone)
    applicant = _applicant(actor, role, zone, procedure_id, organisation)
    registry.may_begin(role, applicant, zone)
    case = Case(
        zone_id=zone,
        number=draw_number(zone, now),
        procedure=procedure_id,
        title=title.strip()[:200] or procedure.title,
        subject_kind=subject_kind,
        subject=subject,
        organisation_id=applicant,
        pack_digest=lawbook.keep_text(zone, clock.wall_now()),
        law_day=local_day(now),
        opened_by=actor.person,
        opened_at=now,
        state=procedure.initial,
        procedure_title=procedure.title,
        state_title=procedure.state(procedure.initial).title,
        since=now,
    )
    case.save(force_insert=True)
    parties.enter(case, role, party_roles or {})
    _keep_position(case, procedure, (), now)
    evidence.record(
        act=f"cases.open.{procedure_id}",
        actor=actor.person,
        role=role,
        subject=subject or case.id,
        zone=zone,
        now=clock.wall_now(),
        case=case.id,
        articles=procedure.basis,
        digests={"facts": evidence.digest_of(jsonable(dict(facts)))[0]} if facts else None,
    )
    return case


def _beginning_role(procedure: Procedure, actor: Actor, zone: str) -> str:
    first = [act for act in procedure.acts.values() if procedure.initial in act.from_]
    # 草稿等谁起草，谁就可以发起（使用协议由运营机构起草，第一步是使用单位确认）
    drafting = procedure.state(procedure.initial).waits_for
    allowed = list(dict.fromkeys([*(role for act in first for role in act.by), *drafting]))
    held = parties.delegated(actor, zone, procedure.id) | actor.roles_in(zone)
    role = next((each for each in allowed if each in held), None)
    if role is None:
        names = "、".join(dict.fromkeys(title for act in first for title in (act.by_titles or act.by)))
        raise Refused(
            f"“{procedure.title}”由{names}发起，您的账号没有这个角色。",
            "role",
            procedure.basis,
            {"roles": sorted(held)},
        )
    return role


def _applicant(actor: Actor, role: str, zone: str, procedure: str, wanted: str) -> str | None:
    """The organisation in whose name a case is begun; an agent must name a principal of this procedure."""
    principals = actor.principals_in(zone, procedure) if role in parties.DELEGABLE else frozenset[str]()
    if not wanted and principals and role not in actor.roles_in(zone):
        if len(principals) == 1:
            return next(iter(principals))
        raise Refused("代理机构要写明代哪个登记主体办理。", "input:organisation")
    if wanted and wanted not in actor.organisations | principals:
        raise Refused("您的机构没有这家机构办理这一事项的授权委托，不能代它办理。", "delegation")
    if role == AGENT:
        raise Refused("代理机构凭授权委托书办理，还没有机构把这一事项委托给您的机构。", "delegation")
    return wanted or actor.organisation


def draw_number(zone: str, now: datetime) -> str:
    """The next case number of a zone and year: division code, year, running number."""
    year = local_day(now).year
    CaseNumber.objects.get_or_create(zone=zone, year=year)
    row = CaseNumber.objects.select_for_update().get(zone=zone, year=year)
    row.last += 1
    row.save(update_fields=["last"])
    return f"{ZONES[zone].code}-{year}-{row.last:06d}"


def perform(
    case: Case | str,
    act: str,
    actor: Actor,
    facts: Mapping[str, Any],
    now: datetime,
    materials: Iterable[Material] = (),
) -> Done:
    """Do one act of a case. `now` is business time; `facts` what the act asks and the guards need.

    Raises `Refused` (stored as a decision with its own 为什么) when the law, the role or a recusal forbids.
    """
    case_id = case if isinstance(case, str) else case.pk
    try:
        with transaction.atomic():
            done = _perform(case_id, act, actor, facts, now, tuple(materials))
    except Refused as refusal:
        decisions.keep_refusal(refusal, actor, f"cases.{act}")
        raise
    if isinstance(case, Case):
        case.refresh_from_db()
    return done


def _perform(
    case_id: str,
    act: str,
    actor: Actor,
    facts: Mapping[str, Any],
    now: datetime,
    materials: tuple[Material, ...],
) -> Done:
    case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
    check_zone(actor, case.zone_id)
    procedure, rules = lawbook.procedure_of(case), lawbook.rules_of(case)
    history = history_of(case)
    if history and now < history[-1].at:
        now = history[-1].at  # 两个进程的钟差几毫秒，历史仍按先后
    given = gather(case, procedure, act, actor, facts, now)
    roles = parties.roles(case, actor)
    try:
        outcome = engine.apply(
            procedure, rules, history, act, sorted(roles), given, now, actor_id=actor.person
        )
    except ActRefused as error:
        role = next(iter(sorted(roles & set(procedure.act(act).by))), next(iter(sorted(roles)), ""))
        raise _refused(case, error, actor, role) from error
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    fields = decisions.draft(case, outcome.decision, actor, outcome.event.role, case.zone_id)
    decision = decisions.store(fields, f"{case.procedure}.{act}")
    event = _write_event(case, outcome, history, actor, decision)
    for material in materials:
        # 已在案卷里的不再改挂：一份材料只随它第一次交出的那一步
        Material.objects.filter(pk=material.pk, case=None).update(case=case, act=act, zone_id=case.zone_id)
    _keep_position(case, procedure, outcome.events, now)
    registry.handler(case.procedure).follow(case, event, actor, now)
    notices.after_act(case, event, procedure)
    return Done(case, event, decision, outcome)


def gather(
    case: Case, procedure: Procedure, act: str, actor: Actor, facts: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """All facts for one act: the standing ones, the app's, the caller's, and last what nobody can type."""
    handler = registry.handler(case.procedure)
    given = parties.standing_facts(case, actor)
    given |= handler.facts(case, act, actor, now)
    given |= facts
    given |= handler.certain(case, act, actor)
    given |= parties.facts(case, actor, procedure, act, now)
    return given


def _refused(case: Case, error: ActRefused, actor: Actor, role: str) -> Refused:
    decision = error.decision
    refusal = Refused(decision.sentence, decision.code, decision.articles, jsonable(dict(decision.facts)))
    refusal.pending = decisions.draft(case, decision, actor, role, case.zone_id)
    return refusal


def _write_event(
    case: Case, outcome: Outcome, history: History, actor: Actor, decision: Decision
) -> CaseEvent:
    assert decision.entry is not None
    return CaseEvent.objects.create(
        case=case,
        zone_id=case.zone_id,
        seq=len(history) + 1,
        act=outcome.event.act,
        actor=actor.person,
        organisation=actor.organisation or "",
        role=outcome.event.role,
        data=jsonable(dict(outcome.event.data)),
        state=outcome.state,
        at=outcome.event.at,
        wall_at=decision.wall_at,
        decision=decision,
        entry=decision.entry,
    )


def history_of(case: Case) -> History:
    """The events of a case as the engine folds them. One query."""
    return tuple(Event(row.act, row.at, row.actor, row.role, row.data) for row in case.events.order_by("seq"))


def _keep_position(case: Case, procedure: Procedure, history: History, now: datetime) -> None:
    positions.keep(case, procedure, lawbook.rules_of(case), history, now)


@transaction.atomic
def rebuild(case: Case, now: datetime) -> None:
    """Derive state, deadlines and what the case waits for anew (a new holiday paper, a repair)."""
    case = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
    _keep_position(case, lawbook.procedure_of(case), history_of(case), now)


LOCK = 7_264_311  # 全库唯一：时限检查


def tick(now: datetime, limit: int = 500) -> int:
    """Look at every case whose day has come: overdue warnings and timers of the law. Idempotent.

    A holiday paper that arrived since is taken into account first (`recount`).

    `now` is business time. Under an advisory lock: a second worker returns at once with 0. Returns how
    many cases were looked at.
    """
    today = local_day(now)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return 0
        from gongshu.office.cases import recount

        recount.when_needed(now)
        waiting = Case.objects.select_for_update(of=("self",), skip_locked=True)
        cases = list(waiting.filter(closed=False, tick_day__lte=today).order_by("tick_day", "pk")[:limit])
        for case in cases:
            procedure, rules = lawbook.procedure_of(case), lawbook.rules_of(case)
            history = history_of(case)
            notices.of_timers(case, engine.tick(procedure, rules, history, now), now)
            notices.of_overdue(case, engine.position(procedure, rules, history, now), now)
            positions.keep(case, procedure, rules, history, now, ticked=True)
        return len(cases)
