"""Whose product an output is, what a try costs, and that one broken output stops no other."""

from __future__ import annotations

import csv
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gongshu.enclave import clock, confirm, products, release, tasks, thresholds, votes
from gongshu.enclave.store.models import (
    Ceiling,
    Grant,
    Outgoing,
    Output,
    ProductOfGrant,
    Release,
    Task,
)
from gongshu.wire import envelope as wire
from support.domainworld import AUTHORITY, BUS, ZONE, Domain

SQL = "SELECT line, count(*) AS trips FROM trips GROUP BY line"
CEILING = {
    "id": "ce-1",
    "product": "pd-1",
    "grant": "g-1",
    "buyers": [{"organisation": "org-buyer", "key": "k-1"}],
    "purposes": ["调度"],
    "fields": ["line", "trips"],
    "calls_per_day": 5,
    "subjects_per_day": 0,
    "consent": "none",
}


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "fare"])
        for number in range(900):
            writer.writerow([f"HS{number % 300:08d}", f"{number % 2 + 1}路", number % 2 + 1])
    return path


def graded(decision):
    grades = {"card": "L4", "line": "L1", "fare": "L2"}
    fields = tuple(
        dataclasses.replace(field, grade=grades[field.name], reason="线路不指向个人")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="card")


def allow(domain: Domain, grant: str, **changes: object) -> Grant:
    domain.feed("grant", domain.grant("res-1", "trips", id=grant, **changes))
    made = Grant.objects.get(id=grant)
    confirm.answer(made, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return made


@pytest.fixture
def granted(domain: Domain, trips: Path) -> Domain:
    """Two grants of two projects over the same table."""
    assert domain.hand_in(trips, "res-1", "trips", graded).state == "confirmed"
    allow(domain, "g-1")
    allow(domain, "g-2", project="pr-2", purpose="别的用途")
    return domain


def work() -> None:
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))


def run(domain: Domain, number: int, grant: str = "g-1") -> str:
    domain.feed("task", {"id": f"t-{number}", "kind": "run", "grant": grant, "sql": SQL})
    work()
    return Task.objects.get(id=f"t-{number}").outcome


def ask(domain: Domain, task: str, of: int, grant: str = "g-1", product: str = "pd-1") -> Task:
    output = {"kind": "table", "title": "客流"}
    body = {"id": task, "kind": "release", "grant": grant, "from_task": f"t-{of}", "output": output}
    domain.feed("task", {**body, "product": product})
    work()
    return Task.objects.get(id=task)


def reviewing(domain: Domain, number: int, grant: str = "g-1", product: str = "pd-1") -> Output:
    assert run(domain, number, grant) == "done"
    made = ask(domain, f"r-{number}", number, grant, product)
    assert made.outcome == "done", made.detail
    return Output.objects.get(task_id=f"t-{number}")


def agree(output: Output, now: datetime) -> None:
    votes.cast(output, person="p-auth", organisation=AUTHORITY, agreed=True, reason="", now=now)
    votes.cast(output, person="p-bus2", organisation=BUS, agreed=True, reason="", now=now)


def ceiling(domain: Domain, **changes: object) -> Ceiling:
    domain.feed("ceiling", {**CEILING, **changes})
    return Ceiling.objects.get(id=changes.get("id", "ce-1"))


def confirmed(made: Ceiling, now: datetime) -> None:
    confirm.answer(made, organisation=BUS, person="p-bus", agreed=True, reason="", now=now)


def test_a_release_binds_its_product_and_another_grant_is_refused_in_one_sentence(granted: Domain) -> None:
    output = reviewing(granted, 1)
    assert products.grant_of(ZONE, "pd-1") == ""  # asking binds nothing, or the office could block a product
    agree(output, granted.now)
    assert release.step(granted.now) == 1
    assert products.grant_of(ZONE, "pd-1") == "g-1"
    run(granted, 2, "g-2")
    refused = ask(granted, "r-2", 2, "g-2")
    assert (refused.outcome, refused.detail) == ("failed", products.ELSEWHERE)
    assert refused.reached is None and refused.detail.endswith("。")
    made = ceiling(granted, id="ce-2", grant="g-2", calls_per_day=10**6)
    assert (made.state, made.sentence) == ("refused", products.ELSEWHERE)
    told = Outgoing.objects.filter(kind="confirmation").order_by("-number").first()
    assert told.envelope["body"]["subject"] == "ce-2" and told.envelope["body"]["answer"] == "refused"
    assert told.envelope["body"]["sentence"] == products.ELSEWHERE


def test_of_two_reviewed_under_two_grants_the_second_stays_inside(granted: Domain) -> None:
    first, second = reviewing(granted, 1), reviewing(granted, 2, "g-2")
    agree(second, granted.now)
    agree(first, granted.now)
    assert release.step(granted.now) == 1
    states = dict(Output.objects.values_list("grant", "state"))
    bound = products.grant_of(ZONE, "pd-1")
    assert states.pop(bound) == "released" and list(states.values()) == ["refused"]
    assert Release.objects.count() == 1


