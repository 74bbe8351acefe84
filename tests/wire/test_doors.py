"""A process takes the listening socket it was handed, or binds its own; what comes in stays private."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gongshu.wire import doors
from gongshu.wire.errors import WireError

HOST = "127.0.0.1"
# Says what `inherited` finds, and what is left of it for a child.
ASK = """
import json, os
from gongshu.wire import doors
from gongshu.wire.errors import WireError
if os.environ.get("LISTEN_PID") == "me":
    os.environ["LISTEN_PID"] = str(os.getpid())
try:
    found = doors.inherited()
    answer = list(found.getsockname()) + [found.get_inheritable()] if found else None
except WireError as error:
    answer = error.code
print(json.dumps([answer, sorted(set(os.environ) & {"LISTEN_FDS", "LISTEN_PID"})]))
"""


def asked(given: int | None, **environment: str) -> Any:
    """What a process finds that has `given` at descriptor 3 and these variables."""

    def lay() -> None:
        if given is not None:
            os.dup2(given, doors.DESCRIPTOR)

    null = os.open(os.devnull, os.O_RDONLY)
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={"PATH": os.environ["PATH"], **environment},
        pass_fds=(doors.DESCRIPTOR,) if given is not None else (),
        preexec_fn=lay,
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(null)
    return json.loads(done.stdout)


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with doors.bind(HOST, 0) as made:
        yield made


@pytest.mark.parametrize("owner", [{}, {"LISTEN_PID": "me"}])
def test_a_handed_socket_is_taken_and_not_handed_on(door: socket.socket, owner: dict[str, str]) -> None:
    found, left = asked(door.fileno(), LISTEN_FDS="1", **owner)
    assert found == [*door.getsockname(), False] and left == []


def test_what_was_handed_to_another_process_is_not_taken(door: socket.socket) -> None:
    assert asked(door.fileno(), LISTEN_FDS="1", LISTEN_PID="1") == [None, []]
    assert asked(door.fileno()) == [None, []]


def test_what_is_no_listening_socket_is_refused(door: socket.socket) -> None:
    with socket.socket() as silent:
        assert asked(silent.fileno(), LISTEN_FDS="1")[0] == "door"
    with tempfile.TemporaryFile() as file:
        assert asked(file.fileno(), LISTEN_FDS="1")[0] == "door"
    assert asked(door.fileno(), LISTEN_FDS="2")[0] == "door"


def test_a_door_listens_from_the_start_so_that_nobody_binds_beside_it(door: socket.socket) -> None:
    with pytest.raises(OSError, match="in use"):
        doors.bind(HOST, door.getsockname()[1])


def test_a_process_alone_binds_its_own_and_names_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(doors.COUNT, raising=False)

    class Site:
        host = HOST
        ports = {"link": 0}

    with doors.listener(Site(), "link") as own:  # type: ignore[arg-type]
        Site.ports = {"link": own.getsockname()[1]}
        with pytest.raises(WireError) as caught:
            doors.listener(Site(), "link")  # type: ignore[arg-type]
    assert caught.value.code == "door" and str(Site.ports["link"]) in caught.value.sentence


# ---- what comes in


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = tmp_path / "uploads"
    folder.mkdir(mode=0o755)
    (folder / "left-behind").write_bytes(b"x")
    doors.make_spool(folder)
    return folder


def test_the_spool_is_private_and_empty_at_every_start(spool: Path) -> None:
    assert spool.stat().st_mode & 0o777 == 0o700 and not any(spool.iterdir())
    with tempfile.NamedTemporaryFile() as made:
        assert Path(made.name).parent == spool


def serving(application: Callable[..., Any], door: socket.socket, **more: Any) -> str:
    made = doors.server(application, door, threads=2, **more)
    threading.Thread(target=made.run, daemon=True).start()
    return f"http://{HOST}:{door.getsockname()[1]}/"


def test_a_body_waits_on_disk_in_the_spool_up_to_the_largest(spool: Path, door: socket.socket) -> None:
    seen: list[tuple[int, list[str]]] = []

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        opened = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        body = environ["wsgi.input"]
        seen.append((sum(map(len, iter(lambda: body.read(65536), b""))), opened))
        start("200 OK", [])
        return [b"ok"]

    url = serving(application, door, largest=3_000_000)
    assert urllib.request.urlopen(url, data=bytes(2_000_000), timeout=30).read() == b"ok"
    assert seen[0][0] == 2_000_000
    assert any(path.startswith(str(spool)) for path in seen[0][1])
    with socket.create_connection(door.getsockname(), timeout=30) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000001\r\n\r\n")
        assert line.recv(100).split()[1] == b"413" and len(seen) == 1


def test_the_proxys_word_on_the_certificate_arrives_and_the_scheme_is_the_callers(
    door: socket.socket,
) -> None:
    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        names = ("HTTP_X_SSL_CLIENT_VERIFY", "HTTP_X_AIRLOCK_PROXY", "wsgi.url_scheme")
        return [json.dumps([environ.get(name) for name in names]).encode()]

    url = serving(application, door, largest=1000, scheme="https")
    headers = {"X-SSL-Client-Verify": "SUCCESS", "X-Airlock-Proxy": "secret"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        assert json.load(answer) == ["SUCCESS", "secret", "https"]


@pytest.mark.parametrize(
    ("proxy", "headers", "found"),
    [
        ("", {"X-Forwarded-For": "198.51.100.7"}, HOST),
        (HOST, {"X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"),
        (HOST, {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}, "198.51.100.7"),
        (HOST, {"X-Forwarded-For": "2001:db8::7"}, "2001:db8::7"),
        (HOST, {"Forwarded": "for=198.51.100.7"}, HOST),
        (HOST, {}, HOST),
        ("192.0.2.1", {"X-Forwarded-For": "198.51.100.7"}, HOST),
    ],
    ids=["nobody is believed", "the proxy is", "only its own word", "IPv6", "not by another header", "silent", "another"],
)  # fmt: skip
def test_only_the_named_proxy_says_from_where_a_request_came(
    door: socket.socket, proxy: str, headers: dict[str, str], found: str
) -> None:
    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [
            json.dumps([environ["REMOTE_ADDR"], environ["HTTP_HOST"], environ["wsgi.url_scheme"]]).encode()
        ]

    url = serving(application, door, largest=1000, scheme="https", proxy=proxy)
    more = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    asking = urllib.request.Request(url, headers={**headers, **more})
    with urllib.request.urlopen(asking, timeout=30) as answer:
        assert json.load(answer) == [found, f"{HOST}:{door.getsockname()[1]}", "https"]
