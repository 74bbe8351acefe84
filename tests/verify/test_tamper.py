"""Every kind of damage to a log is found, and named: which file, which entry, what was done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gongshu.cli.main import main as gongshu
from gongshu.evidence import check, note, tree
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence.entry import canonical
from gongshu.evidence.log import Log
from gongshu.evidence.tiles import WIDTH, decode_bundle, encode_bundle
from gongshu_verify.main import main as verifier
from support.logs import NOW, ORIGIN, copy, make, one, public, run, signers

KEYS = signers()
SOURCES = ("office", "enclave", "gateway")


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("log") / "log"
    make(directory, [100] * 7, KEYS, SOURCES)
    return directory


@pytest.fixture
def damaged(log, tmp_path) -> Path:
    return copy(log, tmp_path / "log")


def found(directory: Path) -> list[tuple[str, str]]:
    report = check.verify(directory, public(KEYS))
    assert report.ok == (not report.problems)
    return [(problem.code, problem.where) for problem in report.problems]


def rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(encode_bundle(change(decode_bundle(path.read_bytes(), path.name))))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_the_log_is_whole_before(log):
    assert found(log) == []


@pytest.mark.parametrize("index", [0, 17, 255])
@pytest.mark.parametrize("bundle", ["000", "001", "002.p/188"])
def test_a_flipped_bit_in_an_entry(damaged, bundle, index):
    index = min(index, 187) if bundle.startswith("002") else index
    path = damaged / "tile/entries" / bundle
    entries = decode_bundle(path.read_bytes(), bundle)
    place = sum(len(entry) + 2 for entry in entries[:index]) + 2 + 30
    flip(path, place)
    number = int(bundle[:3]) * WIDTH + index
    assert found(damaged) == [("entry_changed", f"tile/entries/{bundle}#{number}")]


def test_a_flipped_bit_in_an_entrys_length(damaged):
    flip(damaged / "tile/entries/001", 1)
    problems = found(damaged)
    assert problems and all("tile/entries/001" in where or code == "gap" for code, where in problems)


@pytest.mark.parametrize(
    "tile", ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile-sm3/0/001", "tile/1/000.p/2"]
)
@pytest.mark.parametrize("place", [0, 45])
def test_a_flipped_bit_in_a_tile(damaged, tile, place):
    flip(damaged / tile, place)
    assert ("tile_changed", f"{tile}@{place}") in found(damaged)
    assert {where.split("@")[0] for _, where in found(damaged)} == {tile}


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/000",
        "tile/0/002.p/188",
        "tile-sm3/0/000",
        "tile/1/000.p/2",
        "tile/entries/001",
        "tile/entries/002.p/188",
    ],
)
def test_a_missing_file(damaged, name):
    (damaged / name).unlink()
    assert found(damaged) == [("missing", name)]


def test_all_tiles_missing(damaged):
    shutil.rmtree(damaged / "tile")
    assert len([code for code, _ in found(damaged) if code == "missing"]) >= 6


CHANGES = {
    "entry_dropped": lambda entries: entries[:40] + entries[41:],
    "entry_doubled": lambda entries: entries[:41] + entries[40:],
    "entry_reordered": lambda entries: [*entries[:40], entries[41], entries[40], *entries[42:]],
    "entry_inserted": lambda entries: [*entries[:40], canonical(one("intruder", 1)), *entries[40:]],
}


@pytest.mark.parametrize("code", CHANGES)
@pytest.mark.parametrize("bundle", ["001", "002.p/188"])
def test_an_entry_dropped_doubled_reordered_or_inserted(damaged, code, bundle):
    rewrite(damaged / "tile/entries" / bundle, CHANGES[code])
    base = int(bundle[:3]) * WIDTH
    place = 41 if code == "entry_doubled" else 40
    assert found(damaged) == [(code, f"tile/entries/{bundle}#{base + place}")]


def resign(directory: Path, entries: list[bytes], keys=KEYS, history: bool = False) -> None:
    """What a taken-over office can do: a whole new tree over other entries, signed with its keys."""
    frontiers = {alg: tree.Frontier(alg) for alg in tree.HASHES}
    tiles: dict[tuple[str, int], list[bytes]] = {}
    for alg, frontier in frontiers.items():
        rows = frontier.extend([tree.leaf_hash(alg, entry) for entry in entries])
        tiles |= {(alg, level): row for level, row in rows.items()}
    for folder in ("tile", "tile-sm3"):
        shutil.rmtree(directory / folder)
    rows = [
        (f"{'tile' if alg == 'sha256' else 'tile-sm3'}/{level}", row, b"".join)
        for (alg, level), row in tiles.items()
    ]
    for folder, row, join in [*rows, ("tile/entries", entries, encode_bundle)]:
        for number in range(-(-len(row) // WIDTH)):
            part = row[number * WIDTH : (number + 1) * WIDTH]
            if len(part) < WIDTH and folder.startswith("tile-sm3"):
                continue
            name = f"{number:03d}" + ("" if len(part) == WIDTH else f".p/{len(part)}")
            (directory / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / folder / name).write_bytes(join(part))
    roots = [frontiers[alg].root() for alg in ("sha256", "sm3")]
    said = checkpoints.of(ORIGIN, len(entries), *roots, NOW)
    signed = note.sign(ORIGIN, said.text(), keys.values()).encode()
    (directory / "checkpoint").write_bytes(signed)
    if history:
        (directory / "checkpoints").write_text(json.dumps(signed.decode()) + "\n")


def entries_of(directory: Path) -> list[bytes]:
    with Log(directory, ORIGIN, KEYS) as log:
        return [canonical(log.entry(index)) for index in range(log.size)]


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (lambda entries: entries[:300] + entries[301:], "gap", "office#102"),
        (lambda entries: entries[:301] + entries[300:], "entry_doubled", "office#101"),
        (lambda e: [*e[:300], e[303], *e[301:303], e[300], *e[304:]], "entry_reordered", "office#101"),
    ],
)
def test_a_log_rewritten_with_its_own_keys_still_shows_in_the_numbers(damaged, change, code, where):
    resign(damaged, change(entries_of(damaged)), history=True)
    report = check.verify(damaged, public(KEYS))
    assert (code, where) in found(damaged)
    assert bool(report.gaps) == (code in ("gap", "entry_reordered"))


def test_a_log_rewritten_with_its_own_keys_contradicts_its_history(damaged):
    entries = entries_of(damaged)
    changed = canonical({**json.loads(entries[350]), "act": "registration.first.refuse"})
    resign(damaged, [*entries[:350], changed, *entries[351:]])
    report = check.verify(damaged, public(KEYS))
    assert ("root", "checkpoints:4") in found(damaged)
    assert "第 300 条到第 399 条之间" in next(
        p.sentence for p in report.problems if p.where == "checkpoints:4"
    )


def test_a_fork_shows_against_a_witness(damaged, tmp_path):
    from gongshu.evidence.witness import Witness

    own = signers()
    with Log(damaged, ORIGIN, KEYS) as log:
        lines = Witness("gongshu/enclave", tmp_path / "w", own.values(), public(KEYS)).cosign(
            log.checkpoint(), {}, NOW
        )
        log.add_cosignature(700, lines, public(own))
    entries = entries_of(damaged)
    resign(damaged, [*entries[:-1], canonical(one("office", 234, act="other.act"))], history=True)
    report = check.verify(damaged, [*public(KEYS), *public(own)])
    forks = [(problem.code, problem.where) for problem in report.problems]
    assert ("checkpoint_fork", "cosigned/gongshu-enclave") in forks
    resign(damaged, entries[:600], history=True)
    assert ("log_cut", "cosigned/gongshu-enclave") in found(damaged)


def test_a_checkpoint_of_another_log_or_key(damaged, tmp_path):
    other = signers()
    make(tmp_path / "other", [700], other, SOURCES)
    assert found(tmp_path / "other") == [("checkpoint_signer", "checkpoint")]
    shutil.copy(tmp_path / "other" / "checkpoint", damaged / "checkpoint")
    assert ("checkpoint_signer", "checkpoint") in found(damaged)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints"])
def test_spoilt_or_missing_checkpoints(damaged, name):
    whole = (damaged / name).read_bytes()
    for place in [*range(0, len(whole), 41), len(whole) - 2, len(whole) - 1]:
        flip(damaged / name, place)
        assert found(damaged), place
        (damaged / name).write_bytes(whole)
    assert found(damaged) == []
    (damaged / name).unlink()
    assert found(damaged)


def test_both_commands_say_so(log, damaged, tmp_path, capsys):
    key = str(log / "keys")

    def call(command, *words):
        code = command([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    code, whole = call(verifier, str(log), "--key", key)
    assert (code, whole["ok"], whole["kind"], whole["trusted"], whole["problems"]) == (
        0,
        True,
        "log",
        True,
        [],
    )
    code, whole = call(verifier, str(log))
    assert (code, whole["trusted"]) == (1, False)
    code, whole = call(gongshu, "evidence", "verify", "--dir", str(log))
    assert code == 0 and set(whole) >= {"ok", "size", "root", "checkpoints", "witnesses", "gaps", "problems"}
    assert (whole["size"], whole["checkpoints"], whole["gaps"]) == (700, 7, [])
    flip(damaged / "tile/entries/000", 40)
    for command, words in (
        (verifier, [str(damaged), "--key", key]),
        (gongshu, ["evidence", "verify", "--dir", str(damaged)]),
    ):
        code, broken = call(command, *words)
        assert code == 1 and not broken["ok"]
        assert broken["problems"][0]["where"] == "tile/entries/000#0"
    for command, words in (
        (verifier, [str(tmp_path / "no")]),
        (gongshu, ["evidence", "verify", "--dir", str(tmp_path / "no")]),
    ):
        code, refused = call(command, *words)
        assert code == 2 and set(refused["error"]) == {"code", "sentence", "basis"}
    assert verifier([str(log), "--key", key]) == 0 and "核验通过" in capsys.readouterr().out
    assert verifier([]) == 2 and verifier([str(log), "--nope"]) == 2 and verifier(["--help"]) == 0


def test_a_log_that_grows_while_it_is_read(tmp_path):
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        for step in range(30):
            log.append(run("office", 20, 20 * step + 1), NOW)
            assert found(tmp_path / "log") == []
