"""The trust list changes only by two administrators' hands, and only forward."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.store import FileFeedState, TrustStore
from gongshu.wire.trust import TrustList, anchors_of
from support.wires import NOW, World, key_row


def refused(code: str, run: Any) -> None:
    with pytest.raises(WireError) as caught:
        run()
    assert caught.value.code == code


def test_a_list_answers_who_is_who() -> None:
    world = World()
    trust = world.trust()
    gateway = world.keys["gateway"].public()
    assert trust.key(gateway.id).role == "gateway"  # type: ignore[union-attr]
    assert [row.id for row in trust.keys("gateway")] == [gateway.id]
    assert len(trust.keys("administrator")) == 2
    assert trust.person("p-1")["organisation"] == "org-bus"  # type: ignore[index]
    assert trust.organisation("org-bus") and trust.accounts["zhangsan"]["person"] == "p-1"
    assert trust.key("0" * 16) is None and trust.person("x") is None


def test_one_signature_is_not_enough_nor_the_same_one_twice() -> None:
    world = World()
    one = world.trust_envelope(signers=1)
    refused("signer", lambda: TrustList.load(one, anchors_of(one.body), NOW))
    twice = replace(one, signatures=one.signatures * 2)
    refused("signer", lambda: TrustList.load(twice, anchors_of(one.body), NOW))


def test_a_service_key_cannot_sign_as_an_administrator() -> None:
    world = World()
    body = world.body()
    made = wire.make("trust", world.zone, 0, body, NOW)
    forged = wire.attach(
        made,
        [
            wire.consent("trust", world.zone, body, "administrator", world.keys[role])
            for role in ("office", "gateway")
        ],
    )
    refused("signer", lambda: TrustList.load(forged, anchors_of(body), NOW))


def test_an_office_that_names_its_own_administrators_is_refused(tmp_path: Path) -> None:
    world, thief = World(), World()
    store = world.store(tmp_path / "t")
    refused("signer", lambda: store.accept(thief.trust_envelope(9), NOW))
    assert store.current(NOW).number == 1


def test_a_list_is_never_taken_twice_nor_backward(tmp_path: Path) -> None:
    world = World()
    store = world.store(tmp_path / "t")
    refused("order", lambda: store.accept(world.trust_envelope(1), NOW))
    assert store.accept(world.trust_envelope(5), NOW).number == 5
    refused("order", lambda: store.accept(world.trust_envelope(4), NOW))
    refused("order", lambda: store.install(world.trust_envelope(4), NOW))
    assert store.install(world.trust_envelope(5), NOW).number == 5
    assert TrustStore(tmp_path / "t").current(NOW).number == 5


def test_the_first_list_never_comes_by_the_feed(tmp_path: Path) -> None:
    refused("no_trust", lambda: TrustStore(tmp_path).accept(World().trust_envelope(), NOW))
    refused("no_trust", lambda: TrustStore(tmp_path).current(NOW))


def test_new_administrators_need_two_of_the_present_ones(tmp_path: Path) -> None:
    world, thief = World(), World()
    store = world.store(tmp_path / "t")
    refused("signer", lambda: store.install(thief.trust_envelope(2), NOW))
    new = World()
    body = new.body(2)
    handed = wire.attach(
        wire.make("trust", world.zone, 0, body, NOW),
        [
            wire.consent("trust", world.zone, body, "administrator", key)
            for key in (*world.administrators, *new.administrators)
        ],
    )
    assert store.install(handed, NOW).number == 2
    assert set(store.anchors()) == {key.public().id for key in new.administrators}


def test_the_feed_never_changes_the_administrators_even_with_their_signatures(tmp_path: Path) -> None:
    world, new = World(), World()
    store = world.store(tmp_path / "t")
    rows = new.body()["administrators"]
    refused("administrators", lambda: store.accept(world.trust_envelope(2, administrators=rows), NOW))
    assert store.number(NOW) == 1


def test_a_reader_notices_a_list_that_another_process_took(tmp_path: Path) -> None:
    world = World()
    reader, writer = world.store(tmp_path / "t"), TrustStore(tmp_path / "t")
    assert reader.current(NOW).number == 1
    writer.accept(world.trust_envelope(2), NOW)
    assert reader.current(NOW).number == 2


def test_a_list_changed_on_disk_is_not_believed(tmp_path: Path) -> None:
    world = World()
    store = world.store(tmp_path / "t")
    thief = key_row(PrivateKey.generate("ed25519"), "office")
    changed = replace(world.trust_envelope(), body=world.body(1, keys=[thief])).data()
    content = {"administrators": changed["body"]["administrators"], "list": changed}
    store.path.write_text(json.dumps(content))
    refused("signer", lambda: store.current(NOW))
    for broken in (b"", b"{}", b"[]", b"\xff"):
        store.path.write_bytes(broken)
        refused("no_trust", lambda: store.current(NOW))


@pytest.mark.parametrize(
    "change",
    [
        {"zones": []},
        {"keys": [{"key": "ed25519:xx", "role": "office"}]},
        {"keys": [{"role": "office"}]},
        {"keys": ["x"]},
        {"people": [{"id": "p", "organisation": "none"}]},
        {"accounts": [{"user": "u", "person": "none"}]},
        {"people": [{"id": "p-1", "organisation": "org-bus"}] * 2},
        {"organisations": [{"name": "无号"}]},
        {"number": -1},
        {"number": True},
    ],
)
def test_a_malformed_list_is_refused(change: dict[str, Any]) -> None:
    world = World()
    made = world.trust_envelope(**change)
    refused("body", lambda: TrustList.load(made, anchors_of(made.body), NOW))


def test_a_role_nobody_knows_or_a_key_twice_is_refused() -> None:
    world = World()
    row = key_row(world.keys["office"], "office")
    for keys in ([{**row, "role": "king"}], [row, row]):
        made = world.trust_envelope(keys=keys)
        refused("body", lambda made=made: TrustList.load(made, anchors_of(made.body), NOW))


def test_the_place_in_the_feed_survives(tmp_path: Path) -> None:
    state = FileFeedState(tmp_path / "feed.json")
    assert state.get("huangshi") == 0
    state.put("huangshi", 7)
    state.put("hubei", 2)
    again = FileFeedState(tmp_path / "feed.json")
    assert (again.get("huangshi"), again.get("hubei"), again.get("anhui")) == (7, 2, 0)
    assert (tmp_path / "feed.json").stat().st_mode & 0o077 == 0
