"""A home is made once, keeps its mark, and says plainly what is wrong with a place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongshu.host import home as homes
from gongshu.host import inside, users
from gongshu.host.errors import HostError
from gongshu.host.home import Home, check_zones, create, known_zones
from gongshu.wire.errors import WireError
from gongshu.wire.settings import embedded_database, home_path, load
from support.homes import needs_root, place


@pytest.fixture
def base() -> Iterator[Path]:
    if os.geteuid() == 0:
        users.create()
    with place() as folder:
        yield folder


def refused(code: str, run: object) -> str:
    with pytest.raises(HostError) as caught:
        run()  # type: ignore[operator]
    assert caught.value.code == code
    return caught.value.sentence


def test_a_home_is_read_as_it_was_made(base: Path) -> None:
    made = create(base / "h", "demo", ["huangshi", "gansu"])
    settings = load(base / "h")
    assert (settings.zone, settings.zones, settings.mark) == ("huangshi", ("huangshi", "gansu"), "demo")
    assert settings.demo and settings.urls["office"] == "http://127.0.0.1:8000"
    assert Home.open(base / "h") == made
    assert create(base / "h", "demo", ["anhui"]).settings().zones == ("huangshi", "gansu")


CHANGES = [("production", "demo"), ("demo", "production"), ("test", "demo")]


@pytest.mark.parametrize(("first", "second"), CHANGES)
def test_a_mark_is_written_once(base: Path, first: str, second: str) -> None:
    create(base / "h", first, ["huangshi"])
    refused("mark", lambda: create(base / "h", second, ["huangshi"]))
    assert load(base / "h").mark == first


def test_no_variable_and_no_setting_moves_a_mark(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(base / "h", "production", ["huangshi"]).change(mark="demo", v=1)
    monkeypatch.setenv("GONGSHU_MARK", "demo")
    assert load(base / "h").mark == "production"


@pytest.mark.parametrize("content", ["demo", "", "königlich", "production demo"])
def test_a_touched_mark_stops_everything(base: Path, content: str) -> None:
    create(base / "h", "production", ["huangshi"])
    mark = base / "h" / "config" / "mark"
    mark.chmod(0o644)
    mark.write_text(content)
    with pytest.raises(WireError) as caught:
        load(base / "h")
    assert caught.value.code == "config"


@needs_root
@pytest.mark.root
def test_a_mark_of_a_service_user_is_not_believed(base: Path) -> None:
    create(base / "h", "demo", ["huangshi"])
    os.chown(base / "h" / "config" / "mark", users.account("office", "separated").uid, 0)
    with pytest.raises(WireError):
        load(base / "h")


def test_a_foreign_folder_is_not_taken(base: Path) -> None:
    (base / "mine").mkdir()
    (base / "mine" / "letter.txt").write_text("x")
    refused("place", lambda: create(base / "mine", "demo"))
    assert [path.name for path in (base / "mine").iterdir()] == ["letter.txt"]


@needs_root
@pytest.mark.root
def test_a_place_the_services_cannot_enter_is_named(base: Path) -> None:
    (base / "closed").mkdir(mode=0o700)
    sentence = refused("place", lambda: create(base / "closed" / "h", "demo"))
    assert str(base / "closed") in sentence


def test_a_link_instead_of_a_folder_is_not_followed(base: Path) -> None:
    made = create(base / "h", "demo", ["huangshi"])
    (base / "elsewhere").mkdir()
    (made.path / "serving").rmdir()
    (made.path / "serving").symlink_to(base / "elsewhere")
    refused("place", lambda: create(base / "h", "demo"))


def test_zones_are_the_installed_packs() -> None:
    assert {"gansu", "hubei", "huangshi", "anhui", "chizhou"} <= set(known_zones())
    assert "cn" not in known_zones()
    assert check_zones(["anhui", "anhui", "gansu"]) == ("anhui", "gansu")
    assert check_zones([])[0] == "huangshi"
    assert "atlantis" in refused("zone", lambda: check_zones(["atlantis"]))


def test_a_refused_home_leaves_nothing_behind(base: Path) -> None:
    refused("zone", lambda: create(base / "h", "production", ["atlantis"]))
    refused("mark", lambda: create(base / "h", "holiday", ["huangshi"]))
    assert not (base / "h").exists()


def test_no_home_and_a_broken_one_are_told_apart(base: Path) -> None:
    refused("no_home", lambda: Home.open(base))
    create(base / "h", "demo", ["huangshi"])
    (base / "h" / "config" / "config.json").write_text("{")
    refused("config", lambda: Home.open(base / "h"))
    (base / "h" / "config" / "config.json").write_text(json.dumps({"v": 1, "mode": "single"}))
    with pytest.raises(WireError) as caught:
        load(base / "h")
    assert caught.value.code == "config"


def test_a_long_path_gets_a_short_place_for_its_sockets(base: Path) -> None:
    path = base / ("l" * 60) / ("m" * 60)
    made = create(path, "test", ["huangshi"])
    root = homes.make_sockets(made)
    try:
        assert len(str(root / "office" / ".s.PGSQL.5432")) <= homes.SOCKET_PATH
        assert made.settings().socket("office") == root / "office"
        assert (root / "domain").stat().st_mode & 0o077 == 0
    finally:
        homes.remove(made)
    assert not root.exists() and not path.exists()


def test_a_production_home_is_never_removed(base: Path) -> None:
    refused("mark", lambda: homes.remove(create(base / "h", "production", ["huangshi"])))
    assert (base / "h").is_dir()


def test_a_service_gets_only_its_own_databases_address(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create(base / "h", "test", ["huangshi"])
    monkeypatch.setenv("DATABASE_URL", "postgresql://a")
    monkeypatch.setenv("DOMAIN_DATABASE_URL", "postgresql://b")
    monkeypatch.setenv("SECRET", "x")
    assert {name: set(inside.environment(made, name)) for name in users.SERVICES} == {
        "office": {"GONGSHU_HOME", "PATH", "LANG", "HOME", "DATABASE_URL"},
        "domain": {"GONGSHU_HOME", "PATH", "LANG", "HOME", "DOMAIN_DATABASE_URL"},
        "gateway": {"GONGSHU_HOME", "PATH", "LANG", "HOME"},
    }
    assert load(base / "h").database_url == "postgresql://a"
    monkeypatch.delenv("DATABASE_URL")
    assert load(base / "h").database_url == embedded_database(base / "h" / "run" / "office", "office")


def test_the_home_in_force(monkeypatch: pytest.MonkeyPatch, base: Path) -> None:
    monkeypatch.setenv("GONGSHU_HOME", str(base / "a"))
    assert home_path() == base / "a"
    assert home_path(base / "b") == base / "b"
    monkeypatch.delenv("GONGSHU_HOME")
    assert home_path().is_absolute()
