"""Scenarios, requests, projects and the workbench in a real browser: console, axe, width, typing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from gongshu.office.workbench import outputs, services
from gongshu.office.workbench.models import Task
from gongshu.wire.envelope import Verified
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.people import NOW
from support.scenes import Zone, message

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GOOD = "SELECT line, hour, count(DISTINCT card) AS riders\nFROM trips\nGROUP BY line, hour"


@pytest.fixture(autouse=True)
def business_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.office.link import clock

    monkeypatch.setattr(clock, "business_now", lambda: NOW)


@pytest.fixture
def zone() -> Zone:
    from gongshu.office.accounts import zones

    zones.sync()
    return Zone()


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)


def looked_at(page: Any, path: str, name: str, width: int = DESK) -> None:
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    shot(page, f"workbench-{name}-{width}")
    assert page.faults == [], (path, page.faults)
    assert violations(page) == [], path
    assert overflow(page) <= 0, (path, overflow(page))


def by(role: str) -> list[Verified]:
    return [Verified(role, "k" * 16, None, None, "")]


def test_the_pages_of_scenarios_and_requests(zone: Zone, visit: Callable[..., Any]) -> None:
    scenario = zone.approved()
    asked = zone.request(scenario)
    page = visit(session=session(zone.operator))
    for name, path in {
        "scenarios": "/scenarios/",
        "scenario": f"/scenarios/{scenario.pk}/",
        "new-scenario": "/scenarios/new/",
        "import": "/scenarios/import/",
        "requests": "/scenarios/requests/",
        "new-request": "/scenarios/requests/new/",
        "edit-request": f"/scenarios/requests/{asked.pk}/edit/",
        "request": f"/scenarios/requests/{asked.pk}/",
    }.items():
        looked_at(page, path, name)
    zone.act(zone.operator, asked.case, "submit")
    page = visit(session=session(zone.checker))
    looked_at(page, f"/cases/{asked.case_id}/", "request-case")
    looked_at(page, f"/cases/{asked.case_id}/acts/grant/", "grant")
    for width in (DESK, PHONE):
        looked_at(visit(width), f"/scenarios/published/{scenario.pk}/", "public", width)


def test_the_form_of_a_scenario(zone: Zone, visit: Callable[..., Any]) -> None:
    made = zone.scenario(economic="")
    page = visit(session=session(zone.operator))
    looked_at(page, f"/scenarios/{made.pk}/edit/?check=1", "edit-scenario")


def test_the_pages_of_a_project_and_the_workbench(zone: Zone, visit: Callable[..., Any]) -> None:
    project = zone.live()
    page = visit(session=session(zone.operator))
    looked_at(page, "/scenarios/projects/", "projects")
    looked_at(page, "/scenarios/projects/new/", "new-project")
    looked_at(page, f"/scenarios/projects/{project.pk}/", "project")
    page = visit(session=session(zone.developer))
    looked_at(page, f"/workbench/{project.pk}/", "desk")
    page.locator("#id_sql").press_sequentially("SELECT card FROM trips")
    page.wait_for_selector("#lens-refused")
    shot(page, f"workbench-lens-refused-{DESK}")
    page.fill("#id_sql", GOOD)
    page.wait_for_selector("#lens-allowed")
    shot(page, f"workbench-lens-allowed-{DESK}")
    assert violations(page) == []
    page.fill("#id_title", "各线路各时段客流")
    page.click("#run")
    page.wait_for_selector("#because")
    run = Task.objects.get()
    shot(page, f"workbench-run-{DESK}")
    services.ended(run.pk, "done", "huangshi", NOW)
    looked_at(page, f"/workbench/tasks/{run.pk}/", "run-done")
    looked_at(page, f"/workbench/tasks/{run.pk}/release/", "ask-release")
    made = services.request_release(
        run, actor=people.actor(zone.developer), now=NOW, kind="index", title="公交客流指数"
    )
    body = {"task": made.pk, "output": "o-random", "verdict": "review", "checks": ["extreme", "covert"]}
    outputs.judged(message("verdict", "huangshi", body, role="enclave"), by("enclave"))
    for number, home in enumerate((zone.authority_home.pk, zone.provider_home.pk)):
        said = {"output": "o-random", "organisation": home, "state": "cast" if number else "awaited"}
        outputs.reviewed(message("review", "huangshi", said, seq=number + 5), by("airlock"))
    looked_at(page, f"/workbench/tasks/{made.pk}/", "reviewing")
    looked_at(page, f"/cases/{made.case_id}/", "release-case")
    left(zone, made)
    looked_at(page, "/workbench/released/rel-1/", "released")
    looked_at(page, "/workbench/tasks/", "tasks")


def left(zone: Zone, task: Task) -> None:
    data = b"line,hour,riders\r\n1,8,120\r\n"
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    votes = [
        {"person": zone.authority.pk, "organisation": zone.authority_home.pk, "answer": "confirmed"},
        {"person": zone.checker.pk, "organisation": zone.provider_home.pk, "answer": "confirmed"},
    ]
    record = {
        "title": "公交客流指数", "kind": "index", "verdict": "review", "purpose": "编制指数", "mark": "test",
        "checks": ["threshold", "dominance_nk", "extreme", "covert"], "earlier_releases": 2,
        "findings": [{"check": "extreme", "severity": "review"}], "business_date": "2026-03-02",
        "thresholds": {"threshold": 10, "nk": [2, "0.90"], "p": "0.10"}, "versions": {"duckdb": "1.0"},
    }  # fmt: skip
    file = {"name": "rel-1.csv", "media": "text/csv; charset=utf-8", "digest": digest}
    body = {
        "id": "rel-1", "output": "o-random", "digest": digest, "votes": votes, "record": record,
        "sources": [{"snapshot": "s-1", "manifest": digest}],
        "files": [file | {"content": base64.b64encode(data).decode()}],
    }  # fmt: skip
    outputs.released(message("release", "huangshi", body, seq=9, role="enclave"), by("enclave"), NOW)
