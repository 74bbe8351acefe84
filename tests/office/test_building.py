"""Steps that build: queries and programs of a project, sent as they were written; their results asked out."""

from __future__ import annotations

import html
from typing import Any

import pytest

from gongshu.office.accounts.permissions import Refused
from gongshu.office.scenarios.models import Grant
from gongshu.office.workbench import services, steps
from gongshu.office.workbench.models import Task
from support import people
from support.people import NOW
from support.scenes import Zone, product_of, text

pytestmark = [pytest.mark.django_db, pytest.mark.row("K02")]

SQL = "SELECT pseudonym(card) AS who, count(*) AS trips FROM trips GROUP BY card"
PROGRAM = "import pandas\nif True:\n    pandas.read_parquet(inputs['features']).to_parquet(outputs['scores.parquet'])"
SCORES = {"outputs-0-name": "scores", "outputs-0-kind": "table", "outputs-0-subject": "who"}


@pytest.fixture(autouse=True)
def business_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.office.link import clock

    monkeypatch.setattr(clock, "business_now", lambda: NOW)


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def project(zone: Zone) -> Any:
    """A live grant to build."""
    made = zone.live()
    grant = Grant.objects.get(project=made)
    Grant.objects.filter(pk=grant.pk).update(body=grant.body | {"mode": "build"})
    return made


def query(zone: Zone, project: Any, sql: str = SQL, name: str = "features", **more: Any) -> Any:
    path = f"/workbench/{project.pk}/build/"
    return zone.send(zone.developer, path, "query-form", do="query", name=name, sql=sql, **more)


def program(zone: Zone, project: Any, **more: Any) -> Any:
    path = f"/workbench/{project.pk}/build/"
    given = {"program": PROGRAM, "reads": "features", **SCORES} | more
    return zone.send(zone.developer, path, "program-form", do="program", **given)


def built(zone: Zone, project: Any) -> Task:
    query(zone, project)
    made = Task.objects.get(kind="build")
    services.ended(made.pk, "done", zone.zone, NOW)
    return made


def test_a_query_goes_out_as_it_was_written(zone: Zone, project: Any) -> None:
    query(zone, project, SQL.replace(" FROM", "\r\nFROM"))
    made = Task.objects.get(kind="build")
    assert made.body["language"] == "sql" and made.body["name"] == "features"
    assert made.body["sql"] == SQL.replace(" FROM", "\nFROM")
    assert made.reads == {"trips": ["card"]}


def test_a_program_keeps_its_indentation_and_names_what_it_makes(zone: Zone, project: Any) -> None:
    program(zone, project, program=PROGRAM.replace("\n", "\r\n"))
    body = Task.objects.get(kind="build").body
    assert body["program"] == PROGRAM and body["reads"] == ["features"]
    assert body["outputs"] == [{"name": "scores", "kind": "table", "subject": "who"}]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT card FROM trips", "card"),
        ("SELECT pseudonym('x') AS who FROM trips", ""),
        ("SELECT fare FROM trips", "fare"),
    ],
)
def test_what_the_lens_forbids_is_not_sent(zone: Zone, project: Any, sql: str, word: str) -> None:
    answer = query(zone, project, sql)
    assert answer.status_code >= 400 and "查询没有送出" in text(answer) and word in text(answer)
    assert html.escape(sql) in text(answer)  # 写过的还在
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"program": ""}, "程序"),
        ({"reads": ""}, "读哪些"),
        ({"reads": "Features"}, "小写字母"),
        ({"outputs-0-name": "1x"}, "小写字母"),
        ({"outputs-0-kind": ""}, "种类"),
        ({"outputs-1-name": "m", "outputs-1-kind": "onnx"}, "两步"),
        ({"outputs-1-name": "scores", "outputs-1-kind": "table"}, "重名"),
    ],
)
def test_a_program_that_says_too_little_is_not_sent(
    zone: Zone, project: Any, more: dict[str, str], word: str
) -> None:
    answer = program(zone, project, **more)
    assert answer.status_code >= 400 and word in text(answer)
    assert not Task.objects.exists()


