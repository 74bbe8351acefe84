"""Tasks of kind `build` and `drop`: what a project makes stays here; the office hears one fixed code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.db import transaction

from gongshu.enclave import clock, halting, journal, sources, tasks
from gongshu.enclave.engines import EngineError, Program, Python, Run
from gongshu.enclave.policy import lens_grant
from gongshu.enclave.project import programs, sides, tables
from gongshu.enclave.project.judging import judge, work_limits
from gongshu.enclave.project.rowwise import own_rows
from gongshu.enclave.runner import Result, Sandbox
from gongshu.enclave.store.models import Grant, Output, ProjectTable, Task
from gongshu.enclave.vault import VaultError
from gongshu.evidence.ids import fresh
from gongshu.lens import Verdict

log = logging.getLogger(__name__)
GROUND = "development.controlled"
# What ends a step with its own sentence, kept for the airlock; the office hears `failed`.
SAID = (EngineError, VaultError, tables.TableError, programs.Misworded)


@lru_cache(maxsize=1)
def engine() -> Python:
    """The engine of programs; its working directory is private to the enclave."""
    return Python(Sandbox(settings.SITE.engines / "python"), settings.STAGING_DIR / "programs")


def request(task: Task, now: datetime) -> None:
    """Compute one step of a project; whatever happens, one outcome code is kept."""
    code, detail = make(task, now)
    tasks.end(task, code, clock.wall_now(), detail)


def make(task: Task, now: datetime, for_output: str = "") -> tuple[str, str]:
    """(outcome code, detail for the airlock) of one step. Its tables are kept when the code is `done`.

    `for_output`: computed again by the enclave for the answers of that output, beside the project's own.
    """
    grant = Grant.objects.get(id=task.grant)
    if grant.body["mode"] != "build":
        return "refused_grant", "授权的用法不是建设（build），不能留下项目的表。"
    try:
        step = programs.parse(task.body)
        if step.language == "sql":
            return _query(task, grant, step, now, for_output)
        return _program(task, grant, step, now, for_output)
    except halting.Halted:
        return "cancelled", ""
    except SAID as error:
        return "failed", str(error)
    except Exception as error:
        log.exception("build %s failed", task.id)
        return "failed", f"{type(error).__name__}: {error}"


def _query(task: Task, grant: Grant, step: programs.Step, now: datetime, for_output: str) -> tuple[str, str]:
    own = tables.newest(grant.zone, grant.project, for_output)
    name = step.outputs[0].name
    verdict = judge(step.source, grant, {each: row for each, row in own.items() if each != name}, now)
    if not verdict.allowed or verdict.sql is None:
        return "refused_lens", "\n".join(one.sentence for one in verdict.violations)
    held = sources.of_grant(grant.body)
    read = {table: held[table] for table in verdict.reads if table in held}
    mine = {table: own[table] for table in verdict.reads if table not in held}
    made_of = tables.snapshots_of(mine.values())
    tables.standing(mine.values())
    for source in read.values():
        if made_of.setdefault(source.resource, source.snapshot) != source.snapshot:
            raise tables.TableError("所读的项目表来自旧的快照，请先用最新快照重新建表。")
    subject, origin = _subject(verdict, held, mine)
    tasks.note(task, made_of.values())
    with ExitStack() as stack:
        raw = stack.enter_context(sources.vault().stage({t: s.snapshot for t, s in read.items()}))
        places = {**raw, **stack.enter_context(tables.staged(mine))}
        key = tables.pseudonym_key(grant.zone, grant.project).hex()
        run = Run(
            fresh("r"),
            verdict.sql,
            places,
            limits=work_limits(grant, now),
            pseudonyms=key,
        )

        def keep(result: Result) -> None:
            path = result.files["output.parquet"]
            types = tables.columns_of(path)
            columns = {c: {"type": types[c], "grade": verdict.grades[c]} for c in types}
            parents = mine.values()
            tables.keep_table(
                task, grant.id, name, path, columns, clock.wall_now(),
                subject=subject, origin=origin, made_of=made_of, parents=parents, for_output=for_output,
            )  # fmt: skip

        return _execute(task, tasks.engine(), run, keep)


def _subject(
    verdict: Verdict, held: Mapping[str, Any], mine: Mapping[str, ProjectTable]
) -> tuple[str, list[tuple[str, str]]]:
    """The column that names the subject by pseudonym, and the raw subject columns it stands for."""
    for column, grade in verdict.grades.items():
        origin: set[tuple[str, str]] = set()
        for place in verdict.lineage.get(column, ()) if grade == "L4" else ():
            table, _, source = place.partition(".")
            if table in held and held[table].subject == source:
                origin.add((held[table].resource, source))
            elif table in mine and mine[table].subject == source:
                origin |= {(resource, raw) for resource, raw in mine[table].origin}
            else:
                origin.clear()
                break
        if origin:
            return column, sorted(origin)
    return "", []


def _program(
    task: Task, grant: Grant, step: programs.Step, now: datetime, for_output: str
) -> tuple[str, str]:
    own = tables.newest(grant.zone, grant.project, for_output)
    lost = [name for name in step.reads if name not in own]
    if lost:
        raise tables.TableError(f"项目里没有“{lost[0]}”，程序只能读项目自己建的表和模型。")
    read = {name: own[name] for name in step.reads}
    if step.trains:
        _fit_to_train(read, grant)
    made_of = tables.snapshots_of(read.values())
    tables.standing(read.values())
    endings = {name: _ending(row) for name, row in read.items() if row.kind == "model"}
    tasks.note(task, made_of.values())
    with ExitStack() as stack:
        seen = {}
        if step.trains:
            with tasks.breakable(task):
                seen = {
                    name: stack.enter_context(sides.recomputed(row, False, now)) for name, row in read.items()
                }
        places = stack.enter_context(tables.staged_for_program(read, seen, endings))
        run = Program(
            fresh("p"),
            step.source,
            places,
            tuple(one.file for one in step.outputs),
            work_limits(grant, now),
        )

        def keep(result: Result) -> None:
            for one in step.outputs:
                _keep_output(task, grant, one, result.files[one.file], read, made_of, for_output)

        return _execute(task, engine(), run, keep)


def _fit_to_train(read: Mapping[str, ProjectTable], grant: Grant) -> None:
    """A model is trained only on tables whose held-back subjects can be taken out of every row.

    A table a program wrote could carry them under other names, and so could a query that joins other than by
    identifiers or looks at other rows.
    """
    tables_ = lens_grant(grant.body, sources.of_grant(grant.body))["tables"].values()
    columns = [table["columns"] for table in tables_]
    for name, row in read.items():
        if row.kind != "table" or not row.subject or not queried(row):
            raise tables.TableError(f"训练只能读由查询建成、带主体假名的项目表，“{name}”不是。")
        if not _own_rows(row, columns):
            raise tables.TableError(
                f"训练用的项目表须一行只说一个主体：只按标识字段连接，不用窗口函数和子查询取值，“{name}”不是。"
            )


def _own_rows(row: ProjectTable, columns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every query it came from keeps each row under its own subject. `columns`: of granted tables."""
    parents = list(ProjectTable.objects.filter(id__in=row.parents))
    known = [*columns, *(each.columns for each in parents)]
    identifying = {c.casefold() for each in known for c, said in each.items() if said["grade"] == "L4"}
    return own_rows(str(row.task.body.get("sql")), identifying) and all(
        _own_rows(each, columns) for each in parents
    )


