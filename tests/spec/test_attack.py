"""The release spec and the command: small files in, one object out (design section 11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gongshu.cli.main import main
from gongshu.enclave import attack
from gongshu.enclave.attack import Floor

PEOPLE = "id,city,pay\n" + "".join(
    f"u{n:04d},{'甲乙'[n % 2]},{1000 + 37 * n % 911}.{n % 90 + 10}\n" for n in range(60)
)
TABLE = "city,n\n甲,30\n乙,30\n"


def _run(
    tmp_path: Path, capsys: Any, output: str, spec: Any, name: str = "out.csv"
) -> tuple[int, dict[str, Any]]:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / name).write_text(output, encoding="utf-8")
    (tmp_path / "spec.json").write_text(spec if isinstance(spec, str) else json.dumps(spec), encoding="utf-8")
    arguments = [
        "enclave",
        "attack",
        "--output",
        str(tmp_path / name),
        "--raw",
        f"people={tmp_path / 'people.csv'}",
    ]
    code = main([*arguments, "--spec", str(tmp_path / "spec.json"), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_an_honest_table_passes(tmp_path: Path, capsys: Any) -> None:
    code, answer = _run(tmp_path, capsys, TABLE, {"v": 1, "kind": "table", "subject": {"people": "id"}})
    assert (code, answer) == (0, {"verdict": "pass", "findings": []})


def test_a_blocked_table_names_check_place_and_article(tmp_path: Path, capsys: Any) -> None:
    code, answer = _run(tmp_path, capsys, "city,n\n甲,3\n乙,30\n", {"v": 1, "kind": "table", "subject": "id"})
    assert code == 1
    assert answer["verdict"] == "block"
    finding = next(f for f in answer["findings"] if f["check"] == "threshold")
    assert set(finding) == {"check", "severity", "where", "sentence", "basis"}
    assert finding["basis"] == ["national-operation:14(三)", "national-operation:21"]
    assert "第 1 行" in finding["where"]


@pytest.mark.parametrize(
    ("zone", "basis"), [("gansu", ["gansu-operation:26"]), ("huangshi", ["huangshi-plan:二(五)4"])]
)
def test_a_finding_cites_the_zone_of_the_spec(
    tmp_path: Path, capsys: Any, zone: str, basis: list[str]
) -> None:
    spec = {"v": 1, "kind": "table", "subject": "id", "zone": zone}
    _, answer = _run(tmp_path, capsys, "city,n\n甲,3\n乙,30\n", spec)
    assert next(f for f in answer["findings"] if f["check"] == "threshold")["basis"] == basis


@pytest.mark.parametrize(
    "spec",
    [
        "{",
        "[]",
        {"kind": "table", "subject": {}},
        {"v": 2, "kind": "table", "subject": {}},
        {"v": 1, "kind": "picture", "subject": {}},
        {"v": 1, "kind": "table"},
        {"v": 1, "kind": "table", "subject": {"nobody": "id"}},
        {"v": 1, "kind": "table", "subject": {"people": "no"}},
        {"v": 1, "kind": "table", "subject": "no"},
        {"v": 1, "kind": "table", "subject": {}, "threshold": -1},
        {"v": 1, "kind": "table", "subject": {}, "threshold": True},
        {"v": 1, "kind": "table", "subject": {}, "nk": [2]},
        {"v": 1, "kind": "table", "subject": {}, "p": "much"},
        {"v": 1, "kind": "table", "subject": {}, "columns": {"n": "colour"}},
        {"v": 1, "kind": "table", "subject": {}, "grades": {"n": "L9"}},
        {"v": 1, "kind": "table", "subject": {}, "previous": [{"output": "none.csv"}]},
        {"v": 1, "kind": "model", "subject": {}, "model": {"format": "pickle"}},
    ],
)
def test_a_spec_that_cannot_be_used(tmp_path: Path, capsys: Any, spec: Any) -> None:
    code, answer = _run(tmp_path, capsys, TABLE, spec)
    assert code == 2
    assert answer["error"]["code"] == "spec"
    assert answer["error"]["sentence"].endswith("。")


def test_missing_files_are_bad_use_and_broken_outputs_are_findings(tmp_path: Path, capsys: Any) -> None:
    spec = {"v": 1, "kind": "table", "subject": "id"}
    code, answer = _run(tmp_path, capsys, "PAR1", spec, "out.parquet")
    assert (code, answer["verdict"]) == (1, "block")
    assert answer["findings"][0]["check"] == "unreadable"
    base = ["enclave", "attack", "--spec", str(tmp_path / "spec.json"), "--json"]
    for rest in (
        ["--output", "none.csv", "--raw", f"people={tmp_path / 'people.csv'}"],
        ["--output", str(tmp_path / "out.parquet"), "--raw", "people=none.csv"],
        ["--output", str(tmp_path / "out.parquet"), "--raw", "people"],
    ):
        assert main([*base, *rest]) == 2
        assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_query_that_cannot_run_is_for_a_human(tmp_path: Path, capsys: Any) -> None:
    for sql in (
        "SELEC city",
        "SELECT nothing FROM people",
        "DROP TABLE people",
        "SELECT * FROM read_csv('/etc/passwd')",
    ):
        code, answer = _run(tmp_path, capsys, TABLE, {"v": 1, "kind": "table", "subject": "id", "sql": sql})
        assert code == 1
        assert "unexplained" in {f["check"] for f in answer["findings"]}


def test_full_hours_are_no_ids_in_disguise(tmp_path: Path) -> None:
    """Their digits, turned round, meet short card numbers by chance: an honest hourly table passes."""
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE trips AS SELECT printf('HS%08d', (i * 7919) % 10000) AS card, "
        "TIMESTAMP '2025-12-01' + INTERVAL (i % 72) HOUR + INTERVAL (i % 60) MINUTE AS boarded "
        "FROM range(40000) t(i)"
    )
    con.execute(
        "INSERT INTO trips SELECT printf('HS%08d', 10210252 + i), '2025-12-01 12:00:00' FROM range(50) t(i)"
    )
    sql = "SELECT date_trunc('hour', boarded) AS hour, count(*) AS n FROM trips GROUP BY 1"
    con.execute(f"COPY trips TO '{tmp_path / 'trips.parquet'}'")
    con.execute(f"COPY ({sql}) TO '{tmp_path / 'out.csv'}'")
    spec = {"v": 1, "kind": "table", "subject": {"trips": "card"}, "sql": sql}
    report = attack.run(tmp_path / "out.csv", {"trips": tmp_path / "trips.parquet"}, spec)
    assert report.verdict == "pass", report.findings


def _rounded(tmp_path: Path, floor: Floor) -> set[str]:
    """The checks that speak on counts rounded to fives, explained by their query."""
    lines = [f"u{i},{'甲' if i < 43 else '乙'}\n" for i in range(100)]
    (tmp_path / "people.csv").write_text("id,city\n" + "".join(lines), "utf-8")
    (tmp_path / "out.csv").write_text("city,n\n甲,45\n乙,55\n", "utf-8")
    sql = "select city, count(*) as n from people group by city"
    spec = {"v": 1, "kind": "table", "subject": {"people": "id"}, "sql": sql}
    report = attack.run(tmp_path / "out.csv", {"people": tmp_path / "people.csv"}, spec, floor=floor)
    return {finding.check for finding in report.findings}


def test_cells_may_be_rounded_to_the_base_of_the_pack(tmp_path: Path) -> None:
    assert _rounded(tmp_path, Floor(rounding=5)) == set()
    assert "unexplained" in _rounded(tmp_path, Floor(rounding=3))


def _model(tmp_path: Path, floor: Floor) -> list[str]:
    """What is said of a linear model with 40 samples and 25 coefficients."""
    (tmp_path / "people.csv").write_text("id,a\n" + "".join(f"u{i},{i % 7}\n" for i in range(60)), "utf-8")
    model = {
        "model": "LinearRegression",
        "n_samples": 40,
        "features": [f"x{i}" for i in range(25)],
        "coef": [round(0.013 * i + 0.31, 3) for i in range(25)],
        "intercept": 0.1,
    }
    (tmp_path / "m.json").write_text(json.dumps(model), "utf-8")
    spec = {"v": 1, "kind": "model", "subject": {"people": "id"}, "model": {"format": "json"}}
    report = attack.run(tmp_path / "m.json", {"people": tmp_path / "people.csv"}, spec, floor=floor)
    return [finding.sentence for finding in report.findings if "参数数" in finding.sentence]


def test_a_model_needs_the_degrees_of_freedom_of_the_pack(tmp_path: Path) -> None:
    assert _model(tmp_path, Floor(freedom=10)) == []
    (said,) = _model(tmp_path, Floor(freedom=20))
    assert "不足 20" in said


def test_a_wide_column_of_whole_numbers_costs_no_memory() -> None:
    """Phone numbers span tens of billions: whether none is missing is counted, not enumerated."""
    from gongshu.enclave.attack.shape import _repeats

    assert not _repeats([str(12_000_000_000 + n * 7_919_111) for n in range(600)])
    assert _repeats([str(n) for n in range(40)])
    assert _repeats([str(n % 7) for n in range(70)])
