"""Role × act, generated and complete: every function that changes state is in the table of acts, asks a
permission, leaves evidence, and gives every role exactly the table's answer on a real database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from gongshu.law import engine
from gongshu.law.procedures import load
from gongshu.law.shapes import Procedure
from gongshu.office import urls
from gongshu.office.accounts import actors, granting
from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.permissions import TABLE as PERMISSIONS
from gongshu.office.accounts.permissions import Refused
from gongshu.office.acts import BY_NAME, GROUNDS, TABLE, Act, installed
from gongshu.office.cases import lawbook, parties, registry
from gongshu.office.cases import services as cases
from gongshu.office.link.models import OutboxEntry
from support import acts, people
from support.actscenes import WORLDS, Scene
from support.people import NOW

ZONES = ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")
ROLES = sorted({each for zone in ZONES for each, _ in granting.grantable(zone)})
BY_ROLE = ("permission", "case", "named")
# 没有这个身份的人得到的拒绝；别的代码都说的是内容或状态
DENIED = {"forbidden", "role", "organisation", "zone", "delegation"}
PREFIX = "gongshu.office."
NOT_INSTALLED = {each.name.partition(".")[0] for each in TABLE if each not in installed()}
VIEWS = acts.view_modules(urls.urlpatterns)


def _doors() -> dict[str, set[str]]:
    """What the table must hold: what a view calls, and what takes an actor though no view calls it yet."""
    found = acts.acts(VIEWS)
    for name in acts.unused_with_actor(VIEWS):
        found.setdefault(name, set())
    return found


# ------------------------------------------------------------ complete, read from the code


def test_every_function_that_changes_state_is_in_the_table() -> None:
    doors = {name.removeprefix(PREFIX) for name in _doors()}
    known = {each.name for each in installed()}
    assert len(BY_NAME) == len(TABLE)
    assert not doors - known, f"写库而不在 office/acts.py 里的：{sorted(doors - known)}"
    assert not known - doors, f"office/acts.py 里已经没有的：{sorted(known - doors)}"


def test_no_view_writes_rows_or_evidence_itself() -> None:
    found = {
        each.name: each.writes or "evidence"
        for each in acts.functions().values()
        if each.module in VIEWS and (each.writes or each.calls & acts.EVIDENCE)
    }
    assert not found, f"应改由服务函数写：{found}"


@pytest.mark.parametrize("act", installed(), ids=lambda act: act.name)
def test_every_act_asks_and_leaves_evidence(act: Act) -> None:
    reached = acts.reached(PREFIX + act.name)
    assert act.ground in GROUNDS
    if act.ground in (*BY_ROLE, "law"):
        assert reached & acts.CHECKS, "没有问过权限"
    if act.permission:
        assert act.permission in PERMISSIONS
    assert bool(reached & acts.EVIDENCE) or bool(act.unproved), "没有存证，也没有写明为什么"


def test_every_permission_of_a_change_is_asked_by_some_act() -> None:
    """A permission nobody asks is a promise on the page of roles that nothing keeps."""
    looking = {"accounts.audit", "supervision.see", "settlement.see", "consent.complaints"}
    left = set(PERMISSIONS) - {each.permission for each in installed()} - looking
    assert not left, left


def test_the_reader_of_the_code_sees_a_hidden_write() -> None:
    known = acts.functions()
    assert known["gongshu.office.catalogue.services.begin"].writes == ["made.save"]
    assert "gongshu.office.link.evidence.record" in acts.reached(PREFIX + "catalogue.services.begin")
    assert not acts.changes(PREFIX + "cases.queries.waiting_count")
    assert "catalogue.importing.take" in {each.removeprefix(PREFIX) for each in acts.acts(VIEWS)}


# ------------------------------------------------------------ every role tries every act


@pytest.mark.django_db
@pytest.mark.parametrize("world", [each for each in WORLDS if each not in NOT_INSTALLED])
def test_every_role_gets_the_tables_answer(
    world: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = []
    for scene in WORLDS[world](monkeypatch, tmp_path):
        act = BY_NAME[scene.act]
        strange = people.organisation()
        for role in ROLES:
            home = scene.homes.get(role, scene.home)
            begins = not act.procedure or role in _beginners(procedure_of(act))
            held = {role, act.beside} - {""}
            tries = {
                "own": (_who(home, held), begins and act.allows(role, own=True)),
                "other": (_who(strange, held), begins and act.allows(role, own=False)),
                "zone": (_who(home, held, "chizhou"), False),
            }
            if role in act.holders():
                tries |= _as_agency(act, strange, home, role, begins)
            if scene.local:
                del tries["zone"]
            if act.beside and role in act.holders():
                tries["alone"] = (_who(home, {role}), False)
            if act.ground == "named":
                tries = {
                    "named": (_named(_who(home, held)), role in act.holders()),
                    "not named": (_who(home, held), False),
                }
            for where, (actor, expected) in tries.items():
                found = _try(scene, actor)
                if where == "zone" and scene.hidden and found == scene.hidden:
                    continue
                if found != (scene.then if expected else "denied"):
                    wrong.append((scene.act, role, where, f"table {expected}", found))
        if (found := _try(scene, actors.public("huangshi"))) != "denied":
            wrong.append((scene.act, "public", "", "table False", found))
    assert not wrong, "\n".join(map(str, wrong))


def _who(home: Any, roles: set[str], zone: str = "huangshi", *mandates: actors.Mandate) -> actors.Actor:
    """Who acts, without rows: a person is an opaque id. An agent has the organisation itself as principal."""
    if "agent" in roles and not mandates:
        mandates = (actors.Mandate(home.pk),)
    held = {zone: frozenset(roles)}
    return actors.Actor(
        new_id("p"), "某人", home.pk, home.name, zone, held, frozenset(mandates), account="a-1"
    )


def _as_agency(act: Act, firm: Any, principal: Any, role: str, begins: bool) -> dict[str, Any]:
    """People of a firm that holds a power of attorney of the one whose affair it is.

    Whoever is no agent gains nothing by it, whatever the role; an agent gains the registrations it names, and
    beside the role of agent another role of the firm's own gains nothing either.
    """
    every, other = actors.Mandate(principal.pk), actors.Mandate(principal.pk, "registration.none")
    foreign = begins and act.allows(role, own=False)
    alone = {role, act.beside} - {""}
    lent = "agent" in act.holders() and (not act.own or act.allows("agent", own=True))
    tries = {"both": (_who(firm, alone | {"agent"}, "huangshi", every), foreign or lent)}
    if role != "agent":
        tries["colleague"] = (_who(firm, alone, "huangshi", every), foreign)
    else:
        tries["not named"] = (_who(firm, alone, "huangshi", other), False)
    return tries


def procedure_of(act: Act) -> Procedure:
    return load(lawbook.rules_now("huangshi", NOW.date()), act.procedure)


def _named(actor: Any) -> Any:
    """The actor's name on every grant, as if it had been among the developers from the beginning."""
    from gongshu.office.scenarios.models import Grant

    for grant in Grant.objects.all():
        grant.body = {**grant.body, "developers": [*grant.body["developers"], actor.person]}
        grant.save(update_fields=["body"])
    return actor


