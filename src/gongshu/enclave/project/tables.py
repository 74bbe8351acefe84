"""A project's own tables and models: in a vault of the project, under the project's key, until dropped.

Grades and subject are the manifest's, signed by the enclave; the row in database B says where a table came
from. Nothing here leaves: what leaves or is served is made of it and attacked (`leaving`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from gongshu.enclave import parquet, sources
from gongshu.enclave.store.models import ProjectTable, Task
from gongshu.enclave.vault import Column, Vault, VaultError, Writer

SECRET = "project-master"  # noqa: S105 (the name of a key)
PSEUDONYM = r"psn-[0-9a-f]{32}"
LARGEST_MODEL = 48 << 20
MODEL_COLUMN = "content"
# One subject in so many is kept from a program that trains a model.
HELD_BACK = 5


class TableError(Exception):
    """A result cannot be kept as the project's own. `args[0]`: one Chinese sentence, for the airlock."""


def _derived(zone: str, project: str, use: str) -> bytes:
    secret = settings.KEYS.create_secret(SECRET)
    return hmac.digest(secret, f"gongshu project\0{use}\0{zone}\0{project}".encode(), "sha256")


def pseudonym_key(zone: str, project: str) -> bytes:
    """32 bytes under which `pseudonym(column)` is computed; another project's values do not join."""
    return _derived(zone, project, "pseudonym")


def pseudonym(key: bytes, value: object) -> str:
    """The pseudonym the engine's `pseudonym(column)` gives a value's text (`inside_duckdb._pseudonym`)."""
    return "psn-" + hmac.digest(key, str(value).strip(" ").upper().encode(), "sha256").hex()[:32]


@lru_cache(maxsize=64)
def vault(zone: str, project: str) -> Vault:
    """The project's vault; its master wraps the keys of this project's tables and of nothing else."""
    name = hashlib.sha256(f"{zone}\0{project}".encode()).hexdigest()[:24]
    return Vault(
        settings.DOMAIN_HOME / "state" / "projects" / name,
        _derived(zone, project, "vault"),
        settings.KEYS.signer("enclave"),
        settings.SITE.cipher,
        private=settings.STAGING_DIR,
    )


def newest(zone: str, project: str, for_output: str = "") -> dict[str, ProjectTable]:
    """Name → the newest table or model of that name that was not dropped: the project's own, or those
    computed again for the answers of an output."""
    rows = ProjectTable.objects.filter(
        zone=zone, project=project, dropped__isnull=True, for_output=for_output
    )
    return {row.name: row for row in rows.order_by("made")}


def told(row: ProjectTable) -> dict[str, Any]:
    """The table as the lens's grant names it: grades of the manifest; a subject always stands behind it."""
    manifest = vault(row.zone, row.project).manifest(row.id)
    columns = {one.name: {"type": one.type, "grade": one.grade} for one in manifest.columns}
    return {"columns": columns, "subject": manifest.subject or next(iter(columns))}


def columns_of(path: Path) -> dict[str, str]:
    """Column → type as the engine names it. Raises `TableError` for what no table of ours holds, and for a
    file that would not fit (`parquet.check`)."""
    try:
        parquet.check(path)
    except parquet.TooLarge as error:
        raise TableError(str(error)) from error
    schema = pq.read_schema(path)
    nested = [one.name for one in schema if pa.types.is_nested(one.type) or pa.types.is_binary(one.type)]
    if nested or not schema.names or len(schema.names) > 2000:
        raise TableError("结果表含有嵌套或二进制的字段，或没有字段，不能留作项目的表。")
    with duckdb.connect() as engine:
        rows = engine.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def keep_table(
    task: Task,
    grant: str,
    name: str,
    path: Path,
    columns: Mapping[str, Mapping[str, str]],
    now: datetime,
    *,
    subject: str = "",
    origin: Sequence[tuple[str, str]] = (),
    made_of: Mapping[str, str],
    parents: Iterable[ProjectTable] = (),
    for_output: str = "",
) -> ProjectTable:
    """Put a Parquet file into the project's vault. `columns`: name → {type, grade}, in its order; `made_of`:
    resource → snapshot."""
    with parquet.opened(path) as file:
        if file.schema_arrow.names != list(columns):
            raise TableError("结果表的字段与判断时的不一致，没有保存。")
        made = [Column(each, said["type"], said["grade"]) for each, said in columns.items()]
        row = _row(task, grant, name, "table", subject, origin, made_of, list(parents), for_output)
        return _keep(row, file.schema_arrow, parquet.batches(file, path), made, now)


def keep_model(
    task: Task,
    grant: str,
    name: str,
    path: Path,
    now: datetime,
    *,
    made_of: Mapping[str, str],
    parents: Iterable[ProjectTable],
    for_output: str = "",
) -> ProjectTable:
    """Put a model's file into the project's vault."""
    data = path.read_bytes()
    if not data or len(data) > LARGEST_MODEL:
        raise TableError("模型文件是空的或过大，没有保存。")
    table = pa.table({MODEL_COLUMN: pa.array([data], pa.binary())})
    made = [Column(MODEL_COLUMN, "BLOB", "L3")]
    row = _row(task, grant, name, "model", "", (), made_of, list(parents), for_output)
    row.held_back = True
    return _keep(row, table.schema, table.to_batches(), made, now)


