"""What a taken-over office can say to the data domain, with its true key and in perfect form, and what comes
of it: nothing weaker than the vault's manifests, the packs and the enclave's own history."""

from __future__ import annotations

import csv
import dataclasses
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gongshu.enclave import clock, confirm, release, stops, tasks, thresholds, trust, votes
from gongshu.enclave.store.models import (
    Ceiling,
    Confirmation,
    Grant,
    Lift,
    Outgoing,
    Output,
    Release,
    Task,
    Vote,
)
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
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
# Everything an office could write into a release task to make the attack gentler.
WEAK = {
    "threshold": 1,
    "nk": [1, "0.99"],
    "p": "0.99",
    "subject": {},
    "previous": [],
    "floor": {"threshold": 1},
    "grades": {"card": "L1", "line": "L1", "fare": "L1"},
    "columns": {"line": "magnitude", "trips": "dimension"},
}


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    """Two lines with many riders, one with three."""
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "fare"])
        for number in range(900):
            writer.writerow([f"HS{number % 300:08d}", f"{number % 2 + 1}路", number % 2 + 1])
        for number in range(3):
            writer.writerow([f"HS{number + 500:08d}", "3路", 2])
    return path


def graded(decision):
    grades = {"card": "L4", "line": "L1", "fare": "L2"}
    fields = tuple(
        dataclasses.replace(field, grade=grades[field.name], reason="线路不指向个人")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="card")


@pytest.fixture
def granted(domain: Domain, trips: Path) -> Domain:
    assert domain.hand_in(trips, "res-1", "trips", graded).state == "confirmed"
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get(id="g-1")
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def work() -> None:
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))


def product(domain: Domain, number: int, sql: str = SQL, **weak: object) -> Output:
    """A run and its release task, the task with these extra words everywhere they could be read."""
    run, asked = f"t-{number}", f"r-{number}"
    domain.feed("task", {"id": run, "kind": "run", "grant": "g-1", "sql": sql})
    work()
    assert Task.objects.get(id=run).outcome == "done", Task.objects.get(id=run).detail
    output = {"kind": "table", "title": "客流", "lead": "合成数据。", **weak}
    body = {"id": asked, "kind": "release", "grant": "g-1", "from_task": run, "output": output, "spec": weak}
    domain.feed("task", {**body, "product": "pd-1", **weak})
    work()
    assert Task.objects.get(id=asked).outcome == "done", Task.objects.get(id=asked).detail
    return Output.objects.get(task_id=run)


def agree(output: Output, now: datetime) -> None:
    votes.cast(output, person="p-auth", organisation=AUTHORITY, agreed=True, reason="", now=now)
    votes.cast(output, person="p-bus2", organisation=BUS, agreed=True, reason="", now=now)


def test_a_release_task_weakens_neither_threshold_nor_history(granted: Domain) -> None:
    """The office asks for threshold 1, no subject and no earlier releases; it gets the packs' and the
    enclave's own."""
    only_large = f"{SQL} HAVING count(*) >= 100"
    first = product(granted, 1, only_large, **WEAK)
    assert first.state == "reviewing", first.findings
    agree(first, granted.now)
    assert release.step(granted.now) == 1
    limits = thresholds.at(ZONE, clock.business_today(ZONE, granted.now))
    small = product(granted, 2, **WEAK)
    assert small.spec["threshold"] == limits.floor.threshold > 1
    assert (small.spec["nk"], small.spec["p"]) == (
        [limits.floor.nk[0], str(limits.floor.nk[1])],
        str(limits.floor.p),
    )
    assert small.spec["subject"] == {"trips": "card"} and small.spec["grades"]["trips"]["card"] == "L4"
    assert len(small.spec["previous"]) == Release.objects.count() == 1
    assert "columns" not in first.spec and "columns" not in small.spec
    assert small.state == "blocked"
    assert "threshold" in {finding["check"] for finding in small.findings}


@pytest.mark.parametrize(
    "words",
    [
        {"product": "../../domain/vault"},
        {"product": "/tmp/pd-1"},
        {"product": ".."},
        {"product": "a/b"},
        {"product": ["pd-1"]},
        {"output": {"kind": "report", "title": "客流", "lead": "长" * 4001}},
        {"output": {"kind": "table", "title": "长" * 201}},
    ],
)
def test_a_release_task_names_no_place_and_measures_no_length(
    granted: Domain, words: dict[str, object]
) -> None:
    """A product that is a path writes nowhere; a long text cannot be weighed against the size limit."""
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": SQL})
    work()
    asked = {"kind": "table", "title": "客流"}
    body = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "t-1", "output": asked}
    granted.feed("task", {**body, "product": "pd-1", **words})
    work()
    assert Task.objects.get(id="r-1").outcome == "failed"
    assert Output.objects.get(task_id="t-1").state == "kept"


