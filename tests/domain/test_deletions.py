# ruff: noqa: F811 — fixtures of another file
"""Lawful deletion: both keys, then the snapshot and all that was made of it and is inside are gone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from domain.test_supply import BANDS, LOOKUP, ask, banded, served, supply_step  # noqa: F401
from gongshu.enclave import acting, deletions, sources
from gongshu.enclave.project import supply, tables
from gongshu.enclave.store.models import JournalEntry, Outgoing, Output, ProjectTable, Served, Snapshot
from gongshu.enclave.vault import VaultError
from support import firms
from support.domainworld import AUTHORITY, BUS, ZONE, Domain


def agree(domain: Domain, snapshot: Snapshot, organisation: str = BUS, person: str = "p-bus") -> None:
    deletions.agree(snapshot, organisation=organisation, person=person, now=domain.now)


def folders() -> list[Path]:
    return sorted((settings.SERVING_DIR / ZONE / "products" / "pd-1").glob("*"))


def test_neither_key_alone_deletes(banded: Domain) -> None:
    snapshot = Snapshot.objects.get()
    with pytest.raises(deletions.DeletionError, match="没有对该快照下达"):
        agree(banded, snapshot)
    banded.feed("delete", {"id": "d-1", "snapshot": snapshot.id})
    with pytest.raises(deletions.DeletionError, match="提供该数据的单位"):
        agree(banded, snapshot, AUTHORITY, "p-auth2")
    with pytest.raises(acting.Forbidden):
        agree(banded, snapshot, BUS, "p-bus2")
    assert sources.vault().manifest(snapshot.id) and Snapshot.objects.get().deleted is None


def test_with_the_snapshot_goes_all_that_was_made_of_it(banded: Domain) -> None:
    output = served(banded)
    assert ask(banded, {**LOOKUP, "fields": ["industry", "band"]}, "t-r2").outcome == "done"
    waiting = Output.objects.exclude(id=output.id).get()
    assert len(folders()) == 1 and Path(waiting.path).exists()
    snapshot = Snapshot.objects.get()
    banded.feed("delete", {"id": "d-1", "snapshot": snapshot.id})
    agree(banded, snapshot)
    certificate = sources.vault().certificate(snapshot.id)
    assert certificate is not None and certificate["snapshot"] == snapshot.id
    with pytest.raises(VaultError):
        sources.vault().manifest(snapshot.id)
    assert tables.newest(ZONE, "pr-1") == {} and folders() == []
    with pytest.raises(VaultError, match="已依法删除"):
        tables.vault(ZONE, "pr-1").manifest(ProjectTable.objects.get().id)
    waiting.refresh_from_db()
    output.refresh_from_db()
    assert (waiting.state, output.state) == ("stopped", "released") and not Path(waiting.path).exists()
    assert JournalEntry.objects.filter(fields__act="deletion.done").count() == 1
    told = Outgoing.objects.get(kind="deleted").envelope["body"]
    assert told == {"id": "res-f", "organisation": BUS, "snapshot": snapshot.id}
    with pytest.raises(deletions.DeletionError, match="已经删除"):
        agree(banded, snapshot)
    # nothing is computed or served again behind the deletion's back
    assert supply_step() == [] and supply.sweep(banded.now) == 0 and Served.objects.count() == 1
    assert deletions.ordered(ZONE) == [] and deletions.sweep(banded.now) == 0


class Killed(BaseException):
    """What kill -9 does: nothing after it runs."""


def test_a_deletion_that_broke_off_is_finished_at_the_next_start(
    banded: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Snapshot.objects.get()
    banded.feed("delete", {"id": "d-1", "snapshot": snapshot.id})

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(deletions, "finish", killed)
    with pytest.raises(Killed):
        agree(banded, snapshot)
    monkeypatch.undo()
    assert Snapshot.objects.get().deleted is not None and ProjectTable.objects.get().dropped is None
    assert sources.newest(ZONE, "res-f") is None  # nothing new begins on it meanwhile
    assert deletions.sweep(banded.now) == 1
    assert sources.vault().certificate(snapshot.id) and ProjectTable.objects.get().dropped is not None


def test_a_query_reads_no_table_whose_snapshot_was_deleted(
    banded: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a table of it was left: the recipe asks whether its snapshots still stand."""
    snapshot = Snapshot.objects.get()
    banded.now = datetime.now(UTC)
    banded.hand_in(firms.firms(tmp_path / "next.csv", many=60), "res-f", "firms", firms.graded)
    monkeypatch.setattr(tables, "erase", lambda *_: None)
    banded.feed("delete", {"id": "d-1", "snapshot": snapshot.id})
    agree(banded, snapshot)
    made = firms.features(banded, "b-7", "SELECT band, count(*) AS n FROM scores GROUP BY band", "copy")
    assert made.outcome == "failed" and "已依法删除" in made.detail, made.detail
