"""The wall as the operating system sees it, tried as the users of the services (root only)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongshu.host import doctor, wall
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.host.users import USERS
from gongshu.host.wall import entries
from support.homes import STANDIN, as_user, needs_root, place, until

pytestmark = [needs_root, pytest.mark.root]

OPEN = """
import os, sys
for path in sys.stdin.read().split("\\0"):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()
    except PermissionError:
        continue
    except OSError as error:
        print(type(error).__name__, path)
    else:
        print("OPENED", path)
"""
WRITE = """
import os, sys
for path in sys.stdin.read().split("\\0"):
    if os.access(path, os.W_OK) and not os.path.islink(path):
        print(path)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A home whose processes have run and left keys, databases, logs and state behind."""
    with place() as base:
        command = [sys.executable, str(STANDIN), "up", "--json", "--home", str(base / "h")]
        site = subprocess.Popen(
            [*command, "--mark", "production", "--zone", "huangshi", "--port", "0"], stdout=subprocess.PIPE
        )
        assert site.stdout is not None and json.loads(site.stdout.readline())["ok"]
        made = Home.open(base / "h")
        served = made.path / "serving" / "huangshi"
        as_user(USERS["domain"], f"import os; os.umask(0o027); os.mkdir({str(served)!r})")
        as_user(
            USERS["domain"],
            f"import os; os.umask(0o027); open({str(served / 'state.json')!r}, 'w').write('x')",
        )
        yield made
        site.send_signal(signal.SIGTERM)
        site.communicate(timeout=30)


def everything(*roots: Path) -> list[Path]:
    return [path for root in roots for path in entries(root) if not path.is_symlink()]


@pytest.mark.parametrize(
    ("service", "closed"),
    [
        ("office", ("domain", "gateway", "serving", "run/domain", "run/gateway")),
        ("gateway", ("domain", "office", "run/domain", "run/office")),
        ("domain", ("office", "gateway", "run/office", "run/gateway")),
    ],
)
def test_every_file_of_the_other_homes_is_unreadable(
    home: Home, service: str, closed: tuple[str, ...]
) -> None:
    paths = everything(*(home.path / name for name in closed))
    assert len(paths) > 20
    done = as_user(USERS[service], OPEN, give="\0".join(map(str, paths)))
    assert (done.stdout, done.stderr) == ("", "")


def test_the_probe_sees_what_is_open(home: Home) -> None:
    """The test above can fail: the same probe opens what a user may open."""
    done = as_user(USERS["office"], OPEN, give=str(home.path / "config" / "config.json"))
    assert done.stdout.startswith("OPENED")
    done = as_user(USERS["gateway"], OPEN, give=str(home.path / "serving" / "huangshi" / "state.json"))
    assert done.stdout.startswith("OPENED")


@pytest.mark.parametrize("service", sorted(USERS))
def test_nothing_that_another_runs_or_reads_is_writable(home: Home, service: str) -> None:
    own = {"domain": ("domain", "serving", "run/domain")}.get(service, (service, f"run/{service}"))
    mine = tuple(home.path / name for name in own)
    inside = [path for path in everything(home.path) if not any(path.is_relative_to(root) for root in mine)]
    code = everything(*wall.code_roots())
    parents = [parent for root in (home.path, *wall.code_roots()) for parent in root.parents]
    settled = [path for path in parents if not path.stat().st_mode & 0o1000]
    paths = {*inside, *code, *settled, Path(sys.executable).resolve()}
    done = as_user(USERS[service], WRITE, give="\0".join(map(str, sorted(paths))))
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("service", ["office", "gateway"])
def test_the_processes_of_the_data_domain_cannot_be_touched(home: Home, service: str) -> None:
    state = json.loads((home.run / "processes.json").read_bytes())
    for name in ("enclave", "airlock", "domain-database"):
        pid = state["processes"][name]["pid"]
        code = (
            "import os, sys\n"
            "for what in (lambda p: os.kill(p, 0), lambda p: os.listdir(f'/proc/{p}/fd'),\n"
            "             lambda p: open(f'/proc/{p}/environ', 'rb').read(),\n"
            "             lambda p: open(f'/proc/{p}/mem', 'rb').read(1)):\n"
            "    try:\n        what(int(sys.argv[1]))\n"
            "    except PermissionError:\n        continue\n"
            "    print('touched')\n"
        )
        done = as_user(USERS[service], code, str(pid))
        assert (done.stdout, done.stderr) == ("", "")


def test_a_standing_wall_has_no_faults(home: Home) -> None:
    assert wall.faults(home) == []
    accounts = [home.account(service) for service in USERS]
    assert wall.writable_code(accounts) == []
    assert wall.unreadable() == []


@pytest.mark.parametrize(
    ("name", "mode", "word"),
    [
        ("domain", 0o755, "chmod 0700"),
        ("gateway", 0o750, "chmod 0700"),
        ("config", 0o777, "go-w"),
        ("serving", 0o755, "2750"),
        ("config/config.json", 0o666, "go-w"),
    ],
)
def test_a_hole_is_found_named_and_stops_the_start(home: Home, name: str, mode: int, word: str) -> None:
    path = home.path / name
    before = path.stat().st_mode & 0o7777
    path.chmod(mode)
    try:
        (said,) = wall.faults(home)
        assert str(path) in said and word in said
        with pytest.raises(HostError):
            wall.require(home)
        assert not doctor.check_wall(home).ok
    finally:
        path.chmod(before)
    assert wall.faults(home) == []


def test_a_foreign_owner_is_found(home: Home) -> None:
    path = home.path / "domain"
    uid = path.stat().st_uid
    os.chown(path, home.account("office").uid, -1)
    try:
        assert "domain" in wall.faults(home)[0]
    finally:
        os.chown(path, uid, -1)


def test_root_does_not_follow_a_service_users_link(home: Home, tmp_path: Path) -> None:
    """A taken-over service that puts a link where its log was gets nothing written there by root, and
    harms nobody else: the others keep running."""
    state = json.loads((home.run / "processes.json").read_bytes())
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    log = home.path / "gateway" / "output" / "gateway.log"
    code = "import os, sys; os.unlink(sys.argv[1]); os.symlink(sys.argv[2], sys.argv[1])"
    assert as_user(USERS["gateway"], code, str(log), str(victim)).returncode == 0
    os.kill(state["processes"]["gateway"]["pid"], signal.SIGKILL)
    said = until(lambda: _restarted(home, state["processes"]["gateway"]["pid"]))
    assert said and victim.read_text() == "untouched"
    now = json.loads((home.run / "processes.json").read_bytes())["processes"]
    assert all(
        now[name]["pid"] == row["pid"] for name, row in state["processes"].items() if name != "gateway"
    )
    log.unlink()
    until(lambda: json.loads((home.run / "processes.json").read_bytes())["ready"], 60)


def _restarted(home: Home, pid: int) -> bool:
    row = json.loads((home.run / "processes.json").read_bytes())["processes"]["gateway"]
    return bool(row["restarts"] >= 2 and row["pid"] != pid)
