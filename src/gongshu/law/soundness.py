"""What is wrong inside a procedure: names that lead nowhere, missing articles, dead ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gongshu.law.inputs import INPUT_KINDS
from gongshu.law.predicates import PREDICATES
from gongshu.law.shapes import Act, Guard, Procedure


def check(procedure: Procedure) -> Iterable[str]:
    """What is wrong inside a procedure, one Chinese sentence each: names that lead nowhere, dead ends."""
    states, acts = procedure.states, procedure.acts
    if procedure.initial not in states:
        yield f"初始状态“{procedure.initial}”不存在。"
    for act in acts.values():
        yield from _check_act(act, procedure)
    for ledger in procedure.clocks.values():
        for name in (*ledger.starts, *ledger.stops, *ledger.suspends, *ledger.resumes):
            if name not in acts:
                yield f"期限“{ledger.id}”提到不存在的动作“{name}”。"
        yield from _check_guards(ledger.when, f"期限“{ledger.id}”")
    for timer in procedure.timers:
        if timer.state not in states or timer.after not in procedure.clocks or timer.opens not in acts:
            yield f"定时“{timer.id}”提到不存在的状态、期限或动作。"
        yield from _check_guards(timer.unless, f"定时“{timer.id}”")
    yield from _check_reach(procedure)


def _check_act(act: Act, procedure: Procedure) -> Iterable[str]:
    for name in (*act.from_, *(branch.to for branch in act.to)):
        if name not in procedure.states:
            yield f"动作“{act.id}”提到不存在的状态“{name}”。"
    if not act.by:
        yield f"动作“{act.id}”没有写由谁来做。"
    if not act.basis:
        yield f"动作“{act.id}”没有写依据。"
    if act.to and act.to[-1].when:
        yield f"动作“{act.id}”的最后一个去向必须没有条件。"
    for asked in act.asks:
        if asked.kind not in INPUT_KINDS:
            yield f"动作“{act.id}”的“{asked.id}”是不认识的类型“{asked.kind}”。"
        if asked.kind in ("choice", "choices") and not asked.options:
            yield f"动作“{act.id}”的“{asked.id}”没有选项。"
    yield from _check_guards(act.requires, f"动作“{act.id}”")
    for branch in act.to:
        yield from _check_guards(branch.when, f"动作“{act.id}”")
    for guard in act.requires:
        clock = guard.args.get("clock")
        if clock is not None and clock not in procedure.clocks:
            yield f"动作“{act.id}”的条件提到不存在的期限“{clock}”。"


def _check_guards(guards: Iterable[Guard], where: str) -> Iterable[str]:
    for guard in guards:
        predicate = PREDICATES.get(guard.name)
        if predicate is None:
            yield f"{where}用到不认识的条件“{guard.name}”。"
            continue
        wrong = set(guard.args) ^ (set(guard.args) & set(predicate.args))
        missing = set(predicate.needed) - set(guard.args)
        if wrong or missing:
            yield f"{where}的条件“{guard.name}”参数不对：{'、'.join(sorted(wrong | missing))}。"


def check_roles(procedure: Procedure, roles: Mapping[str, str]) -> Iterable[str]:
    for role in sorted(procedure.roles - set(roles)):
        yield f"提到不存在的角色“{role}”。"


def _check_reach(procedure: Procedure) -> Iterable[str]:
    reached, edge = {procedure.initial}, [procedure.initial]
    while edge:
        here = edge.pop()
        for act in procedure.acts.values():
            if here in act.from_:
                new = {branch.to for branch in act.to} - reached
                reached |= new
                edge += new
    for name, state in procedure.states.items():
        leaves = any(name in act.from_ for act in procedure.acts.values())
        if name not in reached:
            yield f"状态“{name}”走不到。"
        if state.final and leaves:
            yield f"状态“{name}”写了是终点，却还有动作。"
        if not state.final and not leaves:
            yield f"状态“{name}”没有出路，也没有写是终点。"
