"""kill -9 each process of a running installation while writers write: nothing acknowledged is lost.

Acknowledgements are counted outside: a writer names an act only after its commit returned, the buyer counts
the answers it holds. Afterwards each of them must be in the published log, and the log must verify.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from gongshu.gateway.receipts import loads
from gongshu.host import inside
from gongshu.host.home import Home
from gongshu.host.processes import BY_NAME
from support.homes import until
from support.process_writers import Writers
from support.scene import Scene, installed

pytestmark = [
    pytest.mark.skipif(
        not all(process.installed() for process in BY_NAME.values()), reason="不是每个部件都已安装"
    ),
    pytest.mark.timeout(3000),
]
NAMES = tuple(sorted(BY_NAME))
# After so many rounds everything is started anew: a process that ends often is restarted ever more slowly.
ROUNDS_A_START = 3
# Points of the code at which a process can be told to die, by process.
POINTS = {
    "worker": ("after_temp_file", "before_rename", "before_checkpoint"),
    "gateway": ("after_temp_file", "after_commit"),
}
LOGGED = """
from gongshu.evidence.checkpoint import read
from gongshu.evidence.tiles import Reader
size = read((settings.LOG_DIR / "checkpoint").read_bytes())[0].size
reader = Reader(settings.LOG_DIR, size)
entries = [json.loads(reader.entry(index)) for index in range(size)]
answer = {"office": [e["subject"] for e in entries if e["source"] == "office"],
          "domain": [e["subject"] for e in entries if e["source"] == "airlock"],
          "calls": sum(e["numbers"]["count"] for e in entries if e["source"] == "gateway" and e.get("numbers"))}
"""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with installed() as made:
        made.serve(calls_per_day=10_000_000)
        until(made.answers, 60)
        yield made


def kept_calls(scene: Scene) -> set[str]:
    """The calls in the gateway's own journal."""
    lines = b"".join(
        path.read_bytes() for path in sorted((scene.path / "gateway" / "journal" / "calls").glob("*"))
    )
    found = set()
    for line in lines.split(b"\n"):
        if line.startswith(b"R "):
            with contextlib.suppress(ValueError, IndexError):
                found.add(loads(line.split(b" ", 3)[3]).id)
    return found


def nothing_is_lost(scene: Scene, writers: Writers, patience: float = 90) -> None:
    """Every acknowledged act and call is kept, and reaches a log that verifies."""
    acknowledged = {service: set(names) for service, names in writers.acknowledged.items()}
    assert writers.calls <= kept_calls(scene)
    calls = len(kept_calls(scene))

    def arrived() -> bool:
        logged = scene.office(LOGGED)
        return (
            acknowledged["office"] <= set(logged["office"])
            and acknowledged["domain"] <= set(logged["domain"])
            and logged["calls"] >= calls
        )

    with contextlib.suppress(AssertionError):
        until(arrived, patience)
    logged = scene.office(LOGGED)
    for service, names in acknowledged.items():
        missing = names - set(logged[service])
        assert not missing, f"{service}: {len(missing)} of {len(names)} lost"
        assert sum(subject in names for subject in logged[service]) == len(names), "an act was logged twice"
    assert logged["calls"] == calls
    report = scene.log_size()
    assert report >= len(acknowledged["office"]) + len(acknowledged["domain"])


def healthy(scene: Scene, killed: str, pid: int) -> bool:
    row = scene.state()["processes"][killed]
    return bool(row["healthy"] and row["pid"] != pid)


def rounds(scene: Scene, times: int) -> Writers:
    """`times` kills of every process, in random order at random moments, writers running all the while."""
    writers = Writers(scene)
    try:
        for number in range(times):
            if number % ROUNDS_A_START == 0:
                if number:
                    writers.stop()
                    scene.down()
                    scene.up()
                writers.start()
            pids = {}
            for name in random.sample(NAMES, len(NAMES)):
                time.sleep(random.uniform(0, 0.4))
                pids[name] = scene.pid(name)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[name], signal.SIGKILL)
            for name, pid in pids.items():
                until(lambda name=name, pid=pid: healthy(scene, name, pid), 120)
        before = {service: len(names) for service, names in writers.acknowledged.items()}
        calls = len(writers.calls)
        # Everything works again: each writer is acknowledged once more.
        until(lambda: all(len(writers.acknowledged[name]) > count for name, count in before.items()), 60)
        until(lambda: len(writers.calls) > calls, 60)
    finally:
        writers.stop()
    return writers


def test_no_acknowledged_entry_is_lost_when_each_process_is_killed_five_times(scene: Scene) -> None:
    writers = rounds(scene, 5)
    assert all(writers.acknowledged.values()) and writers.calls
    nothing_is_lost(scene, writers)


@pytest.mark.fault
def test_no_acknowledged_entry_is_lost_when_each_process_is_killed_fifty_times(scene: Scene) -> None:
    writers = rounds(scene, 50)
    assert all(writers.acknowledged.values()) and writers.calls
    nothing_is_lost(scene, writers)


def die_at(scene: Scene, name: str, point: str, seconds: float = 60) -> None:
    """Runs one process by itself until it kills itself at the named point."""
    home = Home.open(scene.path)
    process = BY_NAME[name]
    alone = subprocess.Popen(
        process.command(home, home.settings()),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        umask=0o077,
        env={
            **inside.environment(home, process.service),
            "GONGSHU_TEST": "1",
            "GONGSHU_CRASHPOINT": f"{point}:{random.randint(1, 4)}",
        },
        **home.account(process.service).popen(),
    )
    try:
        assert alone.wait(seconds) == -signal.SIGKILL
    finally:
        alone.kill()
        alone.wait()


def restart_without(scene: Scene, names: tuple[str, ...]) -> None:
    """The whole installation anew, but for these processes."""
    scene.down()
    Home.open(scene.path).change(processes=[name for name in BY_NAME if name not in names])
    scene.up()


def named_points(scene: Scene, times: int) -> Writers:
    """Worker and gateway die at each of their named points `times` times, writers running."""
    writers = Writers(scene)
    for name, points in POINTS.items():
        restart_without(scene, (name,))
        writers.start()
        try:
            for point in points * times:
                die_at(scene, name, point)
        finally:
            writers.stop()
    restart_without(scene, ())
    return writers


def test_no_acknowledged_entry_is_lost_at_the_named_points(scene: Scene) -> None:
    nothing_is_lost(scene, named_points(scene, 1))


@pytest.mark.fault
def test_no_acknowledged_entry_is_lost_at_the_named_points_again_and_again(scene: Scene) -> None:
    nothing_is_lost(scene, named_points(scene, 17))


def test_the_harness_would_notice_a_loss(scene: Scene) -> None:
    """A writer that names an act which was never written must be found out."""
    scene.record(3)
    until(lambda: scene.log_size() >= 3, 30)
    writers = Writers(scene)
    writers.acknowledged["office"].add("w-never-written")
    with pytest.raises(AssertionError, match="1 of 1 lost"):
        nothing_is_lost(scene, writers, patience=1)
