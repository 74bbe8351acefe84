"""The one procedure engine: (procedure, history, act, facts, now) → Decision, and if allowed an Outcome.

Nothing is stored here. The state of a case is the fold of its history; a clock is a ledger of starts,
restarts and answers; whether something is overdue is computed each time. Every function takes `rules`
(the law of a zone at a date, `law.rules.Rules`) and an aware business time `now`.

Facts the caller always supplies beside what the act asks: `recused` (bool, computed by the office) and
`actor_organisation` (id). A guard whose fact is missing refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from gongshu.law.decisions import ActRefused, Check, Decision, Outcome, Position, TimerDue
from gongshu.law.errors import LawError
from gongshu.law.history import Context, Event, History, local_day
from gongshu.law.inputs import Input, problem_of
from gongshu.law.ledgers import context_of, latest, ledger
from gongshu.law.predicates import PREDICATES, evaluate
from gongshu.law.rules import STATUS_SENTENCES, Rules, weakest
from gongshu.law.shapes import Act, Guard, Procedure, State, Timer

# ---------------------------------------------------------------- the fold


def _branch(procedure: Procedure, rules: Rules, act: Act, history: History) -> str:
    """The state an act leads to, judged on the history with the act itself as its last event."""
    event = history[-1]
    for branch in act.to:
        context = context_of(rules, history, event.data, event.actor_id, local_day(event.at), procedure)
        if all(not evaluate(guard.name, context, guard.args) for guard in branch.when):
            return branch.to
    raise LawError("branch", f"动作“{act.title}”没有去向。", act.basis)


def states_of(procedure: Procedure, rules: Rules, history: History) -> tuple[str, ...]:
    """The state after each event; raises LawError when an event could not have happened there."""
    state, found = procedure.initial, []
    for index, event in enumerate(history):
        act = procedure.act(event.act)
        if state not in act.from_:
            here = procedure.state(state).title
            sentence = f"历史第 {index + 1} 步“{act.title}”不能发生在“{here}”。"
            raise LawError("history", sentence, act.basis)
        state = _branch(procedure, rules, act, history[: index + 1])
        found.append(state)
    return tuple(found)


def state_of(procedure: Procedure, rules: Rules, history: History) -> str:
    states = states_of(procedure, rules, history)
    return states[-1] if states else procedure.initial


# ---------------------------------------------------------------- deciding


def decide(
    procedure: Procedure,
    rules: Rules,
    history: History,
    act: str,
    roles: Iterable[str] | str,
    facts: Mapping[str, Any],
    now: datetime,
    *,
    actor_id: str = "",
) -> Decision:
    """May this act be done now by someone with these roles? The first thing that fails gives the sentence."""
    wanted = procedure.act(act)
    state = procedure.state(state_of(procedure, rules, history))
    held = {roles} if isinstance(roles, str) else set(roles)
    context = context_of(rules, history, facts, actor_id, local_day(now), procedure)
    readings = {name: procedure.readings[name] for name in wanted.readings if name in procedure.readings}
    checks: list[Check] = []
    for check in _checks(procedure, wanted, state, held, context):
        checks.append(check)
        if not check.held:
            break
    last = checks[-1]
    articles = wanted.basis if last.held else (last.basis or wanted.basis)
    return Decision(
        allowed=last.held,
        code="allowed" if last.held else last.name,
        sentence=f"可以“{wanted.title}”。" if last.held else last.sentence,
        articles=articles,
        facts=dict(context.seen),
        act=act,
        procedure=procedure.id,
        state=state.id,
        checks=tuple(checks),
        readings=readings,
        caution=caution_of(rules, articles),
    )


def caution_of(rules: Rules, articles: Iterable[str]) -> str:
    """What to say of an answer resting on these articles: the weakest of their texts speaks."""
    return STATUS_SENTENCES[weakest([rules.text(citation).text_status for citation in articles])]


def _checks(
    procedure: Procedure, act: Act, state: State, roles: set[str], context: Context
) -> Iterable[Check]:
    where = "、".join(f"“{procedure.states[name].title}”" for name in act.from_)
    sentence = f"现在是“{state.title}”，“{act.title}”要在{where}时才能办理。"
    yield Check("state", "状态", state.id in act.from_, sentence, act.basis)
    who = "、".join(act.by_titles or act.by)
    mine = bool(roles & set(act.by))
    yield Check("role", "角色", mine, f"“{act.title}”由{who}办理，您没有这个角色。", act.basis)
    for asked in act.asks:
        sentence = problem_of(asked, context.fact(asked.id))
        yield Check(f"input:{asked.id}", asked.title, not sentence, sentence, asked.basis or act.basis)
    for guard in act.requires:
        sentence = evaluate(guard.name, context, guard.args)
        shown = (guard.sentence or sentence) if sentence else ""
        yield Check(guard.name, PREDICATES[guard.name].title, not sentence, shown, guard.basis or act.basis)


def apply(
    procedure: Procedure,
    rules: Rules,
    history: History,
    act: str,
    roles: Iterable[str] | str,
    facts: Mapping[str, Any],
    now: datetime,
    *,
    actor_id: str = "",
) -> Outcome:
    """Do an act: decide, then the event to store and what follows. Raises ActRefused when not allowed."""
    decision = decide(procedure, rules, history, act, roles, facts, now, actor_id=actor_id)
    if not decision.allowed:
        raise ActRefused(decision)
    wanted = procedure.act(act)
    held = (roles,) if isinstance(roles, str) else tuple(roles)
    role = next(name for name in wanted.by if name in held)
    kept = {name: facts[name] for name in wanted.records if facts.get(name) is not None}
    event = Event(act, now, actor_id, role, kept)
    events = (*history, event)
    where = position(procedure, rules, events, now)
    return Outcome(
        decision, event, where.state, where.title, events, where.deadlines, where.next_acts, where.waits_for
    )


# ---------------------------------------------------------------- looking


def position(procedure: Procedure, rules: Rules, history: History, now: datetime) -> Position:
    """Where the case stands at `now`."""
    states = states_of(procedure, rules, history)
    here = procedure.state(states[-1] if states else procedure.initial)
    since = None
    for event, state in zip(reversed(history), reversed(states), strict=True):
        if state != here.id:
            break
        since = event.at
    today = local_day(now)
    running = tuple(item for item in ledger(procedure, rules, history) if item.met is None)
    return Position(
        state=here.id,
        title=here.title,
        since=since,
        waits_for=here.waits_for,
        deadlines=running,
        overdue=tuple(item for item in running if item.overdue(today)),
        next_acts=tuple(act for act in procedure.acts.values() if here.id in act.from_),
        final=here.final,
    )


def tick(procedure: Procedure, rules: Rules, history: History, now: datetime) -> tuple[TimerDue, ...]:
    """The timers that have run out at `now`; the same answer however often it is asked."""
    state = state_of(procedure, rules, history)
    return tuple(
        due
        for timer in procedure.timers
        if timer.state == state and (due := _timer_due(procedure, rules, history, timer, now))
    )


def _timer_due(
    procedure: Procedure, rules: Rules, history: History, timer: Timer, now: datetime
) -> TimerDue | None:
    running = latest(procedure.clocks[timer.after], rules, history)
    if running is None or running.due is None or local_day(now) <= running.due:
        return None
    context = context_of(rules, history, {}, "", local_day(now), procedure)
    if any(not evaluate(guard.name, context, guard.args) for guard in timer.unless):
        return None
    act = procedure.act(timer.opens)
    key = f"{timer.id}:{running.started.isoformat()}"
    return TimerDue(timer.id, key, timer.opens, timer.notice, running.due, act.by, running.basis or act.basis)


def asks(procedure: Procedure, act: str) -> tuple[Input, ...]:
    """What the act asks of the person, for a form; guards may need further facts of the caller."""
    return procedure.act(act).asks


def facts_needed(procedure: Procedure, act: str) -> tuple[str, ...]:
    """Names of all facts the act's inputs and guards look at, so that a caller can supply them."""
    wanted = procedure.act(act)
    named = [item.id for item in wanted.asks]
    for guard in wanted.requires:
        named += _fact_names(guard)
    return tuple(dict.fromkeys(named))


def _fact_names(guard: Guard) -> list[str]:
    own: Callable[[str], list[str]] = {
        "not_recused": lambda _: ["recused"],
        "names_open": lambda _: ["objection"],
        "one_list": lambda _: ["defects"],
        "organisation_not_in": lambda fact: ["actor_organisation", fact],
        "organisation_in": lambda fact: ["actor_organisation", fact],
    }.get(guard.name, lambda fact: [fact] if fact else [])
    return own(str(guard.args.get("fact", ""))) + [str(name) for name in guard.args.get("facts", ())]


__all__ = [
    "ActRefused", "Decision", "Outcome", "Position", "TimerDue", "apply", "asks", "decide", "facts_needed",
    "latest", "ledger", "position", "state_of", "states_of", "tick",
]  # fmt: skip
