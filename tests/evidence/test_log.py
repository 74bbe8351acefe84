"""The log takes each number of each source once, in order, and is durable when it says so."""

from __future__ import annotations

import base64
import hashlib
import os
import random

import pytest
from pymerkle import InmemoryTree

from gongshu.evidence import check, note, proof, tiles
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import log as log_
from gongshu.evidence.entry import EntryError
from gongshu.evidence.entry import canonical as encode
from gongshu.evidence.log import ConflictError, GapError, Log, LogError
from gongshu.evidence.tree import ProofError
from support.logs import NOW, ORIGIN, make, one, public, run, signers


@pytest.fixture(scope="module")
def keys():
    return signers()


def test_an_empty_log_has_a_checkpoint_once_asked(tmp_path, keys):
    with Log(tmp_path, ORIGIN, keys) as log:
        assert (log.size, log.checkpoint()) == (0, b"")
        assert log.append([], NOW).size == 0
        said, _ = checkpoints.read(log.checkpoint())
        assert said.roots["sha256"] == hashlib.sha256(b"").digest()
    assert check.verify(tmp_path, public(keys)).ok


def test_duplicates_are_harmless_and_gaps_are_alarms(tmp_path, keys):
    with Log(tmp_path, ORIGIN, keys) as log:
        first = run("office", 300)
        result = log.append(first, NOW)
        assert (result.size, result.accepted, result.duplicates) == (300, 300, 0)
        result = log.append([*first[10:20], *run("office", 5, 301), one("office", 301)], NOW)
        assert (result.size, result.accepted, result.duplicates) == (305, 5, 11)
        before = log.checkpoint()
        with pytest.raises(GapError) as gap:
            log.append([one("gateway", 1), one("office", 307)], NOW)
        assert (gap.value.source, gap.value.expected, gap.value.found) == ("office", 306, 307)
        with pytest.raises(GapError):
            log.append([one("airlock", 2)], NOW)
        with pytest.raises(ConflictError):
            log.append([one("office", 17, act="other.act")], NOW)
        with pytest.raises(ConflictError):
            log.append([one("office", 306), one("office", 306, act="other.act")], NOW)
        with pytest.raises(EntryError):
            log.append([one("office", 306), {**one("office", 307), "note": "x"}], NOW)
        assert (log.checkpoint(), log.size, log.last("gateway")) == (before, 305, 0)
        assert log.append([one("office", 306)], NOW).size == 306


def test_entries_come_back_and_are_found(tmp_path, keys):
    written = make(tmp_path, [1, 255, 1, 300, 256, 7], keys, ("office", "enclave", "gateway"))
    with Log(tmp_path, ORIGIN, keys) as log:
        assert log.size == len(written) == 820
        assert [log.entry(i) for i in range(820)] == written
        for index in random.sample(range(820), 60):
            assert log.find(written[index]["source"], written[index]["seq"]) == index
        assert log.find("office", 10**6) is None and log.find("nobody", 1) is None
        with pytest.raises(tiles.TileError):
            log.entry(820)
        assert log.append(random.sample(written, 50), NOW).duplicates == 50


@pytest.mark.parametrize("sizes", [[1], [255], [256], [257], [100] * 7, [1] * 20, [3000, 1]])
def test_any_split_gives_the_tree_of_rfc_9162(tmp_path, keys, sizes):
    written = make(tmp_path, sizes, keys)
    other = InmemoryTree(algorithm="sha256")
    for item in written:
        other.append_entry(encode(item))
    said, signed = checkpoints.read((tmp_path / "checkpoint").read_bytes())
    assert (said.size, said.roots["sha256"]) == (len(written), other.get_state())
    assert note.signed_by(signed, ORIGIN, public(keys)) == tuple(sorted(public(keys), key=lambda k: k.alg))
    report = check.verify(tmp_path, public(keys))
    assert (report.ok, report.problems, report.size) == (True, [], len(written))
    assert base64.b64decode(report.root) == said.roots["sha256"]
    assert report.checkpoints == len(sizes) and report.trusted


def test_reopening_goes_on_where_it_was(tmp_path, keys):
    for step in range(40):
        with Log(tmp_path, ORIGIN, keys) as log:
            assert log.size == step * 37 == log.last("office")
            log.append(run("office", 37, step * 37 + 1), NOW)
    report = check.verify(tmp_path, public(keys))
    assert report.ok and report.size == 40 * 37 and report.checkpoints == 40


