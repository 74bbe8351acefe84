"""运行记录 and 供数版本 as the provider's officer uses them; 出域审核 of answers about single subjects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from gongshu.enclave import release, serve, tasks, votes, waiting
from gongshu.enclave.project import supply
from gongshu.enclave.store.models import Ceiling, Confirmation, Outgoing, Output, Served, Task
from support import firms
from support.domainworld import AUTHORITY, BUS, ZONE, Domain

Enter = Callable[[str], Client]
BANDS = "SELECT pseudonym(code) AS who, CASE WHEN overdue = 0 AND staff > 50 THEN '甲等' ELSE '乙等' END AS band FROM firms"
LOOKUP = {"kind": "lookup", "title": "企业信用等级", "table": "scores", "subject": "firm", "fields": ["band"]}


@pytest.fixture
def banded(domain: Domain, tmp_path: Path) -> Domain:
    made = firms.granted(domain, firms.firms(tmp_path / "firms.csv", many=600))
    task = firms.features(made, "b-3", BANDS, "scores")
    assert task.outcome == "done", task.detail
    return made


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_a_programs_output_is_read_by_the_provider_and_by_nobody_else(banded: Domain, enter: Enter) -> None:
    source = "import pandas\nprint('first', pandas.read_parquet(inputs['scores']).who[0])\nraise ValueError('row 7')"
    firms.program(banded, "b-4", source, ["scores"], {"name": "x", "kind": "table"})
    officer, reviewer, developer = enter("p-bus"), enter("p-auth"), enter("p-dev")
    assert "运行失败" in text(officer, "/runs/")
    page = text(officer, "/runs/b-4/")
    assert "first psn-" in page and "row 7" in page and "Traceback" in page
    for other in (reviewer, developer):
        assert other.get("/runs/b-4/").status_code in (403, 404)
        assert "psn-" not in other.get("/runs/").content.decode()
    assert "row 7" not in str(list(Outgoing.objects.values_list("envelope", flat=True)))


def test_a_waiting_task_says_why(banded: Domain, enter: Enter) -> None:
    for name in ("w-1", "w-2"):
        banded.feed("task", {"id": name, "kind": "build", "grant": "g-1", "name": "again", "sql": BANDS})
    one, two = Task.objects.get(id="w-1"), Task.objects.get(id="w-2")
    Task.objects.filter(id="w-2").update(received=datetime.now(UTC))
    two.refresh_from_db()
    assert [waiting.reason(each, False)[0] for each in (one, two)] == ["next", "queued"]
    assert waiting.reason(one, True)[0] == "held"
    started = tasks.begin(datetime.now(UTC))
    assert started is not None and waiting.reason(two, False)[0] == "computing"
    assert waiting.reason(started, False) == ("", "")
    assert waiting.REASONS["computing"] in text(enter("p-bus"), "/runs/")


def test_reviewers_see_classes_and_the_provider_goes_back_by_one_act(banded: Domain, enter: Enter) -> None:
    banded.feed(
        "task",
        {
            "id": "t-r",
            "kind": "release",
            "grant": "g-1",
            "from_task": "b-3",
            "output": LOOKUP,
            "product": "pd-9",
        },
    )
    firms.work()
    output = Output.objects.get(spec__kind="lookup")
    assert output.state == "reviewing", (Task.objects.get(id="t-r").detail, output.findings)
    page = text(enter("p-auth"), f"/reviews/{output.id}/")
    assert "甲等" in page and "乙等" in page and "600 个主体" in page
    assert "psn-" not in page and "QY0000" not in page
    for person, organisation in (("p-auth", AUTHORITY), ("p-bus2", BUS)):
        votes.cast(output, person=person, organisation=organisation, agreed=True, reason="", now=banded.now)
    assert release.step(banded.now) == 1
    body = {
        "id": "c-9",
        "product": "pd-9",
        "grant": "g-1",
        "buyers": [],
        "purposes": ["普惠金融"],
        "fields": ["band"],
    }
    banded.feed("ceiling", {**body, "calls_per_day": 9, "subjects_per_day": 9, "consent": "none"})
    officer = enter("p-bus")
    assert (
        Ceiling.objects.get().state == "awaiting" and not Confirmation.objects.filter(subject="c-9").exists()
    )
    from gongshu.enclave import confirm

    confirm.answer(
        Ceiling.objects.get(), organisation=BUS, person="p-bus", agreed=True, reason="", now=banded.now
    )
    assert supply.step(datetime.now(UTC)) == 1
    firms.work()
    version = Served.objects.get(product="pd-9").version
    assert version in text(officer, "/supply/") and "正在回答" in text(officer, "/supply/")
    said = {"zone": ZONE, "product": "pd-9", "version": "none"}
    assert officer.post("/supply/", said).status_code == 302
    assert serve.chosen(ZONE) == {"pd-9": ""}
    assert "不回答" in text(officer, "/supply/")
    assert officer.post("/supply/", {**said, "version": version}).status_code == 302
    assert serve.chosen(ZONE) == {"pd-9": version}
    assert officer.post("/supply/", {**said, "version": "v9"}).status_code == 409
    assert enter("p-auth").post("/supply/", {**said, "version": "newest"}).status_code == 403
