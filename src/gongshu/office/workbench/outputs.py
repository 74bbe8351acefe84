"""What the data domain tells of an output: verdict, votes awaited or cast, release; noted in its case."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts import actors
from gongshu.office.cases import deposits
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case, Material
from gongshu.office.link import clock
from gongshu.office.scenarios.models import Grant
from gongshu.office.workbench.models import Output, Release, Review, Task
from gongshu.wire.envelope import Envelope, Verified
from gongshu.wire.times import instant

LEAST_VOTES = 2


class NotYet(Exception):
    """The message waits for an earlier one; it is handed over again at the next pass."""


class Unfit(Exception):
    """The message contradicts what the office sent. `args[0]`: one Chinese sentence."""


def signed_by(verified: Sequence[Verified], role: str) -> bool:
    return any(one.role == role for one in verified)


def _note(case: Case, act: str, facts: Mapping[str, Any]) -> None:
    now = clock.business_now()
    cases.perform(case, act, actors.enclave(case.zone_id), {**facts, "signature_verified": True}, now)


@transaction.atomic
def judged(made: Envelope, verified: Sequence[Verified]) -> Output | None:
    """The verdict of an attack: kept with the ids of its checks, noted in the case."""
    body = made.body
    task = Task.objects.select_for_update(of=("self",)).filter(pk=body["task"], zone_id=made.zone).first()
    if task is None or task.case is None or not signed_by(verified, "enclave"):
        return None
    output, new = Output.objects.get_or_create(
        task=task,
        defaults={
            "id": body["output"],
            "zone_id": made.zone,
            "verdict": body["verdict"],
            "checks": sorted(set(body["checks"])),
            "at": instant(made.issued, "issued"),
        },
    )
    if new and task.case.state == "requested":
        facts: dict[str, Any] = {"verdict": output.verdict, "output": output.pk}
        if output.checks:
            facts["checks"] = output.checks
        _note(task.case, "note_verdict", facts)
        _replay(output)
    return output


@transaction.atomic
def reviewed(made: Envelope, verified: Sequence[Verified]) -> Review | None:
    """A vote awaited or cast, or (organisation `all`) that the reviewers did not agree."""
    if not signed_by(verified, "airlock"):
        return None
    body = made.body
    row, _ = Review.objects.get_or_create(
        message=made.id,
        defaults={
            "zone_id": made.zone,
            "output": body["output"],
            "organisation": body["organisation"],
            "state": body["state"],
            "result": str(body.get("result") or "")[:20],
            "at": instant(made.issued, "issued"),
        },
    )
    output = Output.objects.select_related("task__case").filter(pk=body["output"]).first()
    if output is not None:
        _replay(output)
    return row


def _replay(output: Output) -> None:
    """Note the reviews that have come for an output and are not in its case yet, the oldest first."""
    case = output.task.case
    assert case is not None
    for row in Review.objects.select_for_update().filter(output=output.pk, noted=False).order_by("at", "pk"):
        if case.state != "awaiting":
            case.refresh_from_db()
        if case.state != "awaiting":
            return
        if row.result == "refused":
            _note(case, "note_rejected", {})
        elif row.state == "cast" and row.organisation != "all":
            _note(case, "note_vote", {"output": output.pk})
        row.noted = True
        row.save(update_fields=["noted"])


@transaction.atomic
def released(made: Envelope, verified: Sequence[Verified], now: datetime) -> Release | None:
    """What left: its bytes are deposited under their digests, the signed envelope beside them.

    Raises `NotYet` before its verdict has come, `Unfit` when bytes, votes or grant are not what was asked.
    """
    body = made.body
    if not signed_by(verified, "enclave"):
        return None
    known = Release.objects.filter(pk=body["id"]).first()
    if known is not None:
        return known
    output = Output.objects.select_related("task__case", "task__grant", "task__project")
    found = output.filter(pk=body["output"], zone_id=made.zone).first()
    if found is None:
        raise NotYet("这份成果的检查结论还没有到。")
    task = found.task
    assert task.case is not None
    _replay(found)
    files = [kept_file(each) for each in body.get("files") or ()]
    if not any(each["digest"] == body["digest"] for each in files):
        raise Unfit("出域消息里没有所说摘要的文件。")
    row = Release.objects.create(
        id=body["id"],
        zone_id=made.zone,
        task=task,
        project=task.project,
        product=str(body.get("product") or "")[:60],
        title=str(body["record"].get("title") or task.title)[:200],
        kind=str(body["record"].get("kind") or task.body["output"]["kind"])[:20],
        digest=body["digest"],
        record=body["record"],
        votes=body["votes"],
        sources=body["sources"],
        files=files,
        envelope=deposits.put_bytes(made.dumps()),
        day=local_day(clock.business_now()),
        at=instant(made.issued, "issued"),
    )
    _materials(row, task.case, now)
    facts = {
        "file_digest": row.digest,
        "votes": [{key: each[key] for key in ("organisation", "answer")} for each in row.votes],
        "sources": [each.get("snapshot") for each in row.sources],
        "disclosure": row.envelope,
        "votes_verified": votes_hold(row.votes, task.grant),
    }
    task.case.refresh_from_db()
    _note(task.case, "note_release", facts)
    return row


def votes_hold(votes: Sequence[Mapping[str, Any]], grant: Grant) -> bool:
    """Two people or more of the reviewing organisations, each of these heard, nobody of the developers."""
    people = {str(each.get("person")) for each in votes}
    voices = {str(each.get("organisation")) for each in votes}
    wanted = set(grant.body["reviewing_orgs"])
    return (
        len(people) >= LEAST_VOTES
        and voices == wanted
        and grant.body["developing_org"] not in voices
        and not people & set(grant.body["developers"])
        and all(each.get("answer") == "confirmed" for each in votes)
    )


def kept_file(file: Mapping[str, Any]) -> dict[str, Any]:
    """One file of the message, its bytes checked and deposited."""
    try:
        data = base64.b64decode(str(file.get("content") or ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit("消息里的文件读不出来。") from error
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    if digest != file.get("digest"):
        raise Unfit("消息里的文件与所说的摘要不符。")
    deposits.put_bytes(data)
    name = str(file.get("name") or "output").replace("/", "_")[:200]
    return {"name": name, "media": str(file.get("media") or ""), "size": len(data), "digest": digest}


def _materials(row: Release, case: Case, now: datetime) -> None:
    """The released files are papers of the case."""
    for file in row.files:
        Material.objects.create(
            zone_id=row.zone_id,
            case=case,
            act="note_release",
            field="release",
            digest=file["digest"],
            name=file["name"],
            media_type=file["media"][:100] or "application/octet-stream",
            size=file["size"],
            uploaded_by="enclave",
            at=clock.business_now(),
            wall_at=now,
        )
