"""The doctor finds what is wrong and says how to mend it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongshu.cli.main import main
from gongshu.host import doctor, setup, users, wall
from gongshu.host.home import Home, create
from support.homes import place


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with place() as base:
        yield setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)


def by_id(path: Path) -> dict[str, doctor.Check]:
    return {check.id: check for check in doctor.examine(path)}


def test_a_well_home_is_called_well(home: Home) -> None:
    checks = by_id(home.path)
    bad = [check for check in checks.values() if not check.ok and check.id != "parts"]
    assert bad == []
    assert {"cluster_office", "cluster_domain", "sandbox", "wall", "disk"} <= set(checks)


def test_every_fault_says_how_to_mend_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--home", str(tmp_path / "none")]) == 1
    answer = json.loads(capsys.readouterr().out)
    faults = [check for check in answer["checks"] if not check["ok"]]
    assert faults and all(check["mend"] for check in faults)
    assert "home" in {check["id"] for check in faults}


def test_a_missing_sandbox_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)
    check = doctor.check_sandbox(home)
    assert not check.ok and "bubblewrap" in check.mend


def test_a_full_disk_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM", 2**62)
    assert not doctor.check_disk(home).ok


def test_a_home_without_its_clusters_is_named() -> None:
    if os.geteuid() == 0:
        users.create()
    with place() as base:
        create(base / "h", "test", ["huangshi"])
        assert not by_id(base / "h")["cluster_office"].ok


def test_code_under_a_closed_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(wall, "code_roots", lambda: [closed])
    assert str(closed) in wall.unreadable()[0]
    monkeypatch.undo()
    assert wall.unreadable() == [] or os.geteuid() != 0


def test_code_that_others_may_write_is_found_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("需要 root")
    users.create()
    accounts = [users.account(service, "separated") for service in users.SERVICES]
    code = tmp_path / "code"
    code.mkdir()
    loose, own = code / "loose.py", code / "own.py"
    for path in (loose, own):
        path.write_text("")
    loose.chmod(0o666)
    own.chmod(0o644)
    os.chown(own, accounts[0].uid, 0)
    monkeypatch.setattr(wall, "code_roots", lambda: [code])
    found = [path for path in wall.writable_code(accounts) if path.is_relative_to(code)]
    assert set(found) == {loose, own}
    assert loose in wall.tighten(accounts)
    found = [path for path in wall.writable_code(accounts) if path.is_relative_to(code)]
    assert found == [own]


def test_after_a_restore_the_processes_that_stand_are_named(home: Home) -> None:
    content = {"restore": "r" * 32, "places": {"huangshi": 3}, "at": 1}
    (home.config / "hold.json").write_text(json.dumps(content))
    check = by_id(home.path)["hold"]
    assert not check.ok
    assert all(name in check.found for name in ("闸口", "计算", "网关"))
    assert "gongshu resume" in check.mend
    (home.config / "hold.json").write_text("{")
    assert "读不了" in by_id(home.path)["hold"].mend
    (home.config / "hold.json").unlink()
    assert "hold" not in by_id(home.path)


def test_an_empty_log_is_called_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "keys").write_text("")
    assert main(["evidence", "verify", "--dir", str(tmp_path / "log"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "empty_log"


def test_a_proxy_nobody_named_is_a_fault(home: Home) -> None:
    assert doctor.check_proxies(home).ok
    kept = (home.config / "config.json").read_bytes()
    try:
        home.change(urls={"office": "https://office.example"})
        check = doctor.check_proxies(home)
        assert not check.ok and "X-Forwarded-For" in check.mend
        home.change(proxies={"office": "10.0.0.5"})
        check = doctor.check_proxies(home)
        assert check.ok and check.found == "10.0.0.5"
    finally:
        (home.config / "config.json").write_bytes(kept)
