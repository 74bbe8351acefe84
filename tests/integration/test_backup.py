"""Backup on one home, restore in another: the log verifies, the site serves, the wall holds, and nothing
works in the data domain before both administrators have signed where to go on."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gongshu.cli.main import main
from gongshu.evidence.checkpoint import read
from gongshu.evidence.tiles import WIDTH, Reader
from gongshu.host.processes import BY_NAME
from support.founding import gongshu
from support.homes import as_user, needs_root, place, until
from support.scene import PRODUCT, ZONE, Scene, installed

pytestmark = pytest.mark.skipif(
    not all(process.installed() for process in BY_NAME.values()), reason="不是每个部件都已安装"
)
ENTRIES = 40


@dataclass
class Made:
    """A home with work in it, backed up while it ran, and what was true of it then."""

    scene: Scene
    out: Path
    said: dict[str, Any]
    size: int
    head: int


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with installed() as scene:
        scene.serve()
        scene.record(ENTRIES)
        until(scene.answers, 60)
        until(lambda: scene.log_size() >= ENTRIES, 60)
        out = scene.base / "backup"
        said = gongshu(scene.path, "backup", "--out", out)
        yield Made(scene, out, said, said["log"]["size"], said["feed"][ZONE])


@pytest.fixture(scope="module")
def other(made: Made) -> Iterator[Scene]:
    """Another home, with another mark, into which both archives were restored."""
    with place() as base:
        scene = Scene(base / "k", base, buyer=made.scene.buyer)
        gongshu(scene.path, "init", "--mark", "demo", "--zone", ZONE)
        for service in ("office", "domain"):
            gongshu(scene.path, "restore", "--archive", made.said["archives"][service], *keys(made.scene))
        try:
            yield scene
        finally:
            scene.close()
            scene.down()


@pytest.fixture(scope="module")
def spare(made: Made) -> Iterator[Scene]:
    """A home in which nothing has happened yet."""
    with place() as base:
        scene = Scene(base / "w", base, buyer=made.scene.buyer)
        gongshu(scene.path, "init", "--mark", "test", "--zone", ZONE)
        yield scene
        scene.close()
        scene.down()


def keys(scene: Scene, *names: str) -> list[str | Path]:
    """`--key` for these administrators (both unless said)."""
    return [
        word for name in names or ("甲", "乙") for word in ("--key", scene.folder / name / "recovery.key")
    ]


def sources(scene: Scene) -> set[str]:
    """Whose journals the log of a home holds."""
    log = scene.path / "office" / "log"
    reader = Reader(log, scene.log_size())
    bundles = (reader.bundle(number) for number in range(-(-reader.size // WIDTH)))
    return {str(json.loads(entry)["source"]) for bundle in bundles for entry in bundle}


def refused(capsys: pytest.CaptureFixture[str], home: Path, *words: str | Path) -> dict[str, Any]:
    """Runs a command that must be refused; its error."""
    capsys.readouterr()
    assert main([*map(str, words), "--json", "--home", str(home)]) == 2
    error: dict[str, Any] = json.loads(capsys.readouterr().out)["error"]
    assert error["sentence"].endswith("。")
    return error


def test_both_archives_stand_at_one_feed_number_and_the_work_went_on(made: Made) -> None:
    headers = {
        service: json.loads(Path(path).read_bytes().split(b"\n")[1])
        for service, path in made.said["archives"].items()
    }
    assert headers["office"]["feed"] == headers["domain"]["feed"] == made.said["feed"]
    assert made.head >= 3 and made.size >= ENTRIES
    made.scene.record(3)
    until(lambda: made.scene.log_size() >= made.size + 3, 60)


@pytest.mark.root
@needs_root
def test_each_archive_belongs_to_its_own_user_alone(made: Made) -> None:
    for service, user in (("office", "gongshu-office"), ("domain", "gongshu-domain")):
        info = Path(made.said["archives"][service]).stat()
        assert pwd.getpwuid(info.st_uid).pw_name == user and info.st_mode & 0o777 == 0o600


@pytest.mark.root
@needs_root
def test_the_offices_user_can_open_nothing_of_the_domains_archive(made: Made, tmp_path: Path) -> None:
    path = Path(made.said["archives"]["domain"])
    read = "import sys; open(sys.argv[1], 'rb').read()"
    assert "PermissionError" in as_user("gongshu-office", read, str(path)).stderr
    # Even a copy in its hands, with every key it has, is only noise after the header.
    data = path.read_bytes()
    for secret in (b"HS0000", b"PRIVATE KEY", b"trips", b"enclave.pem"):
        assert secret not in data
    with place() as base:
        copy = base / "copy"
        shutil.copyfile(path, copy)
        copy.chmod(0o644)
        open_it = """