def test_a_wider_ceiling_of_another_grant_replaces_nothing(granted: Domain) -> None:
    confirmed(ceiling(granted), granted.now)
    waiting = Ceiling.objects.create(
        id="ce-2",
        zone=ZONE,
        product="pd-1",
        body={**CEILING, "id": "ce-2", "grant": "g-2", "calls_per_day": 10**6},
        digest="sha256:" + "0" * 64,
        received=granted.now,
    )
    with pytest.raises(confirm.ConfirmError, match="另一项授权"):
        confirmed(waiting, granted.now)
    assert [row["id"] for row in confirm.live_ceilings(ZONE, granted.now)] == ["ce-1"]
    confirmed(ceiling(granted, id="ce-3", calls_per_day=9), granted.now)
    assert [row["id"] for row in confirm.live_ceilings(ZONE, granted.now)] == ["ce-3"]


@pytest.mark.parametrize(
    ("changes", "taken"),
    [({}, True), ({"project": "pr-9"}, False), ({"developing_org": "org-else"}, False)],
)
def test_a_grant_that_follows_one_now_over_takes_its_products(
    granted: Domain, changes: dict[str, object], taken: bool
) -> None:
    confirmed(ceiling(granted), granted.now)
    allow(granted, "g-3", **changes)
    today = clock.business_today(ZONE, granted.now)
    with pytest.raises(products.Elsewhere):  # while the first one holds, no other
        products.check(ZONE, "pd-1", "g-3", today)
    Grant.objects.filter(id="g-1").update(state="stopped")
    made = ceiling(granted, id="ce-3", grant="g-3")
    assert made.state == ("awaiting" if taken else "refused")
    if taken:
        confirmed(made, granted.now)
        assert ProductOfGrant.objects.get().grant == "g-3"


def test_a_vote_is_for_this_product_and_no_other(granted: Domain) -> None:
    output = reviewing(granted, 1)
    agree(output, granted.now)
    for row in output.votes.all():
        body = wire.parse(row.envelope).body
        assert (body["product"], body["title"]) == ("pd-1", "客流")
    for change in ({"product": "pd-2"}, {"name": "别的名称"}):
        Output.objects.filter(pk=output.pk).update(**{"product": "pd-1", "name": "客流", **change})
        assert votes.counted(Output.objects.get(pk=output.pk), granted.now) == []
        assert release.step(granted.now) == 0
    Output.objects.filter(pk=output.pk).update(product="pd-1", name="客流")
    assert release.step(granted.now) == 1
    record = Release.objects.get().record
    assert (record["product"], record["title"], record["grant_id"]) == ("pd-1", "客流", "g-1")


@pytest.mark.parametrize("broken", ["large", "raw", "judge"])
def test_every_try_on_raw_data_counts_however_it_ended(
    granted: Domain, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    run(granted, 1)
    before = tasks.runs_today("pr-1", granted.now)
    if broken == "large":
        monkeypatch.setattr(release, "LARGEST", 1)
    elif broken == "raw":
        monkeypatch.setattr(release.attack, "run", fail)
    else:
        monkeypatch.setattr(release, "judge", fail)
    codes = [ask(granted, f"r-{number}", 1).outcome for number in range(6)]
    expected = "too_large" if broken == "large" else "failed"
    assert codes == [expected] * (5 - before) + ["limit"] * (1 + before)
    assert tasks.runs_today("pr-1", granted.now) == 5
    assert tasks.runs_today("pr-1", granted.now + timedelta(days=1)) == 0
    assert run(granted, 9) == "limit"
    assert Output.objects.get(task_id="t-1").state == "kept"


def test_requests_for_release_have_the_limit_of_the_packs(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "releases", lambda *_: 2)
    monkeypatch.setattr(release, "LARGEST", 1)
    run(granted, 1)
    assert [ask(granted, f"r-{number}", 1).outcome for number in range(3)] == ["too_large"] * 2 + ["limit"]
    assert run(granted, 2) == "done"


def test_a_try_that_never_reached_raw_data_does_not_count(granted: Domain) -> None:
    run(granted, 1)
    before = tasks.runs_today("pr-1", granted.now)
    assert ask(granted, "r-1", 1, product="../x").outcome == "failed"
    assert tasks.runs_today("pr-1", granted.now) == before


def test_one_broken_output_stops_no_other(granted: Domain) -> None:
    first, second = reviewing(granted, 1), reviewing(granted, 2, "g-2", "pd-2")
    for output in (first, second):
        agree(output, granted.now)
    Path(first.path).unlink()
    assert release.step(granted.now) == 1
    assert Release.objects.get().output_id == second.pk
    assert Output.objects.get(pk=first.pk).state == "reviewing"
    assert release.step(granted.now) == 0
