"""What a project builds stays inside: pseudonyms instead of numbers, programs on own tables alone, dropped whole."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from gongshu.enclave import stops, tasks
from gongshu.enclave.project import answers, plainer, sides, tables
from gongshu.enclave.store.models import Outgoing, Output, ProjectTable, Task
from gongshu.enclave.vault import VaultError
from support import firms
from support.domainworld import ZONE, Domain
from support.firms import FEATURES, MODEL, SCORE, SCORES, TRAIN, features, program, step

pytestmark = pytest.mark.row("K02")


@pytest.fixture
def granted(domain: Domain, tmp_path: Path) -> Domain:
    return firms.granted(domain, firms.firms(tmp_path / "firms.csv"))


def rows(name: str) -> list[dict[str, object]]:
    row = tables.newest(ZONE, "pr-1")[name]
    with tables.staged({name: row}) as places:
        return pq.read_table(places[name]).to_pylist()


def said_to_office() -> str:
    return str(list(Outgoing.objects.values_list("envelope", flat=True)))


def test_a_table_of_a_project_names_its_subjects_by_pseudonym_and_stays_inside(granted: Domain) -> None:
    made = features(granted)
    assert made.outcome == "done", made.detail
    kept = rows("features")
    assert len(kept) == 3000
    key = tables.pseudonym_key(ZONE, "pr-1")
    assert {row["who"] for row in kept} == {tables.pseudonym(key, f"QY{n:08d}") for n in range(3000)}
    table = ProjectTable.objects.get()
    assert (table.subject, table.origin) == ("who", [["res-f", "code"]])
    assert table.columns["who"]["grade"] == "L4" and table.columns["staff"]["grade"] == "L3"
    assert not Output.objects.exists()
    said = said_to_office()
    assert "psn-" not in said and table.id not in said
    for file in (settings.DOMAIN_HOME / "state" / "projects").rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"PAR1" not in data and b"psn-" not in data and b"QY0000" not in data


REFUSED = {
    "an identifier": "SELECT code, staff FROM firms",
    "a filter on an identifier": "SELECT pseudonym(code) AS who FROM firms WHERE code = 'QY00000001'",
    "part of one": "SELECT left(code, 6) AS c, staff FROM firms",
    "a constant": "SELECT pseudonym('QY00000001') AS w, staff FROM firms",
    "a table not granted": "SELECT * FROM persons",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_lens_forbids_builds_nothing(granted: Domain, name: str) -> None:
    assert features(granted, sql=REFUSED[name]).outcome == "refused_lens"
    assert not ProjectTable.objects.exists()


def test_queries_read_the_projects_own_tables_under_their_grades(granted: Domain) -> None:
    features(granted)
    made = features(
        granted, "b-2", "SELECT pseudonym(who) AS who, avg(staff) AS s FROM features GROUP BY who", "again"
    )
    assert made.outcome == "done", made.detail
    assert {row["who"] for row in rows("again")} == {row["who"] for row in rows("features")}
    assert tables.newest(ZONE, "pr-1")["again"].origin == [["res-f", "code"]]
    assert features(granted, "b-3", "SELECT who, staff FROM features", "bare").outcome == "refused_lens"


def test_a_grant_to_answer_builds_nothing_and_a_grant_to_build_answers_as_strictly(
    domain: Domain, tmp_path: Path
) -> None:
    firms.granted(domain, firms.firms(tmp_path / "f.csv", many=500), mode="answer")
    assert features(domain).outcome == "refused_grant"
    body = domain.grant("res-f", "firms", mode="build", id="g-2", project="pr-2")
    domain.feed("grant", body)
    from gongshu.enclave import confirm
    from gongshu.enclave.store.models import Grant

    confirm.answer(
        Grant.objects.get(id="g-2"),
        organisation="org-bus",
        person="p-bus",
        agreed=True,
        reason="",
        now=domain.now,
    )
    domain.feed("task", {"id": "t-1", "kind": "run", "grant": "g-2", "sql": FEATURES})
    firms.work()
    assert Task.objects.get(id="t-1").outcome == "refused_lens"


def test_a_model_is_trained_without_the_subjects_held_back_and_answers_for_all(granted: Domain) -> None:
    firms.scored(granted)
    trained = Task.objects.get(id="b-2")
    seen = int(trained.detail.split("rows ")[1].split()[0])
    assert 0.72 * 3000 < seen < 0.88 * 3000
    found = tables.newest(ZONE, "pr-1")
    assert found["model"].held_back and found["model"].kind == "model"
    kept = rows("scores")
    assert len(kept) == 3000
    assert set(Counter(row["band"] for row in kept)) <= {"A", "B", "C"}
    assert found["scores"].columns["band"]["grade"] == "L3"
    assert set(found["scores"].parents) == {found["features"].id, found["model"].id}


def test_what_a_program_says_is_for_the_airlock_and_the_office_hears_a_code(granted: Domain) -> None:
    features(granted)
    source = (
        "import pandas\nprint(pandas.read_parquet(inputs['features']).iloc[0])\nraise ValueError('row 7')"
    )
    made = program(granted, "b-2", source, ["features"], SCORES)
    assert made.outcome == "failed"
    assert "psn-" in made.detail and "row 7" in made.detail and "Traceback" in made.detail
    said = said_to_office()
    assert "psn-" not in said and "row 7" not in said and "Traceback" not in said
    assert set(tables.newest(ZONE, "pr-1")) == {"features"}


SMUGGLED = {
    "under another column": "d.assign(other=d.who)[['who', 'other']]",
    "no subject declared": "d.rename(columns={'who': 'x'})[['x']].assign(who=d.who)",
    "inside a text": "d.assign(t='a ' + d.who)[['who', 't']]",
    "invented": "d.assign(who='me')[['who', 'staff']]",
    "nested": "d.assign(n=[[1]] * len(d))[['who', 'n']]",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_pseudonyms_stand_in_the_declared_column_alone(granted: Domain, name: str) -> None:
    features(granted)
    source = f"import pandas\nd = pandas.read_parquet(inputs['features'])\n{SMUGGLED[name]}.to_parquet(outputs['scores.parquet'])"
    assert program(granted, "b-2", source, ["features"], SCORES).outcome == "failed"
    assert "scores" not in tables.newest(ZONE, "pr-1")


def test_a_program_cannot_carry_held_back_subjects_into_training(granted: Domain) -> None:
    firms.scored(granted)
    again = program(granted, "b-4", TRAIN.replace("features", "scores"), ["scores"], MODEL)
    assert again.outcome == "failed" and "训练只能读" in again.detail
    derived = features(granted, "b-5", "SELECT pseudonym(who) AS who, band FROM scores", "laundered")
    assert derived.outcome == "done", derived.detail
    assert "训练只能读" in program(granted, "b-6", TRAIN, ["laundered"], MODEL).detail
    both = program(granted, "b-7", SCORE, ["features", "model"], MODEL | {"name": "m2"}, SCORES)
    assert "分成两步" in both.detail


def test_a_query_cannot_carry_held_back_subjects_into_training(granted: Domain) -> None:
    """Every firm's row under the names of fifteen others: leaves of one firm would count as fifteen."""
    sql = """SELECT pseudonym(b.code) AS who, a.industry, a.staff, a.turnover, a.overdue, a.good
             FROM firms a JOIN firms b ON a.staff = b.staff"""
    assert features(granted, "b-1", sql).outcome == "done"
    made = program(granted, "b-2", TRAIN, ["features"], MODEL)
    assert made.outcome == "failed" and "一行只说一个主体" in made.detail
    again = "SELECT pseudonym(who) AS who, staff, turnover, overdue, good FROM features"
    assert features(granted, "b-3", again, "washed").outcome == "done"
    washed = program(granted, "b-4", TRAIN.replace("features", "washed"), ["washed"], MODEL)
    assert "一行只说一个主体" in washed.detail


