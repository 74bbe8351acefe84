"""What a stop ends: ceilings, waiting and running work, samples and attacks, in its own zone."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from gongshu.enclave import confirm, release, stops, tasks
from gongshu.enclave.store.models import Ceiling, Grant, JournalEntry, Outgoing, Output, Task
from support import trips
from support.domainworld import BUS, ZONE, Domain
from support.trips import CEILING, SQL, work


@pytest.fixture
def granted(domain: Domain, tmp_path: Path) -> Domain:
    return trips.granted(domain, trips.write(tmp_path / "trips.csv"))


def days(domain: Domain, number: int) -> None:
    domain.feed("clock", {"offset_seconds": number * 86_400})


@pytest.mark.parametrize("how", ["grant", "project", "product", "all", "until"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_answered_under_a_grant_that_is_over(granted: Domain, how: str, when: str) -> None:
    """A ceiling that waits, or comes later, cannot be confirmed any more; one in force falls out."""
    granted.feed("ceiling", CEILING)
    made = Ceiling.objects.get(id="ce-1")
    if when == "before":
        confirm.answer(made, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
        assert confirm.live_ceilings(ZONE, granted.now)
    target = {"grant": "g-1", "project": "pr-1", "product": "pd-1"}.get(how, "")
    if how == "until":
        days(granted, 366 * 100)
    else:
        stops.stop(
            zone=ZONE,
            scope=how,
            target=target,
            reason="查",
            origin="airlock",
            person="p-bus",
            now=granted.now,
        )
        granted.feed("ceiling", {**CEILING, "id": "ce-2"})
    assert confirm.live_ceilings(ZONE, granted.now) == []
    Ceiling.objects.update(state="awaiting")  # as if the stop had found it nowhere
    for each in Ceiling.objects.all():
        with pytest.raises(confirm.ConfirmError, match=r"停止|到期"):
            confirm.answer(each, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
        Ceiling.objects.filter(pk=each.pk).update(state="live")
    assert confirm.live_ceilings(ZONE, granted.now) == []


def test_a_ceiling_nobody_has_to_confirm_is_not_in_force(granted: Domain) -> None:
    granted.feed("ceiling", {**CEILING, "grant": "g-none"})
    Ceiling.objects.update(state="live")
    assert confirm.live_ceilings(ZONE, granted.now) == []


def test_a_grant_stopped_before_its_confirmation_stays_closed(domain: Domain, tmp_path: Path) -> None:
    domain.hand_in(trips.write(tmp_path / "trips.csv"), "res-1", "trips", trips.graded)
    stops.stop(
        zone=ZONE,
        scope="project",
        target="pr-1",
        reason="查",
        origin="airlock",
        person="p-bus",
        now=domain.now,
    )
    domain.feed("grant", domain.grant("res-1", "trips"))
    with pytest.raises(confirm.ConfirmError, match="停止"):
        confirm.answer(
            Grant.objects.get(), organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now
        )


def test_a_stop_tells_the_office_what_ended_and_leaves_another_zone_alone(granted: Domain) -> None:
    for kind in ("run", "drop"):
        granted.feed("task", {"id": f"t-{kind}", "kind": kind, "grant": "g-1", "sql": SQL})
    here, there = (
        Ceiling.objects.create(
            id=f"ce-{zone}", zone=zone, product="pd-1", body={**CEILING, "grant": "g-x"}, digest="x",
            state="live", received=granted.now,
        )
        for zone in (ZONE, "gansu")
    )  # fmt: skip
    stops.stop(
        zone=ZONE,
        scope="product",
        target="pd-1",
        reason="查",
        origin="airlock",
        person="p-bus",
        now=granted.now,
    )
    here.refresh_from_db()
    there.refresh_from_db()
    assert (here.state, there.state) == ("withdrawn", "live")
    stops.stop(
        zone="gansu",
        scope="grant",
        target="g-1",
        reason="查",
        origin="airlock",
        person="p-bus",
        now=granted.now,
    )
    assert Grant.objects.get().state == "live"
    stops.stop(
        zone=ZONE, scope="grant", target="g-1", reason="查", origin="airlock", person="p-bus", now=granted.now
    )
    run, drop = Task.objects.get(id="t-run"), Task.objects.get(id="t-drop")
    assert (run.state, run.outcome) == ("ended", "refused_stop")
    assert drop.state == "waiting"  # to destroy copies one key is enough
    told = Outgoing.objects.get(kind="outcome", envelope__body__task="t-run")
    assert told.envelope["body"]["code"] == "refused_stop"
    assert JournalEntry.objects.filter(fields__act="run.refused_stop", fields__subject="t-run").exists()


def test_what_was_stopped_while_it_was_attacked_stays_stopped(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = release.attack.run

    def stopped_meanwhile(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        stops.stop(
            zone=ZONE,
            scope="grant",
            target="g-1",
            reason="查",
            origin="airlock",
            person="p-bus",
            now=granted.now,
        )
        return found

    monkeypatch.setattr(release.attack, "run", stopped_meanwhile)
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": f"{SQL} HAVING count(*) >= 100"})
    work()
    body = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "t-1", "product": "pd-1"}
    granted.feed("task", {**body, "output": {"kind": "table", "title": "客流"}})
    work()
    assert Output.objects.get().state == "stopped"
    assert Task.objects.get(id="r-1").outcome == "refused_stop"
    assert not Outgoing.objects.filter(kind__in=("verdict", "review")).exists()


def test_a_stop_breaks_off_an_attack_on_its_way(granted: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query that runs is interrupted; nothing of what was found goes before reviewers."""
    begun = threading.Event()
    real = release.attack.attack._Attack._checks

    def long(self: Any, document: Any) -> None:
        begun.set()
        self.raw.rows("SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE a.range < b.range")
        real(self, document)

    monkeypatch.setattr(release.attack.attack._Attack, "_checks", long)
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": SQL})
    work()
    body = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "t-1", "product": "pd-1"}
    granted.feed("task", {**body, "output": {"kind": "table", "title": "客流"}})
    worker = threading.Thread(target=lambda: (work(), connection.close()))
    worker.start()
    assert begun.wait(30)
    stops.stop(
        zone=ZONE,
        scope="product",
        target="pd-1",
        reason="查",
        origin="airlock",
        person="p-bus",
        now=granted.now,
    )
    asked = time.monotonic()
    while worker.is_alive() and time.monotonic() - asked < 20:
        tasks.halt(granted.now)
        worker.join(0.1)
    assert not worker.is_alive()
    task = Task.objects.get(id="r-1")
    assert task.outcome in ("cancelled", "refused_stop"), task.detail
    assert Output.objects.get().state in ("kept", "stopped") and tasks.RUNNING == {}
