"""kill -9 while a writer runs: nothing acknowledged is lost, and what is left verifies.

Acknowledgements are counted from outside, by reading the writer's standard output.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gongshu.crypto.keystore import FileKeyStore
from gongshu.evidence import check
from gongshu.evidence.journal import FileJournal
from support import log_writer
from support.logs import one

POINTS = ("after_temp_file", "before_rename", "before_checkpoint")
JOURNAL_POINTS = ("after_temp_file", "after_commit", "before_rename")


def run_and_kill(
    kind: str, directory: Path, keys: Path, size: int, delay: float | None, point: str = ""
) -> int:
    """Run a writer until it is killed (after `delay`, or at `point`); the last number it acknowledged."""
    crash = {"GONGSHU_TEST": "1", "GONGSHU_CRASHPOINT": point} if point else {}
    process = subprocess.Popen(
        [sys.executable, log_writer.__file__, kind, str(directory), str(keys), str(size)],
        stdout=subprocess.PIPE,
        env={**os.environ, **crash},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    timer = threading.Timer(delay if delay is not None else 30, process.kill)
    timer.start()
    lines = [first, *process.stdout.readlines()]
    timer.cancel()
    assert process.wait() == -signal.SIGKILL
    return int([b"0\n", *(line for line in lines if line.endswith(b"\n"))][-1])


def log_survives(directory: Path, keys: FileKeyStore, acknowledged: int) -> None:
    if not acknowledged and not (directory / "checkpoint").exists():
        return  # killed before the first checkpoint: nothing was promised
    report = check.verify(directory, [keys.public(name) for name in keys.names()])
    assert report.ok, report.problems
    assert report.size >= acknowledged
    from gongshu.evidence.log import Log

    with Log(directory, "gongshu/test", {name: keys.signer(name) for name in keys.names()}) as log:
        assert log.size == report.size == log.last("office")
        for index in {0, log.size // 2, log.size - 1}:
            assert log.size == 0 or log.entry(index) == one("office", index + 1)


def journal_survives(directory: Path, acknowledged: int) -> None:
    with FileJournal(directory) as journal:
        assert journal.last >= acknowledged
        records = journal.read()
        assert [record.data["i"] for record in records] == [record.number for record in records]
        assert records[-1].number == journal.last


@pytest.fixture
def keys(tmp_path) -> FileKeyStore:
    store = FileKeyStore(tmp_path / "keys")
    store.create("log", "ed25519")
    store.create("log-sm2", "sm2")
    return store


def kill_log(tmp_path: Path, keys: FileKeyStore, times: int) -> None:
    for number in range(times):
        point = f"{POINTS[number // 2 % 3]}:{random.randint(1, 30)}" if number % 2 else ""
        delay = None if point else random.uniform(0, 0.4)
        size = random.choice([1, 7, 100, 300])
        acknowledged = run_and_kill("log", tmp_path / "log", keys.directory, size, delay, point)
        log_survives(tmp_path / "log", keys, acknowledged)


def kill_journal(tmp_path: Path, times: int) -> None:
    for number in range(times):
        point = f"{JOURNAL_POINTS[number // 2 % 3]}:{random.randint(1, 20)}" if number % 2 else ""
        delay = None if point else random.uniform(0, 0.3)
        acknowledged = run_and_kill(
            "journal", tmp_path / "journal", tmp_path, random.choice([1, 50]), delay, point
        )
        journal_survives(tmp_path / "journal", acknowledged)


def test_the_log_survives_kill_9(tmp_path, keys):
    kill_log(tmp_path, keys, 5)


def test_the_journal_survives_kill_9(tmp_path):
    kill_journal(tmp_path, 5)


@pytest.mark.parametrize("point", POINTS)
def test_the_log_survives_kill_9_at(tmp_path, keys, point):
    for passage in (1, 2, 3, 4, 5):
        acknowledged = run_and_kill("log", tmp_path / "log", keys.directory, 150, None, f"{point}:{passage}")
        log_survives(tmp_path / "log", keys, acknowledged)


@pytest.mark.fault
def test_the_log_survives_kill_9_fifty_times(tmp_path, keys):
    kill_log(tmp_path, keys, 50)


@pytest.mark.fault
def test_the_journal_survives_kill_9_fifty_times(tmp_path):
    kill_journal(tmp_path, 50)


def test_the_harness_would_notice_a_loss(tmp_path, keys):
    """Cut the log back to an older copy: the count from outside must be larger."""
    import shutil

    run_and_kill("log", tmp_path / "log", keys.directory, 10, 0.2)
    shutil.copytree(tmp_path / "log", tmp_path / "old")
    acknowledged = run_and_kill("log", tmp_path / "log", keys.directory, 10, 0.3)
    with pytest.raises(AssertionError):
        log_survives(tmp_path / "old", keys, acknowledged)
