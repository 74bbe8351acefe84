"""Doors held by the supervisor: nobody binds beside them; a silent process is told from one that works."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gongshu.host import doors, ports, supervisor
from gongshu.host.errors import HostError
from gongshu.host.processes import BY_NAME
from gongshu.host.supervisor import LONG_SILENCE, Child, Supervisor
from gongshu.wire import settings as wire_settings
from gongshu.wire.errors import WireError
from gongshu.wire.settings import PORTS

HOST = "127.0.0.1"


@pytest.fixture
def site() -> Any:
    free = dict(zip(PORTS, ports.any_free(HOST, len(PORTS)), strict=True))
    return SimpleNamespace(host=HOST, hosts=(HOST,), ports=free, urls={})


def bound(family: int, address: str, port: int) -> bool:
    with socket.socket(family) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            other.bind((address, port))
        except OSError:
            return False
    return True


PLACES = [
    (socket.AF_INET, HOST),
    (socket.AF_INET, "0.0.0.0"),
    (socket.AF_INET6, "::"),
    (socket.AF_INET6, "::1"),
]


@pytest.mark.parametrize(("family", "address"), PLACES)
def test_no_address_of_a_held_port_is_free(site: Any, family: int, address: str) -> None:
    port = site.ports["airlock"]
    if not bound(family, address, port):
        pytest.skip("this machine has no such address")
    with doors.held(site, ["airlock"]):
        assert not bound(family, address, port)
    assert bound(family, address, port)


def test_only_the_named_doors_are_held_and_a_taken_one_is_named(site: Any) -> None:
    with doors.held(site, ["airlock"]) as held:
        assert list(held) == ["airlock"] and ports.free(HOST, site.ports["office"])
        with pytest.raises(HostError) as caught, doors.held(site, ["gateway", "airlock"]):
            pass
    assert caught.value.code == "port" and str(site.ports["airlock"]) in caught.value.sentence
    assert ports.free(HOST, site.ports["gateway"]), "what was bound before the error is left again"


# ---- silence


class Silent:
    """A supervisor over one door at which nobody accepts, its clock moved by hand."""

    def __init__(self, site: Any, monkeypatch: pytest.MonkeyPatch, *, work: float, long: bool) -> None:
        self.ended: list[int] = []
        self.at = 0.0
        monkeypatch.setattr(supervisor, "end_group", lambda popen, _number: self.ended.append(popen.pid))
        monkeypatch.setattr(supervisor, "cpu_seconds", lambda _pid: self.at * work)
        process = replace(BY_NAME["airlock"], long_requests=long)
        self.one: Any = Supervisor(None, site, [process], lambda _line: None)  # type: ignore[arg-type]
        self.one._stepped = 0.0
        self.child: Child = self.one.children["airlock"]
        self.child.healthy = True
        self.child.popen = SimpleNamespace(pid=7, poll=lambda: None, returncode=None)  # type: ignore[assignment]
        self.one.write_state = lambda: None
        monkeypatch.setattr(time, "monotonic", lambda: self.at)

    def run(self, seconds: float) -> list[int]:
        ends = self.at + seconds
        while self.at < ends and not self.ended:
            self.at += 0.5
            self.one.step()
        return self.ended


def test_a_silent_process_is_ended_after_its_patience_and_not_before(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with doors.held(site, ["airlock"]):
        silent = Silent(site, monkeypatch, work=0.0, long=True)
        assert silent.run(29) == [] and silent.run(3) == [7]


def test_one_that_works_on_a_long_request_is_borne_longer_but_not_for_ever(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with doors.held(site, ["airlock"]):
        silent = Silent(site, monkeypatch, work=0.5, long=True)
        assert silent.run(LONG_SILENCE - 5) == [] and silent.run(10) == [7]


def test_work_excuses_only_those_with_long_requests(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with doors.held(site, ["airlock"]):
        assert Silent(site, monkeypatch, work=0.5, long=False).run(32) == [7]


def test_a_supervisor_that_stood_still_itself_blames_nobody(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with doors.held(site, ["airlock"]):
        silent = Silent(site, monkeypatch, work=0.0, long=True)
        silent.at += 3600
        assert silent.run(20) == []


# ---- cookies behind a proxy


def settings(tmp_path: Path, **changes: Any) -> wire_settings.Settings:
    raw = {"mode": "single", "zones": ["huangshi"], "ports": dict.fromkeys(PORTS, 1), **changes}
    return wire_settings._settings(tmp_path, raw, changes.get("mark", "production"))


def test_the_scheme_of_a_door_is_what_people_type(tmp_path: Path) -> None:
    assert settings(tmp_path).scheme("office") == "http"
    assert settings(tmp_path, urls={"office": "https://office.example"}).scheme("office") == "https"
    assert settings(tmp_path).scheme("airlock") == "https", "client certificates need TLS"
    assert settings(tmp_path, mark="demo").scheme("airlock") == "http"


@pytest.mark.parametrize(
    "wrong", [{"office": "*"}, {"office": "proxy.example"}, {"gateway": HOST}, ["office"]]
)
def test_a_proxy_is_one_exact_address_and_nobody_is_one_by_default(tmp_path: Path, wrong: Any) -> None:
    assert settings(tmp_path).proxies == {}
    assert settings(tmp_path, proxies={"office": HOST}).proxies == {"office": HOST}
    with pytest.raises(WireError, match=r"config\.json"):
        settings(tmp_path, proxies=wrong)
