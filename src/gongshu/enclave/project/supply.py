"""Serving snapshots 供数快照: reviewed answers are written for the gateway under a confirmed ceiling.

Written anew when a snapshot of the sources changes: the whole recipe is computed again and attacked again;
what is found that the reviewers did not see goes to them first, and until then the old version answers.
Rolled back by one act at the airlock (`choose`).
"""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from gongshu.enclave import acting, attack, clock, confirm, journal, sources, tasks, thresholds, votes
from gongshu.enclave.policy import owners
from gongshu.enclave.project import answers, build, leaving, programs, sealing, sides, tables
from gongshu.enclave.project.sealing import SupplyError
from gongshu.enclave.store.models import Ceiling, Grant, LiveVersion, Output, ProjectTable, Served, Task, Vote
from gongshu.enclave.vault import VaultError
from gongshu.evidence.ids import fresh
from gongshu.wire import snapshots
from gongshu.wire.errors import WireError

log = logging.getLogger(__name__)
# How long after each failure for the same sources it is tried again; the last pause repeats.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
GROUND = "release.review"
SAID = (
    answers.Unfit,
    tables.TableError,
    programs.Misworded,
    VaultError,
    WireError,
    attack.BadSpec,
    attack.BadRaw,
)


def ceiling_of(output: Output, now: datetime) -> Ceiling | None:
    """The confirmed ceiling of the output's product and grant that names all its fields."""
    live = {str(body["id"]) for body in confirm.live_ceilings(output.zone, now)}
    for row in Ceiling.objects.filter(zone=output.zone, product=output.product, state="live", id__in=live):
        if row.body["grant"] == output.grant and set(_names(output)) <= set(row.body["fields"]):
            return row
    return None


def _names(output: Output) -> list[str]:
    return [str(one["name"]) for one in output.spec["sheet"]["fields"]]


def reviewed(zone: str) -> list[Output]:
    """The answers of each product that reviewers last agreed to."""
    found: dict[str, Output] = {}
    rows = Output.objects.filter(zone=zone, state="released", spec__kind="lookup").select_related("task")
    for output in rows.order_by("release__released"):
        if output.product:
            found[output.product] = output
    return list(found.values())


def step(now: datetime) -> int:
    """Queue what is due in every zone; how many. Cheap: the work is the computing thread's."""
    return sum(_queue(output, now) for zone in settings.SITE.zones for output in reviewed(zone))


def _queue(output: Output, now: datetime, at_once: bool = False) -> int:
    grant = Grant.objects.get(id=output.grant)
    closed = confirm.closed(grant, clock.business_today(output.zone, now), now)
    if closed or confirm.stopped(output.zone, product=output.product):
        return 0
    last = Served.objects.filter(zone=output.zone, product=output.product).order_by("number").last()
    if last is None or last.output != output:
        kind, due = "supply", output.id
    elif ProjectTable.objects.get(id=last.table).dropped is not None:
        return 0  # the project's copies were dropped: nothing is computed again behind its back
    elif newest(output) != last.sources:
        kind, due = "refresh", "-".join(sorted(newest(output).values()))
    else:
        return 0
    if kind == "supply" and ceiling_of(output, now) is None:
        return 0
    return _task(kind, output, due, now, at_once)


def newest(output: Output) -> dict[str, str]:
    """resource → its newest snapshot, for what the answers were made of."""
    row = ProjectTable.objects.get(id=output.spec["table"])
    found = {resource: sources.newest(output.zone, resource) for resource in row.sources}
    return {resource: one.snapshot if one else row.sources[resource] for resource, one in found.items()}


def _task(kind: str, output: Output, due: str, now: datetime, at_once: bool) -> int:
    """One task of the enclave's own, unless it waits, runs, was done, or failed too lately.

    `at_once`: a provider asks that it be tried now.
    """
    mine = Task.objects.filter(kind=kind, zone=output.zone, body__output=output.id, body__due=due)
    if mine.exclude(state="ended").exists() or mine.filter(outcome="done").exists():
        return 0
    last = mine.order_by("ended").last()
    if last is not None and last.ended is not None and not at_once:
        pause = PAUSES[min(mine.count(), len(PAUSES)) - 1]
        if now < last.ended + pause:
            return 0
    grant = Grant.objects.get(id=output.grant)
    Task.objects.create(
        id=fresh(kind),
        zone=output.zone,
        kind=kind,
        grant=output.grant,
        project=grant.project,
        body={"output": output.id, "due": due},
        received=now,
    )
    return 1


def supply(task: Task, now: datetime) -> None:
    """A task of kind `supply`: the reviewed rows become the product's next version."""
    output = Output.objects.get(id=task.body["output"])
    row = ProjectTable.objects.get(id=output.spec["table"])
    tasks.note(task, row.sources.values())
    _ended(task, lambda: _reviewed_rows(output, row, now))


