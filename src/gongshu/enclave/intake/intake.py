"""From a file handed in at the airlock to a snapshot in the vault, in two steps a person stands between.

`read` turns the file into an encrypted draft and a proposal; `confirm` turns draft and decision into a
snapshot; `refuse` throws the draft away. Both steps stream: memory does not grow with the file.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gongshu import recognise
from gongshu.crypto import hashes
from gongshu.enclave.vault import Column, Manifest, Vault, VaultError, Writer
from gongshu.recognise import headers

from . import convert, sources
from .base import BATCH
from .problems import IntakeError
from .profile import feed
from .proposal import Decision, Proposal, check, check_table, fields

_SAMPLE_ROWS = 2000
_DRAFT_PART = 8 << 20
_BROKEN = "broken"


def read(
    path: Path,
    drafts: Vault,
    *,
    now: dt.datetime,
    name: str | None = None,
    header: bool = True,
    limit: int = sources.LIMIT,
) -> Proposal:
    """Read the file into a draft below `drafts` and say what was recognised.

    `drafts`: a vault of its own (other directory than the snapshots'); `name`: the file's original name;
    `header=False` when the first row is data. Raises IntakeError; then no draft remains.
    """
    digest = hashes.file_digest(path)
    source = sources.open_source(path, name, header, limit)
    batches = source.batches()
    first = next(batches, None)
    if first is None:
        raise IntakeError("empty", "文件里只有表头，没有数据行。" if source.names else "文件里没有数据。")
    profiles = [recognise.ColumnProfile(n, now.date()) for n in source.names]
    findings = recognise.headers_look_like_data(source.names, _rows(first, _SAMPLE_ROWS)) if header else []
    with Writer(drafts, first.schema, target=_DRAFT_PART, group=BATCH) as writer:
        for batch in _chain(first, batches):
            for profile, column in zip(profiles, batch.columns, strict=True):
                feed(profile, column)
            writer.add(batch)
        if source.broken.kept:
            writer.note(_BROKEN, source.broken.text())
        manifest = writer.finish(
            zone="",
            resource="",
            owner="",
            table="",
            columns=[Column(n, convert.engine_type(first.schema.field(n).type)) for n in first.schema.names],
            subject=None,
            now=now,
        )
    if header:
        told = {f.column for f in findings}
        later = [n for n, p in enumerate(profiles, 1) if p.recurs and n not in told]
        findings = sorted([*findings, *(headers.recurs(n) for n in later)], key=lambda f: f.column)
    found = recognise.table([p.result() for p in profiles])
    if source.typed:
        kinds = [convert.engine_type(f.type) for f in first.schema]
        found = [_typed(r, k) for r, k in zip(found, kinds, strict=True)]
    return Proposal(
        draft=manifest.id,
        fields=fields(found),
        rows=manifest.rows,
        broken=source.broken.to_dict(),
        headers=tuple({"column": f.column, "code": f.code, "sentence": f.sentence} for f in findings),
        format=source.format(),
        digest=digest,
        size=path.stat().st_size,
        read=now.isoformat(timespec="seconds"),
    )


def confirm(
    proposal: Proposal,
    decision: Decision,
    *,
    drafts: Vault,
    vault: Vault,
    zone: str,
    resource: str,
    owner: str,
    table: str,
    title: str,
    now: dt.datetime,
    confirmed_by: str,
    parent: str | None = None,
    snapshot: str | None = None,
) -> Manifest:
    """The draft as a snapshot under the decision; the draft stays until the caller has kept that and calls
    `refuse`.

    `snapshot`: its id, so that a hand-in confirmed again makes no second one; `confirmed_by`: opaque id of
    the provider's officer. Cells that the decided type cannot hold become empty and are counted in
    `source.emptied`. Raises IntakeError (`decision`, `header`) or VaultError;
    then draft and vault are as before.
    """
    check_table(table)
    draft = drafts.manifest(proposal.draft)
    check(proposal, decision, _draft_sample(drafts, draft))
    places = [n for n, f in enumerate(decision.fields) if f.keep]
    schema = pa.schema([(decision.fields[n].name, convert.arrow(decision.fields[n].type)) for n in places])
    emptied = dict.fromkeys((decision.fields[n].name for n in places), 0)
    with Writer(vault, schema, snapshot=snapshot) as writer:
        for batch in _draft_batches(drafts, draft):
            columns = []
            for n in places:
                decided = decision.fields[n]
                column, lost = convert.convert(batch.column(n), decided.type)
                emptied[decided.name] += lost
                columns.append(column)
            writer.add(pa.RecordBatch.from_arrays(columns, schema=schema))
        manifest = writer.finish(
            zone=zone,
            resource=resource,
            owner=owner,
            table=table,
            columns=_columns(proposal, decision),
            subject=decision.subject,
            now=now,
            parent=parent,
            title=title,
            source=_source(proposal, decision, confirmed_by, emptied),
        )
    return manifest


def refuse(proposal: Proposal, *, drafts: Vault, now: dt.datetime) -> None:
    """Destroy the draft: key and files. Harmless when it is gone already."""
    try:
        drafts.delete(proposal.draft, now, {"why": "draft"})
    except VaultError as error:
        if error.code not in ("unknown", "deleted"):
            raise


def preview(proposal: Proposal, *, drafts: Vault, rows: int = 20) -> list[list[str | None]]:
    """The first rows of the draft, for the provider's own screen in the airlock only."""
    return _draft_sample(drafts, drafts.manifest(proposal.draft))[:rows]


def broken_lines(proposal: Proposal, *, drafts: Vault) -> str:
    """The text of the lines set aside, for the provider's own screen in the airlock only."""
    return drafts.note(proposal.draft, _BROKEN).decode("utf-8", "replace")


def _columns(proposal: Proposal, decision: Decision) -> list[Column]:
    return [
        Column(d.name, d.type, d.grade, p.kind, p.grade)
        for p, d in zip(proposal.fields, decision.fields, strict=True)
        if d.keep
    ]


def _source(
    proposal: Proposal, decision: Decision, confirmed_by: str, emptied: dict[str, int]
) -> dict[str, Any]:
    lowered = {f.name: f.reason.strip() for f in decision.kept if f.reason.strip()}
    return {
        "digest": proposal.digest,
        "size": proposal.size,
        "format": {k: v for k, v in proposal.format.items() if k in ("kind", "gzip", "encoding")},
        "broken": {reason: told["count"] for reason, told in proposal.broken["reasons"].items()},
        "emptied": {name: lost for name, lost in emptied.items() if lost},
        "left_out": sum(not f.keep for f in decision.fields),
        "lowered": lowered,
        "confirmed_by": confirmed_by,
    }


def _typed(found: recognise.Recognised, kind: str) -> recognise.Recognised:
    """A typed file keeps its types; only text columns may be proposed as something else."""
    if kind == "VARCHAR":
        return found
    return replace(found, type=kind, type_why="文件里写明的类型", defects=replace(found.defects, broken=0))


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _cells(column: pa.Array) -> list[str | None]:
    cells: list[str | None] = (
        column if pa.types.is_string(column.type) else column.cast(pa.string())
    ).to_pylist()
    return cells


def _rows(batch: pa.RecordBatch, count: int) -> list[list[str | None]]:
    columns = [_cells(c) for c in batch.slice(0, count).columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _draft_batches(drafts: Vault, draft: Manifest) -> Iterator[pa.RecordBatch]:
    """Part by part through memory: a draft is never plain on a disk."""
    for part in draft.parts:
        buffer = io.BytesIO()
        drafts.read_part(draft, part, buffer)
        buffer.seek(0)
        yield from pq.ParquetFile(buffer).iter_batches(batch_size=BATCH, use_threads=False)


def _draft_sample(drafts: Vault, draft: Manifest) -> list[list[str | None]]:
    first = next(_draft_batches(drafts, draft), None)
    return [] if first is None else _rows(first, _SAMPLE_ROWS)
