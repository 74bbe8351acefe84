"""No one else can stand at a door: tried by the office's own user while the processes are down (root)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gongshu.host import inside
from gongshu.host.home import Home, create
from gongshu.host.ports import any_free
from gongshu.host.processes import BY_NAME
from gongshu.host.users import USERS
from gongshu.wire.settings import PORTS
from support.homes import STANDIN, needs_root, place, until
from support.scene import Scene, installed

HOST = "127.0.0.1"
DOORS = {process.name: process.door for process in BY_NAME.values() if process.door}
# Tries for some seconds to take the ports in every way there is; how often it tried, and where it stood.
CONTEST = """
import json, socket, sys, time
ends, ports = time.monotonic() + float(sys.argv[1]), [int(word) for word in sys.argv[2:]]
places = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"),
          (socket.AF_INET6, "::1")]
ways = [(), (socket.SO_REUSEADDR,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)]
tries, stood = 0, set()
while time.monotonic() < ends:
    for port in ports:
        for family, address in places:
            for way in ways:
                for only in (0, 1) if family == socket.AF_INET6 else (0,):
                    with socket.socket(family) as thief:
                        for option in way:
                            thief.setsockopt(socket.SOL_SOCKET, option, 1)
                        if family == socket.AF_INET6:
                            thief.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
                        tries += 1
                        try:
                            thief.bind((address, port))
                            thief.listen()
                        except OSError:
                            continue
                        stood.add(f"{address} {port}")
print(json.dumps({"tries": tries, "stood": sorted(stood)}))
"""


def contest(seconds: float, ports: list[int]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", CONTEST, str(seconds), *map(str, ports)],
        user=USERS["office"],
        group=USERS["office"],
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    if not all(process.installed() for process in BY_NAME.values()):
        pytest.skip("不是每个部件都已安装")
    with installed("production") as made:
        yield made


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@needs_root
@pytest.mark.root
def test_nobody_stands_at_a_door_while_its_process_is_down(scene: Scene) -> None:
    """And who calls meanwhile waits and is answered by the process itself."""
    ports = [port_of(scene.urls[door]) for door in ("airlock", "gateway", "link", "office")]
    thief = contest(12, ports)
    time.sleep(0.5)
    pids = {name: scene.pid(name) for name in ("airlock", "gateway")}
    for name, pid in pids.items():
        os.kill(pid, signal.SIGKILL)
        with urllib.request.urlopen(scene.urls[name] + "/healthz", timeout=60) as answer:
            # A gateway that has not polled yet says false; only the process itself says either.
            assert isinstance(json.load(answer)["ok"], bool), name
    assert thief.poll() is None, "the restarts lay inside the contest"
    said = json.loads(thief.communicate(timeout=60)[0])
    assert said["stood"] == [] and said["tries"] > 500, said
    until(lambda: all(scene.pid(name) != pid for name, pid in pids.items()))


@needs_root
@pytest.mark.root
def test_the_contest_would_notice_a_free_port() -> None:
    port = any_free(HOST, 1)[0]
    stood = json.loads(contest(0.2, [port]).communicate(timeout=60)[0])["stood"]
    assert f"127.0.0.1 {port}" in stood and f"0.0.0.0 {port}" in stood


def listening(pid: int) -> set[int]:
    """Ports of IPv4 and IPv6 whose sockets a process holds, listening or not."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError, IndexError):
            if str(descriptor.readlink()).startswith("socket:"):
                held.add(int(str(descriptor.readlink())[8:-1]))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if int(words[9]) in held and words[3] == "0A":
                found.add(int(words[1].rpartition(":")[2], 16))
    return found


@needs_root
@pytest.mark.root
def test_each_process_holds_its_own_door_and_no_other(scene: Scene) -> None:
    state = scene.state()
    for name, row in state["processes"].items():
        door = DOORS.get(name)
        expected = {port_of(scene.urls[door])} if door else set()
        assert listening(row["pid"]) == expected, name
    every = {port_of(scene.urls[door]) for door in DOORS.values() if door}
    assert listening(state["supervisor"]) == every


