"""样例: ask for one, note what its providers said, keep it, and hand it to the project's developers only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import salted
from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import deposits
from gongshu.office.link import evidence, zips
from gongshu.office.scenarios import grants
from gongshu.office.scenarios import queries as scenarios
from gongshu.office.scenarios.models import Grant, Project
from gongshu.office.workbench import permissions, services
from gongshu.office.workbench.models import Sample, SampleAnswer, Task
from gongshu.office.workbench.outputs import NotYet, Unfit, kept_file, signed_by
from gongshu.wire.envelope import Envelope, Verified
from gongshu.wire.times import instant

BUNDLE_VERSION = 1


class Standing(NamedTuple):
    """Where the sample of a grant stands, as the desk shows it; `can_ask`: a new one may be asked for."""

    task: Task | None
    sample: Sample | None
    tone: str
    label: str
    sentence: str
    can_ask: bool


@transaction.atomic
def request(project: Project, *, actor: Actor, now: datetime) -> Task:
    """Ask the data domain for a sample of all tables of the live grant. Raises `Refused`."""
    Project.objects.select_for_update().get(pk=project.pk)
    grant = permissions.check_work(actor, project, local_day(now))
    found = standing(grant)
    if not found.can_ask:
        raise Refused(found.sentence, "state", basis(project.zone_id, permissions.GROUND, local_day(now)))
    return services.publish(project, grant, "sample", "样例", {}, actor, now)


def standing(grant: Grant | None) -> Standing:
    """The newest sample task of a grant and what became of it."""
    if grant is None:
        return Standing(None, None, "waiting", "没有授权", "授权生效以后可以申请样例。", False)
    task = Task.objects.filter(grant=grant, kind="sample").order_by("-wall_at").first()
    sample = Sample.objects.filter(grant=grant).order_by("-at").first()
    if task is None:
        return Standing(None, None, "noted", "没有样例", "还没有申请过样例。", True)
    if sample is not None and (task.code or sample.task_id == task.pk):
        more = "入库了新的数据以后，可以再申请一份。"
        return Standing(task, sample, "supplied", "已提供", more, True)
    if not task.code:
        return Standing(task, sample, "waiting", "生成中", "数据域正在抽样和脱敏；结果在整十秒告知。", False)
    if task.code != "done":
        more = "数据域没有生成样例：主体太少，或者检查没有通过；原因在闸口。"
        return Standing(task, sample, "failed", "没有生成", more, True)
    if SampleAnswer.objects.filter(task=task, answer="refused").exists():
        more = "提供单位在闸口没有同意提供这份样例；请与提供单位商量。"
        return Standing(task, sample, "refused", "提供单位不同意", more, True)
    return Standing(task, sample, "awaiting", "待提供单位确认", "样例已经生成，等提供单位在闸口确认。", False)


@transaction.atomic
def answered(made: Envelope, verified: Sequence[Verified]) -> SampleAnswer | None:
    """A provider confirmed or refused a sample at the airlock; None when it is about something else."""
    body = made.body
    task = Task.objects.filter(pk=str(body.get("task") or ""), kind="sample", zone_id=made.zone).first()
    if task is None or not signed_by(verified, "airlock"):
        return None
    row, _ = SampleAnswer.objects.get_or_create(
        sample=body["subject"],
        organisation=body["organisation"],
        defaults={
            "zone_id": made.zone,
            "task": task,
            "digest": body["digest"],
            "answer": body["answer"],
            "at": instant(made.issued, "issued"),
        },
    )
    return row


@transaction.atomic
def supplied(made: Envelope, verified: Sequence[Verified], now: datetime) -> Sample | None:
    """The sample itself: its bytes deposited under their digests, the signed message beside them.

    Raises `NotYet` before every provider's confirmation has come, `Unfit` when the bytes are not the
    confirmed ones. Twice is harmless.
    """
    body = made.body
    if not signed_by(verified, "enclave"):
        return None
    known = Sample.objects.filter(pk=body["id"]).first()
    if known is not None:
        return known
    task = (
        Task.objects.select_related("project", "grant")
        .filter(pk=body["task"], kind="sample", zone_id=made.zone, grant_id=body["grant"])
        .first()
    )
    if task is None:
        raise Unfit("这份样例不是办公域申请的。")
    _check_confirmed(body, task.grant)
    files = [_told(each) | kept_file(each) for each in body["files"]]
    row = Sample.objects.create(
        id=body["id"],
        zone_id=made.zone,
        task=task,
        project=task.project,
        grant=task.grant,
        digest=body["digest"],
        files=files,
        record=body["record"],
        envelope=deposits.put_bytes(made.dumps()),
        at=instant(made.issued, "issued"),
    )
    evidence.record(
        act="sample.received",
        actor="enclave",
        role="enclave",
        subject=row.pk,
        zone=made.zone,
        now=now,
        articles=basis(made.zone, permissions.GROUND),
        digests={"sample": row.digest, "message": row.envelope},
    )
    return row


def _check_confirmed(body: Mapping[str, Any], grant: Grant) -> None:
    told = [{key: value for key, value in each.items() if key != "content"} for each in body["files"]]
    try:
        computed = salted(dumps({"id": body["id"], "files": told}), bytes.fromhex(body["salt"]))
    except ValueError as error:
        raise Unfit("样例的盐读不出来。") from error
    if computed != body["digest"]:
        raise Unfit("样例的文件与提供单位确认的摘要不符。")
    given = {
        row.organisation: row
        for row in SampleAnswer.objects.filter(sample=body["id"], digest=body["digest"], answer="confirmed")
    }
    if not set(grant.owners) <= set(given):
        raise NotYet("提供单位的确认还没有都到。")


def _told(file: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("table", "rows", "columns")
    if any(key not in file for key in kept):
        raise Unfit("样例的说明不全。")
    return {key: file[key] for key in kept}


def visible(actor: Actor) -> Any:
    """Samples of the projects the actor takes part in, the newest first; only developers may download."""
    return Sample.objects.for_actor(actor).select_related("project", "grant").order_by("-at", "pk")


def check_download(actor: Actor, sample: Sample) -> None:
    """Raises `Refused` unless the actor is a developer the project's present grant names."""
    check(actor, "workbench.run", sample.zone_id)
    grant = scenarios.grant_of(sample.project)
    if not permissions.develops(actor, sample.grant) or not permissions.develops(actor, grant):
        raise Refused(
            "样例只给授权写明的开发人员使用。",
            "forbidden",
            basis(sample.zone_id, permissions.GROUND),
            {"sample": sample.pk},
        )


@transaction.atomic
def bundle(sample: Sample, *, actor: Actor, now: datetime) -> bytes:
    """The zip `gongshu sample open` reads: grant, description, a Parquet a table. Raises `Refused`."""
    check_download(actor, sample)
    described = {
        "v": BUNDLE_VERSION,
        "id": sample.pk,
        "zone": sample.zone_id,
        "project": sample.project_id,
        "title": sample.project.name,
        "digest": sample.digest,
        "files": [
            {key: each[key] for key in ("name", "table", "rows", "digest", "columns")}
            for each in sample.files
        ],
    }
    data = zips.packed(
        [
            ("grant.json", _json(grants.lens_grant(sample.grant))),
            ("sample.json", _json(described)),
            *((each["name"], deposits.read(each["digest"])) for each in sample.files),
        ]
    )
    evidence.record(
        act="sample.downloaded",
        actor=actor.person,
        role="developer",
        subject=sample.pk,
        zone=sample.zone_id,
        now=now,
        articles=basis(sample.zone_id, permissions.GROUND),
        digests={"sample": sample.digest},
    )
    return data


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode()
