"""`gongshu up`: every process as its own user, restarted alone, stopped together, started again quickly."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gongshu.host.users import USERS
from support.homes import ROOT, STANDIN, place, until

NAMES = {"office-database", "domain-database", "office", "worker", "enclave", "airlock", "gateway"}
SERVICE = {
    "office-database": "office",
    "domain-database": "domain",
    "office": "office",
    "worker": "office",
    "enclave": "domain",
    "airlock": "domain",
    "gateway": "gateway",
}


class Site:
    """A running `gongshu up` with stand-ins."""

    def __init__(self, home: Path) -> None:
        self.home = home
        command = [sys.executable, str(STANDIN), "up", "--json", "--home", str(home), "--mark", "test"]
        began = time.monotonic()
        self.popen = subprocess.Popen(
            [*command, "--zone", "huangshi", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.popen.stdout is not None
        self.said = json.loads(self.popen.stdout.readline() or "null")
        self.seconds = time.monotonic() - began

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "run" / "processes.json").read_bytes())
        return found

    def pids(self) -> dict[str, int]:
        return {name: row["pid"] for name, row in self.state()["processes"].items()}

    def ask(self, door: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.said["urls"][door] + "/", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        self.popen.communicate(timeout=30)
        return self.popen.returncode


def ended(pid: int) -> bool:
    """True when the process is gone, or only waits for somebody to notice its end."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with place() as base:
        yield base / "h"


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Site]:
    made = Site(home)
    assert made.said and made.said["ok"], made.popen.stderr and made.popen.stderr.read()
    yield made
    if made.popen.poll() is None:
        made.stop()


def test_every_process_runs_as_the_user_of_its_home(site: Site) -> None:
    state = site.state()
    assert set(state["processes"]) == NAMES and state["ready"]
    for name, pid in site.pids().items():
        expected = pwd.getpwnam(USERS[SERVICE[name]]).pw_uid if ROOT else os.geteuid()
        assert set(psutil.Process(pid).uids()) == {expected}, name
    if ROOT:
        assert site.ask("office")["groups"] == []


def test_a_process_is_given_its_home_and_nothing_of_ours(site: Site) -> None:
    given = site.ask("airlock")["environment"]
    assert given["GONGSHU_HOME"] == str(site.home)
    assert set(given) <= {"GONGSHU_HOME", "PATH", "LANG", "HOME", "LC_CTYPE"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_killed_process_restarts_alone(site: Site, name: str) -> None:
    before = site.pids()
    os.kill(before[name], signal.SIGKILL)

    def back() -> bool:
        row = site.state()["processes"][name]
        return bool(row["healthy"] and row["pid"] != before[name])

    until(back, 30)
    after = site.pids()
    assert {other: after[other] for other in NAMES - {name}} == {
        other: before[other] for other in NAMES - {name}
    }
    assert site.state()["processes"][name]["restarts"] >= 1


def test_the_doctor_sees_a_process_that_lives_and_does_not_answer(site: Site) -> None:
    from gongshu.host.doctor import check_processes
    from gongshu.host.home import Home

    home, pid = Home.open(site.home), site.pids()["airlock"]
    assert all(check.ok for check in check_processes(home))
    os.kill(pid, signal.SIGSTOP)
    try:
        bad = [check for check in check_processes(home) if not check.ok]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert [check.id for check in bad] == ["process_airlock"] and "airlock.log" in bad[0].mend


def test_a_second_up_says_that_it_runs_already(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, str(STANDIN), "up", "--json", "--home", str(site.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["already"] and answer["urls"] == site.said["urls"]


def test_a_process_that_runs_is_not_started_twice(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, str(STANDIN), "run", "gateway", "--json", "--home", str(site.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] in {"running", "parts"}


def test_another_mark_is_refused_for_a_home_that_exists(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, str(STANDIN), "up", "--json", "--home", str(site.home), "--mark", "production"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "mark"


def test_a_stop_is_clean_and_the_next_start_is_quick(site: Site, home: Path) -> None:
    pids = site.pids()
    assert site.stop() == 0
    assert all(ended(pid) for pid in pids.values())
    assert not (home / "office" / "pg" / "postmaster.pid").exists()
    again = Site(home)
    assert again.said["ok"] and again.seconds < 10, again.seconds
    pids = again.pids()
    again.popen.kill()
    again.popen.communicate()
    until(lambda: all(ended(pid) for pid in pids.values()), 20)
    third = Site(home)
    assert third.said["ok"]
    assert third.stop() == 0


def test_a_process_runs_alone_and_ends_calmly(home: Path) -> None:
    alone = subprocess.Popen(
        [sys.executable, "-m", "gongshu.cli.main", "run", "office-database", "--json", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    pid = home / "office" / "pg" / "postmaster.pid"
    until(lambda: pid.exists() and "ready" in pid.read_text())
    alone.send_signal(signal.SIGTERM)
    said, _ = alone.communicate(timeout=20)
    assert alone.returncode == 0 and json.loads(said) == {
        "ok": True,
        "process": "office-database",
        "status": 0,
    }
    assert not pid.exists()


def test_in_the_background_it_returns_when_ready_and_down_ends_it(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(STANDIN), "up", "--detach", "--json", "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    state = json.loads((home / "run" / "processes.json").read_bytes())
    assert answer["running"] and state["supervisor"] == answer["supervisor"]
    down = subprocess.run(
        [sys.executable, str(STANDIN), "down", "--json", "--home", str(home)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert down.returncode == 0
    until(lambda: ended(answer["supervisor"]))


@pytest.mark.skipif(not ROOT, reason="以另一个用户启动需要 root")
@pytest.mark.root
def test_without_root_everything_runs_as_one_user_and_says_so() -> None:
    nobody = pwd.getpwnam("nobody")
    with place() as base:
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
        command = [sys.executable, str(STANDIN), "up", "--home", str(base / "h"), "--mark", "test"]
        site = subprocess.Popen(
            [*command, "--zone", "huangshi", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env={"PATH": "/usr/bin:/bin", "HOME": str(base)},
        )
        path = base / "h" / "run" / "processes.json"
        until(lambda: path.exists() and json.loads(path.read_bytes())["ready"], 60)
        state = json.loads(path.read_bytes())
        uids = {psutil.Process(row["pid"]).uids().real for row in state["processes"].values()}
        assert uids == {nobody.pw_uid}
        assert (base / "h").stat().st_mode & 0o077 == 0
        site.send_signal(signal.SIGINT)
        said, wrong = site.communicate(timeout=30)
        assert "单用户模式" in said and "演示环境" in said, wrong
        assert site.returncode == 0