def test_what_may_not_be_asked_today_may_not_leave_today(granted: Domain) -> None:
    """A query the lens no longer allows is refused, not judged without knowing the query."""
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": SQL})
    work()
    Output.objects.filter(task_id="t-1").update(sql="SELECT card FROM trips")
    asked = {"kind": "table", "title": "客流"}
    body = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "t-1", "output": asked}
    granted.feed("task", {**body, "product": "pd-1"})
    work()
    assert Task.objects.get(id="r-1").outcome == "refused_lens"
    assert Output.objects.get(task_id="t-1").state == "kept"


def test_the_attack_meets_what_left_before_whatever_the_task_says(granted: Domain) -> None:
    """All riders first; then all but the three of one line: the difference is those three."""
    whole = product(granted, 1, "SELECT count(*) AS trips, count(DISTINCT card) AS riders FROM trips")
    assert whole.state == "reviewing", whole.findings
    agree(whole, granted.now)
    assert release.step(granted.now) == 1
    rest = "SELECT count(*) AS trips, count(DISTINCT card) AS riders FROM trips WHERE line <> '3路'"
    second = product(granted, 2, rest, previous=[])
    checks = {finding["check"] for finding in second.findings if finding["severity"] == "block"}
    assert second.state == "blocked" and "differencing" in checks, second.findings


def test_votes_forged_with_the_offices_key_do_not_count(granted: Domain) -> None:
    """Not by the feed, and not even if the rows stood in the data domain's own database."""
    output = product(granted, 1, f"{SQL} HAVING count(*) >= 100")
    for person, organisation in (("p-auth", AUTHORITY), ("p-bus2", BUS)):
        body = {
            "output": output.id,
            "digest": output.digest,
            "findings": output.findings_digest,
            "person": person,
            "organisation": organisation,
            "answer": "confirmed",
        }
        with pytest.raises(WireError) as caught:
            granted.feed("vote", body)
        assert caught.value.code == "kind"
        for role in ("office", "airlock"):
            made = wire.sign(wire.make("vote", ZONE, 0, body, granted.now), role, granted.office)
            Vote.objects.update_or_create(
                output=output,
                person=person,
                defaults={
                    "organisation": organisation,
                    "answer": "confirmed",
                    "envelope": made.data(),
                    "cast": granted.now,
                },
            )
            assert votes.counted(output, granted.now) == []
    assert release.step(granted.now) == 0 and not Release.objects.exists()


