"""What an item of the feed, or a program, may hold without making the data domain stand still."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.enclave import consume, loop, outgoing, stops, tasks
from gongshu.enclave.store.models import FeedItem, Grant, JournalEntry, Stop, Task
from gongshu.wire.errors import WireError
from support import trips
from support.domainworld import ZONE, Domain


@pytest.fixture
def granted(domain: Domain, tmp_path: Path) -> Domain:
    return trips.granted(domain, trips.write(tmp_path / "trips.csv"))


LONG = "x" * 81
UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("task", {"id": LONG, "kind": "run", "grant": "g-1"}),
    ("task", {"id": "a\0b", "kind": "run", "grant": "g-1"}),
    ("task", {"id": "t-1", "kind": "run", "grant": LONG}),
    ("ceiling", {**trips.CEILING, "product": LONG}),
    ("stop", {"id": LONG, "scope": "grant", "target": "g-1", "reason": ""}),
    ("stop", {"id": "s-1", "scope": "grant", "target": LONG, "reason": ""}),
    ("delete", {"id": "d-1", "snapshot": "s\0"}),
]


@pytest.mark.parametrize(("kind", "body"), UNFIT)
def test_what_the_columns_cannot_hold_is_not_admitted(
    domain: Domain, kind: str, body: dict[str, Any]
) -> None:
    with pytest.raises(WireError) as caught:
        domain.feed(kind, body)
    assert caught.value.code == "body"


def test_an_item_that_cannot_be_handled_is_refused_by_itself_and_the_stop_behind_it_acts(
    granted: Domain,
) -> None:
    """Bodies of the right form and of nonsense inside, and NUL where the wire looks at nothing."""
    odd = granted.grant("res-1", "trips", id="g-odd", until="2099-12-31", reviewing_orgs=[])
    for n, change in enumerate(({"tables": {"a": 1}}, {"from": "2099-99-99"}, {"extra": {"k\0": ["v\0"]}})):
        granted.feed("grant", {**odd, "id": f"g-{n + 5}", **change})
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": "SELECT 1", "more": "\0"})
    granted.feed("stop", {"id": "s-1", "scope": "grant", "target": "g-1", "reason": "查"})
    assert Grant.objects.get(id="g-1").state == "stopped"
    refused = FeedItem.objects.exclude(problem="")
    assert refused.count() >= 1 and not FeedItem.objects.filter(handled__isnull=True).exists()
    for row in refused:
        assert row.problem.startswith("unfit：")
        line = JournalEntry.objects.get(fields__subject=f"{ZONE}:{row.seq}")
        assert line.fields["act"] == "feed.refused.unfit"


def test_a_stop_that_cannot_act_at_once_still_counts(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(stops, "_act", broken)
    granted.feed("stop", {"id": "s-1", "scope": "grant", "target": "g-1", "reason": "查"})
    assert Stop.objects.get().target == "g-1"
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": trips.SQL})
    trips.work()
    assert Task.objects.get().outcome == "refused_stop"


def test_trouble_of_this_machine_refuses_nothing(granted: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setitem(consume.HANDLERS, "task", away)  # type: ignore[misc]
    before = FeedItem.objects.count()
    with pytest.raises(OSError, match="disk"):
        granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1"})
    assert FeedItem.objects.count() == before


def test_one_zones_trouble_keeps_no_other_from_polling(domain: Domain) -> None:
    polled = []

    class Client:
        def __init__(self, broken: bool) -> None:
            self.broken = broken

        def poll(self, _: object) -> None:
            if self.broken:
                raise RuntimeError("broken")
            polled.append(True)

    loop.poll({"a": Client(True), "b": Client(False)}, domain.now)  # type: ignore[dict-item]
    assert polled == [True]


def test_a_detail_with_nul_ends_its_task(granted: Domain) -> None:
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": trips.SQL})
    task = tasks.begin(datetime.now(UTC))
    assert task is not None
    tasks.end(task, "failed", datetime.now(UTC), "a\0b\ud800c")
    task.refresh_from_db()
    assert (task.state, task.detail) == ("ended", "a␀b?c")


def test_work_that_raises_ends_as_failed_and_the_next_begins(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, worked = threading.Event(), []

    def broken(task: Task, _: datetime) -> None:
        worked.append(task.id)
        if len(worked) == 2:
            stop.set()
        raise RuntimeError("broken")

    monkeypatch.setitem(loop.COMPUTE, "run", broken)  # type: ignore[misc]
    monkeypatch.setattr(loop, "close_old_connections", lambda: None)
    monkeypatch.setattr(stop, "wait", lambda _: stop.is_set())
    for n in range(2):
        granted.feed("task", {"id": f"t-{n}", "kind": "run", "grant": "g-1", "sql": trips.SQL})
    loop.compute(stop)
    assert worked == ["t-0", "t-1"]
    assert {(one.state, one.outcome) for one in Task.objects.all()} == {("ended", "failed")}
    assert outgoing.Outgoing.objects.filter(kind="outcome").count() == 2
