"""A witness signs what continues and refuses, by name, what forks."""

from __future__ import annotations

import json

import pytest

from gongshu.evidence import check, note, proof
from gongshu.evidence.log import Log, LogError
from gongshu.evidence.witness import ForkError, StaleProof, Witness
from support.logs import NOW, ORIGIN, copy, public, run, signers

KEYS = signers()
OWN = signers()


def witness(tmp_path, name="gongshu/enclave"):
    return Witness(name, tmp_path / "state" / "witness", OWN.values(), public(KEYS))


def test_cosigns_a_growing_log_and_the_log_keeps_it(tmp_path):
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        for step in range(5):
            log.append(run("office", 100, 100 * step + 1), NOW)
            watching = witness(tmp_path)  # a fresh process each time: its state is in the file
            lines = watching.cosign(log.checkpoint(), proof.consistency(tmp_path / "log", watching.size), NOW)
            log.add_cosignature(watching.size, lines, public(OWN))
    report = check.verify(tmp_path / "log", [*public(KEYS), *public(OWN)])
    assert report.ok
    assert [(one["name"], one["size"], one["alg"]) for one in report.witnesses] == [
        ("gongshu/enclave", 500, "ed25519"),
        ("gongshu/enclave", 500, "sm2"),
    ]
    assert check.verify(tmp_path / "log", public(KEYS)).witnesses == []


def test_refuses_and_names_a_fork(tmp_path):
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        log.append(run("office", 100), NOW)
    other = copy(tmp_path / "log", tmp_path / "other")
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        log.append(run("office", 50, 101), NOW)
        watching = witness(tmp_path)
        watching.cosign(log.checkpoint(), proof.consistency(tmp_path / "log", 0), NOW)
    for count in (50, 70):
        target = copy(other, tmp_path / f"fork{count}")
        with Log(target, ORIGIN, KEYS) as log:
            log.append(run("enclave", count), NOW)
            shown = log.checkpoint()
        with pytest.raises(ForkError, match="分叉") as fork:
            witness(tmp_path).cosign(shown, proof.consistency(target, 150), NOW)
        assert "150" in str(fork.value)
        kept = json.loads((tmp_path / "state" / f"witness.fork-150-{100 + count}.json").read_bytes())
        assert kept["shown"] == shown.decode() and kept["kind"] == "fork"
    with pytest.raises(ForkError, match="退回"):
        witness(tmp_path).cosign((other / "checkpoint").read_bytes(), {}, NOW)
    assert witness(tmp_path).size == 150


def test_asks_for_the_proof_it_needs(tmp_path):
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        log.append(run("office", 100), NOW)
        watching = witness(tmp_path)
        watching.cosign(log.checkpoint(), proof.consistency(tmp_path / "log", 0), NOW)
        watching.cosign(log.checkpoint(), {}, NOW)  # the same again is harmless
        log.append(run("office", 10, 101), NOW)
        with pytest.raises(StaleProof) as stale:
            watching.cosign(log.checkpoint(), proof.consistency(tmp_path / "log", 50), NOW)
        assert stale.value.size == 100
        with pytest.raises(note.NoteError):
            watching.cosign(log.checkpoint().replace(b"110", b"111"), {}, NOW)


def test_the_log_keeps_only_true_witnesses(tmp_path):
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        log.append(run("office", 10), NOW)
        lines = witness(tmp_path).cosign(log.checkpoint(), {}, NOW)
        with pytest.raises(note.NoteError):
            log.add_cosignature(10, lines, public(signers()))
        with pytest.raises(LogError):
            log.add_cosignature(11, lines, public(OWN))
        with pytest.raises(note.NoteError):
            log.add_cosignature(10, lines.replace("— gongshu/enclave", "— gongshu/gateway"), public(OWN))


def test_verifier_lines_come_back():
    for key in [*public(KEYS)]:
        for cosigner in (False, True):
            line = note.verifier_line("gongshu/x", key, cosigner=cosigner)
            assert note.read_verifier_line(line) == ("gongshu/x", key, cosigner)
            with pytest.raises(note.NoteError):
                note.read_verifier_line("other" + line)