def test_a_confirmation_forged_with_the_offices_key_opens_nothing(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", graded)
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get(id="g-1")
    body = {
        "id": "g-1.org-bus",
        "subject": "g-1",
        "digest": grant.digest,
        "organisation": BUS,
        "person": "p-bus",
        "answer": "confirmed",
    }
    with pytest.raises(WireError) as caught:
        domain.feed("confirmation", body)
    assert caught.value.code == "kind"
    made = wire.sign(wire.make("confirmation", ZONE, 1, body, domain.now), "airlock", domain.office)
    Confirmation.objects.create(
        subject="g-1",
        digest=grant.digest,
        organisation=BUS,
        person="p-bus",
        answer="confirmed",
        envelope=made.data(),
        given=domain.now,
    )
    Grant.objects.update(state="live")
    grant.refresh_from_db()
    assert confirm.closed(grant, clock.business_today(ZONE, domain.now), domain.now) == "refused_grant"


@pytest.mark.parametrize(
    ("scope", "target", "left"),
    [("grant", "g-1", []), ("project", "p-1", []), ("all", "", []), ("grant", "g-2", ["ce-1"])],
)
def test_what_is_answered_under_a_grant_ends_with_it(
    granted: Domain, scope: str, target: str, left: list[str]
) -> None:
    granted.feed("ceiling", CEILING)
    first = Ceiling.objects.get(id="ce-1")
    confirm.answer(first, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
    project = Grant.objects.get(pk="g-1").project
    stops.stop(
        zone=ZONE,
        scope=scope,
        target=project if scope == "project" else target,
        reason="到期收回",
        origin="office",
        now=granted.now,
    )
    assert [row["id"] for row in confirm.live_ceilings(ZONE, granted.now)] == left


def test_a_ceiling_is_raised_by_nobody_but_its_provider(granted: Domain) -> None:
    granted.feed("ceiling", CEILING)
    assert confirm.live_ceilings(ZONE, granted.now) == []
    first = Ceiling.objects.get(id="ce-1")
    confirm.answer(first, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
    granted.feed("ceiling", {**CEILING, "calls_per_day": 1_000_000})
    granted.feed("ceiling", {**CEILING, "id": "ce-2", "calls_per_day": 1_000_000})
    live = confirm.live_ceilings(ZONE, granted.now)
    assert [(row["id"], row["calls_per_day"]) for row in live] == [("ce-1", 5)]
    # Rows changed behind the airlock's back fall out: the confirmation was over another digest.
    Ceiling.objects.filter(id="ce-2").update(state="live")
    assert [row["id"] for row in confirm.live_ceilings(ZONE, granted.now)] == ["ce-1"]


LIFT = {
    "id": "lf-1", "contract": "ag-1", "product": "pd-1", "trip": "trip-1", "reason": "程序写错了用途",
    "at": "2026-03-02T01:00:00.000Z", "tries": 5, "seconds": 600,
}  # fmt: skip


def lifting(domain: Domain) -> Lift:
    """A product of the grant with a ceiling in force, and a request that its tripped contract go on."""
    domain.feed("ceiling", CEILING)
    ceiling = Ceiling.objects.get(id="ce-1")
    confirm.answer(ceiling, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    domain.feed("lift_asked", LIFT)
    return Lift.objects.get(id="lf-1")


def signatures(domain: Domain) -> list[object]:
    """The airlock's signatures over the lift that were told to the office."""
    told = [row.envelope["body"] for row in Outgoing.objects.filter(kind="confirmation").order_by("pk")]
    return [body.get("signature") for body in told if body["subject"] == "lf-1"]


def test_a_lift_is_signed_for_exactly_what_the_provider_agreed_to(granted: Domain) -> None:
    row = lifting(granted)
    assert confirm.required(row) == (BUS,)
    assert not signatures(granted)
    with pytest.raises(confirm.ConfirmError, match="不是所涉数据的提供单位"):
        confirm.answer(row, organisation=AUTHORITY, person="p-auth2", agreed=True, reason="", now=granted.now)
    confirm.answer(row, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
    (signature,) = signatures(granted)
    body = {key: LIFT[key] for key in ("id", "contract", "product", "trip")}
    signed = wire.attach(wire.make("lift", ZONE, 9, body, granted.now), [wire.Signature(**signature)])
    assert [one.role for one in wire.verify(signed, trust.current(granted.now), granted.now)] == ["airlock"]
    other = wire.attach(
        wire.make("lift", ZONE, 9, {**body, "trip": "trip-2"}, granted.now), [wire.Signature(**signature)]
    )
    assert not wire.verify(other, trust.current(granted.now), granted.now)


def test_no_lift_without_every_provider_and_none_against_one(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = lifting(granted)
    monkeypatch.setattr(confirm, "owners", lambda _: (BUS, AUTHORITY))
    confirm.answer(row, organisation=BUS, person="p-bus", agreed=True, reason="", now=granted.now)
    assert signatures(granted) == [None]
    confirm.answer(row, organisation=AUTHORITY, person="p-auth2", agreed=True, reason="", now=granted.now)
    assert signatures(granted)[1] is not None
    granted.feed("lift_asked", {**LIFT, "id": "lf-2"})
    again = Lift.objects.get(id="lf-2")
    confirm.answer(again, organisation=BUS, person="p-bus", agreed=False, reason="没有查清", now=granted.now)
    again.refresh_from_db()
    assert again.state == "refused"


def test_a_lift_for_a_product_nobody_here_knows_is_answered_by_the_data_domain(granted: Domain) -> None:
    granted.feed("lift_asked", {**LIFT, "product": "pd-stranger"})
    row = Lift.objects.get(id="lf-1")
    assert row.state == "refused"
    assert signatures(granted) == [None]


def test_a_deletion_is_not_the_offices_alone(granted: Domain) -> None:
    from gongshu.enclave import sources

    source = sources.newest(ZONE, "res-1")
    assert source is not None
    granted.feed("delete", {"id": "d-1", "snapshot": source.snapshot})
    with sources.vault().stage({"trips": source.snapshot}) as staged:
        assert Path(staged["trips"]).exists()


def test_what_left_is_what_was_voted_on(granted: Domain) -> None:
    output = product(granted, 1, f"{SQL} HAVING count(*) >= 100")
    agree(output, granted.now)
    assert release.step(granted.now) == 1
    data = Path(Release.objects.get().path).read_bytes()
    lines = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert {row["line"]: int(row["trips"]) for row in lines} == {"1路": 450, "2路": 450}
