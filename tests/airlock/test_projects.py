"""运行记录 and 供数版本 as the provider's officer uses them; 出域审核 of answers about single subjects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from gongshu.airlock import seeing
from gongshu.enclave import confirm, release, serve, tasks, votes, waiting
from gongshu.enclave.project import supply
from gongshu.enclave.store.models import (
    Ceiling,
    Confirmation,
    Grant,
    Outgoing,
    Output,
    Served,
    Snapshot,
    Task,
)
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
    source = "import pandas\nprint('first', pandas.read_parquet(inputs['scores']).who[0])\nraise ValueError('row ' + str(3 + 4))"
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
    confirm.answer(
        Ceiling.objects.get(), organisation=BUS, person="p-bus", agreed=True, reason="", now=banded.now
    )
    assert supply.step(datetime.now(UTC)) == 1
    Task.objects.filter(kind="supply").update(
        state="ended", outcome="failed", ended=datetime.now(UTC), detail="磁盘"
    )
    page = text(officer, "/supply/")
    assert "磁盘" in page and "再试一次" in page and "还没有写成版本" in page
    again = {"zone": ZONE, "product": "pd-9", "retry": "1"}
    assert officer.post("/supply/", again).status_code == 302
    assert officer.post("/supply/", again).status_code == 409  # it waits already
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


LIST = (
    "import pandas\nprint(pandas.read_parquet(inputs['NAME']).who[0])\nraise ValueError('row ' + str(3 + 4))"
)


def test_one_provider_sees_nothing_that_came_of_anothers_rows(
    domain: Domain, enter: Enter, tmp_path: Path
) -> None:
    """A grant names tables of two providers, and the first of them develops: its officer reads what was
    made of its own rows, not what a program prints of the other's, and no output, blocked or not."""
    for resource, table, provider in (("res-f", "firms", BUS), ("res-g", "others", AUTHORITY)):
        path = firms.firms(tmp_path / f"{table}.csv", many=60)
        assert domain.hand_in(path, resource, table, firms.graded, provider).state == "confirmed"
    body = domain.grant("res-f", "firms", mode="build", developing_org=BUS, reviewing_orgs=[AUTHORITY])
    body["tables"] |= domain.grant("res-g", "others")["tables"]
    domain.feed("grant", body)
    for person, organisation in (("p-bus", BUS), ("p-auth2", AUTHORITY)):
        confirm.answer(
            Grant.objects.get(),
            organisation=organisation,
            person=person,
            agreed=True,
            reason="",
            now=domain.now,
        )
    for name, table in (("own", "firms"), ("theirs", "others")):
        sql = firms.FEATURES.replace("FROM firms", f"FROM {table}")
        assert firms.features(domain, f"b-{name}", sql, name).outcome == "done"
        source = LIST.replace("NAME", name)
        firms.program(domain, f"p-{name}", source, [name], {"name": f"x_{name}", "kind": "table"})
    bus, other = enter("p-bus"), enter("p-auth2")
    assert "psn-" in text(bus, "/runs/p-own/") and "row 7" in text(other, "/runs/p-theirs/")
    hidden = text(bus, "/runs/p-theirs/")
    assert "psn-" not in hidden and "row 7" not in hidden and seeing.OTHERS in hidden
    wanted = {"kind": "dataset", "title": "明细", "table": "theirs"}
    asked = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "b-theirs", "output": wanted}
    domain.feed("task", asked)
    firms.work()
    output = Output.objects.get(spec__kind="dataset")
    assert output.state == "blocked"
    assert bus.get(f"/reviews/{output.id}/").status_code == 404 and output.id not in text(bus, "/reviews/")
    assert output.id in text(other, "/reviews/") and "检验发现" in text(other, f"/reviews/{output.id}/")


def test_the_provider_agrees_to_a_deletion_the_office_ordered(banded: Domain, enter: Enter) -> None:
    officer = enter("p-bus")
    snapshot = Snapshot.objects.get()
    assert "没有等贵单位同意删除的数据" in text(officer, "/deletions/")
    assert officer.post("/deletions/", {"snapshot": snapshot.id}).status_code == 409
    banded.feed("delete", {"id": "d-1", "snapshot": snapshot.id})
    page = text(officer, "/deletions/")
    assert snapshot.id in page and "项目的表和模型 1 件" in page
    assert snapshot.id not in text(enter("p-auth2"), "/deletions/")
    assert enter("p-auth").get("/deletions/").status_code == 403
    assert officer.post("/deletions/", {"snapshot": snapshot.id}).status_code == 302
    snapshot.refresh_from_db()
    assert snapshot.deleted is not None and "已经删除的" in text(officer, "/deletions/")