def test_a_grant_to_answer_builds_nothing(zone: Zone) -> None:
    project = zone.live()
    with pytest.raises(Refused, match="只许算汇总"):
        steps.submit_query(project, actor=people.actor(zone.developer), now=NOW, name="x", sql=SQL)
    page = text(zone.client(zone.developer).get(f"/workbench/{project.pk}/build/"))
    assert 'id="query-form"' not in page and "只许算汇总" in page


def test_nobody_but_the_named_developers_builds(zone: Zone, project: Any) -> None:
    with pytest.raises(Refused, match="开发人员"):
        steps.submit_query(project, actor=people.actor(zone.operator), now=NOW, name="x", sql=SQL)
    page = text(zone.client(zone.operator).get(f"/workbench/{project.pk}/build/"))
    assert 'id="query-form"' not in page


def test_a_run_under_a_grant_to_build_is_judged_as_meant_to_leave(zone: Zone, project: Any) -> None:
    answer = zone.send(zone.developer, f"/workbench/{project.pk}/", "run-form", sql=SQL, do="run")
    assert "查询没有送出" in text(answer) and not Task.objects.exists()


def test_steps_and_runs_share_the_tries_of_a_day(zone: Zone, project: Any) -> None:
    grant = Grant.objects.get(project=project)
    Grant.objects.filter(pk=grant.pk).update(body=grant.body | {"runs_per_day": 1})
    query(zone, project)
    assert "次运行已经用完" in text(query(zone, project))
    assert Task.objects.count() == 1


def test_what_a_project_made_is_listed_and_a_query_may_read_it(zone: Zone, project: Any) -> None:
    built(zone, project)
    assert steps.made(project) == {"features": "table"}
    page = text(zone.client(zone.developer).get(f"/workbench/{project.pk}/build/"))
    assert "<code>features</code>" in page
    query(zone, project, "SELECT pseudonym(who) AS who, trips FROM features", "again")
    assert Task.objects.filter(kind="build").count() == 2
    assert steps.made(project) == {"features": "table"}  # 没有做完的不算


def ask(zone: Zone, made: Task, **given: Any) -> Any:
    return zone.send(zone.developer, f"/workbench/tasks/{made.pk}/release/", "release-form", **given)


LOOKUP = {"kind": "lookup", "title": "核验", "table": "features", "subject": "person", "fields": "trips"}


def test_answers_about_single_subjects_are_asked_out_with_fields_and_subject(
    zone: Zone, project: Any
) -> None:
    made = built(zone, project)
    product_of(project, "pd-1")
    answer = ask(zone, made, **LOOKUP, product="pd-1")
    asked = Task.objects.get(kind="release")
    assert asked.body["from_task"] == made.pk and asked.body["product"] == "pd-1", text(answer)
    assert asked.body["output"] == {
        "kind": "lookup", "title": "核验", "table": "features", "subject": "person", "fields": ["trips"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"fields": ""}, "用哪些字段作答"),
        ({"subject": ""}, "回答的主体"),
        ({"subject": "dog"}, "个人还是企业"),
        ({"kind": "table"}, "形式"),
    ],
)
def test_a_request_that_says_too_little_is_not_sent(
    zone: Zone, project: Any, more: dict[str, str], word: str
) -> None:
    answer = ask(zone, built(zone, project), **LOOKUP | more)
    assert answer.status_code >= 400 and word in text(answer)
    assert not Task.objects.filter(kind="release").exists()


def test_a_run_cannot_be_asked_out_as_answers(zone: Zone) -> None:
    project = zone.live()
    sql = "SELECT line, hour, count(DISTINCT card) AS riders FROM trips GROUP BY line, hour"
    zone.send(zone.developer, f"/workbench/{project.pk}/", "run-form", sql=sql, do="run")
    run = Task.objects.get(kind="run")
    services.ended(run.pk, "done", zone.zone, NOW)
    assert "形式" in text(ask(zone, run, **LOOKUP))
    assert not Task.objects.filter(kind="release").exists()
