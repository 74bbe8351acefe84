"""What lists need of a case, state, deadlines, whose turn it is, the day to look again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import cast

from gongshu.law import engine
from gongshu.law.decisions import Position, Running
from gongshu.law.history import History, local_day
from gongshu.law.rules import Rules
from gongshu.law.shapes import Procedure
from gongshu.office.accounts.roles import role as role_class
from gongshu.office.cases import parties
from gongshu.office.cases.models import NEVER, Case, Deadline, Waiting, jsonable

ONE = timedelta(days=1)


def keep(
    case: Case, procedure: Procedure, rules: Rules, history: History, now: datetime, ticked: bool = False
) -> Position:
    """Write what follows from the history. `ticked`: today's look has been taken, so look again later."""
    where = engine.position(procedure, rules, history, now)
    case.state, case.state_title = where.state, where.title
    case.since = where.since or case.opened_at
    case.closed = where.final
    case.due = nearest(where)
    case.tick_day = next_look(where, local_day(now), ticked)
    case.save(update_fields=["state", "state_title", "since", "closed", "due", "tick_day"])
    rows = keep_deadlines(case, engine.ledger(procedure, rules, history))
    ending = {timer.after for timer in procedure.timers if timer.state == where.state}
    keep_waiting(case, where, rows, rules, ending)
    return where


def nearest(where: Position) -> date:
    """The first day on which something owed runs out."""
    owed = [each.due for each in where.deadlines if each.due and _owed(each)]
    return min(owed, default=NEVER)


def _owed(running: Running) -> bool:
    is_deadline = running.fact.kind in ("deadline", "date") and running.fact.direction == "after"
    return is_deadline and bool(running.owes) and running.paused is None


def next_look(where: Position, today: date, ticked: bool) -> date:
    """The day after the next due day: then something is overdue, or a timer of the law has run out."""
    if where.final:
        return NEVER
    days = [each.due + ONE for each in where.deadlines if each.due]
    later = [each for each in days if each > today or (each == today and not ticked)]
    past = [] if ticked else [each for each in days if each < today]
    return min([*later, *past], default=NEVER)


def keep_deadlines(case: Case, runnings: tuple[Running, ...]) -> dict[tuple[str, date], str]:
    """One row a running of a clock; a row keeps its id, so that its 为什么 keeps its address."""
    kept: dict[tuple[str, date], str] = {}
    known = {(row.ledger, row.started): row for row in Deadline.objects.filter(case=case)}
    # 同一天里办了又重新起算的，只留后一次
    newest = {(each.id, each.started): each for each in runnings}
    for running in newest.values():
        row = known.pop((running.id, running.started), None) or Deadline(
            case=case, zone_id=case.zone_id, ledger=running.id, started=running.started
        )
        row.clock, row.title, row.owes = running.clock, running.title, list(running.owes)
        row.due, row.met, row.late = running.due, running.met, running.late
        row.kind, row.direction = running.fact.kind, running.fact.direction
        row.paused = running.paused
        row.unit, row.provisional = running.fact.unit or "", running.fact.provisional
        row.text_status = running.fact.text_status
        row.fact = jsonable(running.fact.data())
        row.save()
        kept[running.id, running.started] = row.pk
    # 同一时钟重新起算，旧的那一次没有办结，就不再作数
    Deadline.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    return kept


def keep_waiting(
    case: Case, where: Position, deadlines: dict[tuple[str, date], str], rules: Rules, ending: set[str]
) -> None:
    """A row for each role the state waits for; a party's role once for each of its organisations.

    `ending`: the clocks whose end opens something in this state (公示); shown where nothing is owed.
    """
    Waiting.objects.filter(case=case).delete()
    if where.final:
        return
    rows = []
    for role in where.waits_for:
        owed = [each for each in where.deadlines if each.due and _owed(each) and role in each.owes]
        periods = [each for each in where.deadlines if each.due and each.id in ending and not _owed(each)]
        first = min(owed or periods, key=lambda each: each.due or NEVER, default=None)
        held = sorted(parties.organisations_of(case, role))
        if not held and not role_class(role).officer:
            continue  # 没有哪个机构在案里有这个身份，也就没有人的待办
        for organisation in cast("list[str | None]", held) or [None]:
            rows.append(
                Waiting(
                    case=case,
                    zone_id=case.zone_id,
                    role=role,
                    organisation_id=organisation,
                    procedure=case.procedure,
                    due=first.due if first and first.due else NEVER,
                    article="；".join(map(rules.cite, first.basis))[:200] if first else "",
                    deadline=deadlines.get((first.id, first.started), "") if first else "",
                    provisional=first.fact.provisional if first else False,
                    period=first is not None and not owed,
                )
            )
    Waiting.objects.bulk_create(rows)