def opened(pid: int) -> set[str]:
    """The files a process holds, also those that have no name any more."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.add(str(descriptor.readlink()))
    return found


@needs_root
@pytest.mark.root
def test_a_large_body_lies_in_the_data_domains_own_home_and_not_in_memory(scene: Scene) -> None:
    """100 MB to the airlock's login page, which parses them before it refuses: spooled, private, forgotten."""
    import psutil

    airlock = psutil.Process(scene.pid("airlock"))
    before, peak, places = airlock.memory_info().rss, 0, set()
    size, head = 100_000_000, b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    tail = b"\r\n--x--\r\n"
    secret = scene.domain(
        "from gongshu.crypto.keystore import FileKeyStore\n"
        "answer = FileKeyStore(settings.DOMAIN_HOME / 'keys').create_secret('airlock-proxy').hex()"
    )
    with socket.create_connection((HOST, port_of(scene.urls["airlock"])), timeout=120) as line:
        line.sendall(
            (
                f"POST /login/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
                f"X-SSL-Client-Verify: SUCCESS\r\nX-Airlock-Proxy: {secret}\r\n"
                f"Origin: https://{HOST}\r\nCookie: gongshu_airlock_csrf={'a' * 32}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n"
                f"Content-Length: {len(head) + size + len(tail)}\r\n\r\n"
            ).encode()
            + head
        )
        for _ in range(size // 1_000_000):
            line.sendall(bytes(1_000_000))
            peak = max(peak, airlock.memory_info().rss)
            places |= opened(airlock.pid)
        line.sendall(tail)
        line.settimeout(0.01)
        answer, ends = b"", time.monotonic() + 60
        while not answer and time.monotonic() < ends:
            with suppress(TimeoutError):
                answer = line.recv(100)
            peak = max(peak, airlock.memory_info().rss)
            places |= opened(airlock.pid)
    assert answer.split()[1] == b"403", answer
    assert peak - before < 50_000_000, (peak - before) / 1e6
    home = scene.path / "domain" / "uploads"
    # Where it waits until it is whole, and where Django then puts the file.
    assert any(path.startswith(f"{home}/#") for path in places), places
    assert any(path.startswith(str(home)) and path.endswith(".upload") for path in places), places
    assert not any(path.startswith(("/tmp/#", "/var/tmp/#", "/tmp/tmp", "/var/tmp/tmp")) for path in places)
    assert home.stat().st_mode & 0o777 == 0o700
    until(lambda: not any(home.iterdir()))


# ---- with stand-ins: the start that refuses, and the process that hangs


def up(home: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(STANDIN), "up", "--json", "--home", str(home), *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state_of(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "run" / "processes.json").read_bytes())
    return found


@needs_root
@pytest.mark.root
def test_a_production_home_refuses_to_move_and_names_who_stands_there() -> None:
    with place() as base, socket.socket() as thief:
        thief.bind((HOST, 0))
        thief.listen()
        home = create(base / "h", "production", ["huangshi"])
        taken = thief.getsockname()[1]
        ports: Mapping[str, int] = dict(zip(PORTS, [*any_free(HOST, 3), taken], strict=True))
        home.change(ports=dict(ports))
        site = up(base / "h")
        said, _ = site.communicate(timeout=120)
        answer = json.loads(said)
        assert site.returncode == 2 and answer["error"]["code"] == "port"
        assert str(taken) in answer["error"]["sentence"] and str(os.getpid()) in answer["error"]["sentence"]
        assert not (base / "h" / "run" / "processes.json").exists(), "nothing was started"
        assert home.settings().ports == ports


def test_a_door_that_hangs_is_ended_and_restarted_alone() -> None:
    with place() as base:
        site = up(base / "h", "--mark", "test", "--zone", "huangshi", "--port", "0", STANDIN_SILENCE="3")
        try:
            assert site.stdout is not None and json.loads(site.stdout.readline())["ok"]
            before = {name: row["pid"] for name, row in state_of(base / "h")["processes"].items()}
            os.kill(before["gateway"], signal.SIGSTOP)

            def back() -> bool:
                row = state_of(base / "h")["processes"]["gateway"]
                return bool(row["healthy"] and row["pid"] != before["gateway"])

            until(back, 30)
            after = {name: row["pid"] for name, row in state_of(base / "h")["processes"].items()}
            assert {name for name, pid in after.items() if before[name] != pid} == {"gateway"}
        finally:
            site.send_signal(signal.SIGTERM)
            _, wrong = site.communicate(timeout=30)
        assert "（gateway）很久没有应答" in wrong


@needs_root
@pytest.mark.root
def test_a_killed_supervisor_leaves_no_door_behind_even_where_a_process_hangs() -> None:
    with place() as base:
        words = ("--mark", "production", "--zone", "huangshi")
        ports = any_free(HOST, 4)
        create(base / "h", "production", ["huangshi"]).change(ports=dict(zip(PORTS, ports, strict=True)))
        first = up(base / "h", *words)
        assert first.stdout is not None and json.loads(first.stdout.readline())["ok"]
        os.kill(state_of(base / "h")["processes"]["gateway"]["pid"], signal.SIGSTOP)
        first.kill()
        first.communicate()
        second = up(base / "h", *words)
        try:
            assert second.stdout is not None and json.loads(second.stdout.readline())["ok"]
            held = {row["port"] for row in state_of(base / "h")["processes"].values()}
            assert held == {*ports, None}
        finally:
            second.send_signal(signal.SIGTERM)
            second.communicate(timeout=30)


# ---- the office behind a proxy that ends TLS


@pytest.mark.parametrize(
    ("mark", "url", "secure"),
    [
        ("production", "https://office.example", True),
        ("production", "http://127.0.0.1:8000", False),
        ("test", "https://office.example", False),
    ],
)
def test_the_offices_cookies_are_secure_where_tls_ends_in_front_of_it(
    mark: str, url: str, secure: bool
) -> None:
    with place() as base:
        home: Home = create(base / "h", mark, ["huangshi"])
        home.change(urls={"office": url})
        code = (
            "from gongshu.office import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
        )
        done = inside.run(home, "office", inside.python("-c", code))
        assert done.stdout.decode().split() == [str(secure)] * 2, done.stderr.decode()
