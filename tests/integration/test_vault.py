"""The vault: what is written comes back, what is touched is named, what is deleted is gone."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.enclave.vault import PART_LIMIT, Column, Manifest, Vault, VaultError, Writer

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
SCHEMA = pa.schema([("编号", pa.string()), ("n", pa.int64())])
COLUMNS = (Column("编号", "VARCHAR", "L4", "resident_id", "L4"), Column("n", "BIGINT", "L2"))
WIDE = (Column("a", "BLOB"),)
KEY = PrivateKey.generate("ed25519")


@pytest.fixture(params=["aes-256-gcm", "sm4-gcm"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    (tmp_path / "shm").mkdir()
    return Vault(tmp_path / "vault", bytes(32), KEY, request.param, shared_memory=tmp_path / "shm")


def batch(start: int, count: int) -> pa.RecordBatch:
    rows = range(start, start + count)
    return pa.record_batch(
        [pa.array([f"秘密-{os.urandom(16).hex()}" for _ in rows]), pa.array(list(rows))], SCHEMA
    )


def write(
    vault: Vault, batches: int = 6, target: int = 1 << 18, when: dt.datetime = NOW, **more: object
) -> Manifest:
    with Writer(vault, SCHEMA, target=1 << 18, group=20_000) as writer:
        for n in range(batches):
            writer.add(batch(n * 20_000, 20_000))
        return writer.finish(
            zone="huangshi",
            resource="r-1",
            owner="o-1",
            table="trips",
            columns=COLUMNS,
            subject="编号",
            now=when,
            **more,  # type: ignore[arg-type]
        )


@pytest.mark.row("A16")
def test_what_is_written_comes_back_and_nothing_lies_in_the_open(vault: Vault) -> None:
    manifest = write(vault)
    assert len(manifest.parts) > 1
    assert all(p.plain <= PART_LIMIT for p in manifest.parts)
    with vault.stage({"公交刷卡": manifest.id}) as staged:
        table = pq.read_table(staged["公交刷卡"])
        assert table.column("n").to_pylist() == list(range(120_000))
        assert table.schema.equals(SCHEMA)
        place = staged["公交刷卡"].parent
        assert place.stat().st_mode & 0o777 == 0o700
        assert (staged["公交刷卡"] / "part-00000.parquet").stat().st_mode & 0o222 == 0
    assert not place.exists()
    for path in vault.directory.rglob("*"):
        if path.is_file():
            assert "秘密".encode() not in path.read_bytes()
            assert b"PAR1" not in path.read_bytes()[:8]
            assert path.stat().st_mode & 0o077 == 0


def test_staging_is_removed_when_the_run_fails(vault: Vault) -> None:
    manifest = write(vault, 1)
    with pytest.raises(RuntimeError), vault.stage({"t": manifest.id}) as staged:
        raise RuntimeError
    assert not staged["t"].parent.exists()


def test_staging_left_by_a_killed_process_is_swept_and_a_living_ones_is_not(vault: Vault) -> None:
    manifest = write(vault, 1)
    assert vault.shared_memory
    left = vault.shared_memory / "gongshu-staged-left"
    (left / "t0").mkdir(parents=True)
    (left / "writing").touch()
    with vault.stage({"t": manifest.id}) as staged:
        assert vault.sweep() == ["gongshu-staged-left"]
        assert staged["t"].is_relative_to(vault.shared_memory)
        assert pq.read_table(staged["t"]).num_rows == 20_000
    assert list(vault.shared_memory.iterdir()) == []


def test_without_room_in_memory_staging_goes_to_the_private_place(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v", bytes(32), KEY, private=tmp_path / "private", shared_memory=None)
    with vault.stage({"t": write(vault, 1).id}) as staged:
        assert staged["t"].is_relative_to(tmp_path / "private")


def damage_flip(place: Path) -> str:
    path = place / "part-00001.sealed"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return "corrupted"


def damage_cut(place: Path) -> str:
    path = place / "part-00001.sealed"
    path.write_bytes(path.read_bytes()[: -(1 << 16)])
    return "corrupted"


def damage_remove(place: Path) -> str:
    (place / "part-00001.sealed").unlink()
    return "missing"


def damage_swap(place: Path) -> str:
    shutil.copy(place / "part-00002.sealed", place / "part-00001.sealed")
    return "swapped"


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, damage_remove, damage_swap])
def test_a_touched_part_is_named(vault: Vault, damage) -> None:  # type: ignore[no-untyped-def]
    manifest = write(vault)
    code = damage(vault.place(manifest.id))
    with pytest.raises(VaultError, match="part-00001") as raised:
        vault.check(manifest.id)
    assert raised.value.code == code
    with pytest.raises(VaultError), vault.stage({"t": manifest.id}):
        pass
    assert vault.shared_memory
    assert list(vault.shared_memory.iterdir()) == []


def test_a_part_of_another_snapshot_does_not_fit(vault: Vault) -> None:
    one, two = write(vault, 1), write(vault, 1)
    shutil.copy(vault.place(two.id) / "part-00000.sealed", vault.place(one.id) / "part-00000.sealed")
    with pytest.raises(VaultError) as raised:
        vault.check(one.id)
    assert raised.value.code == "corrupted"


def test_a_changed_or_foreign_manifest_is_refused(vault: Vault) -> None:
    one, two = write(vault, 1), write(vault, 1)
    path = vault.place(one.id) / "manifest.json"
    told = json.loads(path.read_text())
    told["body"]["columns"][0]["grade"] = "L1"
    path.write_text(json.dumps(told))
    with pytest.raises(VaultError) as raised:
        vault.manifest(one.id)
    assert raised.value.code == "signature"
    shutil.copy(vault.place(two.id) / "manifest.json", path)
    with pytest.raises(VaultError) as raised:
        vault.manifest(one.id)
    assert raised.value.code == "swapped"


def test_another_master_key_opens_nothing(vault: Vault) -> None:
    manifest = write(vault, 1)
    other = Vault(vault.directory, b"1" * 32, KEY, vault.alg)
    with pytest.raises(VaultError, match="主密钥"):
        other.check(manifest.id)


def test_time_travel(vault: Vault) -> None:
    first = write(vault, 1)
    second = write(vault, 2, when=NOW + dt.timedelta(days=1), parent=first.id)
    assert [m.id for m in vault.snapshots("r-1")] == [second.id, first.id]
    assert vault.at("r-1", NOW + dt.timedelta(hours=1)).id == first.id
    assert vault.at("r-1", NOW + dt.timedelta(days=2)).parent == first.id
    with pytest.raises(VaultError):
        vault.at("r-1", NOW - dt.timedelta(seconds=1))
    assert vault.snapshots("other") == []


def test_lawful_deletion_destroys_key_and_files_and_proves_it(vault: Vault) -> None:
    manifest = write(vault)
    kept = [p.read_bytes() for p in vault.place(manifest.id).glob("*.sealed")]
    certificate = vault.delete(manifest.id, NOW, {"request": "sha256:00", "articles": ["x:1"]})
    assert (certificate["snapshot"], certificate["manifest"]) == (manifest.id, manifest.digest)
    assert certificate["parts"] == [p.digest for p in manifest.parts]
    assert not vault.place(manifest.id).exists()
    assert vault.delete(manifest.id, NOW + dt.timedelta(days=9), {}) == certificate
    assert vault.certificate(manifest.id) == certificate
    with pytest.raises(VaultError) as raised:
        vault.manifest(manifest.id)
    assert raised.value.code == "deleted"
    assert all(kept)


def test_a_deletion_cut_short_is_finished_at_start(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write(vault)
    with monkeypatch.context() as patched:
        patched.setattr("gongshu.enclave.vault.files.erase", lambda path: (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):
            vault.delete(manifest.id, NOW, {"why": "order"})
    with pytest.raises(VaultError, match="已依法删除"):
        vault.manifest(manifest.id)
    assert vault.sweep() == [manifest.id]
    certificate = vault.certificate(manifest.id)
    assert certificate is not None
    assert certificate["basis"] == {"why": "order"}


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import gongshu.enclave.vault.files as files
from gongshu.crypto.sign import PrivateKey
from gongshu.enclave.vault import *
import pyarrow as pa, datetime as dt
from pathlib import Path
point = sys.argv[3]
real = files.sync_directory
def sync(directory):
    real(directory)
    names = sorted(p.name for p in directory.iterdir())
    if any(point in n for n in names):
        os.kill(os.getpid(), signal.SIGKILL)
files.sync_directory = sync
vault = Vault(Path(sys.argv[2]), bytes(32), PrivateKey.generate("ed25519"))
schema = pa.schema([("a", pa.int64())])
with Writer(vault, schema, target=1 << 14) as writer:
    for n in range(10):
        writer.add(pa.record_batch([pa.array(list(range(130000)))], schema))
    writer.finish(zone="cn", resource="r", owner="o", table="t", columns=[Column("a", "BIGINT", "L1")],
                  subject=None, now=dt.datetime.now(dt.timezone.utc))
"""


