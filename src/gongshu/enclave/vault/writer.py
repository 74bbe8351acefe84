"""Writing a snapshot: batches in, encrypted parts out, the manifest last.

Memory holds one part (`target` bytes of Parquet) and one row group; plain data never touches a disk.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import shutil
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from gongshu.crypto import aead, hashes

from . import files
from .manifest import Column, Manifest, Part, VaultError, signed
from .vault import PART_LIMIT, Vault, _aad, new_id

TARGET = 32 << 20
GROUP_ROWS = 122_880
GROUP_BYTES = 16 << 20


class _Counted(io.RawIOBase):
    """Writes to a file, counting and digesting what passes."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.size = 0
        self.state = hashes.running()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.state.update(data)
        self.size += len(data)
        self.file.write(data)
        return len(data)


class Writer:
    """A new snapshot being written; use as a context manager, end with `finish`.

    Left without `finish` (an error, a crash) nothing remains, or what `Vault.sweep` removes. `schema`
    is Arrow's and fixes the types of every batch; `target`: bytes of Parquet a part is closed at; `group`:
    rows of a row group.
    """

    def __init__(
        self,
        vault: Vault,
        schema: pa.Schema,
        snapshot: str | None = None,
        target: int = TARGET,
        group: int = GROUP_ROWS,
    ) -> None:
        if not 0 < target <= PART_LIMIT // 2:
            raise ValueError("分片目标大小应在 32 MiB 以内。")
        self.vault = vault
        self.schema = schema
        self.id = snapshot or new_id()
        self.target = target
        self.group = group
        self.rows = 0
        self.parts: list[Part] = []
        self._key = aead.new_key()
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._part_rows = 0
        self._buffer: io.BytesIO | None = None
        self._parquet: pq.ParquetWriter | None = None
        self._mark: IO[bytes]
        self._finished = False

    def __enter__(self) -> Self:
        place = self.vault.place(self.id)
        try:
            place.mkdir(mode=0o700)
        except FileExistsError as error:
            raise VaultError("exists", f"已有编号为 {self.id} 的快照。") from error
        self._mark = files.claim(place)
        self.vault.seal_key(self.id, self.vault.alg, self._key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            with contextlib.suppress(Exception):
                if self._parquet:
                    self._parquet.close()
            place = self.vault.place(self.id)
            files.erase(place / "key.sealed")
            shutil.rmtree(place, ignore_errors=True)
        files.release(self.vault.place(self.id), self._mark)

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows. The batch has the writer's schema."""
        if batch.num_rows == 0:
            return
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._waiting_rows >= self.group or self._waiting_bytes >= GROUP_BYTES:
            self._flush_group()

    def note(self, name: str, data: bytes) -> None:
        """Seal a small note beside the parts, under the snapshot's key."""
        sealed = aead.seal(self.vault.alg, self._key, data, _aad(self.id, name))
        files.write(self.vault.place(self.id) / f"{name}.sealed", sealed)

    def finish(
        self,
        *,
        zone: str,
        resource: str,
        owner: str,
        table: str,
        columns: Sequence[Column],
        subject: str | None,
        now: dt.datetime,
        parent: str | None = None,
        title: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Write the last part and the signed manifest; from here on the snapshot exists."""
        if [c.name for c in columns] != self.schema.names:
            raise VaultError("format", "清单的字段与数据的字段不一致。")
        self._flush_group()
        self._close_part()
        if not self.parts:
            self._empty_part()
        manifest = Manifest(
            id=self.id,
            zone=zone,
            resource=resource,
            owner=owner,
            table=table,
            columns=tuple(columns),
            subject=subject,
            rows=self.rows,
            parts=tuple(self.parts),
            alg=self.vault.alg,
            made=now.isoformat(timespec="seconds"),
            parent=parent,
            title=title,
            source=dict(source or {}),
        )
        files.write(
            self.vault.place(self.id) / "manifest.json", signed(manifest.to_dict(), self.vault.signer)
        )
        files.sync_directory(self.vault.directory)
        self._finished = True
        return manifest

    def _open_part(self) -> pq.ParquetWriter:
        if self._parquet is None:
            self._buffer = io.BytesIO()
            self._parquet = pq.ParquetWriter(self._buffer, self.schema, compression="zstd")
        return self._parquet

    def _flush_group(self) -> None:
        """One row group into the part; a batch too big for one group is cut by rows."""
        for batch in _cut(self._waiting, self.group):
            writer = self._open_part()
            writer.write_batch(batch, row_group_size=batch.num_rows)
            self._part_rows += batch.num_rows
            if self._buffer is not None and self._buffer.tell() >= self.target:
                self._close_part()
        self._waiting = []
        self._waiting_rows = self._waiting_bytes = 0

    def _empty_part(self) -> None:
        """A table without rows still has a part, so that its schema can be read."""
        self._open_part()
        self._close_part()

    def _close_part(self) -> None:
        if self._parquet is None or self._buffer is None:
            return
        self._parquet.close()
        plain = self._buffer.tell()
        if plain > PART_LIMIT:
            raise VaultError("format", "单行数据过大，一个分片放不下。")
        self._buffer.seek(0)
        name = f"part-{len(self.parts):05d}"
        with files.durable(self.vault.place(self.id) / f"{name}.sealed") as file:
            counted = _Counted(file)
            aead.encrypt_stream(self.vault.alg, self._key, self._buffer, counted, _aad(self.id, name))  # type: ignore[arg-type]
        self.parts.append(Part(name, self._part_rows, counted.size, plain, counted.state.finish()))
        self._parquet = self._buffer = None
        self._part_rows = 0


def _cut(batches: Sequence[pa.RecordBatch], group: int) -> list[pa.RecordBatch]:
    """The batches as row groups of bounded rows and bytes."""
    if not batches:
        return []
    table = pa.Table.from_batches(batches).combine_chunks()
    rows = min(group, max(1, int(table.num_rows * GROUP_BYTES / max(1, table.nbytes))))
    return [b for b in table.to_batches(max_chunksize=max(rows, 1)) if b.num_rows]
