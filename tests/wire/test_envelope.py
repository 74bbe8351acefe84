"""An envelope means one thing, and a signature covers exactly it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from support.wires import GRANT, NOW, STOP, World


@pytest.fixture(scope="module", params=["ed25519", "sm2"])
def world(request: pytest.FixtureRequest) -> World:
    return World(alg=request.param)


def test_what_is_written_is_read_back(world: World) -> None:
    made = world.item(1, "grant", GRANT)
    again = wire.loads(made.dumps())
    assert again == made
    assert [one.role for one in wire.verify(again, world.trust(), NOW)] == ["office"]


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "hubei"},
        {"seq": 2},
        {"kind": "stop"},
        {"issued": "2026-03-02T01:00:01.000Z"},
        {"expires": None},
        {"body": {**GRANT, "runs_per_day": 51}},
    ],
)
def test_no_field_can_be_changed_under_a_signature(world: World, change: dict[str, object]) -> None:
    made = replace(world.item(1, "grant", GRANT), **change)
    assert wire.verify(made, world.trust(), NOW) == []


def test_a_body_signature_holds_under_any_number_but_not_for_another_zone_or_kind(world: World) -> None:
    agreed = wire.consent("contract", "huangshi", STOP, "buyer", world.keys["buyer"])
    for seq in (1, 77):
        made = wire.attach(wire.make("contract", "huangshi", seq, STOP, NOW), [agreed])
        assert [one.role for one in wire.verify(made, world.trust(), NOW)] == ["buyer"]
    for kind, zone in (("credential", "huangshi"), ("contract", "hubei")):
        made = wire.attach(wire.make(kind, zone, 1, STOP, NOW), [agreed])
        assert wire.verify(made, world.trust(), NOW) == []


def test_a_body_signature_is_none_over_the_envelope(world: World) -> None:
    made = wire.sign(wire.make("stop", "huangshi", 1, STOP, NOW), "office", world.keys["office"])
    swapped = replace(made, signatures=(replace(made.signatures[0], over="body"),))
    assert wire.verify(swapped, world.trust(), NOW) == []


def test_a_key_speaks_only_for_its_role(world: World) -> None:
    made = wire.sign(wire.make("stop", "huangshi", 1, STOP, NOW), "airlock", world.keys["office"])
    assert wire.verify(made, world.trust(), NOW) == []
    stranger = PrivateKey.generate(world.alg)
    made = wire.sign(wire.make("stop", "huangshi", 1, STOP, NOW), "office", stranger)
    assert wire.verify(made, world.trust(), NOW) == []


def test_the_same_key_counts_once(world: World) -> None:
    made = world.item(1, "stop", STOP, ("office", "office"))
    assert len(wire.verify(made, world.trust(), NOW)) == 1


def test_an_envelope_has_one_id_however_it_is_signed(world: World) -> None:
    assert world.item(1, "stop", STOP).id == world.item(1, "stop", STOP, ("office", "airlock")).id
    assert world.item(1, "stop", STOP).id != world.item(2, "stop", STOP).id


BROKEN = [
    (lambda v: v.update(v=2), "version"),
    (lambda v: v.update(v=True), "version"),
    (lambda v: v.update(more=1), "shape"),
    (lambda v: v.pop("expires"), "shape"),
    (lambda v: v.update(seq=-1), "shape"),
    (lambda v: v.update(seq="1"), "shape"),
    (lambda v: v.update(seq=True), "shape"),
    (lambda v: v.update(zone=""), "shape"),
    (lambda v: v.update(body=[]), "shape"),
    (lambda v: v.update(issued="2026-03-02"), "shape"),
    (lambda v: v.update(expires="morgen"), "shape"),
    (lambda v: v.update(signatures={}), "shape"),
    (lambda v: v.update(signatures=[{"role": "office"}]), "shape"),
    (lambda v: v["signatures"][0].update(over="half"), "shape"),
    (lambda v: v["signatures"][0].update(extra="x"), "shape"),
]


@pytest.mark.parametrize(("spoil", "code"), BROKEN)
def test_what_is_no_envelope_is_refused(world: World, spoil: object, code: str) -> None:
    value = json.loads(world.item(1, "stop", STOP).dumps())
    spoil(value)  # type: ignore[operator]
    with pytest.raises(WireError) as caught:
        wire.parse(value)
    assert caught.value.code == code


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"v":1,"v":1}', b"NaN", b"1" * 40])
def test_bytes_that_are_no_envelope_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        wire.loads(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_anything_else_is_refused_and_never_an_accident(value: object) -> None:
    with pytest.raises(WireError):
        wire.parse(value)


def test_a_garbled_signature_does_not_hold_and_does_not_break(world: World) -> None:
    made = world.item(1, "stop", STOP)
    for sig in ("!!!", "", "AAAA", "é"):
        bad = replace(made, signatures=(replace(made.signatures[0], sig=sig),))
        assert wire.verify(bad, world.trust(), NOW) == []


def test_a_key_holds_only_between_its_dates_and_in_its_zones(world: World) -> None:
    for row, holds in [
        ({"until": "2026-03-01T00:00:00Z"}, False),
        ({"from": "2026-03-03T00:00:00Z"}, False),
        ({"from": "2026-03-01T00:00:00Z", "until": "2026-03-03T00:00:00Z"}, True),
        ({"zones": ["hubei"]}, False),
        ({"zones": ["huangshi", "hubei"]}, True),
    ]:
        keys = [{"key": world.keys["office"].public().encode(), "role": "office", **row}]
        signed = world.trust_envelope(keys=keys)
        trust = type(world.trust()).load(
            signed, {k.public().id: k.public() for k in world.administrators}, NOW
        )
        assert bool(wire.verify(world.item(1, "stop", STOP), trust, NOW)) is holds
    assert wire.verify(world.item(1, "stop", STOP), world.trust(), NOW + timedelta(days=9999))
