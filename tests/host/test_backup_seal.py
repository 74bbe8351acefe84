"""Two administrators together open an archive, nobody else; and the word to go on is theirs alone."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from gongshu.crypto import aead
from gongshu.crypto.sign import PrivateKey
from gongshu.host import backup_seal
from gongshu.host.backup_restore import numbers_for
from gongshu.host.errors import HostError
from gongshu.wire import envelope as wire
from gongshu.wire import hold as holds
from gongshu.wire.errors import WireError
from support.wires import NOW, World

PLAIN = os.urandom(3_000_000)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Three administrators' folders with their recovery keys."""
    made = [tmp_path / name for name in ("甲", "乙", "丙")]
    for folder in made:
        folder.mkdir()
        (folder / "public").write_text(backup_seal.new_recovery(folder))
    return made


def rows(folders: list[Path]) -> list[dict[str, str]]:
    return [{"recovery": (folder / "public").read_text()} for folder in folders]


def archive(folders: list[Path], alg: str = "aes-256-gcm") -> bytes:
    key, out = aead.new_key(), io.BytesIO()
    shares = backup_seal.split(key, backup_seal.recovery_keys(rows(folders)))
    bound = backup_seal.write_header(out, {"v": 1, "alg": alg, "shares": shares})
    with backup_seal.sealed(out, key, alg, bound) as plain:
        plain.write(PLAIN)
    return out.getvalue()


def opened(data: bytes, keys: list[Path]) -> bytes:
    src, out = io.BytesIO(data), io.BytesIO()
    header, bound = backup_seal.read_header(src)
    key = backup_seal.join(header["shares"], [backup_seal.read_recovery(path) for path in keys])
    aead.decrypt_stream(header["alg"], key, src, out, bound)
    return out.getvalue()


@pytest.mark.parametrize("alg", aead.ALGORITHMS)
def test_any_two_of_three_open_it(folders: list[Path], alg: str) -> None:
    data = archive(folders, alg)
    for pair in combinations(folders, 2):
        assert opened(data, list(pair)) == PLAIN
        assert opened(data, list(reversed(pair))) == PLAIN


def test_one_alone_or_twice_or_with_a_stranger_opens_nothing(folders: list[Path]) -> None:
    data = archive(folders[:2])
    for keys in ([], folders[:1], [folders[0], folders[0]], [folders[0], folders[2]]):
        with pytest.raises(HostError) as caught:
            opened(data, list(keys))
        assert caught.value.code == "key"


def test_every_changed_byte_of_the_header_is_found(folders: list[Path]) -> None:
    data = archive(folders[:2])
    end = data.index(b"\n", len(backup_seal.MAGIC)) + 1
    for place in range(0, end, 7):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((HostError, aead.AeadError, ValueError, KeyError)):
            opened(bytes(changed), folders[:2])


def test_a_recovery_key_that_others_can_read_is_refused(folders: list[Path]) -> None:
    (folders[0] / backup_seal.KEY_FILE).chmod(0o644)
    with pytest.raises(HostError, match="chmod 0600"):
        backup_seal.read_recovery(folders[0])


def test_the_signing_key_beside_it_may_be_named_instead(folders: list[Path]) -> None:
    signing = folders[0] / "administrator.key"
    signing.write_bytes(PrivateKey.generate("ed25519").to_pem())
    signing.chmod(0o600)
    found = backup_seal.read_recovery(signing)
    assert backup_seal.encode(found.public_key()) == (folders[0] / "public").read_text()


@pytest.mark.parametrize("kept", [0, 1])
def test_without_two_recovery_keys_there_is_no_backup(folders: list[Path], kept: int) -> None:
    with pytest.raises(HostError) as caught:
        backup_seal.recovery_keys([*rows(folders[:kept]), *rows(folders[:kept]), {}])
    assert caught.value.code == "recovery"


@pytest.mark.parametrize(
    ("wanted", "kept", "found"),
    [
        ({}, [], {"huangshi": 7, "hubei": 3}),
        ({"huangshi": 9}, [], {"huangshi": 9, "hubei": 3}),
        ({}, [{"huangshi": 12}, {"huangshi": 10, "hubei": 2}], {"huangshi": 12, "hubei": 3}),
        ({"huangshi": 12}, [{"huangshi": 12}], {"huangshi": 12, "hubei": 3}),
        ({"huangshi": 6}, [], None),
        ({"huangshi": 11}, [{"huangshi": 12}], None),
        ({"hubei": 2}, [], None),
    ],
)
def test_nobody_signs_lower_than_anybody_holds(wanted, kept, found) -> None:
    if found is None:
        with pytest.raises(HostError) as caught:
            numbers_for({"huangshi": 7, "hubei": 3}, wanted, kept)
        assert caught.value.code == "too_low"
    else:
        assert numbers_for({"huangshi": 7, "hubei": 3}, wanted, kept) == found


HOLD = holds.Hold("r-1", {"huangshi": 7})


def resume(world: World, numbers: dict[str, int], signers: int = 2, hold: holds.Hold = HOLD) -> wire.Envelope:
    made = wire.make("resume", "huangshi", 0, holds.body(hold, "huangshi", numbers), NOW)
    for key in world.administrators[:signers]:
        made = wire.sign(made, "administrator", key)
    return made


def test_both_administrators_signatures_lift_a_hold() -> None:
    world = World()
    assert holds.check(resume(world, {"huangshi": 9}), HOLD, world.trust(), "test", NOW) == {"huangshi": 9}


def test_nothing_less_lifts_it() -> None:
    world, trust = World(), World().trust()
    good = resume(world, {"huangshi": 9})
    bad = [
        resume(world, {"huangshi": 9}, signers=1),
        resume(world, {"huangshi": 6}),
        resume(world, {}),
        resume(world, {"huangshi": 9}, hold=replace(HOLD, restore="r-0")),
        replace(good, body={**good.body, "numbers": {"huangshi": 10}}),
        wire.sign(resume(world, {"huangshi": 9}, signers=1), "administrator", world.keys["office"]),
        wire.sign(resume(world, {"huangshi": 9}, signers=0), "office", world.keys["office"]),
    ]
    for envelope in bad:
        with pytest.raises(WireError):
            holds.check(envelope, HOLD, world.trust(), "test", NOW)
    with pytest.raises(WireError):
        holds.check(good, HOLD, trust, "test", NOW)


def test_a_hold_file_that_cannot_be_read_keeps_everything_still(tmp_path: Path) -> None:
    class Site:
        config, mark = tmp_path, "test"

    world = World()
    assert holds.missing(Site, world.trust(), {}, NOW) == ""  # type: ignore[arg-type]
    (tmp_path / holds.HOLD).write_text("{}")
    with pytest.raises(WireError):
        holds.missing(Site, world.trust(), {}, NOW)  # type: ignore[arg-type]
    (tmp_path / holds.HOLD).write_text(json.dumps({"restore": "r-1", "places": {"huangshi": 7}}))
    assert holds.missing(Site, world.trust(), {"huangshi": 7}, NOW) == holds.WAITING  # type: ignore[arg-type]
    (tmp_path / holds.RESUME).write_bytes(resume(world, {"huangshi": 9}).dumps())
    assert "第 9 号" in holds.missing(Site, world.trust(), {"huangshi": 8}, NOW)  # type: ignore[arg-type]
    assert holds.missing(Site, world.trust(), {"huangshi": 9}, NOW) == ""  # type: ignore[arg-type]
