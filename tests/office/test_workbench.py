"""The workbench: lens while typing, runs, outcome codes, requests for release, blind review, what left."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from datetime import date
from typing import Any

import pytest

from gongshu.office.accounts.permissions import Refused
from gongshu.office.link.models import FeedItem, OutboxEntry
from gongshu.office.scenarios import grants
from gongshu.office.workbench import outputs, queries, services, words
from gongshu.office.workbench.models import Output, Release, Task
from gongshu.wire.envelope import Verified
from gongshu.wire.kinds import OUTCOMES
from support import people
from support.people import NOW
from support.scenes import Zone, message, product_of, text

pytestmark = pytest.mark.django_db

GOOD = "SELECT line, hour, count(DISTINCT card) AS riders FROM trips GROUP BY line, hour"
ROWS = "SELECT card, line FROM trips"
DATA = b"line,hour,riders\r\n1,8,120\r\n"


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


def run(zone: Zone, project: Any, sql: str = GOOD, **more: Any) -> Any:
    return zone.send(zone.developer, f"/workbench/{project.pk}/", "run-form", sql=sql, do="run", **more)


def done(zone: Zone, project: Any) -> Task:
    run(zone, project, title="客流")
    made = Task.objects.filter(kind="run").latest("wall_at")
    services.ended(made.pk, "done", zone.zone, NOW)
    made.refresh_from_db()
    return made


def asked(zone: Zone, project: Any, **more: Any) -> Task:
    first = done(zone, project)
    given = {"kind": "index", "title": "公交客流指数"} | more
    answer = zone.send(zone.developer, f"/workbench/tasks/{first.pk}/release/", "release-form", **given)
    assert answer.status_code == 200, text(answer)
    return Task.objects.get(kind="release", from_task=first)


def verdict(
    zone: Zone, task: Task, said: str = "pass", checks: tuple[str, ...] = (), role: str = "enclave"
) -> Any:
    body = {"task": task.pk, "output": "o-random", "verdict": said, "checks": list(checks)}
    return outputs.judged(message("verdict", zone.zone, body, role=role), by(role))


def review(zone: Zone, organisation: str, state: str, seq: int, **more: str) -> Any:
    body = {"output": "o-random", "organisation": organisation, "state": state} | more
    return outputs.reviewed(message("review", zone.zone, body, seq=seq), by("airlock"))


def both_cast(zone: Zone) -> None:
    for number, each in enumerate((zone.authority_home.pk, zone.provider_home.pk)):
        review(zone, each, "awaited", 10 + number)
    for number, each in enumerate((zone.authority_home.pk, zone.provider_home.pk)):
        review(zone, each, "cast", 20 + number)


def left(zone: Zone, task: Task, data: bytes = DATA, **more: Any) -> Any:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    votes = [
        {"person": zone.authority.pk, "organisation": zone.authority_home.pk, "answer": "confirmed", "envelope": digest},
        {"person": zone.checker.pk, "organisation": zone.provider_home.pk, "answer": "confirmed", "envelope": digest},
    ]  # fmt: skip
    file = {"name": "rel-1.csv", "media": "text/csv; charset=utf-8", "size": len(data), "digest": digest}
    record = {
        "v": 1, "title": "公交客流指数", "kind": "index", "verdict": "pass", "purpose": "编制指数",
        "checks": ["threshold", "differencing"], "findings": [{"check": "differencing", "severity": "review"}],
        "thresholds": {"threshold": 10, "nk": [2, "0.90"]}, "versions": {"duckdb": "1.0"}, "earlier_releases": 0,
        "mark": "test", "business_date": "2026-03-02",
    }  # fmt: skip
    body = {
        "id": "rel-1", "output": "o-random", "task": task.from_task_id, "grant": task.grant_id,
        "product": task.body.get("product", ""), "digest": digest, "votes": votes,
        "sources": [{"snapshot": "s-1", "resource": "r-bus", "manifest": digest}], "record": record,
        "files": [file | {"content": base64.b64encode(data).decode()}],
    } | more  # fmt: skip
    return outputs.released(message("release", zone.zone, body, role="enclave"), by("enclave"), NOW)


# ------------------------------------------------------------ editor and lens


def test_the_page_shows_names_types_and_grades(zone: Zone, project: Any) -> None:
    page = text(zone.client(zone.developer).get(f"/workbench/{project.pk}/"))
    for name in ("trips", "card", "line", "hour"):
        assert f"<code>{name}</code>" in page
    assert "<code>fare</code>" not in page  # 没有申请的字段不在授权里
    assert 'id="run-form"' in page


def test_the_lens_speaks_while_one_types(zone: Zone, project: Any) -> None:
    client = zone.client(zone.developer)
    good = text(client.post(f"/workbench/{project.pk}/lens/", {"sql": GOOD}))
    assert 'id="lens-allowed"' in good
    assert "trips.card" in good
    assert "COUNT(DISTINCT" in good.upper()
    bad = text(client.post(f"/workbench/{project.pk}/lens/", {"sql": ROWS}))
    assert 'data-code="identifier"' in bad
    assert "依据：《" in bad
    assert "先写" in text(client.post(f"/workbench/{project.pk}/lens/", {"sql": " "})) or "写下查询" in text(
        client.post(f"/workbench/{project.pk}/lens/", {"sql": " "})
    )


def test_an_ungranted_and_a_missing_column_give_the_same_answer(zone: Zone, project: Any) -> None:
    client = zone.client(zone.developer)
    said = [
        text(client.post(f"/workbench/{project.pk}/lens/", {"sql": f"SELECT avg({name}) FROM trips"}))
        for name in ("fare", "none")
    ]
    assert said[0].replace("fare", "none") == said[1]


def test_the_check_works_without_scripts_and_loses_nothing(zone: Zone, project: Any) -> None:
    answer = zone.send(
        zone.developer, f"/workbench/{project.pk}/", "run-form", sql=ROWS, do="check", title="甲"
    )
    assert answer.status_code == 200
    assert 'id="lens-refused"' in text(answer)
    assert ROWS in text(answer)
    assert 'value="甲"' in text(answer)


@pytest.mark.row("I17", "K13")
def test_only_the_named_developers_write_queries(zone: Zone, project: Any) -> None:
    assert 'id="run-form"' not in text(zone.client(zone.operator).get(f"/workbench/{project.pk}/"))
    denied = zone.client(zone.operator).post(f"/workbench/{project.pk}/", {"do": "run", "sql": GOOD})
    assert denied.status_code == 403
    assert zone.client(zone.operator).post(f"/workbench/{project.pk}/lens/", {"sql": GOOD}).status_code == 403
    other = people.person(people.organisation("别家公司"), "developer", zone="huangshi")
    assert zone.client(other).get(f"/workbench/{project.pk}/").status_code == 404


# ------------------------------------------------------------ runs


def test_a_run_is_published_as_the_data_domain_expects_it(zone: Zone, project: Any) -> None:
    answer = run(zone, project, title="客流")
    made = Task.objects.get()
    assert FeedItem.objects.get(kind="task").envelope["body"] == {
        "id": made.pk,
        "kind": "run",
        "grant": project.grants.get().pk,
        "sql": GOOD,
        "output": {"kind": "table", "title": "客流"},
        "business_date": "2026-03-02",
    }
    assert "整十秒" in text(answer)
    assert made.reads == {"trips": ["card", "hour", "line"]}
    assert OutboxEntry.objects.filter(fields__act="task.run", fields__subject=made.pk).exists()


def test_raw_rows_are_refused_before_they_are_sent(zone: Zone, project: Any) -> None:
    answer = run(zone, project, ROWS)
    assert answer.status_code == 403
    assert "查询没有送出" in text(answer)
    assert ROWS in text(answer)
    assert not FeedItem.objects.filter(kind="task").exists()


@pytest.mark.parametrize("state", ["awaiting", "refused", "stopped"])
def test_without_a_live_grant_nothing_runs(zone: Zone, project: Any, state: str) -> None:
    project.grants.update(state=state)
    answer = run(zone, project)
    assert answer.status_code == 403
    assert not Task.objects.exists()


def test_a_name_too_long_is_refused_and_kept(zone: Zone, project: Any) -> None:
    answer = run(zone, project, title="客" * 121)
    assert answer.status_code >= 400
    assert "名称不能超过 120 个字，现在有 121 个" in text(answer)
    assert "客" * 121 in text(answer)
    assert not Task.objects.exists()
    run(zone, project, title="客" * 120)
    assert Task.objects.get().title == "客" * 120


def test_the_days_runs_are_counted(zone: Zone, project: Any) -> None:
    grant = project.grants.get()
    grant.body["runs_per_day"] = 1
    grant.save()
    run(zone, project)
    answer = run(zone, project)
    assert "已经用完" in text(answer)
    assert Task.objects.count() == 1


def test_every_outcome_of_the_wire_has_words() -> None:
    assert set(words.OUTCOMES) == set(OUTCOMES)


def test_every_check_of_the_attack_has_words_and_an_article() -> None:
    from gongshu.enclave.attack.model import CHECKS

    assert set(words.CHECKS) == set(CHECKS)
    for zone in ("gansu", "hubei", "huangshi", "chizhou", "anhui"):
        for each in CHECKS:
            assert queries.finding(zone, each, date(2026, 3, 2)).articles, (zone, each)


@pytest.mark.parametrize("code", sorted(set(OUTCOMES) - {"done"}))
def test_an_outcome_is_told_in_words(zone: Zone, project: Any, code: str) -> None:
    run(zone, project)
    made = Task.objects.get()
    assert "等待" in text(zone.client(zone.developer).get(f"/workbench/tasks/{made.pk}/"))
    services.ended(made.pk, code, "huangshi", NOW)
    services.ended(made.pk, "done", "huangshi", NOW)  # 先到的算数
    made.refresh_from_db()
    assert made.code == code
    page = text(zone.client(zone.developer).get(f"/workbench/tasks/{made.pk}/"))
    assert words.OUTCOMES[code].sentence in page
    assert "申请出域</a>" not in page
    screen = zone.client(zone.developer).get(f"/why/{made.pk}?format=json").json()
    assert words.OUTCOMES[code].sentence in screen["sentence"]


def test_another_zones_enclave_ends_nothing(zone: Zone, project: Any) -> None:
    run(zone, project)
    assert services.ended(Task.objects.get().pk, "done", "gansu", NOW) is None
    assert Task.objects.get().code == ""


# ------------------------------------------------------------ release


def test_a_release_is_asked_for_in_a_case(zone: Zone, project: Any) -> None:
    product_of(project)
    made = asked(zone, project, product="pr-1")
    body = FeedItem.objects.filter(kind="task").latest("seq").envelope["body"]
    assert body["from_task"] == made.from_task_id
    assert body["output"] == {"kind": "index", "title": "公交客流指数"}
    assert body["product"] == "pr-1"
    assert made.case is not None
    assert made.case.state == "requested"


def test_an_unfinished_run_and_a_second_request_are_refused(zone: Zone, project: Any) -> None:
    run(zone, project)
    first = Task.objects.get()
    actor = people.actor(zone.developer)
    given = {"actor": actor, "now": NOW, "kind": "table", "title": "甲"}
    with pytest.raises(Refused, match="已完成"):
        services.request_release(first, **given)
    services.ended(first.pk, "done", "huangshi", NOW)
    services.request_release(first, **given)
    with pytest.raises(Refused, match="已经申请过"):
        services.request_release(first, **given)


@pytest.mark.parametrize(("field", "value"), [("kind", ""), ("kind", "pickle"), ("title", " ")])
def test_bad_input_asks_for_nothing(zone: Zone, project: Any, field: str, value: str) -> None:
    first = done(zone, project)
    given = {"kind": "table", "title": "甲"} | {field: value}
    answer = zone.send(zone.developer, f"/workbench/tasks/{first.pk}/release/", "release-form", **given)
    assert answer.status_code == 400
    assert Task.objects.filter(kind="release").count() == 0


@pytest.mark.parametrize("code", ["failed", "too_large", "limit", "refused_grant"])
def test_a_request_that_was_not_tested_says_so_and_may_be_made_again(
    zone: Zone, project: Any, code: str
) -> None:
    task = asked(zone, project)
    services.ended(task.pk, code, zone.zone, NOW)
    task.case.refresh_from_db()
    assert task.case.state == "failed"
    page = text(zone.client(zone.developer).get(f"/cases/{task.case.pk}/"))
    assert queries.outcome(Task.objects.get(pk=task.pk)).next in page and 'id="ask-again"' in page
    given = {"kind": "index", "title": "公交客流指数"}
    zone.send(zone.developer, f"/workbench/tasks/{task.from_task_id}/release/", "release-form", **given)
    again = Task.objects.exclude(pk=task.pk).get(kind="release", from_task=task.from_task)
    assert again.case.state == "requested"
    task.case.refresh_from_db()
    assert task.case.state == "withdrawn"
    verdict(zone, again)
    again.case.refresh_from_db()
    assert again.case.state == "awaiting"


def test_a_request_that_was_tested_counts_as_a_try(zone: Zone, project: Any) -> None:
    task = asked(zone, project)
    before = services.used_today(project)
    services.ended(task.pk, "failed", zone.zone, NOW)
    assert services.used_today(project) == before + 1


def test_a_block_says_which_checks_and_how_to_repair_but_no_place(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    verdict(zone, made, "block", ("threshold", "differencing"))
    made.case.refresh_from_db()
    assert made.case.state == "blocked"
    page = text(zone.client(zone.developer).get(f"/workbench/tasks/{made.pk}/"))
    assert words.CHECKS["threshold"].repair in page
    assert words.CHECKS["differencing"].meaning in page
    assert "依据：《" in page
    assert Output.objects.get().checks == ["differencing", "threshold"]


def test_a_verdict_not_signed_by_the_enclave_counts_for_nothing(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    assert verdict(zone, made, role="gateway") is None
    made.case.refresh_from_db()
    assert made.case.state == "requested"


def test_reviews_may_come_before_the_verdict(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    both_cast(zone)
    verdict(zone, made)
    made.case.refresh_from_db()
    assert made.case.state == "awaiting"
    assert [each.act for each in made.case.events.order_by("seq")][-3:] == [
        "note_verdict",
        "note_vote",
        "note_vote",
    ]
    page = text(zone.client(zone.developer).get(f"/workbench/tasks/{made.pk}/"))
    assert page.count("已投票") == 2


def test_a_message_twice_is_noted_once(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    for _ in range(2):
        verdict(zone, made)
    both_cast(zone)
    events = made.case.events.count()
    left(zone, made)
    left(zone, made)
    assert made.case.events.count() == events + 1
    assert Release.objects.count() == 1


def test_disagreement_ends_it_and_nothing_says_who(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    verdict(zone, made, "review", ("extreme",))
    both_cast(zone)
    review(zone, "all", "cast", 30, result="refused")
    made.case.refresh_from_db()
    assert made.case.state == "rejected"
    assert "没有一致同意" in text(zone.client(zone.developer).get(f"/workbench/tasks/{made.pk}/"))


def test_what_left_is_kept_byte_for_byte(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    verdict(zone, made)
    both_cast(zone)
    left(zone, made)
    made.case.refresh_from_db()
    assert made.case.state == "released"
    client = zone.client(zone.developer)
    assert b"".join(client.get("/workbench/released/rel-1/files/0").streaming_content) == DATA
    page = text(client.get("/workbench/released/rel-1/"))
    assert "披露记录" in page
    assert words.CHECKS["threshold"].title in page
    packed = zipfile.ZipFile(io.BytesIO(client.get("/workbench/released/rel-1/bundle.zip").content))
    assert sorted(packed.namelist()) == ["rel-1.csv", "release.json"]
    assert packed.read("rel-1.csv") == DATA
    assert client.get("/workbench/released/rel-1/files/7").status_code == 404
    stranger = people.person(people.organisation("别家公司"), "developer", zone="huangshi")
    assert zone.client(stranger).get("/workbench/released/rel-1/").status_code == 404


def test_the_bundle_verifies_offline(zone: Zone, project: Any, tmp_path: Any) -> None:
    from gongshu_verify.documents import verify_document

    made = asked(zone, project)
    verdict(zone, made)
    both_cast(zone)
    left(zone, made)
    data = zone.client(zone.developer).get("/workbench/released/rel-1/bundle.zip").content
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path)
    report = verify_document(tmp_path, [])
    assert report.kind == "release"
    assert report.problems == []
    (tmp_path / "rel-1.csv").write_bytes(DATA + b"x")
    assert verify_document(tmp_path, []).problems


@pytest.mark.parametrize("wrong", ["bytes", "digest", "votes", "developer", "refusal"])
def test_a_release_that_contradicts_itself_is_not_taken(zone: Zone, project: Any, wrong: str) -> None:
    made = asked(zone, project)
    verdict(zone, made)
    both_cast(zone)
    digest = "sha256:" + "0" * 64
    one = {"person": zone.authority.pk, "organisation": zone.authority_home.pk, "answer": "confirmed"}
    two = {"person": zone.checker.pk, "organisation": zone.provider_home.pk, "answer": "confirmed"}
    changed: dict[str, Any] = {
        "bytes": {"files": [{"name": "a", "digest": digest, "content": "YQ=="}]},
        "digest": {"digest": digest},
        "votes": {"votes": [one]},
        "developer": {"votes": [one, two | {"person": zone.developer.pk}]},
        "refusal": {"votes": [one, two | {"answer": "refused"}]},
    }[wrong]
    with pytest.raises((outputs.Unfit, Refused)):
        left(zone, made, **changed)
    made.case.refresh_from_db()
    assert made.case.state == "awaiting"
    assert not Release.objects.exists()


def test_a_release_before_its_verdict_waits(zone: Zone, project: Any) -> None:
    made = asked(zone, project)
    with pytest.raises(outputs.NotYet):
        left(zone, made)


def test_stopping_a_released_product_reaches_the_data_domain(zone: Zone, project: Any) -> None:
    product_of(project)
    made = asked(zone, project, product="pr-1")
    verdict(zone, made)
    both_cast(zone)
    left(zone, made)
    zone.act(zone.authority, made.case, "stop", reasons="发现错误")
    body = FeedItem.objects.filter(kind="stop").get().envelope["body"]
    assert (body["scope"], body["target"]) == ("product", "pr-1")


def test_only_the_projects_own_product_is_named_and_stopped(zone: Zone, project: Any) -> None:
    """An approved release that names another's product must not let its own case stop that product."""
    from gongshu.office.products.models import Product

    own, elsewhere = product_of(project), product_of(project, "pr-2", grant="g-else")
    rival = people.organisation("别家运营公司")
    other = product_of(project, "pr-3")
    Product.objects.filter(pk=other.pk).update(operator=rival)
    first = done(zone, project)
    path = f"/workbench/tasks/{first.pk}/release/"
    page = text(zone.client(zone.developer).get(path))
    assert f'value="{own.pk}"' in page
    assert f'value="{elsewhere.pk}"' not in page and f'value="{other.pk}"' not in page
    for wrong in (elsewhere.pk, other.pk, "pr-nothing"):
        answer = zone.client(zone.developer).post(
            path, {"kind": "index", "title": "指数", "product": wrong}, follow=True
        )
        assert answer.status_code == 400 and "从列表里选择" in text(answer)
    assert not Task.objects.filter(kind="release").exists()
    made = asked(zone, project, product=own.pk)
    Task.objects.filter(pk=made.pk).update(body={**made.body, "product": other.pk})  # 以前登载的
    made.refresh_from_db()
    verdict(zone, made)
    both_cast(zone)
    left(zone, made)
    zone.act(zone.authority, made.case, "stop", reasons="发现错误")
    made.case.refresh_from_db()
    assert made.case.state == "withdrawn"
    assert not FeedItem.objects.filter(kind="stop").exists()


def test_a_stop_keeps_later_runs_from_being_sent(zone: Zone, project: Any) -> None:
    grants.stop_project(project, actor=people.actor(zone.officer), reason="数据有误")
    assert run(zone, project).status_code == 403


def test_pages_take_a_fixed_number_of_queries(
    zone: Zone, project: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        done(zone, project)
    client = zone.client(zone.developer)
    with django_assert_max_num_queries(40):
        client.get(f"/workbench/{project.pk}/")
    with django_assert_max_num_queries(30):
        client.get("/workbench/tasks/")
