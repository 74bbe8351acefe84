"""Random walks: whatever is tried, the engine answers; what it allowed once, the replay finds again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.law import engine, packs, procedures, rules
from gongshu.law.history import History
from support.histories import DIGEST, FILE, moment

LIBRARY = packs.library()
START = date(2026, 3, 2)
PLACES = [(zone, name) for zone in LIBRARY.zones for name in rules.at(zone, START).ids("procedures")]
HEADS = ("no_raw", "not_reversible", "no_linkage", "source", "masking", "access", "consent")
FACTS: dict[str, Any] = {
    "recused": False, "actor_organisation": "org", "registrant_organisations": ["x"], "form_problems": [],
    "form_digest": DIGEST, "deposited": True, "duplicate": False, "real_name": True, "checked": True,
    "reasons": "理由", "defects": [{"item": "R01", "sentence": "x"}], "objector": "张", "grounds": "x",
    "evidence": [FILE], "notified": True, "compliance_passed": True, "resource_registered": True,
    "providers": ["org"], "answers": dict.fromkeys((*HEADS, "economic", "social", "business", "need"), "pass"),
    "fields": [{"field": "a", "necessity": "x"}], "decisions": [{"field": "a", "decision": "同意"}],
    "scenario_approved": True, "one_scene": True, "shared_source": False, "not_excluded": True, "graded": True,
    "agree": True, "verdict": "pass", "output_digest": DIGEST, "findings_digest": DIGEST, "vote": "pass",
    "developing_organisations": ["dev"], "released": True, "agreement": FILE, "signed_on": "2026-03-01",
    "product_published": True, "number": "1", "kind": "plan", "name": "x", "dated": "2026-03-01", "file": FILE,
    "risk_report": FILE, "safe": True, "opinion": "x", "art30": "duplicate", "ruling": FILE, "breach": "fraud",
    "verified": True, "cause": "lost", "proof": [FILE], "original": "1", "announced": True, "task": "t",
    "run_done": True, "output": "o", "signature_verified": True, "votes_verified": True, "file_digest": DIGEST,
    "authorisation": "open", "legal_basis": "x", "commission": FILE, "report": FILE,
}  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.sampled_from(PLACES),
    tries=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 6), st.integers(0, 9), st.sampled_from(sorted(FACTS))),
        max_size=25,
    ),
)
def test_a_walk_always_answers_and_replays(
    place: tuple[str, str], tries: list[tuple[int, int, int, str]]
) -> None:
    zone, name = place
    found = rules.at(zone, START)
    procedure = procedures.load(found, name)
    history: History = ()
    day = START
    state = procedure.initial
    for index, person, forward, dropped in tries:
        day += timedelta(days=forward)
        possible = [act for act in procedure.acts.values() if state in act.from_]
        if not possible:
            break
        act = possible[index % len(possible)]
        facts = {key: value for key, value in FACTS.items() if key != dropped or index % 3}
        args = (procedure, found, history, act.id, act.by, facts, moment(day))
        decision = engine.decide(*args, actor_id=f"p{person}")
        assert decision.sentence.endswith("。")
        assert decision.articles or procedure.because.startswith("项目选择")
        if not decision.allowed:
            continue
        outcome = engine.apply(*args, actor_id=f"p{person}")
        assert outcome.events[:-1] == history
        assert outcome.state in {branch.to for branch in act.to}
        history, state = outcome.events, outcome.state
        assert engine.state_of(procedure, found, history) == state
    where = engine.position(procedure, found, history, moment(day))
    assert where.state == state
    assert where.final is not bool(where.next_acts)
    assert {item.id for item in where.overdue} <= {item.id for item in where.deadlines}
    assert all(item.met is None for item in where.deadlines)
    assert engine.tick(procedure, found, history, moment(day)) == engine.tick(
        procedure, found, history, moment(day)
    )


GARBAGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.lists(st.one_of(st.none(), st.text(max_size=4), st.integers(), st.dictionaries(st.text(max_size=4), st.text(max_size=4))), max_size=3),
    st.dictionaries(st.text(max_size=4), st.one_of(st.none(), st.text(max_size=4), st.lists(st.integers(), max_size=2)), max_size=3),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(PLACES), index=st.integers(0, 40), data=st.data())
def test_garbage_is_answered_and_never_breaks(
    place: tuple[str, str], index: int, data: st.DataObject
) -> None:
    zone, name = place
    found = rules.at(zone, START)
    procedure = procedures.load(found, name)
    act = list(procedure.acts.values())[index % len(procedure.acts)]
    start = procedures.Procedure(**{**vars(procedure), "initial": act.from_[0]})
    spoiled = data.draw(st.dictionaries(st.sampled_from(sorted(FACTS)), GARBAGE, max_size=6))
    args = (start, found, (), act.id, act.by, {**FACTS, **spoiled}, moment(START))
    decision = engine.decide(*args, actor_id="p")
    assert decision.sentence.endswith("。")
    if decision.allowed:
        engine.apply(*args, actor_id="p")
