"""Work on raw data unseen: a task becomes a run in a fresh sandbox, and one fixed code for the office."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from gongshu.crypto.hashes import file_digest
from gongshu.enclave import clock, confirm, halting, journal, outgoing, sources, thresholds
from gongshu.enclave.engines import DuckDB, Engine, EngineError, Run
from gongshu.enclave.policy import lens_grant
from gongshu.enclave.runner import Sandbox
from gongshu.enclave.store.models import Grant, Output, Snapshot, Task
from gongshu.enclave.vault import VaultError
from gongshu.evidence.ids import fresh
from gongshu.law import grounds
from gongshu.lens import check as lens_check
from gongshu.wire import envelope as wire

log = logging.getLogger(__name__)
RUNS = ("run", "build")
# Whatever is judged on raw data is a try, and a project has so many a day.
COUNTED = ("run", "build", "release")
# What the enclave sets itself to do; the office did not ask for it and hears nothing of it.
OWN = ("supply", "refresh")


@lru_cache(maxsize=1)
def engine() -> DuckDB:
    """The engine with its sandbox; its working directory is private to the enclave."""
    return DuckDB(Sandbox(settings.SITE.engines / "sql"), settings.STAGING_DIR / "runs")


@transaction.atomic
def receive(envelope: wire.Envelope, now: datetime) -> Task | None:
    """Queue a task of the feed once. A grant this domain does not know makes it end at once."""
    body = envelope.body
    grant = Grant.objects.filter(id=body["grant"], zone=envelope.zone).first()
    task, new = Task.objects.get_or_create(
        id=body["id"],
        defaults={
            "zone": envelope.zone,
            "kind": body["kind"],
            "grant": body["grant"],
            "project": grant.project if grant else "",
            "body": body,
            "received": now,
        },
    )
    if new and grant is None:
        end(task, "refused_grant", now)
    return task


def runs_today(project: str, now: datetime) -> int:
    """Tries on raw data of a project on this wall-clock day in Asia/Shanghai.

    Runs that began, and requests for release whose output was set against the raw data, however they ended:
    each tells the office something of it.
    """
    begin, until = _day(now)
    ran = Q(kind__in=RUNS, started__gte=begin, started__lt=until)
    return releases_today(project, now) + Task.objects.filter(ran, project=project).count()


def releases_today(project: str, now: datetime) -> int:
    """Requests for release of a project that were set against raw data on this wall-clock day."""
    begin, until = _day(now)
    return Task.objects.filter(project=project, reached__gte=begin, reached__lt=until).count()


def _day(now: datetime) -> tuple[datetime, datetime]:
    begin = now.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    return begin, begin + timedelta(days=1)


def spent(task: Task, grant: Grant, now: datetime) -> bool:
    """Has the project used up the tries on raw data its grant allows a day, or the requests for release
    that the packs allow?"""
    if task.kind not in COUNTED:
        return False
    if runs_today(task.project, now) >= int(grant.body["runs_per_day"]):
        return True
    today = clock.business_today(task.zone, now)
    return task.kind == "release" and releases_today(task.project, now) >= thresholds.releases(
        task.zone, today
    )


@transaction.atomic
def end(task: Task, code: str, now: datetime, detail: str = "") -> None:
    """Keep the outcome; the office hears the code, and nothing else, at the next full ten seconds.

    That holds for the line of evidence as well: its time is that full ten seconds.
    """
    heard = outgoing.next_full_ten(now)
    # a program may print what PostgreSQL cannot keep in a text: a task that never ends holds up all others
    detail = detail.replace("\0", "␀").encode("utf-8", "replace").decode()[:8000]
    task.state, task.outcome, task.ended, task.detail = "ended", code, now, detail
    task.save(update_fields=["state", "outcome", "ended", "detail"])
    if task.kind in OWN:
        return
    outgoing.post(
        "outcome",
        {"task": task.id, "code": code},
        zone=task.zone,
        now=now,
        not_before=heard,
    )
    journal.record(
        source="enclave",
        act=f"run.{code}" if task.kind in RUNS else f"task.{code}",
        actor="enclave",
        role="enclave",
        subject=task.id,
        zone=task.zone,
        now=heard,
        ground="development.controlled",
    )


def begin(now: datetime) -> Task | None:
    """The next waiting task, marked running; its grant, stops and limit are asked at this moment."""
    # Asked five times a second: an idle enclave opens no transaction for it.
    return _begin(now) if Task.objects.filter(state="waiting").exists() else None


@transaction.atomic
def _begin(now: datetime) -> Task | None:
    task = (
        Task.objects.select_for_update(skip_locked=True).filter(state="waiting").order_by("received").first()
    )
    if task is None:
        return None
    grant = Grant.objects.filter(id=task.grant, zone=task.zone).first()
    refused = confirm.closed(grant, clock.business_today(task.zone, now), now) if grant else "refused_grant"
    if task.kind == "drop" and grant is not None:
        refused = ""  # to destroy copies one key is enough, whatever became of the grant
    if not refused and grant is not None and spent(task, grant, now):
        refused = "limit"
    if refused:
        end(task, refused, now)
        return task
    task.state, task.started = "running", now
    task.save(update_fields=["state", "started"])
    return task


def recover(now: datetime) -> int:
    """After a crash: what was running ends as failed; its sandbox died with its parent."""
    broken = list(Task.objects.filter(state="running"))
    for task in broken:
        end(task, "failed", now, "进程在运行中重新启动。")
    return len(broken)


def judged(task: Task, now: datetime) -> tuple[str, Any, Mapping[str, Any]]:
    """(outcome code or '', the lens's verdict, the grant it judged by).

    A run's result is meant to leave, so it is judged in mode `answer` under a grant to build as well.
    """
    grant = Grant.objects.get(id=task.grant)
    table_sources = sources.of_grant(grant.body)
    by = {**lens_grant(grant.body, table_sources), "mode": "answer"}
    today = clock.business_today(task.zone, now)
    verdict = lens_check(task.body.get("sql") or "", by, at=today, cite=grounds.citing(task.zone, today))
    return ("" if verdict.allowed else "refused_lens"), verdict, table_sources


def run(task: Task, now: datetime) -> None:
    """Compute one task of kind `run`; whatever happens, one outcome code is kept."""
    code, verdict, table_sources = judged(task, now)
    if code:
        end(task, code, now, "\n".join(str(one) for one in verdict.violations))
        return
    wanted = {name: table_sources[name].snapshot for name in verdict.reads}
    note(task, wanted.values())
    run_id = fresh("r")
    try:
        with sources.vault().stage(wanted) as staged:
            grant = Grant.objects.get(id=task.grant)
            limits = thresholds.work(task.zone, clock.business_today(task.zone, now), grant.body)
            work = Run(run_id, verdict.sql, dict(staged), limits=limits)
            engine().prepare(work)
            RUNNING[task.id] = (engine(), run_id)
            result = engine().execute(run_id)
            with transaction.atomic():  # a result and its end, or neither
                if result.ok:
                    keep(task, result.files, sorted(wanted.values()), clock.wall_now())
                end(task, result.code, clock.wall_now(), result.detail)
    except (EngineError, VaultError) as error:
        end(task, "failed", clock.wall_now(), str(error))
    except Exception as error:
        log.exception("task %s failed", task.id)
        end(task, "failed", clock.wall_now(), f"{type(error).__name__}: {error}")
    finally:
        RUNNING.pop(task.id, None)
        engine().finalise(run_id)


# task → what computes it and can be cancelled, and the run there
RUNNING: dict[str, tuple[Engine[Any] | halting.Breaker, str]] = {}


@contextmanager
def breakable(task: Task) -> Iterator[halting.Breaker]:
    """Work of a task inside this process, which a stop breaks off as it does a run's sandbox."""
    with halting.breakable() as breaker:
        RUNNING[task.id] = (breaker, task.id)
        try:
            yield breaker
        finally:
            RUNNING.pop(task.id, None)


def cancel(task: Task) -> None:
    """Stop the sandbox, or the work in this process, of a running task now."""
    running = RUNNING.get(task.id)
    if running:
        running[0].cancel(running[1])


def halt(_now: datetime) -> int:
    """Stop the work whose grant, project or product was stopped, or whose data was deleted; how many.

    A stop of the feed says so itself; one made at the airlock is another process's, and is found here.
    """
    halted = 0
    for task in Task.objects.filter(id__in=list(RUNNING)):
        product = str(task.body.get("product") or "")
        gone = Snapshot.objects.filter(id__in=task.sources, deleted__isnull=False).exists()
        if gone or confirm.stopped(task.zone, grant=task.grant, project=task.project, product=product):
            cancel(task)
            halted += 1
    return halted


def note(task: Task, snapshots: Iterable[str]) -> None:
    """Keep which snapshots are taken out for a task, before they are: whatever it says may hold their values,
    and only who provided all of them, or reviews, is shown it."""
    task.sources = sorted({*task.sources, *snapshots})
    task.save(update_fields=["sources"])


def keep(task: Task, files: Mapping[str, Path], snapshots: list[str], now: datetime) -> None:
    """Move what the run made into the enclave's own place, under a random name. Nothing is told of it."""
    for name, path in sorted(files.items()):
        output_id = fresh("o", 12)
        place = settings.OUTPUTS_DIR / output_id
        place.mkdir(mode=0o700, parents=True)
        target = place / f"output{path.suffix}"
        shutil.move(path, target)
        Output.objects.create(
            id=output_id,
            zone=task.zone,
            task=task,
            grant=task.grant,
            name=name,
            path=str(target),
            digest=file_digest(target),
            sources=snapshots,
            sql=task.body.get("sql") or "",
            made=now,
        )
