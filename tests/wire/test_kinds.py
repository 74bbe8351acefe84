"""The table of kinds: complete, and each row refuses what lacks a field or a signer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gongshu.wire import envelope as wire
from gongshu.wire.admit import admit
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import KINDS, SHAPES, Kind
from gongshu.wire.trust import ADMINISTRATOR, ROLES
from support.wires import NOW, World

DIGEST = "sha256:" + "a" * 64
GOOD: dict[str, Any] = {
    "id": "x",
    "key": "x",
    "target": "",
    "text": "",
    "number": 0,
    "count": 0,
    "flag": False,
    "map": {},
    "list": [],
    "ids": ["a"],
    "day": "2026-03-02",
    "digest": DIGEST,
    "outcome": "done",
    "scope": "all",
    "task": "run",
    "mode": "answer",
    "verdict": "pass",
    "confirmation": "confirmed",
    "review": "cast",
    "subject": DIGEST,
    "consent": "standing",
}
PLAIN = {name: kind for name, kind in KINDS.items() if name != "trust"}


def body_of(kind: Kind) -> dict[str, Any]:
    body = {field: GOOD[shape] for field, shape in kind.fields.items()}
    return body | ({"zone": "huangshi"} if "zone" in body else {})


def signed(world: World, name: str, body: dict[str, Any], without: int | None = None) -> wire.Envelope:
    made = wire.make(name, world.zone, 1, body, NOW, NOW + timedelta(hours=1))
    for index, signer in enumerate(KINDS[name].signers):
        if index == without:
            continue
        if signer.roles == (ADMINISTRATOR,):
            for key in world.administrators:
                made = wire.attach(made, [wire.consent(name, world.zone, body, ADMINISTRATOR, key)])
        else:
            made = wire.sign(made, signer.roles[0], world.keys[signer.roles[0]])
    return made


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def take(world: World, made: wire.Envelope) -> None:
    admit(made, world.trust(), now=NOW, mark="test", direction=KINDS[made.kind].direction)


def test_the_table_speaks_only_known_shapes_and_roles() -> None:
    assert set(GOOD) == set(SHAPES)
    roles = {role for kind in KINDS.values() for signer in kind.signers for role in signer.roles}
    assert roles <= {*ROLES, ADMINISTRATOR}
    assert all(kind.signers and kind.direction in {"feed", "inbox", "local"} for kind in KINDS.values())


@pytest.mark.parametrize("name", PLAIN)
def test_each_kind_is_taken_when_whole_and_signed(world: World, name: str) -> None:
    take(world, signed(world, name, body_of(KINDS[name])))


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, kind in PLAIN.items() for field in kind.fields]
)
def test_each_kind_is_refused_without_a_field_or_with_another_type(
    world: World, name: str, field: str
) -> None:
    body = body_of(KINDS[name])
    for value in (None, object):
        changed = {key: item for key, item in body.items() if key != field}
        if value is not None:
            changed[field] = [[1.5]] if not isinstance(body[field], list) else {"a": 1}
        with pytest.raises(WireError) as caught:
            take(world, signed(world, name, changed))
        assert caught.value.code in {"body", "zone"}


@pytest.mark.parametrize(
    ("name", "signer"), [(name, n) for name, kind in PLAIN.items() for n in range(len(kind.signers))]
)
def test_each_kind_is_refused_without_one_of_its_signers(world: World, name: str, signer: int) -> None:
    with pytest.raises(WireError) as caught:
        take(world, signed(world, name, body_of(KINDS[name]), without=signer))
    assert caught.value.code == "signer"


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(
    "role", ["office", "portal", "enclave", "airlock", "gateway", "operator", "buyer", "subject"]
)
def test_truth_table_of_roles_and_kinds(world: World, name: str, role: str) -> None:
    """One role alone is enough exactly where the table says so."""
    kind = KINDS[name]
    made = wire.sign(
        wire.make(name, world.zone, 1, body_of(kind), NOW, NOW + timedelta(hours=1)), role, world.keys[role]
    )
    enough = all(role in signer.roles and signer.at_least == 1 for signer in kind.signers)
    if enough:
        take(world, made)
        return
    with pytest.raises(WireError) as caught:
        take(world, made)
    assert caught.value.code == "signer"


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_travels_in_one_direction_only(world: World, name: str) -> None:
    made = wire.make(name, world.zone, 1, {}, NOW)
    for direction in {"feed", "inbox", "local"} - {KINDS[name].direction}:
        with pytest.raises(WireError) as caught:
            admit(made, world.trust(), now=NOW, mark="test", direction=direction)
        assert caught.value.code == "kind"
