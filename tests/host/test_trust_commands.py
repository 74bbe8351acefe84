"""The ceremony of the first trust list, by the commands people type."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.cli.main import main
from gongshu.crypto.sign import PrivateKey
from gongshu.host import administration, keys, users
from gongshu.host.home import Home, create
from gongshu.wire import envelope as wire
from gongshu.wire.store import TrustStore
from support.founding import draft
from support.homes import place

ROWS = {
    "organisations": [{"id": "org-bus", "name": "公交集团"}, {"id": "org-dev", "name": "开发单位"}],
    "people": [{"id": "p-1", "name": "张三", "organisation": "org-bus"}],
    "accounts": [{"user": "zhangsan", "person": "p-1"}],
    "keys": [],
}


@pytest.fixture
def home() -> Iterator[Home]:
    if os.geteuid() == 0:
        users.create()
    with place() as base:
        made = create(base / "h", "production", ["huangshi"])
        keys.make_all(made)
        yield made


@pytest.fixture
def say(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command on the home; (exit, its one JSON object)."""

    def run(*words: str | Path) -> tuple[int, dict[str, Any]]:
        status = main([*map(str, words), "--json", "--home", str(home.path)])
        return status, json.loads(capsys.readouterr().out)

    return run


def ceremony(home: Home, folder: Path, names: tuple[str, str] = ("甲", "乙")) -> Path:
    """Two administrators, a drafted list, both signatures."""
    return draft(home.path, folder, ROWS, names)


def believed(home: Home, service: str, tmp_path: Path) -> TrustStore:
    """A copy of a service's store that this test may read whoever owns it."""
    copy = tmp_path / f"copy-{service}"
    copy.mkdir()
    for path in home.settings().trust(service).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return TrustStore(copy)


def test_the_first_list_reaches_every_home(home: Home, say: Any, tmp_path: Path) -> None:
    listed = ceremony(home, tmp_path)
    status, answer = say("trust", "init", "--list", listed)
    assert (status, answer["number"], answer["homes"]) == (0, 1, ["domain", "gateway", "office"])
    now = datetime.now(UTC)
    for service in users.SERVICES:
        trust = believed(home, service, tmp_path).current(now)
        expected = {role for rows in keys.SERVICE_KEYS.values() for _name, role, _alg in rows}
        assert {"office", "log", "enclave", "airlock", "gateway"} <= expected
        assert {entry.role for entry in trust.entries.values()} == expected
        assert trust.accounts["zhangsan"]["person"] == "p-1"
        assert len(trust.keys("log")) == 2
    assert say("trust", "init", "--list", listed)[0] == 0


def test_a_home_believes_nothing_before_two_have_signed(home: Home, say: Any, tmp_path: Path) -> None:
    listed = ceremony(home, tmp_path)
    whole = json.loads(listed.read_bytes())
    listed.write_text(json.dumps({**whole, "signatures": whole["signatures"][:1]}))
    status, answer = say("trust", "init", "--list", listed)
    assert (status, answer["error"]["code"]) == (2, "signer")
    assert not home.settings().trust("domain").exists()
    changed = json.loads(json.dumps(whole).replace("zhangsan", "lisi"))
    listed.write_text(json.dumps(changed))
    assert say("trust", "init", "--list", listed)[1]["error"]["code"] == "signer"


def test_signing_twice_is_one_signature(home: Home, say: Any, tmp_path: Path) -> None:
    listed = ceremony(home, tmp_path)
    key = tmp_path / "甲" / administration.KEY_FILE
    assert say("trust", "sign", "--list", listed, "--key", key)[1]["signatures"] == 2