def _row(
    task: Task,
    grant: str,
    name: str,
    kind: str,
    subject: str,
    origin: Sequence[tuple[str, str]],
    made_of: Mapping[str, str],
    parents: Sequence[ProjectTable],
    for_output: str,
) -> ProjectTable:
    """What is said of a table beside its rows, not yet kept."""
    return ProjectTable(
        zone=task.zone,
        project=task.project,
        grant=grant,
        task=task,
        name=name,
        kind=kind,
        subject=subject,
        origin=[list(pair) for pair in origin],
        sources=dict(made_of),
        parents=[row.id for row in parents],
        for_output=for_output,
    )


def _keep(
    row: ProjectTable,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[Column],
    now: datetime,
) -> ProjectTable:
    with Writer(vault(row.zone, row.project), schema) as writer:
        for batch in batches:
            writer.add(batch)
        manifest = writer.finish(
            zone=row.zone,
            resource=f"{row.project}/{row.name}",
            owner=row.project,
            table=row.name,
            columns=columns,
            subject=row.subject or None,
            now=now,
            source={"task": row.task.pk, "grant": row.grant, "snapshots": sorted(row.sources.values())},
        )
    row.id, row.rows, row.made = manifest.id, manifest.rows, now
    row.columns = {one.name: {"type": one.type, "grade": one.grade} for one in columns}
    row.save(force_insert=True)
    return row


@contextmanager
def staged(rows: Mapping[str, ProjectTable]) -> Iterator[dict[str, Path]]:
    """Plain Parquet for one run: name → directory. All of one project."""
    if not rows:
        yield {}
        return
    one = next(iter(rows.values()))
    with vault(one.zone, one.project).stage({name: row.id for name, row in rows.items()}) as places:
        yield dict(places)


@contextmanager
def staged_for_program(
    rows: Mapping[str, ProjectTable], seen: Mapping[str, Path], ending: Mapping[str, str]
) -> Iterator[dict[str, Path]]:
    """The same for a program: a model as its plain file (`ending`: model → ending of its file), and in place
    of a table in `seen` what stands there, without the subjects held back."""
    with ExitStack() as stack:
        places = stack.enter_context(staged(rows))
        found = {}
        for name, place in places.items():
            if rows[name].kind == "model":
                found[name] = _plain_model(place, ending.get(name, "txt"))
            else:
                found[name] = _without_held_back(seen[name], rows[name]) if name in seen else place
        yield found


def model_bytes(place: Path) -> bytes:
    """The file of a staged model."""
    (part,) = sorted(place.glob("*.parquet"))
    content: bytes = pq.read_table(part).column(MODEL_COLUMN)[0].as_py()
    return content


def _plain_model(place: Path, ending: str) -> Path:
    target = place.with_name(f"{place.name}.{ending}")
    target.write_bytes(model_bytes(place))
    target.chmod(0o444)
    return target


def is_held_back(column: str) -> str:
    """SQL: whether the subject of a row, named by its pseudonym, is one of those held back."""
    return f"hash({column} || 'held back') % {HELD_BACK} = 0"


def _without_held_back(place: Path, row: ProjectTable) -> Path:
    target = place.with_name(f"{place.name}-seen")
    target.mkdir(mode=0o755)
    _write_part(place, row, "NOT", target / "part-00000.parquet")
    return target


def side(place: Path, row: ProjectTable, held: bool) -> Path:
    """A file with the rows of a computed side of a table: those a training program saw, or did not."""
    found = place.with_name(f"{place.name}-{'held' if held else 'given'}.parquet")
    _write_part(place, row, "" if held else "NOT", found)
    return found


def _write_part(place: Path, row: ProjectTable, which: str, target: Path) -> None:
    subject = '"' + row.subject.replace('"', '""') + '"'
    with duckdb.connect() as engine:
        engine.read_parquet(f"{place}/*.parquet").filter(
            f"{subject} IS NOT NULL AND {which} ({is_held_back(subject)})"
        ).write_parquet(str(target))
    target.chmod(0o444)


def snapshots_of(rows: Iterable[ProjectTable]) -> dict[str, str]:
    """resource → snapshot of everything these tables were made of. Raises `TableError` when two tables are of
    different snapshots of one resource: their rows would not belong together."""
    found: dict[str, str] = {}
    for row in rows:
        for resource, snapshot in row.sources.items():
            if found.setdefault(resource, snapshot) != snapshot:
                raise TableError("所读的项目表来自同一资源的不同快照，请先用最新快照重新建表。")
    return found


def standing(rows: Iterable[ProjectTable]) -> None:
    """Raises `VaultError` when a snapshot they were made of was lawfully deleted."""
    for snapshot in {one for row in rows for one in row.sources.values()}:
        sources.vault().manifest(snapshot)


def erase(row: ProjectTable, now: datetime, why: str) -> None:
    """Destroy key and files of one table; twice is harmless."""
    try:
        vault(row.zone, row.project).delete(row.id, now, {"why": why, "task": row.task.pk})
    except VaultError as error:
        if error.code not in ("unknown", "deleted"):
            raise
    row.dropped = now
    row.save(update_fields=["dropped"])
