"""The vault: snapshots as signed manifests and encrypted Parquet parts. Files only, no database.

    vault/<snapshot>/manifest.json      signed; written last, so a snapshot is there whole or not at all
                     key.sealed         the snapshot's own key, wrapped by the master
                     part-00000.sealed  Parquet of at most 64 MiB, encrypted as a file
                     <note>.sealed      lines set aside at intake and the like
    vault/.deleted/<snapshot>.json      certificates of deletion

Plain data is written only by `stage`, into a private directory that is removed again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from gongshu.crypto import aead, canonical, hashes
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence.ids import fresh

from . import files
from .manifest import ID, Manifest, Part, VaultError, opened, signed

PART_LIMIT = 64 << 20
_DELETED = ".deleted"
_STAGED = "gongshu-staged-"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (checked for size and owner before use)


def _aad(snapshot: str, name: str) -> bytes:
    return f"gongshu vault\0{snapshot}\0{name}".encode()


class _Hashing(io.RawIOBase):
    """Reads a file and digests it in the same pass."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.state = hashes.running()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self.file.read(size)
        self.state.update(piece)
        return piece


class Vault:
    """One directory of snapshots of the data domain.

    `master`: 32 bytes that wrap every snapshot's key; `signer`: the enclave's key; `alg`: for new
    snapshots (old ones keep theirs); `private`: where staging goes when shared memory is too small.
    """

    def __init__(
        self,
        directory: Path,
        master: bytes,
        signer: PrivateKey,
        alg: str = "aes-256-gcm",
        private: Path | None = None,
        shared_memory: Path | None = _SHARED_MEMORY,
    ) -> None:
        if alg not in aead.ALGORITHMS:
            raise VaultError("format", f"加密算法只有 {'、'.join(aead.ALGORITHMS)}。")
        self.directory = directory
        self.master = master
        self.signer = signer
        self.alg = alg
        self.private = private or directory / ".staging"
        self.shared_memory = shared_memory
        for place in (directory, directory / _DELETED, self.private):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    # reading

    def manifest(self, snapshot: str) -> Manifest:
        """The verified manifest. Raises VaultError `unknown, deleted, corrupted, signature`."""
        place = self.place(snapshot)
        if (place / "deleting.json").exists() or (self.directory / _DELETED / f"{snapshot}.json").exists():
            raise VaultError("deleted", f"快照 {snapshot} 已依法删除。")
        try:
            data = (place / "manifest.json").read_bytes()
        except FileNotFoundError as error:
            raise VaultError("unknown", f"没有编号为 {snapshot} 的快照。") from error
        found = Manifest.from_dict(opened(data, self.signer.public(), f"快照 {snapshot} 的清单"))
        if found.id != snapshot:
            raise VaultError("swapped", f"快照 {snapshot} 的清单被换成了另一个快照的。")
        return found

    def snapshots(self, resource: str | None = None) -> list[Manifest]:
        """All readable snapshots, or those of one resource, newest first."""
        found = []
        for place in self.directory.iterdir():
            if ID.fullmatch(place.name) and (place / "manifest.json").exists():
                with contextlib.suppress(VaultError):
                    found.append(self.manifest(place.name))
        kept = [m for m in found if resource is None or m.resource == resource]
        return sorted(kept, key=lambda m: (m.made, m.id), reverse=True)

    def at(self, resource: str, moment: dt.datetime) -> Manifest:
        """Time travel: the newest snapshot of the resource made at or before `moment` (aware)."""
        for found in self.snapshots(resource):
            if dt.datetime.fromisoformat(found.made) <= moment:
                return found
        raise VaultError("unknown", "该资源在这个时间还没有入库的快照。")

    def read_part(self, manifest: Manifest, part: Part, target: BinaryIO) -> None:
        """Decrypt one part into `target`, proving digest and cipher. Raises VaultError naming the part."""
        path = self.place(manifest.id) / f"{part.name}.sealed"
        key = self._key(manifest)
        try:
            with path.open("rb") as file:
                reader = _Hashing(file)
                try:
                    aead.decrypt_stream(manifest.alg, key, reader, target, _aad(manifest.id, part.name))  # type: ignore[arg-type]
                except aead.AeadError as error:
                    raise self._broken(manifest, part) from error
                if reader.state.finish() != part.digest:
                    raise self._broken(manifest, part)
        except FileNotFoundError as error:
            raise VaultError("missing", f"快照 {manifest.id} 缺少分片 {part.name}，请从备份恢复。") from error

    def note(self, snapshot: str, name: str) -> bytes:
        """A sealed note beside the parts (at most 64 MiB); b"" if there is none."""
        manifest = self.manifest(snapshot)
        path = self.place(snapshot) / f"{name}.sealed"
        if not path.exists():
            return b""
        try:
            return aead.open_(manifest.alg, self._key(manifest), path.read_bytes(), _aad(snapshot, name))
        except aead.AeadError as error:
            raise VaultError("corrupted", f"快照 {snapshot} 的附记 {name} 已损坏。") from error

    def check(self, snapshot: str) -> Manifest:
        """Read everything once and throw it away; raises VaultError naming what is wrong."""
        manifest = self.manifest(snapshot)
        for part in manifest.parts:
            with Path(os.devnull).open("wb") as sink:
                self.read_part(manifest, part, sink)
        return manifest

    @contextmanager
    def stage(self, wanted: Mapping[str, str]) -> Iterator[dict[str, Path]]:
        """Plain Parquet for one run: `wanted` is table name → snapshot id; yields table name → directory.

        In shared memory when it fits twice over, else in `private`; removed whatever happens. The names
        of the directories are numbers, so a table may be called anything.
        """
        manifests = {table: self.manifest(snapshot) for table, snapshot in wanted.items()}
        size = sum(p.plain for m in manifests.values() for p in m.parts)
        place = Path(tempfile.mkdtemp(prefix=_STAGED, dir=self._room(size)))
        mark = files.claim(place)
        try:
            staged = {}
            for number, (table, manifest) in enumerate(sorted(manifests.items())):
                staged[table] = place / f"t{number}"
                self._stage_one(manifest, staged[table])
            yield staged
        finally:
            shutil.rmtree(place, ignore_errors=True)
            mark.close()

    # deleting

    def delete(self, snapshot: str, now: dt.datetime, basis: Mapping[str, Any]) -> dict[str, Any]:
        """Lawful deletion: destroys key and files, returns the certificate's body.

        `basis`: what ordered it (who signed, digests, articles); no value of the data. Twice gives the
        same certificate. A crash in between is finished by `sweep`.
        """
        done = self.certificate(snapshot)
        if done is not None:
            return done
        manifest = self.manifest(snapshot)
        body = {
            "v": 1,
            "kind": "deletion",
            "snapshot": snapshot,
            "zone": manifest.zone,
            "resource": manifest.resource,
            "owner": manifest.owner,
            "rows": manifest.rows,
            "made": manifest.made,
            "manifest": manifest.digest,
            "parts": [p.digest for p in manifest.parts],
            "deleted": now.isoformat(timespec="seconds"),
            "basis": dict(basis),
        }
        files.write(self.place(snapshot) / "deleting.json", signed(body, self.signer))
        return self._finish_deletion(snapshot)

    def discard(self, snapshot: str) -> bool:
        """Destroy key and files of a snapshot nobody was ever told of; whether there was one. No certificate
        remains, so its id may be used again. The caller sees to it that no other process is writing it."""
        place = self.place(snapshot)
        if not place.exists():
            return False
        files.erase(place / "key.sealed")
        shutil.rmtree(place)
        files.sync_directory(self.directory)
        return True

    def certificate(self, snapshot: str) -> dict[str, Any] | None:
        """The certificate of a deleted snapshot, verified; None if it was not deleted."""
        path = self.directory / _DELETED / f"{snapshot}.json"
        if not ID.fullmatch(snapshot) or not path.exists():
            return None
        return opened(path.read_bytes(), self.signer.public(), f"快照 {snapshot} 的删除证明")

    def sweep(self) -> list[str]:
        """After a crash: finish deletions, remove half-written snapshots and staging of dead processes.

        A snapshot another process is writing right now is left alone. Returns what was removed.
        """
        removed = []
        for place in sorted(self.directory.iterdir()):
            if not place.is_dir() or not ID.fullmatch(place.name):
                continue
            if (place / "deleting.json").exists():
                self._finish_deletion(place.name)
                removed.append(place.name)
            elif not (place / "manifest.json").exists() and not files.being_written(place):
                files.erase(place / "key.sealed")
                shutil.rmtree(place)
                removed.append(place.name)
        for room in (self.private, self.shared_memory):
            for left in sorted(room.glob(f"{_STAGED}*")) if room and room.exists() else []:
                if left.stat().st_uid == os.geteuid() and not files.being_written(left):
                    shutil.rmtree(left, ignore_errors=True)
                    removed.append(left.name)
        return removed

    # inside

    def place(self, snapshot: str) -> Path:
        if not ID.fullmatch(snapshot):
            raise VaultError("unknown", "快照编号不合规。")
        return self.directory / snapshot

    def seal_key(self, snapshot: str, alg: str, key: bytes) -> None:
        files.write(
            self.place(snapshot) / "key.sealed", aead.seal(alg, self.master, key, _aad(snapshot, "key"))
        )

    def _key(self, manifest: Manifest) -> bytes:
        try:
            sealed = (self.place(manifest.id) / "key.sealed").read_bytes()
            return aead.open_(manifest.alg, self.master, sealed, _aad(manifest.id, "key"))
        except FileNotFoundError as error:
            raise VaultError("missing", f"快照 {manifest.id} 缺少密钥，请从备份恢复。") from error
        except aead.AeadError as error:
            raise VaultError(
                "corrupted", f"快照 {manifest.id} 的密钥打不开：主密钥不对或文件损坏。"
            ) from error

    def _broken(self, manifest: Manifest, part: Part) -> VaultError:
        found = hashes.file_digest(self.place(manifest.id) / f"{part.name}.sealed")
        other = next((p.name for p in manifest.parts if p.digest == found and p is not part), None)
        if other:
            return VaultError(
                "swapped", f"快照 {manifest.id} 的分片 {part.name} 被换成了 {other}，请从备份恢复。"
            )
        return VaultError("corrupted", f"快照 {manifest.id} 的分片 {part.name} 已损坏，请从备份恢复。")

    def _room(self, size: int) -> Path:
        shared = self.shared_memory
        if (
            shared
            and shared.is_dir()
            and os.access(shared, os.W_OK)
            and shutil.disk_usage(shared).free > 2 * size
            and _memory_available() > 3 * size
        ):
            return shared
        if shutil.disk_usage(self.private).free < size + (256 << 20):
            raise VaultError("space", "数据域的空闲空间不够取出这些数据，请清理后重试。")
        return self.private

    def _stage_one(self, manifest: Manifest, directory: Path) -> None:
        directory.mkdir(mode=0o755)
        for part in manifest.parts:
            path = directory / f"{part.name}.parquet"
            with path.open("xb") as target:
                self.read_part(manifest, part, target)
            path.chmod(0o444)

    def _finish_deletion(self, snapshot: str) -> dict[str, Any]:
        place = self.place(snapshot)
        intent = (place / "deleting.json").read_bytes()
        files.erase(place / "key.sealed")
        for path in sorted(place.iterdir()):
            if path.name != "deleting.json":
                path.unlink()
        files.write(self.directory / _DELETED / f"{snapshot}.json", intent)
        shutil.rmtree(place)
        files.sync_directory(self.directory)
        return opened(intent, self.signer.public(), f"快照 {snapshot} 的删除证明")


def _memory_available() -> int:
    """Bytes the kernel says may still be used."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def new_id() -> str:
    """A random name that tells nothing."""
    return fresh("s", 10)


def certificate_holds(data: bytes, signer: PrivateKey) -> bool:
    """Whether bytes are a certificate of deletion of this data domain, unchanged."""
    try:
        return bool(opened(data, signer.public(), "删除证明")["kind"] == "deletion")
    except (VaultError, KeyError, canonical.CanonicalError):
        return False