def _try(scene: Scene, actor: Any) -> str:
    """'' when it was done, `denied` when the role was refused, else the code of the refusal."""
    before = OutboxEntry.objects.count()
    try:
        with transaction.atomic():
            scene.call(actor)
            assert OutboxEntry.objects.count() > before, f"{scene.act} 没有存证"
            transaction.set_rollback(True)
    except Refused as refusal:
        assert refusal.sentence.endswith(("。", "？")), refusal.sentence
        return "denied" if refusal.code in DENIED else refusal.code
    return ""


def test_every_act_by_role_was_tried() -> None:
    tried = {name for name, act in BY_NAME.items() if act.ground in BY_ROLE}
    assert tried == set(_scened())


def _scened() -> set[str]:
    import ast
    import inspect

    from support import actscenes

    tree = ast.parse(inspect.getsource(actscenes))
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Scene"
        and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip


# ------------------------------------------------------------ the acts of the law


@pytest.mark.parametrize("zone", ZONES)
def test_a_step_of_a_procedure_is_for_those_the_law_names_and_no_other(zone: str) -> None:
    """Every procedure × act × role of the zone's packs, asked of the engine in the state the act begins in."""
    held = lawbook.rules_now(zone, NOW.date())
    asked = 0
    for name in held.ids("procedures"):
        procedure = load(held, name)
        for act in procedure.acts.values():
            there = replace(procedure, initial=act.from_[0])
            for role in (*ROLES, *parties.PLATFORM, *parties.OPEN_TO_ALL):
                facts = {"recused": False, "actor_organisation": "org"}
                decision = engine.decide(there, held, (), act.id, role, facts, NOW, actor_id="p")
                assert (decision.code == "role") is (role not in act.by), (name, act.id, role)
                asked += 1
    assert asked > 500 or zone == "cn"


@pytest.mark.django_db
def test_perform_refuses_every_step_to_who_is_not_named_and_keeps_the_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every act of every procedure of a zone through the one door, on the database, by a stranger to it."""
    monkeypatch.setattr(registry, "HANDLERS", {})
    held = lawbook.rules_now("huangshi", NOW.date())
    home, steps = people.organisation(), 0
    people_of = {role: people.acting(home, role) for role in ROLES}
    for name in held.ids("procedures"):
        procedure = load(held, name)
        first = next(role for role in _beginners(procedure) if role in people_of)
        closed = [act for act in procedure.acts.values() if not set(act.by) & parties.OPEN_TO_ALL]
        for number, act in enumerate(closed):
            with transaction.atomic():
                case = cases.open_case(name, "s-1", people_of[first], NOW, title="某")
                there = replace(procedure, initial=act.from_[0])
                monkeypatch.setattr(lawbook, "procedure_of", lambda _, there=there: there)
                outside = [role for role in ROLES if role not in act.by]
                role = outside[(number * 7) % len(outside)]
                with pytest.raises(Refused) as caught:
                    cases.perform(case, act.id, people_of[role], {}, NOW)
                assert caught.value.code == "role", (name, act.id, role)
                assert caught.value.decision and caught.value.pending["code"] == "role"
                transaction.set_rollback(True)
            monkeypatch.undo()
            monkeypatch.setattr(registry, "HANDLERS", {})
            steps += 1
    assert steps > 60


def _beginners(procedure: Procedure) -> list[str]:
    first = [act for act in procedure.acts.values() if procedure.initial in act.from_]
    return [*(role for act in first for role in act.by), *procedure.state(procedure.initial).waits_for]
