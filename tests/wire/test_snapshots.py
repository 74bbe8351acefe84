"""Serving snapshots: what was written is found again by the subject's number, and nothing forged is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire import snapshots, subjects
from gongshu.wire.errors import WireError
from gongshu.wire.snapshots import Build, Field
from gongshu.wire.trust import TrustList, anchors_of
from support.wires import NOW, World

FIELDS = (
    Field("缴存状态", "text"),
    Field("月数", "integer"),
    Field("连续", "flag"),
    Field("基数", "decimal"),
)
ROWS = [
    ("420222199001011234", ("正常", 25, True, "8000.00")),
    ("42022219900101567x", ("封存", 0, False, None)),
    ("420222199001019999", ("正常", 1, True, "1.5")),
]


def vote(world: World, person: str, **changes: Any) -> dict[str, Any]:
    body = {
        "output": "out-1",
        "digest": "sha256:" + "a" * 64,
        "findings": "sha256:" + "b" * 64,
        "product": "pd-1",
        "title": "缴存核验",
        "person": person,
        "organisation": "org-bus",
        "answer": "confirmed",
        **changes,
    }
    return wire.sign(wire.make("vote", world.zone, 0, body, NOW), "airlock", world.keys["airlock"]).data()


def build(world: World, **changes: Any) -> Build:
    made = {
        "zone": world.zone,
        "product": "pd-1",
        "version": "v1",
        "number": 1,
        "subject": "person",
        "fields": FIELDS,
        "output": "out-1",
        "output_digest": "sha256:" + "a" * 64,
        "votes": [vote(world, "p-1"), vote(world, "p-2")],
        "sources": ["snap-1"],
        "grant": "g-1",
        "ceiling": "sha256:" + "c" * 64,
        **changes,
    }
    return Build(**made)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def trust(world: World):
    people = [{"id": f"p-{n}", "name": "某", "organisation": "org-bus"} for n in (1, 2)]
    made = world.trust_envelope(people=people, accounts=[])
    return TrustList.load(made, anchors_of(made.body), NOW)


def lay(folder: Path, world: World, rows: Any = ROWS, cipher: str = "aes-256-gcm", **changes: Any) -> Path:
    sealing = world.keys["sealing"].public()
    return snapshots.write(
        folder,
        build(world, **changes),
        rows,
        now=NOW,
        key=world.keys["enclave"],
        sealing=sealing,
        cipher=cipher,
    )


def read(place: Path, world: World, trust: Any, key: PrivateKey | None = None) -> snapshots.Snapshot:
    return snapshots.read(place, world.zone, trust, NOW, "test", key or world.keys["sealing"])


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "sm4-gcm"])
def test_every_subject_is_found_with_its_own_answers(
    tmp_path: Path, world: World, trust: Any, cipher: str
) -> None:
    made = read(lay(tmp_path, world, cipher=cipher), world, trust)
    for number, values in ROWS:
        row = made.find(subjects.name("person", number))
        assert row is not None
        assert tuple(made.cell(row, one.name) for one in FIELDS) == values
    assert made.find(subjects.name("person", "420222199001010000")) is None
    assert made.find(subjects.name("firm", ROWS[0][0])) is None


def test_no_number_and_no_answer_stands_in_the_files(tmp_path: Path, world: World) -> None:
    place = lay(tmp_path, world)
    data = b"".join(path.read_bytes() for path in place.iterdir())
    assert not any(number.encode() in data for number, _ in ROWS)
    assert "封存".encode() not in data and b"8000.00" not in data


def test_two_builds_of_the_same_rows_share_no_token(tmp_path: Path, world: World, trust: Any) -> None:
    one = read(lay(tmp_path, world), world, trust)
    two = read(lay(tmp_path, world, version="v2"), world, trust)
    assert not set(one.places) & set(two.places)


def test_a_changed_byte_and_a_foreign_key_are_refused(tmp_path: Path, world: World, trust: Any) -> None:
    place = lay(tmp_path, world)
    with pytest.raises(WireError) as caught:
        read(place, world, trust, PrivateKey.generate("sm2"))
    assert caught.value.code == "sealed"
    path = place / snapshots.ANSWERS
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(WireError) as caught:
        read(place, world, trust)
    assert caught.value.code == "digest"


def test_answers_of_another_version_do_not_open_under_this_manifest(
    tmp_path: Path, world: World, trust: Any
) -> None:
    """Even the enclave's own signature cannot move a file: it is bound to zone, product and version."""
    place = lay(tmp_path, world)
    body = json.loads((place / snapshots.MANIFEST).read_bytes())["body"]
    moved = tmp_path / world.zone / "products" / "pd-1" / "v9"
    moved.mkdir()
    (moved / snapshots.ANSWERS).write_bytes((place / snapshots.ANSWERS).read_bytes())
    made = wire.make("serving", world.zone, 9, {**body, "version": "v9"}, NOW)
    (moved / snapshots.MANIFEST).write_bytes(wire.sign(made, "enclave", world.keys["enclave"]).dumps())
    with pytest.raises(WireError) as caught:
        read(moved, world, trust)
    assert caught.value.code == "sealed"


