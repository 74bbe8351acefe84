"""Clocks of a case as budget and ledger: started, restarted, suspended, answered; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from gongshu.law.calendar import Calendar, shift
from gongshu.law.clocks import deadline
from gongshu.law.decisions import Running
from gongshu.law.history import Context, History, local_day
from gongshu.law.inputs import day_of
from gongshu.law.predicates import evaluate
from gongshu.law.rules import Rules
from gongshu.law.shapes import Ledger, Procedure


def context_of(
    rules: Rules,
    history: History,
    facts: Mapping[str, Any],
    actor: str,
    today: date,
    procedure: Procedure | None = None,
) -> Context:
    """What predicates look at; without `procedure` they see no clocks (a clock's own conditions)."""

    def due(name: str) -> date | None:
        running = latest(procedure.clocks[name], rules, history) if procedure else None
        return running.due if running else None

    return Context(history, facts, actor, today, _limit(rules), due, _items(rules))


def _limit(rules: Rules) -> Callable[[str], Any]:
    return lambda name: rules.limit(name).value


def _items(rules: Rules) -> Callable[[str], tuple[str, ...]]:
    return lambda name: tuple(str(item["id"]) for item in rules.document(name)["items"])


def entries(clock: Ledger, rules: Rules, history: History) -> tuple[Running, ...]:
    """Every running of one clock: a new start closes the one before it unmet (it counts anew)."""
    found: list[Running] = []
    for index, event in enumerate(history):
        day = local_day(event.at)
        if found and found[-1].met is None:
            found[-1] = _touched(found[-1], clock, event.act, day, rules.calendar)
        if event.act in clock.starts and (running := _started(clock, rules, history[: index + 1])):
            if found and found[-1].met is None:
                found.pop()
            found.append(running)
    return tuple(found)


def _started(clock: Ledger, rules: Rules, history: History) -> Running | None:
    """The running the last event begins; None when its day is not known or its conditions do not hold."""
    event, day = history[-1], _start_day(clock, history)
    if day is None:
        return None
    context = context_of(rules, history, event.data, event.actor_id, day)
    if any(evaluate(guard.name, context, guard.args) for guard in clock.when):
        return None
    fact = deadline(rules, clock.clock, day)
    last = day_of(event.data.get(clock.until)) or fact.due
    return Running(clock.id, clock.clock, clock.title, clock.owes, day, fact, last)


def _start_day(clock: Ledger, history: History) -> date | None:
    """The day the last event of `history` makes the clock count from; None when its fact is not there."""
    event = history[-1]
    if clock.dated:
        return day_of(event.data.get(clock.dated))
    earlier = next((item for item in reversed(history) if item.act in clock.since), event)
    return local_day(earlier.at)


def _touched(running: Running, clock: Ledger, act: str, day: date, calendar: Calendar) -> Running:
    """A running after an event: answered, suspended or resumed."""
    if act in clock.stops:
        return replace(running, met=day, late=running.overdue(day))
    if act in clock.suspends and running.paused is None and not running.overdue(day):
        return replace(running, paused=day)
    if act in clock.resumes and running.paused is not None:
        return replace(running, due=_moved_on(running, running.paused, day, calendar), paused=None)
    return running


def _moved_on(running: Running, paused: date, resumed: date, calendar: Calendar) -> date | None:
    """The new last day: what was left of the budget at the suspension, counted from the resumption."""
    if running.due is None:
        return None
    if running.fact.unit != "working_days":
        moved = shift(running.due, (resumed - paused).days)
        return calendar.next_workday(moved) if running.fact.rolls else moved
    left = calendar.workdays(paused, running.due)
    if left <= 0:
        return max(running.due, resumed)
    for fact in calendar.after(resumed):
        left -= fact.work
        if left == 0:
            return fact.day
    raise AssertionError("the calendar has no end")


def latest(clock: Ledger, rules: Rules, history: History) -> Running | None:
    """The last running of a clock, answered or not."""
    found = entries(clock, rules, history)
    return found[-1] if found else None


def ledger(procedure: Procedure, rules: Rules, history: History) -> tuple[Running, ...]:
    """All clocks of a case with the day each was answered, in the order they started; for the timeline."""
    found = [running for item in procedure.clocks.values() for running in entries(item, rules, history)]
    return tuple(sorted(found, key=lambda running: running.started))