def test_the_sources_shortcut_is_only_a_shortcut(tmp_path, keys, monkeypatch):
    monkeypatch.setattr(log_, "_SOURCES_EVERY", 512)
    make(tmp_path, [650, 10], keys, ("office", "gateway"))
    assert (tmp_path / "sources").exists()
    for text in (b'{"size": 512, "last": "x"}', b"\x00", b"[]"):
        (tmp_path / "sources").write_bytes(text)
        with Log(tmp_path, ORIGIN, keys) as log:
            assert (log.last("office"), log.last("gateway")) == (330, 330)


def test_one_writer_at_a_time(tmp_path, keys):
    with Log(tmp_path, ORIGIN, keys), pytest.raises(LogError, match="另一个进程"):
        Log(tmp_path, ORIGIN, keys)
    Log(tmp_path, ORIGIN, keys).close()


def test_needs_both_algorithms_and_its_own_keys(tmp_path, keys):
    with pytest.raises(LogError):
        Log(tmp_path, ORIGIN, {"a": keys["ed25519"]})
    make(tmp_path, [3], keys)
    with pytest.raises(LogError, match="不是用现在的密钥签的"):
        Log(tmp_path, ORIGIN, signers())
    with pytest.raises(LogError):
        Log(tmp_path, "gongshu/other", keys)
    new = signers()
    with Log(tmp_path, ORIGIN, new, former=public(keys)) as log:
        log.append(run("office", 3, 4), NOW)
    assert check.verify(tmp_path, [*public(keys), *public(new)]).ok


def test_a_damaged_tree_is_not_signed_over(tmp_path, keys):
    make(tmp_path, [700], keys)
    path = tmp_path / "tile/0/001"
    data = bytearray(path.read_bytes())
    data[77] ^= 1
    path.write_bytes(data)
    (tmp_path / "tile/1/000.p/2").unlink()
    with pytest.raises(LogError, match="evidence verify"):
        Log(tmp_path, ORIGIN, keys)


def test_a_full_disk_leaves_the_old_log(tmp_path, keys, monkeypatch):
    with Log(tmp_path, ORIGIN, keys) as log:
        log.append(run("office", 300), NOW)
        before = log.checkpoint()

        def full(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "ftruncate", full)
            with pytest.raises(OSError, match="space"):
                log.append(run("office", 10, 301), NOW)
        with pytest.raises(LogError):
            log.append(run("office", 10, 301), NOW)
    with Log(tmp_path, ORIGIN, keys) as log:
        assert log.checkpoint() == before
        assert log.append(run("office", 10, 301), NOW).size == 310
    assert check.verify(tmp_path, public(keys)).ok


def test_proofs_hold_for_every_entry_and_fail_for_any_change(tmp_path, keys):
    written = make(tmp_path, [300, 213], keys)
    for index in [*range(0, 513, 31), 255, 256, 511, 512]:
        made = proof.inclusion(tmp_path, index)
        assert made["entry"] == written[index]
        assert proof.check_inclusion(made, public(keys)).size == 513
        for changed in (
            {**made, "index": index + 1},
            {**made, "entry": {**made["entry"], "seq": 9999}},
            {**made, "sha256": made["sha256"][1:]},
            {**made, "sm3": [*made["sm3"][:-1], base64.b64encode(bytes(32)).decode()]},
            {**made, "checkpoint": made["checkpoint"].replace("513", "514")},
        ):
            with pytest.raises((ProofError, note.NoteError)):
                proof.check_inclusion(changed, public(keys))
    with pytest.raises(ProofError):
        proof.check_inclusion(proof.inclusion(tmp_path, 0), public(signers()))
    with pytest.raises(ProofError):
        proof.inclusion(tmp_path, 513)


def test_partial_files_go_when_the_tile_is_full(tmp_path, keys):
    make(tmp_path, [10] * 60, keys)
    partial = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.p/*"))
    assert {path.split("/")[-2] for path in partial} == {"002.p", "000.p"}
    assert "tile/0/002.p/88" in partial and "tile/1/000.p/2" in partial
    assert (tmp_path / "tile/entries/001").exists() and (tmp_path / "tile-sm3/0/001").exists()
    assert not any("sm3" in path for path in partial)


@pytest.mark.parametrize("tail", [b'"half', b"\0" * 700, b"\0\n\0\n", b'"half\n"\xff"\n', b"7\n"])
def test_a_half_written_history_is_mended(tmp_path, keys, tail):
    make(tmp_path, [100, 100, 100], keys)
    whole = (tmp_path / "checkpoints").read_bytes()
    for kept in (whole, whole[: whole.rfind(b"\n", 0, -1) + 1], b""):
        (tmp_path / "checkpoints").write_bytes(kept + tail)
        with Log(tmp_path, ORIGIN, keys) as log:
            assert log.size == 300
        assert (tmp_path / "checkpoints").read_bytes().endswith(whole.splitlines(keepends=True)[-1])
        assert check.verify(tmp_path, public(keys)).ok