def queried(row: ProjectTable) -> bool:
    """Whether the table and all it was made of came from queries alone."""
    parents = ProjectTable.objects.filter(id__in=row.parents)
    return (row.task.body.get("language") or "sql") == "sql" and all(queried(each) for each in parents)


def _ending(row: ProjectTable) -> str:
    step = programs.parse(row.task.body)
    return next(programs.MODELS[one.format] for one in step.outputs if one.name == row.name)


def _keep_output(
    task: Task,
    grant: Grant,
    one: programs.Output,
    path: Path,
    read: Mapping[str, ProjectTable],
    made_of: Mapping[str, str],
    for_output: str,
) -> None:
    now = clock.wall_now()
    if one.kind == "model":
        tables.keep_model(
            task, grant.id, one.name, path, now,
            made_of=made_of, parents=read.values(), for_output=for_output,
        )  # fmt: skip
        return
    types = tables.columns_of(path)
    _check_pseudonyms(one, path, types, read)
    worst = _worst_grade(read.values())
    columns = {c: {"type": types[c], "grade": "L4" if c == one.subject else worst} for c in types}
    origin = sorted({(r, c) for row in read.values() for r, c in row.origin}) if one.subject else []
    tables.keep_table(
        task, grant.id, one.name, path, columns, now,
        subject=one.subject, origin=origin, made_of=made_of, parents=read.values(), for_output=for_output,
    )  # fmt: skip


