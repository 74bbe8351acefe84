"""Notices: whose turn it is, what ran out, what is overdue. Each is sent once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from gongshu.law.decisions import Position, TimerDue
from gongshu.law.shapes import Procedure
from gongshu.office.accounts import lawroles
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import parties
from gongshu.office.cases.models import Case, CaseEvent, Deadline, Notice, NoticeSeen, Waiting
from gongshu.office.link import clock, evidence


def send(
    case: Case,
    kind: str,
    key: str,
    role: str,
    sentence: str,
    at: datetime,
    why: str = "",
    person: str = "",
) -> int:
    """One notice to everybody with a role in the case (or one person); a key already sent sends nothing."""
    held = sorted(parties.organisations_of(case, role)) if role else []
    rows = [
        Notice(
            case=case,
            zone_id=case.zone_id,
            kind=kind,
            key=key[:160],
            role=role,
            organisation=organisation,
            person=person,
            sentence=sentence[:400],
            why=why,
            at=at,
            wall_at=clock.wall_now(),
        )
        for organisation in held or [""]
    ]
    before = Notice.objects.filter(case=case, key=key[:160], role=role, person=person).count()
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows) if not before else 0


def after_act(case: Case, event: CaseEvent, procedure: Procedure) -> None:
    """Tell those whose turn it is now, and the applicant what happened."""
    act, state = procedure.act(event.act), procedure.state(case.state)
    told = set()
    for role in Waiting.objects.filter(case=case).values_list("role", flat=True).distinct():
        told.add(role)
        send(
            case,
            "turn",
            f"turn:{event.seq}",
            role,
            f"{case.number}“{case.title}”已{act.title}，现为“{state.title}”，轮到您办理。",
            event.at,
            event.decision_id,
        )
    for role in parties.of(case):
        if role not in told and role != event.role:
            send(
                case,
                "news",
                f"news:{event.seq}",
                role,
                f"{case.number}“{case.title}”已{act.title}，现为“{state.title}”。",
                event.at,
                event.decision_id,
            )


def of_timers(case: Case, timers: Iterable[TimerDue], now: datetime) -> int:
    """A statutory period has ended: an act has become possible, and those who may do it are told once."""
    sent = 0
    for timer in timers:
        row = Deadline.objects.filter(case=case, due=timer.due).order_by("-started").first()
        fresh = 0
        for role in timer.owes:
            fresh += send(
                case,
                "timer",
                timer.key,
                role,
                f"{case.number}“{case.title}”：{timer.notice}",
                now,
                row.pk if row else "",
            )
        sent += fresh
        if fresh:
            evidence.record(
                act=f"{case.procedure}.timer",
                actor="system",
                role="system",
                subject=case.subject or case.id,
                zone=case.zone_id,
                now=clock.wall_now(),
                case=case.id,
                articles=timer.basis,
            )
    return sent


def of_overdue(case: Case, where: Position, now: datetime) -> int:
    """A deadline has passed: those who owe the act and the authority that supervises are told once."""
    sent = 0
    rows = {(row.ledger, row.started): row.pk for row in Deadline.objects.filter(case=case, met=None)}
    for running in where.overdue:
        key = f"overdue:{running.id}:{running.started.isoformat()}"
        who = "、".join(lawroles.zone_title(each, case.zone_id) for each in running.owes)
        sentence = f"{case.number}“{case.title}”的“{running.title}”已超过 {running.due}，应由{who}办理。"
        for role in dict.fromkeys((*running.owes, "data_authority")):
            sent += send(
                case, "overdue", key, role, sentence, now, rows.get((running.id, running.started), "")
            )
    return sent


@transaction.atomic
def read_all(rows: Iterable[Notice], actor: Actor) -> int:
    """The actor has read these notices; how many that were unread."""
    now = clock.wall_now()
    made = [NoticeSeen(notice=row, person=actor.person, at=now) for row in rows]
    NoticeSeen.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)