def test_the_next_list_has_the_next_number_and_strangers_are_refused(
    home: Home, say: Any, tmp_path: Path
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    assert say("trust", "init", "--list", ceremony(home, first))[0] == 0
    listed = ceremony(home, second, ("丙", "丁"))
    assert wire.loads(listed.read_bytes()).body["number"] == 2
    assert say("trust", "init", "--list", listed)[1]["error"]["code"] == "signer"
    for name in ("甲", "乙"):
        say("trust", "sign", "--list", listed, "--key", first / name / administration.KEY_FILE)
    assert say("trust", "init", "--list", listed)[1]["number"] == 2


def test_an_administrators_key_is_kept_from_others_and_never_overwritten(say: Any, tmp_path: Path) -> None:
    out = tmp_path / "medium"
    public = say("trust", "new-administrator", "--out", out, "--algorithm", "sm2")[1]
    assert public["key"].startswith("sm2:")
    file = out / administration.KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600 and out.stat().st_mode & 0o777 == 0o700
    before = file.read_bytes()
    assert say("trust", "new-administrator", "--out", out)[1]["error"]["code"] == "exists"
    assert file.read_bytes() == before
    assert PrivateKey.from_pem(before).public().encode() == public["key"]


def test_a_key_others_can_read_signs_nothing(home: Home, say: Any, tmp_path: Path) -> None:
    listed = ceremony(home, tmp_path)
    key = tmp_path / "甲" / administration.KEY_FILE
    key.chmod(0o644)
    assert say("trust", "sign", "--list", listed, "--key", key)[1]["error"]["code"] == "key"


@pytest.mark.parametrize(
    "rows",
    [
        {"people": [{"id": "p", "organisation": "nobody"}]},
        {"kings": []},
        {"accounts": [{"user": "u", "person": "nobody"}]},
        {"keys": [{"key": "ed25519:zz", "role": "buyer"}]},
    ],
)
def test_a_malformed_draft_is_found_before_people_sign(
    home: Home, say: Any, tmp_path: Path, rows: dict[str, Any]
) -> None:
    for name in ("甲", "乙"):
        say("trust", "new-administrator", "--out", tmp_path / name)
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    publics = [
        word
        for name in ("甲", "乙")
        for word in ("--administrator", tmp_path / name / "administrator.pub.json")
    ]
    status, answer = say(
        "trust", "template", "--out", tmp_path / "l", "--rows", tmp_path / "rows.json", *publics
    )
    assert status == 2 and answer["error"]["code"] in {"body", "rows"}
    assert not (tmp_path / "l").exists()


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b"[1]"])
def test_a_file_that_is_no_list_is_said(say: Any, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "list.json"
    if content is not None:
        file.write_bytes(content)
    status, answer = say("trust", "init", "--list", file)
    assert status == 2 and str(file) in answer["error"]["sentence"]


def test_keys_prints_what_a_verifier_needs(home: Home, say: Any) -> None:
    from gongshu.evidence import note

    answer = say("keys")[1]
    names = [note.read_verifier_line(line)[0] for line in answer["verifiers"]]
    assert names == ["gongshu/huangshi", "gongshu/huangshi", "enclave", "gateway"]
    assert all(row["pem"].startswith("-----BEGIN PUBLIC KEY-----") for row in answer["keys"])
    assert "PRIVATE" not in json.dumps(answer)


def test_a_newer_version_makes_the_keys_it_needs_and_keeps_the_old_ones(home: Home) -> None:
    whole = dict(keys.SERVICE_KEYS)
    path = home.config / keys.FILE
    before = {row["name"]: row["id"] for row in keys.public_keys(home)}
    rows = [row for row in json.loads(path.read_bytes()) if row["name"] != "gateway"]
    path.write_text(json.dumps(rows))
    after = {row["name"]: row["id"] for row in keys.public_keys(home)}
    assert after == before and set(after) == {name for row in whole.values() for name, _r, _a in row}


@pytest.mark.parametrize("user", ["", "A", "a b", "../x", "x" * 60, "-x"])
def test_an_account_name_that_is_none_is_refused(say: Any, user: str) -> None:
    assert say("airlock", "enrol", "--", user)[0] == 2