def _reviewed_rows(output: Output, row: ProjectTable, now: datetime) -> str:
    if row.dropped is not None:
        raise SupplyError("审核过的项目表已经删去，请重新建表并申请。")
    content, _ = answers.rows_digest(row, _names(output))
    if content != output.spec["sheet"]["content"]:
        raise SupplyError("项目表与审核过的内容不一致，不予供数。")
    return write(output, row, now)


def refresh(task: Task, now: datetime) -> None:
    """A task of kind `refresh`: the recipe on the newest snapshots, attacked again, then the next version."""
    output = Output.objects.get(id=task.body["output"])
    tasks.note(task, newest(output).values())
    _ended(task, lambda: _again(output, now))


def _again(output: Output, now: datetime) -> str:
    try:
        return _computed_again(output, now)
    finally:
        _erase_superseded(output, now)


def _erase_superseded(output: Output, now: datetime) -> None:
    """Of what was computed again only that stays of which the newest version was written."""
    last = Served.objects.filter(zone=output.zone, product=output.product).order_by("number").last()
    table = ProjectTable.objects.filter(id=last.table).first() if last is not None else None
    kept = [one.id for one in sides.recipe(table)] if table is not None else []
    for row in ProjectTable.objects.filter(for_output=output.id, dropped__isnull=True).exclude(id__in=kept):
        tables.erase(row, now, "superseded")


def _computed_again(output: Output, now: datetime) -> str:
    row = _rebuilt(output, now)
    wanted = {
        "kind": "lookup",
        "subject": output.spec["sheet"]["subject"],
        "fields": _names(output),
        "title": output.name,
    }
    leaving.recheck(row, now)
    formed = leaving.form(row, wanted, [], now)
    if formed.spec["sheet"]["fields"] != output.spec["sheet"]["fields"]:
        raise SupplyError("重新计算后字段的类型变了，请重新申请审核。")
    formed.output.delete()
    formed.path.unlink(missing_ok=True)
    if formed.report.verdict == "block" or unseen(output, formed.report):
        raise SupplyError("新快照上的结果有审核人员没有见过的发现，仍用旧版本；请开发机构重新申请审核。")
    return write(output, row, now)


def unseen(output: Output, report: attack.AttackReport) -> bool:
    """Whether the attack found what the reviewers of the first version did not see."""
    seen = {(one["check"], one["severity"], one["where"]) for one in output.findings}
    return any((one.check, one.severity, one.where) not in seen for one in report.findings)


def _rebuilt(output: Output, now: datetime) -> ProjectTable:
    """The recipe computed again, step by step, beside the project's own tables, which developers may have
    written anew meanwhile; the table that now stands for the one reviewed."""
    row = ProjectTable.objects.get(id=output.spec["table"])
    for one in sides.recipe(row):
        code, detail = build.make(one.task, now, output.id)
        if code != "done":
            raise SupplyError(f"重新计算“{one.name}”没有成功（{code}）：{detail[-300:]}")
    return tables.newest(row.zone, row.project, output.id)[row.name]


def _ended(task: Task, act: Any) -> None:
    try:
        tasks.end(task, "done", clock.wall_now(), act())
    except (SupplyError, leaving.Forbidden, *SAID) as error:
        tasks.end(task, "failed", clock.wall_now(), str(error) or "查询如今不再允许。")
    except Exception as error:
        log.exception("%s %s failed", task.kind, task.id)
        tasks.end(task, "failed", clock.wall_now(), f"{type(error).__name__}: {error}")


def write(output: Output, row: ProjectTable, now: datetime) -> str:
    """Seal the answers to the gateway as the product's next version. Raises `SupplyError` without a confirmed
    ceiling, without two counted votes, or without the gateway's key on the trust list."""
    ceiling = ceiling_of(output, now)
    if ceiling is None:
        raise SupplyError("这个产品没有提供单位确认的、写明这些字段的上限，不能供数。")
    counted = votes.counted(output, now)
    today = clock.business_today(output.zone, now)
    grant = Grant.objects.get(id=output.grant)
    missing, agreed = votes.ruling(counted, grant.body, thresholds.at(output.zone, today).reviewers)
    if missing or not agreed:
        raise SupplyError("审核票不再成立，不能供数。")
    kept = {one["envelope"] for one in counted if one["answer"] == "confirmed"}
    signed = [
        vote.envelope
        for vote in Vote.objects.filter(output=output).order_by("cast")
        if votes.digest_of(vote) in kept
    ]
    number = _next_number(output)
    version = f"v{number:06d}-{secrets.token_hex(4)}"
    sheet = output.spec["sheet"]
    made = snapshots.Build(
        zone=output.zone,
        product=output.product,
        version=version,
        number=number,
        subject=sheet["subject"],
        fields=[snapshots.Field(one["name"], one["type"]) for one in sheet["fields"]],
        output=output.id,
        output_digest=output.digest,
        votes=signed,
        sources=sorted(row.sources.values()),
        grant=output.grant,
        ceiling=ceiling.digest,
    )
    missed: list[str] = []
    place, manifest = snapshots.prepare(
        settings.SERVING_DIR,
        made,
        sealing.named(row, _names(output), missed),
        now=now,
        key=settings.KEYS.signer("enclave"),
        sealing=sealing.key(now),
        cipher=settings.SITE.cipher,
    )
    _keep(output, row, made, ceiling, now)  # on record first: no answer comes from a version without evidence
    try:
        snapshots.publish(place, manifest)
    except OSError:
        sweep(now)
        raise
    return f"已写成供数版本 {version}。" + (
        f"{len(missed)} 行的假名不属于任何主体，没有写入。" if missed else ""
    )