def test_a_manifest_of_another_signer_or_in_another_place_is_refused(
    tmp_path: Path, world: World, trust: Any
) -> None:
    place = lay(tmp_path, world)
    elsewhere = place.with_name("v7")
    place.rename(elsewhere)
    with pytest.raises(WireError) as caught:
        read(elsewhere, world, trust)
    assert caught.value.code == "place"
    world.keys["enclave"] = PrivateKey.generate("ed25519")
    with pytest.raises(WireError) as caught:
        read(lay(tmp_path, world, version="v2"), world, trust)
    assert caught.value.code == "signer"


@pytest.mark.parametrize(
    "votes",
    [
        lambda world: [],
        lambda world: [vote(world, "p-1")],
        lambda world: [vote(world, "p-1"), vote(world, "p-1")],
        lambda world: [vote(world, "p-1"), vote(world, "p-9")],
        lambda world: [vote(world, "p-1"), vote(world, "p-2", answer="refused")],
        lambda world: [vote(world, "p-1"), vote(world, "p-2", output="out-2")],
        lambda world: [vote(world, "p-1"), vote(world, "p-2", product="pd-2")],
        lambda world: [vote(world, "p-1"), vote(world, "p-2", digest="sha256:" + "f" * 64)],
    ],
)
def test_without_two_reviewers_of_this_very_output_nothing_is_served(
    tmp_path: Path, world: World, trust: Any, votes: Any
) -> None:
    with pytest.raises(WireError) as caught:
        read(lay(tmp_path, world, votes=votes(world)), world, trust)
    assert caught.value.code == "review"


def test_a_vote_the_airlock_did_not_sign_is_none(tmp_path: Path, world: World, trust: Any) -> None:
    forged = vote(world, "p-2")
    forged["body"]["person"] = "p-1"
    with pytest.raises(WireError):
        read(lay(tmp_path, world, votes=[vote(world, "p-2"), forged]), world, trust)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "empty"),
        ([ROWS[0], ROWS[0]], "twice"),
        ([("1", ("正常", True, True, "1"))], "type"),
        ([("1", ("正常", 1.5, True, "1"))], "type"),
        ([("1", ("正常", 1))], "type"),
    ],
)
def test_rows_that_are_not_what_the_fields_say_are_not_written(
    tmp_path: Path, world: World, rows: Any, code: str
) -> None:
    with pytest.raises(WireError) as caught:
        lay(tmp_path, world, rows=rows)
    assert caught.value.code == code


def test_the_ceiling_in_force_must_hold_grant_and_fields(tmp_path: Path, world: World, trust: Any) -> None:
    made = read(lay(tmp_path, world), world, trust)
    names = [one.name for one in FIELDS]
    assert snapshots.within(made, "g-1", [*names, "别的"])
    assert not snapshots.within(made, "g-2", names)
    assert not snapshots.within(made, "g-1", names[1:])


def test_a_hundred_thousand_subjects_load_in_seconds(tmp_path: Path, world: World, trust: Any) -> None:
    rows = (
        (f"42{n:016d}", ("正常" if n % 3 else "封存", n % 240, n % 2 == 0, f"{n % 5000}.00"))
        for n in range(100_000)
    )
    place = lay(tmp_path, world, rows=rows)
    begun = datetime.now(UTC)
    made = read(place, world, trust)
    assert (datetime.now(UTC) - begun).total_seconds() < 5
    row = made.find(subjects.name("person", f"42{77_777:016d}"))
    assert row is not None and made.cell(row, "月数") == 77_777 % 240
