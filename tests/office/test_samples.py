"""Samples in the office: asked for once, shown only when every provider confirmed, for the developers only."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import salted
from gongshu.office.link.models import FeedItem, OutboxEntry
from gongshu.office.workbench import samples, services
from gongshu.office.workbench.models import Sample, SampleAnswer, Task
from gongshu.office.workbench.outputs import NotYet, Unfit
from gongshu.wire.envelope import Verified
from support.people import NOW
from support.scenes import Zone, message, text

pytestmark = [pytest.mark.django_db, pytest.mark.row("K02")]
SALT = b"0123456789abcdef"


@pytest.fixture(autouse=True)
def business_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.office.link import clock

    monkeypatch.setattr(clock, "business_now", lambda: NOW)


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def project(zone: Zone) -> Any:
    return zone.live()


def by(role: str) -> list[Verified]:
    return [Verified(role, "k" * 16, None, None, "")] if role else []


def ask(zone: Zone, project: Any) -> Task:
    page = zone.client(zone.developer).post(f"/workbench/{project.pk}/sample/", follow=True)
    assert page.status_code == 200, text(page)
    return Task.objects.filter(kind="sample").latest("wall_at")


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"card": ["样00000001"], "line": [1], "hour": [8]}), out)
    return out.getvalue()


def body(zone: Zone, task: Task, data: bytes) -> dict[str, Any]:
    file = {
        "name": "t0.parquet",
        "table": "trips",
        "media": "application/vnd.apache.parquet",
        "rows": 1,
        "size": len(data),
        "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
        "columns": {"card": {"type": "VARCHAR", "grade": "L4", "pseudonym": True}},
    }
    return {
        "id": "sm-1",
        "task": task.pk,
        "grant": task.grant_id,
        "digest": salted(dumps({"id": "sm-1", "files": [file]}), SALT),
        "salt": SALT.hex(),
        "files": [file | {"content": base64.b64encode(data).decode()}],
        "record": {"v": 1},
    }


def confirmed(zone: Zone, told: dict[str, Any], answer: str = "confirmed", role: str = "airlock") -> Any:
    said = {
        "id": "sm-1.x",
        "subject": told["id"],
        "task": told["task"],
        "digest": told["digest"],
        "organisation": zone.provider_home.pk,
        "person": zone.checker.pk,
        "answer": answer,
    }
    return samples.answered(message("confirmation", zone.zone, said), by(role))


def arrived(zone: Zone, told: dict[str, Any], role: str = "enclave") -> Sample | None:
    return samples.supplied(message("sample", zone.zone, told, role=role), by(role), NOW)


def supplied(zone: Zone, project: Any) -> Sample:
    task = ask(zone, project)
    services.ended(task.pk, "done", zone.zone, NOW)
    told = body(zone, task, parquet())
    confirmed(zone, told)
    made = arrived(zone, told)
    assert made is not None
    return made


def test_asking_publishes_a_task_and_nothing_twice(zone: Zone, project: Any) -> None:
    assert "还没有申请过样例" in text(zone.client(zone.developer).get(f"/workbench/{project.pk}/"))
    task = ask(zone, project)
    item = FeedItem.objects.filter(kind="task").latest("seq")
    assert item.envelope["body"]["kind"] == "sample" and item.envelope["body"]["grant"] == task.grant_id
    again = zone.client(zone.developer).post(f"/workbench/{project.pk}/sample/")
    assert again.status_code in (403, 409) and "整十秒" in text(again)
    assert Task.objects.filter(kind="sample").count() == 1


def test_only_developers_ask(zone: Zone, project: Any) -> None:
    answer = zone.client(zone.operator).post(f"/workbench/{project.pk}/sample/")
    assert answer.status_code == 403
    assert not Task.objects.filter(kind="sample").exists()


def test_the_desk_says_who_it_waits_for_and_then_shows_it(zone: Zone, project: Any) -> None:
    task = ask(zone, project)
    services.ended(task.pk, "done", zone.zone, NOW)
    client = zone.client(zone.developer)
    assert "等提供单位在闸口确认" in text(client.get(f"/workbench/{project.pk}/"))
    told = body(zone, task, parquet())
    confirmed(zone, told)
    arrived(zone, told)
    page = text(client.get(f"/workbench/{project.pk}/"))
    assert 'id="download-sample"' in page and "gongshu sample sql" in page


def test_nothing_is_kept_before_every_provider_confirmed(zone: Zone, project: Any) -> None:
    task = ask(zone, project)
    told = body(zone, task, parquet())
    with pytest.raises(NotYet):
        arrived(zone, told)
    confirmed(zone, {**told, "digest": "sha256:" + "0" * 64})  # over something else
    with pytest.raises(NotYet):
        arrived(zone, told)
    assert not Sample.objects.exists()


def test_a_sample_not_signed_by_the_enclave_or_an_answer_not_by_the_airlock_counts_nothing(
    zone: Zone, project: Any
) -> None:
    told = body(zone, ask(zone, project), parquet())
    assert confirmed(zone, told, role="enclave") is None
    confirmed(zone, told)
    assert arrived(zone, told, role="gateway") is None
    assert not Sample.objects.exists()


def test_other_bytes_than_confirmed_are_refused(zone: Zone, project: Any) -> None:
    task = ask(zone, project)
    told = body(zone, task, parquet())
    confirmed(zone, told)
    other = body(zone, task, parquet() + b"\0")
    with pytest.raises(Unfit):
        arrived(zone, {**told, "files": other["files"]})
    swapped = [{**told["files"][0], "content": base64.b64encode(b"x").decode()}]
    with pytest.raises(Unfit):
        arrived(zone, {**told, "files": swapped})
    assert not Sample.objects.exists()


def test_a_refusal_is_said_and_another_may_be_asked_for(zone: Zone, project: Any) -> None:
    task = ask(zone, project)
    services.ended(task.pk, "done", zone.zone, NOW)
    confirmed(zone, body(zone, task, parquet()), answer="refused")
    assert SampleAnswer.objects.get().answer == "refused"
    page = text(zone.client(zone.developer).get(f"/workbench/{project.pk}/"))
    assert "提供单位在闸口没有同意" in page and 'id="sample-form"' in page


def test_the_bundle_holds_grant_description_and_the_confirmed_bytes(zone: Zone, project: Any) -> None:
    made = supplied(zone, project)
    answer = zone.client(zone.developer).get(f"/workbench/samples/{made.pk}/bundle.zip")
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer) if answer.streaming else answer.content))
    assert sorted(archive.namelist()) == ["grant.json", "sample.json", "t0.parquet"]
    assert archive.read("t0.parquet") == parquet()
    assert "trips" in json.loads(archive.read("grant.json"))["tables"]
    assert json.loads(archive.read("sample.json"))["digest"] == made.digest
    assert OutboxEntry.objects.filter(fields__act="sample.downloaded").exists()


def test_only_the_projects_developers_download_it(zone: Zone, project: Any) -> None:
    made = supplied(zone, project)
    url = f"/workbench/samples/{made.pk}/bundle.zip"
    for person in (zone.operator, zone.authority, zone.checker):
        assert zone.client(person).get(url).status_code in (403, 404)
    stranger = Zone("gansu")
    assert stranger.client(stranger.developer).get(url).status_code == 404
    from django.test import Client

    assert Client().get(url).status_code == 302


def test_a_sample_comes_once(zone: Zone, project: Any) -> None:
    made = supplied(zone, project)
    task = Task.objects.get(kind="sample")
    assert arrived(zone, body(zone, task, parquet())) == made
    assert Sample.objects.count() == 1


def test_the_tasks_own_pages_speak_of_a_sample(zone: Zone, project: Any) -> None:
    task = ask(zone, project)
    client = zone.client(zone.developer)
    assert "抽样和脱敏" in text(client.get(f"/workbench/tasks/{task.pk}/"))
    services.ended(task.pk, "done", zone.zone, NOW)
    for path in (f"/workbench/tasks/{task.pk}/", f"/why/{task.pk}"):
        answer = client.get(path, follow=True)
        assert answer.status_code == 200
        assert "确认" in text(answer) and "申请出域" not in text(answer), path
    assert client.get("/workbench/tasks/").status_code == 200