def _next_number(output: Output) -> int:
    last = Served.objects.filter(zone=output.zone, product=output.product).aggregate(last=Max("number"))[
        "last"
    ]
    return int(last or 0) + 1


@transaction.atomic
def _keep(output: Output, row: ProjectTable, made: snapshots.Build, ceiling: Ceiling, now: datetime) -> None:
    Served.objects.create(
        zone=made.zone,
        product=made.product,
        version=made.version,
        number=made.number,
        output=output,
        table=row.id,
        sources=row.sources,
        rows=row.rows,
        ceiling=ceiling.digest,
        written=now,
    )
    # A version chosen by hand stays chosen until the provider chooses again.
    _journal("serving.written", made.zone, made.version, made.product, "enclave", now)


def sweep(now: datetime) -> int:
    """When the enclave starts: the record of a version whose manifest was not written any more. Nothing was
    answered from it, and it is written anew under its number; how many. One deleted with its data stays."""
    lost = 0
    for zone, product in Served.objects.values_list("zone", "product").distinct():
        row = Served.objects.filter(zone=zone, product=product).order_by("number").last()
        if row is None or (_folder(row) / snapshots.MANIFEST).exists():
            continue
        if ProjectTable.objects.filter(id=row.table, dropped__isnull=True).exists():
            with transaction.atomic():
                row.delete()
                _journal("serving.broken", zone, row.version, product, "enclave", now)
            shutil.rmtree(_folder(row), ignore_errors=True)
            lost += 1
    return lost


def _folder(row: Served) -> Path:
    return Path(settings.SERVING_DIR, row.zone, "products", row.product, row.version)


@transaction.atomic
def choose(zone: str, product: str, version: str, *, organisation: str, person: str, now: datetime) -> None:
    """A provider's one act: answer from this version, '' from none, `newest` from the newest again.

    It reaches the gateway by the signed word in `serving/`. Raises `SupplyError`.
    """
    acting.check("confirm", person, now, organisation)
    if organisation not in providers(zone, product):
        raise SupplyError("只有提供数据的单位能选择供数版本。")
    if version == "newest":
        LiveVersion.objects.filter(zone=zone, product=product).delete()
    else:
        if version and not Served.objects.filter(zone=zone, product=product, version=version).exists():
            raise SupplyError("这个产品没有这个版本。")
        chosen = {"version": version, "person": person, "chosen": now}
        LiveVersion.objects.update_or_create(zone=zone, product=product, defaults=chosen)
    _journal("serving.chosen", zone, version or "none", product, person, now)


@transaction.atomic
def retry(zone: str, product: str, *, organisation: str, person: str, now: datetime) -> None:
    """A provider asks that what failed be tried now. Raises `SupplyError`."""
    acting.check("confirm", person, now, organisation)
    found = [output for output in reviewed(zone) if output.product == product]
    if not found or organisation not in owners_of(found[0]):
        raise SupplyError("只有提供数据的单位能要求重新计算。")
    if not _queue(found[0], now, at_once=True):
        raise SupplyError("没有要重新计算的：供数版本是最新的，或者正在计算，或者授权、上限已经不在。")
    _journal("serving.retried", zone, product, product, person, now)


def providers(zone: str, product: str) -> tuple[str, ...]:
    """The organisations whose data a served product was made of."""
    last = Served.objects.filter(zone=zone, product=product).order_by("number").last()
    return owners_of(last.output) if last is not None else ()


def owners_of(output: Output) -> tuple[str, ...]:
    """The organisations that provide the tables of an output's grant."""
    return owners(sources.of_grant(Grant.objects.get(id=output.grant).body))


def _journal(act: str, zone: str, subject: str, case: str, actor: str, now: datetime) -> None:
    own = actor == "enclave"
    journal.record(
        source="enclave" if own else "airlock",
        act=act,
        actor=actor,
        role="enclave" if own else "provider",
        subject=subject,
        zone=zone,
        now=now,
        case=case,
        ground=GROUND if own else "operation.stop",
    )


COMPUTE: Mapping[str, Any] = {"supply": supply, "refresh": refresh}
