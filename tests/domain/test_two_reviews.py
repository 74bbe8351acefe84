"""Two outputs of the same data under review: each harmless alone, together one person."""

from __future__ import annotations

import csv
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.enclave import confirm, history, release, tasks, votes
from gongshu.enclave.store.models import Grant, Output, Release, Task
from support.domainworld import AUTHORITY, BUS, Domain

pytestmark = pytest.mark.row("K12", "L07")

ALL = "SELECT line, count(DISTINCT card) AS riders FROM trips GROUP BY line"
BUT_ONE = "SELECT line, count(DISTINCT card) AS riders FROM trips WHERE fare < 9 GROUP BY line"


@pytest.fixture
def granted(domain: Domain, tmp_path: Path) -> Domain:
    """Two lines of 150 riders each; one rider paid 9 once, on the first line, and rode no other way."""
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "fare"])
        writer.writerows(
            [f"HS{n:08d}", f"{n % 2 + 1}路", 9 if n == 0 else n // 2 % 3 + 1] for n in range(300)
        )

    def graded(decision: Any) -> Any:
        grades = {"card": "L4", "line": "L1", "fare": "L2"}
        fields = tuple(
            dataclasses.replace(field, grade=grades[field.name], reason="线路不指向个人")
            for field in decision.fields
        )
        return dataclasses.replace(decision, fields=fields, subject="card")

    assert domain.hand_in(path, "res-1", "trips", graded).state == "confirmed"
    domain.feed("grant", domain.grant("res-1", "trips", runs_per_day=20))
    grant = Grant.objects.get(id="g-1")
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def asked(domain: Domain, number: int, sql: str) -> Output:
    """A run and its request for release."""
    run, wish = f"t-{number}", f"r-{number}"
    domain.feed("task", {"id": run, "kind": "run", "grant": "g-1", "sql": sql})
    output = {"kind": "table", "title": "客流"}
    body = {"id": wish, "kind": "release", "grant": "g-1", "from_task": run, "output": output}
    domain.feed("task", {**body, "product": f"pd-{number}"})
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))
    assert Task.objects.get(id=wish).outcome == "done", Task.objects.get(id=wish).detail
    return Output.objects.get(task_id=run)


def agree(output: Output, now: datetime) -> None:
    for person, organisation in (("p-auth", AUTHORITY), ("p-bus2", BUS)):
        votes.cast(output, person=person, organisation=organisation, agreed=True, reason="", now=now)


def _blocked_by(output: Output) -> set[str]:
    return {one["check"] for one in output.findings if one["severity"] == "block"}


def test_an_output_is_set_against_those_that_are_still_under_review(granted: Domain) -> None:
    first = asked(granted, 1, ALL)
    assert first.state == "reviewing", first.findings
    second = asked(granted, 2, BUT_ONE)
    assert second.state == "blocked" and "differencing" in _blocked_by(second), second.findings
    assert (second.spec["met"], second.spec["previous"]) == ([first.id], [])
    agree(first, granted.now)
    assert release.step(granted.now) == 1


def test_the_same_table_and_another_cut_are_reviewed_side_by_side_and_leave(granted: Domain) -> None:
    same = "SELECT line, count(DISTINCT card) AS people FROM trips GROUP BY line"
    both = [asked(granted, 1, ALL), asked(granted, 2, same)]
    for output in both:
        assert output.state == "reviewing", output.findings
        agree(output, granted.now)
    assert release.step(granted.now) == 2
    assert Release.objects.get(output=both[1]).record["earlier_releases"] == 0


def test_what_was_refused_holds_nothing_up(granted: Domain) -> None:
    first = asked(granted, 1, ALL)
    votes.cast(first, person="p-auth", organisation=AUTHORITY, agreed=False, reason="口径", now=granted.now)
    votes.cast(first, person="p-bus2", organisation=BUS, agreed=True, reason="", now=granted.now)
    assert release.step(granted.now) == 0
    second = asked(granted, 2, BUT_ONE)
    assert second.state == "reviewing" and second.spec["met"] == [], second.findings


def test_what_left_since_is_met_before_the_votes_count(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two attacked at the same moment do not know of each other; the later vote asks again."""
    with monkeypatch.context() as at_once:
        at_once.setattr(history, "before", lambda *_: [])
        outputs = [asked(granted, 1, ALL), asked(granted, 2, BUT_ONE)]
    assert {one.state for one in outputs} == {"reviewing"}
    agree(outputs[0], granted.now)
    assert release.step(granted.now) == 1
    agree(outputs[1], granted.now)
    assert release.step(granted.now) == 0
    second = Output.objects.get(id=outputs[1].id)
    assert second.state == "refused" and "differencing" in _blocked_by(second)


def test_what_left_since_and_tells_nothing_more_holds_nothing_up(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as at_once:
        at_once.setattr(history, "before", lambda *_: [])
        outputs = [asked(granted, 1, ALL), asked(granted, 2, ALL)]
    for output in outputs:
        agree(output, granted.now)
    assert release.step(granted.now) == 2
    assert Output.objects.get(id=outputs[1].id).spec["met"] == [outputs[0].id]
