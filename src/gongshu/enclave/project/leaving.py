"""What of a project is asked out: a model, a dataset of single rows, or answers about single subjects.

A model's file and a dataset leave as they were reviewed. Answers never leave as a file: what is reviewed, and
leaves, is their *sheet* (fields, digests of rows and recipe), and a version of them is served under a ceiling
(`supply`). All are attacked with the raw snapshots they were made of.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest, file_digest, salted
from gongshu.enclave import attack, clock, render, sources, thresholds
from gongshu.enclave.attack.spec import Floor
from gongshu.enclave.project import build, plainer, programs, sides, tables
from gongshu.enclave.project.answers import (
    Unfit,
    answer_type,
    distribution,
    plain_fields,
    quote,
    rows_digest,
)
from gongshu.enclave.project.judging import judge
from gongshu.enclave.store.models import Grant, Output, ProjectTable, Task
from gongshu.enclave.vault import Manifest
from gongshu.evidence.ids import fresh
from gongshu.wire import subjects

KINDS = ("model", "dataset", "lookup")
MOST_FIELDS = 60
FIELD = re.compile(r"[A-Za-z_\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff]{0,62}")


recipe = sides.recipe


class Forbidden(Exception):
    """A query of its recipe is no longer allowed: what may not be asked may not leave."""


@dataclass(frozen=True)
class Formed:
    """What went before the attack and goes before the reviewers. `path`: the bytes under review; `spec`: the
    release spec, with what reviewers see beside it."""

    output: Output
    path: Path
    report: attack.AttackReport
    spec: dict[str, Any]


def request(task: Task, wanted: Mapping[str, Any], previous: list[dict[str, Any]], now: datetime) -> Formed:
    """Form and attack what a task of kind `release` asks for. Raises `Unfit`, `Forbidden`, `VaultError`,
    `attack.BadSpec`, `attack.BadRaw`, `tables.TableError`."""
    row = find(task, wanted)
    recheck(row, now)
    return form(row, wanted, previous, now)


def find(task: Task, wanted: Mapping[str, Any]) -> ProjectTable:
    """The table or model of the task named, of this grant."""
    kind = "model" if wanted["kind"] == "model" else "table"
    made = ProjectTable.objects.filter(
        task_id=task.body.get("from_task"),
        zone=task.zone,
        grant=task.grant,
        kind=kind,
        dropped__isnull=True,
        for_output="",
    )
    named = wanted.get("table")
    rows = list(made.filter(name=named) if named else made)
    if len(rows) != 1:
        raise Unfit("这项任务没有留下所说的项目表或模型，或不止一个，请写明名称。")
    return rows[0]


def recheck(row: ProjectTable, now: datetime) -> None:
    """Raises `Forbidden` unless the lens still allows every query of the recipe."""
    grant = Grant.objects.get(id=row.grant)
    steps = recipe(row)
    for one in steps:
        step = programs.parse(one.task.body)
        if step.language != "sql":
            continue
        own = {each.name: each for each in steps if each.kind == "table" and each.id != one.id}
        if not judge(step.source, grant, own, now).allowed:
            raise Forbidden


def form(
    row: ProjectTable, wanted: Mapping[str, Any], previous: list[dict[str, Any]], now: datetime
) -> Formed:
    """Make the bytes under review and attack what is behind them."""
    place = settings.OUTPUTS_DIR / fresh("o", 12)
    place.mkdir(mode=0o700, parents=True)
    output = Output(
        id=place.name,
        zone=row.zone,
        task=row.task,
        grant=row.grant,
        name=row.name,
        path="",
        digest="",
        sources=sorted(row.sources.values()),
        sql="",
        made=clock.wall_now(),
    )
    try:
        with ExitStack() as stack:
            maker = {"model": _model, "dataset": _dataset, "lookup": _lookup}[wanted["kind"]]
            path, attacked, more = maker(row, wanted, place, stack)
            report, spec = assault(row, attacked, wanted, more, previous, now)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    output.path, output.digest = str(path), file_digest(path)
    output.save(force_insert=True)
    return Formed(output, path, report, {**spec, **more.get("shown", {})})


def spec_of(
    kind: str, names: Mapping[str, Manifest], floor: Floor, zone: str, previous: list[dict[str, Any]]
) -> dict[str, Any]:
    """What every attack is told: `names` table → manifest of the snapshot it reads, `floor` the packs' own
    thresholds, `previous` what it is set against (`history.before`)."""
    return {
        "v": 1,
        "kind": kind,
        "subject": {name: m.subject for name, m in names.items() if m.subject},
        "threshold": floor.threshold,
        "nk": [floor.nk[0], str(floor.nk[1])],
        "p": str(floor.p),
        "zone": zone,
        "grades": {name: {c.name: c.grade for c in m.columns} for name, m in names.items()},
        "previous": previous,
    }


def assault(
    row: ProjectTable,
    attacked: Path,
    wanted: Mapping[str, Any],
    more: Mapping[str, Any],
    previous: list[dict[str, Any]],
    now: datetime,
) -> tuple[attack.AttackReport, dict[str, Any]]:
    """Attack with the snapshots the table was made of; for a model also with the rows it was and was not
    trained on."""
    today = clock.business_today(row.zone, now)
    limits = thresholds.at(row.zone, today)
    grant = Grant.objects.get(id=row.grant)
    names = {
        name: sources.vault().manifest(row.sources[table["resource"]])
        for name, table in grant.body["tables"].items()
        if table["resource"] in row.sources
    }
    spec = {
        **spec_of(wanted["kind"], names, limits.floor, row.zone, previous),
        "program": not build.queried(row),
        "real": build.queried(row),
        **more.get("spec", {}),
    }
    spec["subject"] = {**spec["subject"], **more.get("subjects", {})}
    with sources.vault().stage({name: m.id for name, m in names.items()}) as raw:
        report = attack.run(
            attacked,
            {**raw, **more.get("raw", {})},
            spec,
            settings.OUTPUTS_DIR,
            floor=limits.floor,
            at=today,
        )
    return report, spec


Made = tuple[Path, Path, dict[str, Any]]
"""(bytes under review, what is attacked, more for the spec: `spec`, `subjects`, `raw`, `shown`)."""


def _model(row: ProjectTable, wanted: Mapping[str, Any], place: Path, stack: ExitStack) -> Made:
    step = programs.parse(row.task.body)
    form_ = next(one.format for one in step.outputs if one.name == row.name)
    staged = stack.enter_context(tables.staged({row.name: row}))
    data = tables.model_bytes(staged[row.name])
    path = place / f"leaving.{programs.MODELS[form_]}"
    path.write_bytes(plainer.PLAINER[form_](data))
    read = {one.name: one for one in ProjectTable.objects.filter(id__in=row.parents) if one.kind == "table"}
    raw: dict[str, Path] = {}
    for name, one in read.items():
        for table, back in ((name, False), (f"{name}_held_back", True)):
            place = stack.enter_context(sides.recomputed(one, back, clock.wall_now()))
            raw[table] = tables.side(place, one, back)
    model: dict[str, Any] = {"format": form_}
    if form_ == "lightgbm-text":
        model["least_leaf"] = plainer.least_leaf(data)
    for word in ("features", "target"):
        if wanted.get(word):
            model[word] = wanted[word]
    if len(read) == 1:
        (name,) = read
        model |= {"trained_on": name, "holdout": f"{name}_held_back"}
    held = {f"{name}_held_back": one.subject for name, one in read.items()}
    given = {name: one.subject for name, one in read.items()} | held
    return path, path, {"spec": {"model": model}, "subjects": given, "raw": raw}


def _dataset(row: ProjectTable, wanted: Mapping[str, Any], place: Path, stack: ExitStack) -> Made:
    fields = _fields(row, wanted, every=True)
    staged = stack.enter_context(tables.staged({row.name: row}))
    shown = ", ".join(quote(one) for one in fields)
    with duckdb.connect() as engine:
        table = engine.sql(f"SELECT {shown} FROM read_parquet('{staged[row.name]}/*.parquet') ORDER BY ALL")  # noqa: S608
        rows = table.fetchmany(render.LARGEST_ROWS + 1)
    if len(rows) > render.LARGEST_ROWS:
        raise Unfit(f"数据集超过 {render.LARGEST_ROWS} 行，不能按这种形式出域。")
    path = place / "leaving.csv"
    path.write_bytes(render.as_csv(fields, rows))
    return path, path, {"shown": {"table": row.id}}


def _lookup(row: ProjectTable, wanted: Mapping[str, Any], place: Path, stack: ExitStack) -> Made:
    fields = _fields(row, wanted, every=False)
    kind = wanted.get("subject")
    if kind not in subjects.KINDS or not row.subject or not row.origin:
        raise Unfit("逐个主体的回答须写明主体是个人还是企业，项目表须有主体假名字段。")
    typed = {name: answer_type(row.columns[name]["type"]) for name in fields}
    attacked = stack.enter_context(plain_fields(row, fields))
    content, many = rows_digest(row, fields)
    shown = distribution(attacked, typed, place_of_threshold(row))
    salt = secrets.token_bytes(16)
    sheet = {
        "v": 1,
        "form": "lookup",
        "subject": kind,
        "rows": many,
        "fields": [{"name": name, "type": typed[name]} for name in fields],
        "content": content,
        "shown": salted(dumps(shown), salt),
        "recipe": recipe_digests(row),
        "sources": sorted(row.sources.values()),
    }
    path = place / "leaving.json"
    path.write_bytes(dumps(sheet))
    told = {"distribution": shown, "shown_salt": salt.hex(), "table": row.id, "sheet": sheet}
    return path, attacked, {"shown": told}


def _fields(row: ProjectTable, wanted: Mapping[str, Any], every: bool) -> list[str]:
    """The columns named, or all but pseudonyms; never one of grade L4."""
    told = wanted.get("fields")
    free = [name for name, said in row.columns.items() if said["grade"] != "L4" and name != row.subject]
    if told is None and every:
        told = free
    if not isinstance(told, Sequence) or isinstance(told, str) or not 1 <= len(told) <= MOST_FIELDS:
        raise Unfit("请写明由哪些字段作答。")
    names = [one.get("name") if isinstance(one, Mapping) else one for one in told]
    if any(name not in free for name in names) or len(set(names)) != len(names):
        raise Unfit("字段不在项目表里，或是标识字段，或写了两次。")
    if any(not FIELD.fullmatch(str(name)) for name in names):
        raise Unfit("字段名只用中文、字母、数字和下划线，不以数字开头。")
    return [str(name) for name in names]


def recipe_digests(row: ProjectTable) -> list[dict[str, str]]:
    """How it was made: each step's task and the digest of its text."""
    found = []
    for one in recipe(row):
        step = programs.parse(one.task.body)
        text = {"name": one.name, "language": step.language, "text": digest(step.source.encode())}
        found.append({"task": one.task.pk, **text})
    return found


def place_of_threshold(row: ProjectTable) -> int:
    """The least subjects a shown class may have."""
    return thresholds.at(row.zone, clock.business_today(row.zone, clock.wall_now())).floor.threshold
