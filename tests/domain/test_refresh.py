# ruff: noqa: F811 — fixtures of another file
"""Answers written again: after failures, after a crash, beside what developers made meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.test_supply import BANDS, LOOKUP, ask, banded, ceiling, opened, reviewed, served, supply_step  # noqa: F401
from gongshu.enclave import tasks
from gongshu.enclave.project import supply, tables
from gongshu.enclave.store.models import JournalEntry, Output, ProjectTable, Served, Task
from gongshu.wire import snapshots
from support import firms
from support.domainworld import AUTHORITY, BUS, ZONE, Domain

pytestmark = pytest.mark.row("L07")


def test_what_failed_is_tried_again_after_growing_pauses_or_when_a_provider_asks(banded: Domain) -> None:
    output = reviewed(banded)
    ceiling(banded)
    Output.objects.filter(id=output.id).update(digest="sha256:" + "0" * 64)
    (first,) = supply_step()
    assert first.outcome == "failed" and first.ended is not None
    at = first.ended
    for pause in (*supply.PAUSES, supply.PAUSES[-1]):
        assert supply.step(at + pause - timedelta(milliseconds=1)) == 0
        assert supply.step(at + pause) == 1
        at += pause
        Task.objects.filter(state="waiting").update(state="ended", outcome="failed", ended=at)
    Output.objects.filter(id=output.id).update(digest=output.digest)
    with pytest.raises(supply.SupplyError, match="提供数据的单位"):
        supply.retry(ZONE, "pd-1", organisation=AUTHORITY, person="p-auth2", now=banded.now)
    supply.retry(ZONE, "pd-1", organisation=BUS, person="p-bus", now=banded.now)
    firms.work()
    assert Served.objects.get().product == "pd-1"
    with pytest.raises(supply.SupplyError, match="没有要重新计算的"):
        supply.retry(ZONE, "pd-1", organisation=BUS, person="p-bus", now=banded.now)


class Killed(BaseException):
    """What kill -9 does: nothing after it runs."""


def test_a_version_is_on_record_before_the_gateway_may_answer_from_it(
    banded: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = reviewed(banded)
    ceiling(banded)
    real = snapshots.publish

    def killed(place: Path, manifest: bytes) -> None:
        assert Served.objects.filter(version=place.name).exists()
        assert JournalEntry.objects.filter(fields__act="serving.written").exists()
        raise Killed

    monkeypatch.setattr(snapshots, "publish", killed)
    with pytest.raises(Killed):
        supply_step()
    monkeypatch.setattr(snapshots, "publish", real)
    lost = Served.objects.get()
    tasks.recover(datetime.now(UTC))
    assert supply.sweep(banded.now) == 1 and supply.sweep(banded.now) == 0
    assert not Served.objects.exists()
    supply._queue(output, datetime.now(UTC), at_once=True)
    firms.work()
    again = Served.objects.get()
    assert again.number == lost.number and again.version != lost.version
    assert opened(banded, again.version).number == again.number


def test_a_refresh_leaves_the_developers_own_newer_tables_alone(banded: Domain, tmp_path: Path) -> None:
    """What is computed again stands beside the project's tables; of it only the newest is kept."""
    output = served(banded)
    other = BANDS.replace("staff > 50", "staff > 90")
    assert firms.features(banded, "b-9", other, "scores").outcome == "done"
    mine = tables.newest(ZONE, "pr-1")["scores"]
    for number in (2, 3):
        banded.now += timedelta(minutes=1)
        path = firms.firms(tmp_path / f"{number}.csv", seed=10 + number, many=600)
        banded.hand_in(path, "res-f", "firms", firms.graded)
        assert [one.outcome for one in supply_step()] == ["done"]
        assert tables.newest(ZONE, "pr-1")["scores"] == mine
        last = Served.objects.order_by("number").last()
        assert last is not None and last.number == number
        kept = ProjectTable.objects.filter(for_output=output.id, dropped__isnull=True)
        assert [row.id for row in kept] == [last.table]
    assert ask(banded, LOOKUP, "t-r2", "b-3", "pd-2").outcome == "done"  # its own row is still the only one
