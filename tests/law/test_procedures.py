"""Procedures are checked when they are built; the table role × act is complete in every zone."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from gongshu.law import engine, packs, procedures, rules
from gongshu.law.predicates import PREDICATES
from gongshu.law.procedures import ProcedureError
from support.histories import moment

LIBRARY = packs.library()
ON = date(2026, 3, 2)
ROLES = {"clerk": "经办人", "chief": "负责人"}

GOOD: dict[str, Any] = {
    "id": "test.procedure",
    "title": "试验程序",
    "basis": ["national-registration:8"],
    "initial": "draft",
    "states": {"draft": {"title": "草稿"}, "open": {"title": "办理中"}, "closed": {"title": "已办结", "final": True}},
    "inputs": {"reasons": {"title": "理由", "type": "long_text"}},
    "acts": [
        {"id": "send", "title": "提交", "from": "draft", "to": "open", "by": "clerk", "basis": ["national-registration:9"]},
        {"id": "close", "title": "办结", "from": "open", "to": "closed", "by": ["chief"], "basis": ["national-registration:11"],
         "asks": ["reasons"], "requires": [{"name": "not_actor_of", "acts": ["send"]}]},
    ],
    "clocks": [{"id": "do", "clock": "registration.acceptance", "title": "办理", "starts": ["send"], "stops": ["close"]}],
    "timers": [{"id": "late", "state": "open", "after": "do", "opens": "close", "notice": "到期"}],
}  # fmt: skip


def build(change: dict[str, Any] | None = None, **more: Any) -> procedures.Procedure:
    return procedures.build(
        {**copy.deepcopy(GOOD), **(change or {})}, readings={"r": "b"}, roles=ROLES, **more
    )


def test_a_good_one_is_built() -> None:
    found = build()
    assert found.act("close").by_titles == ("负责人",)
    assert found.act("close").records == ("reasons",)


def acts(index: int, **change: Any) -> dict[str, Any]:
    changed = copy.deepcopy(GOOD["acts"])
    changed[index].update(change)
    return {"acts": changed}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"initial": "nowhere"}, "初始状态"),
        (acts(0, to="nowhere"), "不存在的状态“nowhere”"),
        (acts(0, by=[]), "没有写由谁"),
        (acts(0, by=["stranger"]), "不存在的角色“stranger”"),
        (acts(0, basis=[]), "没有写依据"),
        (acts(0, requires=["magic"]), "不认识的条件“magic”"),
        (acts(0, requires=[{"name": "holds"}]), "参数不对"),
        (acts(0, requires=[{"name": "not_recused", "mood": "good"}]), "参数不对"),
        (acts(0, requires=[{"name": "elapsed", "clock": "nowhere"}]), "不存在的期限“nowhere”"),
        (acts(0, to=[{"state": "open", "when": ["not_recused"]}]), "最后一个去向"),
        (acts(1, asks=["nothing"]), "写法不对"),
        (acts(1, **{"from": "draft"}), "没有出路"),
        ({"states": {**GOOD["states"], "island": {"title": "孤岛", "final": True}}}, "走不到"),
        ({"states": {**GOOD["states"], "open": {"title": "办理中", "final": True}}}, "写了是终点"),
        ({"inputs": {"reasons": {"title": "理由", "type": "poem"}}}, "不认识的类型“poem”"),
        ({"inputs": {"reasons": {"title": "理由", "type": "choice"}}}, "没有选项"),
        ({"colour": "red"}, "不认识的栏目：colour"),
        ({"clocks": [{**GOOD["clocks"][0], "starts": ["nothing"]}]}, "不存在的动作“nothing”"),
        ({"timers": [{**GOOD["timers"][0], "opens": "nothing"}]}, "定时“late”"),
        (acts(0, by={"reading": "unknown", "a": "clerk", "b": "chief"}), "没有选择读法“unknown”"),
    ],
)
def test_a_broken_one_is_refused_and_says_why(change: dict[str, Any], part: str) -> None:
    with pytest.raises(packs.LawError, match=part):
        build(change)


def test_a_reading_decides_and_is_remembered() -> None:
    found = build(acts(0, by={"reading": "r", "a": "clerk", "b": "chief"}))
    assert found.act("send").by == ("chief",)
    assert found.readings == {"r": "b"}


def test_like_takes_over_what_is_not_said() -> None:
    base = copy.deepcopy(GOOD)
    raw = {"id": "other", "title": "另一程序", "basis": ["y:1"], "like": "test.procedure",
           "acts": [{"id": "send", "basis": ["y:2"]}]}  # fmt: skip
    found = procedures.build(raw, readings={}, roles=ROLES, other=lambda _: base)
    assert (found.title, found.act("send").title, found.act("send").basis) == ("另一程序", "提交", ("y:2",))
    circle = {**raw, "like": "a"}
    with pytest.raises(ProcedureError, match="不能参照"):
        procedures.build(circle, readings={}, roles=ROLES, other=lambda _: circle)


CASES = [
    (zone, name, act)
    for zone in LIBRARY.zones
    for name in rules.at(zone, ON).ids("procedures")
    for act in procedures.load(rules.at(zone, ON), name).acts
]


@pytest.mark.row("B01", "B17")
def test_the_table_of_roles_and_acts_is_complete() -> None:
    """Whoever is not named by an act is refused it for the role, with article and sentence."""
    refused = 0
    for zone, name, act in CASES:
        found = rules.at(zone, ON)
        procedure = procedures.load(found, name)
        wanted = procedure.act(act)
        start = procedures.Procedure(**{**vars(procedure), "initial": wanted.from_[0]})
        for role in found.ids("roles"):
            decision = engine.decide(start, found, (), act, role, {}, moment(ON), actor_id="p")
            assert (decision.code == "role") is (role not in wanted.by), (zone, name, act, role)
            if decision.code == "role":
                refused += 1
                assert decision.articles or procedure.because.startswith("项目选择"), (zone, name, act)
                assert all(title in decision.sentence for title in wanted.by_titles)
    assert refused > 1000


# 只看前面做过没有、不看事实的条件：没有做过就是成立
OF_HISTORY = {"not_done"}


def test_nothing_at_all_is_never_enough_to_be_judged_by() -> None:
    """An act with conditions is refused when no fact is given: silence is no permission."""
    for zone, name, act in CASES:
        found = rules.at(zone, ON)
        procedure = procedures.load(found, name)
        wanted = procedure.act(act)
        judged = [guard for guard in wanted.requires if guard.name not in OF_HISTORY]
        if not (judged or any(item.required for item in wanted.asks)):
            continue
        start = procedures.Procedure(**{**vars(procedure), "initial": wanted.from_[0]})
        decision = engine.decide(start, found, (), act, wanted.by, {}, moment(ON))
        assert not decision.allowed, (zone, name, act)
        assert decision.sentence.endswith("。")
        assert decision.articles or procedure.because.startswith("项目选择"), (zone, name, act)


def test_every_predicate_is_used_or_known() -> None:
    used = set()
    for zone, name, act in CASES:
        wanted = procedures.load(rules.at(zone, ON), name).act(act)
        used |= {guard.name for guard in wanted.requires}
        used |= {guard.name for branch in wanted.to for guard in branch.when}
    assert used <= set(PREDICATES)


def test_facts_needed_are_named_for_the_caller() -> None:
    found = procedures.load(rules.at("gansu", ON), "registration.first")
    assert engine.facts_needed(found, "accept") == (
        "recused",
        "actor_organisation",
        "registrant_organisations",
    )
    assert "defects" in engine.facts_needed(found, "return")


def suspending(unit: str) -> tuple[procedures.Procedure, rules.Rules]:
    """A procedure whose clock stops while waiting; no text of today does, the engine can."""
    change = {
        "states": {**GOOD["states"], "waiting": {"title": "等待鉴定"}},
        "acts": [
            *GOOD["acts"],
            {"id": "wait", "title": "中止", "from": "open", "to": "waiting", "by": "clerk", "basis": ["national-registration:12"]},
            {"id": "go_on", "title": "恢复", "from": "waiting", "to": "open", "by": "clerk", "basis": ["national-registration:12"]},
        ],
        "clocks": [{**GOOD["clocks"][0], "clock": unit, "suspends": ["wait"], "resumes": ["go_on"]}],
    }  # fmt: skip
    return build(change), rules.at("gansu", ON)


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        # ten working days from Monday 2 March; two are used when it stops on the 4th, eight are left on the 18th
        ("registration.publicity", date(2026, 3, 30)),
        # a term of calendar units moves by the fourteen days it stood still
        ("certificate.validity", date(2029, 3, 16)),
    ],
)
def test_a_suspended_clock_goes_on_with_what_was_left(clock: str, due: date) -> None:
    procedure, found = suspending(clock)
    history: Any = ()
    for act, day in (("send", "2026-03-02"), ("wait", "2026-03-04"), ("go_on", "2026-03-18")):
        history = engine.apply(procedure, found, history, act, "clerk", {}, moment(day), actor_id="p").events
        if act == "wait":
            stopped = engine.position(procedure, found, history, moment("2031-01-01"))
            assert stopped.overdue == ()
            assert stopped.deadlines[0].paused == date(2026, 3, 4)
    (running,) = engine.position(procedure, found, history, moment("2026-03-18")).deadlines
    assert (running.due, running.paused) == (due, None)