@pytest.mark.parametrize("point", ["key.sealed", "part-00000", "part-00003"])
def test_a_writer_killed_leaves_nothing_after_the_sweep(tmp_path: Path, point: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(Path.cwd()), str(tmp_path / "v"), point], check=False
    )
    assert ended.returncode == -9
    vault = Vault(tmp_path / "v", bytes(32), KEY, shared_memory=tmp_path / "shm")
    assert vault.snapshots() == []
    assert len(vault.sweep()) == 1
    assert [p.name for p in vault.directory.iterdir() if not p.name.startswith(".")] == []


def test_the_sweep_leaves_a_living_writer_alone(vault: Vault) -> None:
    with Writer(vault, SCHEMA) as writer:
        writer.add(batch(0, 10))
        os.utime(vault.place(writer.id), (0, 0))
        assert vault.sweep() == []
        manifest = writer.finish(
            zone="cn", resource="r", owner="o", table="t", columns=COLUMNS, subject=None, now=NOW
        )
    assert vault.check(manifest.id).rows == 10
    assert not (vault.place(manifest.id) / "writing").exists()


def test_an_error_while_writing_leaves_nothing(vault: Vault) -> None:
    with pytest.raises(RuntimeError), Writer(vault, SCHEMA) as writer:
        writer.add(batch(0, 10))
        raise RuntimeError
    assert not vault.place(writer.id).exists()


def test_a_table_without_rows_keeps_its_schema(vault: Vault) -> None:
    manifest = write(vault, 0)
    with vault.stage({"t": manifest.id}) as staged:
        assert pq.read_table(staged["t"]).schema.equals(SCHEMA)


def test_wide_rows_stay_inside_the_part_limit(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v", bytes(32), KEY)
    schema = pa.schema([("a", pa.binary())])
    with Writer(vault, schema) as writer:
        for _ in range(4):
            writer.add(pa.record_batch([pa.array([os.urandom(1 << 20) for _ in range(30)])], schema))
        manifest = writer.finish(
            zone="cn",
            resource="r",
            owner="o",
            table="t",
            columns=[Column("a", "BLOB")],
            subject=None,
            now=NOW,
        )
    assert max(p.plain for p in manifest.parts) <= PART_LIMIT
    assert vault.check(manifest.id).rows == 120


def test_bad_names_never_leave_the_vault(vault: Vault) -> None:
    for name in ("../x", "", "A", ".deleted", "a/b"):
        with pytest.raises(VaultError):
            vault.manifest(name)