def _partners(path: Path) -> Path:
    """600 firms, each with another as its partner; what those held back turn over lies beyond a million."""
    key = tables.pseudonym_key(ZONE, "pr-1")
    codes = [f"QY{n:08d}" for n in range(600)]
    with duckdb.connect() as engine:
        asked = f"SELECT p, {tables.is_held_back('p')} FROM (SELECT unnest(?::VARCHAR[]) AS p)"
        held = dict(engine.execute(asked, [[tables.pseudonym(key, code) for code in codes]]).fetchall())
    lines = ["code,partner,staff,turnover,good"]
    for n, code in enumerate(codes):
        large = 1_000_000 if held[tables.pseudonym(key, code)] else 0
        lines.append(f"{code},{codes[(n * 7 + 1) % 600]},{n % 90 + 10},{large + n * 1.25:.2f},{n % 2}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_no_join_carries_a_held_back_subject_into_training(
    domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partners are joined by identifiers, as the rule asks, and still are other subjects. The raw rows of those
    held back are gone before the recipe is computed again."""
    monkeypatch.setitem(firms.GRADES, "partner", "L4")
    firms.granted(domain, _partners(tmp_path / "firms.csv"))
    sql = """SELECT pseudonym(a.code) AS who, a.staff, b.turnover, a.good
             FROM firms a JOIN firms b ON a.partner = b.code"""
    assert features(domain, "b-1", sql).outcome == "done"
    assert sum(row["turnover"] > 999_999 for row in rows("features")) > 60  # the project's own table is whole
    source = """
import json, pandas
data = pandas.read_parquet(inputs["features"])
print("rows", len(data), "largest", data.turnover.max())
json.dump({"model": "linear", "n_samples": len(data), "features": ["staff"], "coef": [0.0], "intercept": 0.5},
          open(outputs["line.json"], "w"))
"""
    told = {"name": "line", "kind": "model", "format": "json"}
    made = program(domain, "b-2", source, ["features"], told)
    assert made.outcome == "done", made.detail
    seen, largest = made.detail.split("rows ")[1].split()[:3:2]
    assert 250 < int(seen) < 500 and float(largest) < 1_000_000, made.detail
    (model,) = ProjectTable.objects.filter(kind="model")
    (table,) = ProjectTable.objects.filter(id__in=model.parents)
    with sides.recomputed(table, True, datetime.now(UTC)) as place:
        held = pq.read_table(place).to_pylist()
    assert held and all(row["turnover"] > 999_999 for row in held)


MISWORDED = [
    {"name": "Features", "sql": FEATURES},
    {"name": "../x", "sql": FEATURES},
    {"name": "firms", "sql": FEATURES, "language": "bash"},
    {"language": "python", "program": "pass", "reads": [], "outputs": [SCORES]},
    {"language": "python", "program": "pass", "reads": ["firms"], "outputs": [SCORES]},
    {
        "language": "python",
        "program": "pass",
        "reads": ["features"],
        "outputs": [{"name": "m", "kind": "model", "format": "pickle"}],
    },
    {"language": "python", "program": "def", "reads": ["features"], "outputs": [SCORES]},
]


@pytest.mark.parametrize("n", range(len(MISWORDED)))
def test_misworded_steps_fail_with_a_sentence_for_the_airlock(granted: Domain, n: int) -> None:
    made = step(granted, "b-9", **MISWORDED[n])
    assert made.outcome == "failed" and made.detail.endswith("。")
    assert not ProjectTable.objects.exists()


def test_steps_count_against_the_tries_of_the_day(domain: Domain, tmp_path: Path) -> None:
    firms.granted(domain, firms.firms(tmp_path / "f.csv", many=300), runs_per_day=2)
    codes = [features(domain, f"b-{n}").outcome for n in range(3)]
    assert codes == ["done", "done", "limit"]


def test_a_grant_shortens_the_time_of_its_jobs(domain: Domain, tmp_path: Path) -> None:
    firms.granted(domain, firms.firms(tmp_path / "f.csv", many=300), limits={"seconds": 3})
    features(domain)
    assert program(domain, "b-2", "while True: pass", ["features"], SCORES).outcome == "timeout"


@pytest.mark.parametrize("stopped", [False, True])
def test_drop_destroys_the_projects_copies_even_after_a_stop(granted: Domain, stopped: bool) -> None:
    firms.scored(granted)
    places = [tables.vault(ZONE, "pr-1").place(row.id) for row in ProjectTable.objects.all()]
    assert all((place / "key.sealed").exists() for place in places)
    if stopped:
        stops.stop(zone=ZONE, scope="project", target="pr-1", reason="到期", origin="feed", now=granted.now)
        assert features(granted, "b-8").outcome in ("refused_grant", "refused_stop")
    granted.feed("task", {"id": "d-1", "kind": "drop", "grant": "g-1"})
    firms.work()
    assert Task.objects.get(id="d-1").outcome == "done"
    assert not any((place / "key.sealed").exists() for place in places)
    assert tables.newest(ZONE, "pr-1") == {}
    for row in ProjectTable.objects.all():
        with pytest.raises(VaultError):
            tables.vault(ZONE, "pr-1").manifest(row.id)


def test_another_project_neither_reads_nor_joins(granted: Domain) -> None:
    features(granted)
    assert tables.newest(ZONE, "pr-2") == {}
    assert tables.pseudonym_key(ZONE, "pr-1") != tables.pseudonym_key(ZONE, "pr-2")
    row = ProjectTable.objects.get()
    with pytest.raises(VaultError):
        tables.vault(ZONE, "pr-2").manifest(row.id)
    assert tasks.runs_today("pr-1", datetime.now(UTC)) == 1


def test_a_model_carries_no_row_in_the_low_digits_of_its_parameters() -> None:
    """A program may write anything where a coefficient stands; four digits of it leave."""
    made = {"n_samples": 24531, "coef": [[0.73195028441, -12345678.0, 98765432]], "intercept": 0.5129903317}
    left = json.loads(plainer.json_model(json.dumps(made).encode()))
    assert left == {"n_samples": 24531, "coef": [[0.732, -12350000.0, 98770000]], "intercept": 0.513}
    with pytest.raises(answers.Unfit):
        plainer.json_model(b"[" * 100_000)


def test_a_model_in_json_leaves_without_its_low_digits(granted: Domain) -> None:
    source = """import json
json.dump({"model": "LogisticRegression", "n_samples": 2400, "features": ["staff", "overdue"],
           "coef": [[0.0123456789012, -0.7654321098765]], "intercept": [0.13579113579]},
          open(outputs["linear.json"], "w"))"""
    assert firms.features(granted).outcome == "done"
    told = {"name": "linear", "kind": "model", "format": "json"}
    made = firms.program(granted, "b-2", source, ["features"], told)
    assert made.outcome == "done", made.detail
    body = {"kind": "model", "title": "线性", "features": ["staff", "overdue"], "target": "good"}
    granted.feed("task", {"id": "t-1", "kind": "release", "grant": "g-1", "from_task": "b-2", "output": body})
    firms.work()
    output = Output.objects.get(spec__kind="model")
    assert json.loads(Path(output.path).read_bytes())["coef"] == [[0.01235, -0.7654]]