def _worst_grade(read: Sequence[ProjectTable] | Any) -> str:
    """What a program computes has the highest grade of what it read, pseudonyms aside."""
    grades = [
        said["grade"]
        for row in read
        for column, said in row.columns.items()
        if column != row.subject and row.kind == "table"
    ]
    return max((grade for grade in grades if grade != "L4"), default="L3")


def _check_pseudonyms(
    one: programs.Output, path: Path, types: Mapping[str, str], read: Mapping[str, ProjectTable]
) -> None:
    """Its subject column holds pseudonyms it was given, and no other column holds one."""
    if one.subject and one.subject not in types:
        raise tables.TableError("程序声明的主体字段不在结果表里。")
    if one.subject and not any(row.subject for row in read.values()):
        raise tables.TableError("程序没有读带主体假名的表，结果表不能有主体字段。")
    with duckdb.connect() as engine:
        made = engine.read_parquet(str(path))
        for column in types:
            quoted = '"' + column.replace('"', '""') + '"'
            hit = f"regexp_matches(CAST({quoted} AS VARCHAR), '{tables.PSEUDONYM}')"
            asked = hit if column != one.subject else f"NOT regexp_full_match({quoted}, '{tables.PSEUDONYM}')"
            if made.filter(asked).limit(1).fetchall():
                raise tables.TableError("结果表的假名只能放在声明的主体字段里，且须是程序读到的假名。")


def _execute(task: Task, engine: Any, run: Run | Program, keep: Callable[[Result], None]) -> tuple[str, str]:
    """Prepare, compute, keep, remove; a stop meanwhile cancels it by `tasks.cancel`."""
    try:
        engine.prepare(run)
        tasks.RUNNING[task.id] = (engine, run.id)
        result = engine.execute(run.id)
        if result.ok:
            with transaction.atomic():
                keep(result)
        return result.code, result.detail
    finally:
        tasks.RUNNING.pop(task.id, None)
        engine.finalise(run.id)


def drop(task: Task, now: datetime) -> None:
    """A task of kind `drop`: destroy the project's tables, models and outputs that were never asked out.

    It is done under a grant that is over or stopped as well: to destroy copies needs one key. What was
    reviewed and served stays until the product itself is stopped.
    """
    with transaction.atomic():
        rows = list(ProjectTable.objects.filter(zone=task.zone, project=task.project, dropped__isnull=True))
        for row in rows:
            tables.erase(row, now, "drop")
        kept = Output.objects.filter(
            zone=task.zone, task__project=task.project, state__in=("kept", "blocked")
        )
        for output in kept:
            Path(output.path).unlink(missing_ok=True)
        kept.update(state="stopped")
        journal.record(
            source="enclave",
            act="project.dropped",
            actor="office",
            role="office",
            subject=task.project,
            zone=task.zone,
            now=now,
            case=task.grant,
            ground=GROUND,
        )
    tasks.end(task, "done", clock.wall_now(), f"删去 {len(rows)} 张项目表和模型。")
