"""From a task of the office to a sample that leaves: only confirmed, only these bytes, once a snapshot."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gongshu.enclave import confirm, stops, tasks
from gongshu.enclave.policy import PolicyError
from gongshu.enclave.sample import confirming, work
from gongshu.enclave.store.models import Confirmation, Grant, JournalEntry, Outgoing, Sample, Task
from gongshu.recognise import is_sample
from support.domainworld import AUTHORITY, BUS, ZONE, Domain

pytestmark = pytest.mark.row("K02")


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    rng = random.Random(7)
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "boarded", "fare"])
        for _ in range(4000):
            at = datetime(2026, 1, 1) + timedelta(minutes=rng.randrange(80_000))
            line = rng.choice(["1路", "2路", "3路"])
            writer.writerow([f"HS{rng.randrange(900):08d}", line, at.isoformat(sep=" "), rng.choice([1, 2])])
    return path


def graded(decision):
    grades = {"card": "L4", "line": "L2", "boarded": "L2", "fare": "L2"}
    fields = tuple(
        dataclasses.replace(field, grade=grades[field.name], reason="线路和时间不指向个人")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="card")


@pytest.fixture
def granted(domain: Domain, trips: Path) -> Domain:
    made = domain.hand_in(trips, "res-1", "trips", graded)
    assert made.state == "confirmed", made.sentence
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get(id="g-1")
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def ask(domain: Domain, task: str = "t-s", grant: str = "g-1") -> Task:
    domain.feed("task", {"id": task, "kind": "sample", "grant": grant})
    while (found := tasks.begin(datetime.now(UTC))) is not None:
        if found.state == "running":
            work.request(found, datetime.now(UTC))
    return Task.objects.get(id=task)


def yes(sample: Sample, domain: Domain, agreed: bool = True) -> Confirmation:
    return confirming.answer(
        sample, organisation=BUS, person="p-bus", agreed=agreed, reason="不宜", now=domain.now
    )


def said_to_office() -> str:
    return str(list(Outgoing.objects.values_list("envelope", flat=True)))


def test_a_sample_leaves_only_after_its_provider_confirmed_these_bytes(granted: Domain, trips: Path) -> None:
    task = ask(granted)
    assert task.outcome == "done", task.detail
    sample = Sample.objects.get()
    assert sample.state == "awaiting"
    assert work.step(granted.now) == 0
    told = said_to_office()
    assert sample.digest not in told and sample.files[0]["digest"] not in told
    assert not Outgoing.objects.filter(kind="sample").exists()
    yes(sample, granted)
    assert sample.files[0]["digest"] not in said_to_office()  # the confirmation's digest is salted
    assert work.step(granted.now) == 1
    body = Outgoing.objects.get(kind="sample").envelope["body"]
    table = pq.read_table(io.BytesIO(base64.b64decode(body["files"][0]["content"])))
    assert table.column_names == ["card", "line", "boarded", "fare"]
    assert all(is_sample(card) for card in table["card"].to_pylist())
    raw = trips.read_text()
    assert not any(str(at) in raw for at in table["boarded"].to_pylist()[:50] if str(at)[-2:] != "00")
    assert body["digest"] == sample.digest and "measures" not in str(body)
    assert JournalEntry.objects.filter(fields__act="sample.sent").exists()
    assert work.step(granted.now) == 0


def test_without_a_live_grant_nothing_is_drawn(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", graded)
    domain.feed("grant", domain.grant("res-1", "trips"))
    assert ask(domain).outcome == "refused_grant"
    assert not Sample.objects.exists()


def test_a_refused_sample_never_leaves_and_is_not_drawn_again(granted: Domain) -> None:
    ask(granted)
    sample = Sample.objects.get()
    yes(sample, granted, agreed=False)
    assert work.step(granted.now) == 0
    sample.refresh_from_db()
    assert sample.state == "refused"
    with pytest.raises(confirm.ConfirmError):
        yes(sample, granted)
    assert ask(granted, "t-s2").outcome == "failed"
    assert Sample.objects.count() == 1
    assert not Outgoing.objects.filter(kind="sample").exists()


def test_one_sample_a_grant_and_snapshot(granted: Domain) -> None:
    ask(granted)
    assert ask(granted, "t-s2").outcome == "done"
    assert Sample.objects.count() == 1


def test_changed_bytes_do_not_leave(granted: Domain) -> None:
    ask(granted)
    sample = Sample.objects.get()
    yes(sample, granted)
    path = Path(sample.path) / "t0.parquet"
    path.write_bytes(path.read_bytes() + b"\0")
    assert work.step(granted.now) == 0
    sample.refresh_from_db()
    assert sample.state == "blocked"
    assert not Outgoing.objects.filter(kind="sample").exists()


def test_a_stop_between_confirmation_and_sending_holds(granted: Domain) -> None:
    ask(granted)
    sample = Sample.objects.get()
    yes(sample, granted)
    stops.stop(
        zone=ZONE, scope="grant", target="g-1", reason="查", origin="airlock", person="p-bus", now=granted.now
    )
    assert work.step(granted.now) == 0
    sample.refresh_from_db()
    assert sample.state == "stopped"


def test_only_the_provider_confirms(granted: Domain) -> None:
    ask(granted)
    with pytest.raises(confirm.ConfirmError):
        confirming.answer(
            Sample.objects.get(),
            organisation=AUTHORITY,
            person="p-auth2",
            agreed=True,
            reason="",
            now=granted.now,
        )


def test_the_offices_word_confirms_nothing(granted: Domain) -> None:
    """A row without the airlock's signature over this digest is no confirmation."""
    ask(granted)
    sample = Sample.objects.get()
    made = yes(sample, granted)
    Sample.objects.update(state="awaiting")
    forged = {**made.envelope, "signatures": []}
    Confirmation.objects.filter(pk=made.pk).update(envelope=forged)
    assert not confirming._confirmed(sample, BUS, granted.now)


def test_the_same_grant_and_snapshot_give_the_same_bytes(granted: Domain) -> None:
    ask(granted)
    first = Sample.objects.get()
    digests = [each["digest"] for each in first.files]
    first.delete()
    ask(granted, "t-s2")
    assert [each["digest"] for each in Sample.objects.get().files] == digests


def test_a_filter_of_the_office_brings_no_second_query_into_the_sample(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", graded)
    body = domain.grant("res-1", "trips")
    body["tables"]["trips"]["rows"] = "false UNION ALL SELECT * FROM trips"
    domain.feed("grant", body)
    grant = Grant.objects.get(id="g-1")
    assert grant.state == "invalid" and "行范围" in grant.sentence
    # a row written behind the airlock's back still reaches the engine only as the lens renders it
    with pytest.raises(PolicyError):
        work.plan(grant, {"trips": trips})
    grant.body["tables"]["trips"]["rows"] = "line = '1路'"
    (source,) = work.plan(grant, {"trips": trips})
    assert source.rows == '"trips"."line" = \'1路\''


def test_a_filtered_table_is_drawn_from_its_own_rows_alone(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", graded)
    body = domain.grant("res-1", "trips")
    body["tables"]["trips"]["rows"] = "line <> '3路'"
    domain.feed("grant", body)
    grant = Grant.objects.get(id="g-1")
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    task = ask(domain)
    assert task.outcome == "done", task.detail
    sample = Sample.objects.get()
    table = pq.read_table(Path(sample.path) / "t0.parquet")
    assert set(table["line"].to_pylist()) == {"1路", "2路"}