import sys
from pathlib import Path
from gongshu.crypto import aead
from gongshu.host import backup_seal
src = open(sys.argv[1], "rb")
header, bound = backup_seal.read_header(src)
keys = [p for p in Path(sys.argv[2]).rglob("*") if p.is_file()]
assert keys, "the office has keys to try"
body = src.read()
for path in keys:
    for key in (path.read_bytes()[:32], path.read_bytes()[-32:]):
        try:
            aead.decrypt_stream(header["alg"], key.ljust(32, b"0"), __import__("io").BytesIO(body),
                                __import__("io").BytesIO(), bound)
            print("OPENED", path)
        except aead.AeadError:
            pass
print("TRIED", len(keys))
"""
        done = as_user("gongshu-office", open_it, str(copy), str(made.scene.path / "office" / "keys"))
        assert "OPENED" not in done.stdout and "TRIED" in done.stdout, done.stderr


def test_one_administrator_alone_opens_nothing(
    made: Made, spare: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = made.said["archives"]["domain"]
    for given in ([], keys(made.scene, "甲"), keys(made.scene, "甲", "甲")):
        assert refused(capsys, spare.path, "restore", "--archive", archive, *given)["code"] == "key"
    gongshu(spare.path, "trust", "new-administrator", "--out", spare.base / "丙")
    foreign = [*keys(made.scene, "甲"), "--key", spare.base / "丙" / "recovery.key"]
    assert refused(capsys, spare.path, "restore", "--archive", archive, *foreign)["code"] == "key"
    assert not (spare.path / "config" / "hold.json").exists()


@pytest.mark.parametrize("change", ["flip", "cut", "header"])
def test_a_changed_archive_is_refused_and_changes_nothing(
    made: Made, spare: Scene, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    data = bytearray(Path(made.said["archives"]["domain"]).read_bytes())
    if change == "flip":
        data[-2000] ^= 1
    elif change == "cut":
        del data[-40_000:]
    else:
        data = data.replace(b'"mark":"test"', b'"mark":"demo"', 1)
    bad = spare.base / "bad"
    bad.write_bytes(data)

    def files() -> dict[Path, bytes]:
        found = (spare.path / "domain" / name for name in ("keys", "state", "vault", "journal"))
        return {path: path.read_bytes() for top in found for path in top.rglob("*") if path.is_file()}

    before = files()
    assert before
    assert refused(capsys, spare.path, "restore", "--archive", bad, *keys(made.scene))["code"] == "archive"
    assert files() == before
    assert not list((spare.path / "domain").glob(".restore-*"))
    assert not (spare.path / "config" / "hold.json").exists()


def test_a_home_with_work_in_it_is_not_overwritten(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    archive = made.said["archives"]["office"]
    error = refused(capsys, made.scene.path, "restore", "--archive", archive)
    assert error["code"] == "running"


def test_restored_elsewhere_the_log_verifies_and_the_mark_stays(made: Made, other: Scene) -> None:
    assert other.log_size() == made.size
    assert (other.path / "config" / "mark").read_text() == "demo\n"


@pytest.mark.root
@needs_root
def test_restored_files_belong_to_their_users(other: Scene) -> None:
    for service in ("office", "domain", "gateway"):
        uid = pwd.getpwnam(f"gongshu-{service}").pw_uid
        for name in ("keys", "state"):
            for path in [other.path / service / name, *(other.path / service / name).rglob("*")]:
                info = path.lstat()
                assert info.st_uid == uid and not info.st_mode & 0o077, path


def test_the_data_domain_stands_until_both_sign_and_then_serves(
    made: Made, other: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    other.up()
    assert {"office", "worker"} <= set(other.state()["processes"])
    assert not {"enclave", "airlock", "gateway"} & set(other.state()["processes"])
    with urllib.request.urlopen(other.urls["office"], timeout=10) as page:
        assert page.status == 200
    for process in ("enclave", "gateway"):
        assert refused(capsys, other.path, "run", process)["code"] == "held"
    other.down()
    signers = [word for name in ("甲", "乙") for word in ("--key", made.scene.folder / name)]
    # A later checkpoint in an administrator's hands forbids an earlier number.
    later = made.scene.base / "later.json"
    later.write_text(json.dumps({"v": 1, "feed": {ZONE: made.head + 5}}))
    low = ["resume", *signers, "--checkpoint", later, "--number", str(made.head)]
    assert refused(capsys, other.path, *low)["code"] == "too_low"
    assert refused(capsys, other.path, "resume", *signers[:2])["code"] == "signer"
    assert refused(capsys, other.path, "resume", *signers, "--number", "0")["code"] == "too_low"
    signed = gongshu(other.path, "resume", *signers, "--checkpoint", made.said["checkpoint"])
    assert signed["numbers"] == {ZONE: made.head}
    other.up()
    assert set(other.state()["processes"]) == set(BY_NAME)
    _, answer = until(lambda: (got := other.call())[0] == 200 and got, 60)
    assert answer["product"] == PRODUCT and len(answer["rows"]) == 2
    # The vault opens with its restored keys, at its new place.
    assert (
        other.domain(
            """
        from gongshu.enclave import sources
        source = sources.newest(given["zone"], "res-1")
        with sources.vault().stage({"trips": source.snapshot}) as staged:
            import duckdb
            answer = duckdb.sql(f"select count(*) from read_parquet('{staged['trips']}/*.parquet')"
                                if staged["trips"].is_dir() else
                                f"select count(*) from read_parquet('{staged['trips']}')").fetchone()[0]
        """
        )
        == 400
    )
    # New work of both domains reaches the restored log without a gap.
    before = other.log_size()
    other.record(5)
    until(lambda: other.log_size() >= before + 5, 60)
    # The restored domain's journals go on under names of this restore, so no number meets one of before.
    other.domain(
        """
        from gongshu.enclave import journal
        with transaction.atomic():
            journal.record(source="enclave", act="test.act", actor="p", role="enclave", subject="s-1",
                           zone=given["zone"], now=now)
        """
    )
    until(lambda: {"gateway.r", "enclave.r"} <= {each[:9] for each in sources(other)}, 40)
    # Its witnesses read the restored log and sign what came since.
    for name in ("enclave", "gateway"):
        path = other.path / "office" / "log" / "cosigned" / name
        until(lambda path=path: path.exists() and read(path.read_bytes())[0].size > before, 40)


@pytest.mark.fault
def test_a_feed_not_yet_caught_up_keeps_the_domain_waiting(made: Made, spare: Scene) -> None:
    """Signed for a later number, the enclave reads on and does nothing else until it is there."""
    for service in ("office", "domain"):
        gongshu(spare.path, "restore", "--archive", made.said["archives"][service], *keys(made.scene))
    signers = [word for name in ("甲", "乙") for word in ("--key", made.scene.folder / name)]
    gongshu(spare.path, "resume", *signers, "--number", str(made.head + 2))
    spare.up()
    status, answer = spare.call()
    assert status == 503, answer
    stop = {"scope": "contract", "target": "co-1", "reason": "备份之后的停止"}
    spare.publish("stop", {"id": "s-1", **stop})
    spare.publish("stop", {"id": "s-2", **stop})
    # What was stopped after the backup does not come back even for a moment.
    assert until(lambda: (got := spare.call()[0]) != 503 and got, 60) == 403


@pytest.mark.fault
def test_a_backup_says_when_the_domain_is_behind(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs last on this home: its enclave is frozen, so that the feed runs away from it."""
    out = made.scene.base / "behind"
    os.kill(made.scene.pid("enclave"), signal.SIGSTOP)
    made.scene.publish("stop", {"id": "s-9", "scope": "project", "target": "x", "reason": "演练"})
    made.scene.down()
    assert refused(capsys, made.scene.path, "backup", "--out", out)["code"] == "busy"
    assert not list(out.iterdir())
    feed = gongshu(made.scene.path, "backup", "--out", out, "--behind")["feed"]
    assert feed[ZONE] > made.head


def test_an_upgrade_may_be_repeated(other: Scene) -> None:
    if json.loads((other.path / "run" / "processes.json").read_bytes()).get("ready"):
        other.down()
    first = gongshu(other.path, "upgrade")
    assert first["migrated"] == ["domain", "office"] and ZONE in first["packs"]
    assert gongshu(other.path, "upgrade") == first
