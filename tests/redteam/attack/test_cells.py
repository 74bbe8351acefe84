"""Small cells, dominated cells, copies, differences, totals: each attack must be blocked or reviewed."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import pytest

from support.attack_world import World, found

CITY = "SELECT district, count(*) AS n, round(avg(income), 2) AS avg_income FROM person GROUP BY 1 ORDER BY 1"

THRESHOLD: dict[str, dict[str, Any]] = {
    "count": {"sql": "SELECT age, job, count(*) AS n FROM person GROUP BY ALL ORDER BY ALL"},
    "mean of few": {
        "sql": "SELECT age, job, round(avg(income), 2) AS m FROM person GROUP BY ALL ORDER BY ALL"
    },
    "filter inside": {
        "sql": "SELECT district, count(*) AS n, count(*) FILTER (WHERE age > 84) AS old FROM person GROUP BY 1 ORDER BY 1"
    },
    "share of few": {
        "sql": "SELECT district, round(avg(CASE WHEN age > 84 THEN 1 ELSE 0 END), 4) AS s FROM person GROUP BY 1 ORDER BY 1"
    },
    "through a cte": {
        "sql": "WITH g AS (SELECT age, job, count(*) AS n FROM person GROUP BY ALL) SELECT age, job, n * 2 AS nn FROM g ORDER BY ALL"
    },
    "trips of few": {
        "sql": "SELECT age, count(*) AS n FROM trip JOIN person ON card_id = id WHERE age > 80 AND job = '医生' GROUP BY 1 ORDER BY 1",
        "tables": ("person", "trip"),
    },
    "united": {
        "sql": "SELECT '甲' AS g, count(*) AS n FROM person WHERE age = 30 AND job = '医生' UNION ALL SELECT '乙', count(*) FROM person"
    },
    "one group of one": {
        "sql": "SELECT count(*) AS n, avg(income) AS m FROM person WHERE id = (SELECT min(id) FROM person)"
    },
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", THRESHOLD)
def test_threshold(world: World, name: str, declared: bool) -> None:
    case = THRESHOLD[name]
    if not declared and name in ("share of few", "through a cte", "filter inside"):
        pytest.skip("only the query tells what was counted")
    path = world.out("t.csv", case["sql"])
    spec = {"sql": case["sql"]} if declared else {}
    report = world.attack(path, case.get("tables", ("person",)), **spec)
    assert report.verdict == "block"
    assert "threshold" in found(report), sorted(found(report))


def test_threshold_of_the_spec_may_only_be_stricter(world: World) -> None:
    sql = "SELECT job, count(*) AS n FROM person WHERE age BETWEEN 20 AND 21 GROUP BY 1 HAVING count(*) < 10 AND count(*) > 3 ORDER BY 1"
    path = world.out("t.csv", sql)
    assert "threshold" in found(world.attack(path, sql=sql, threshold=2))
    path = world.out("t.csv", CITY)
    assert "threshold" in found(world.attack(path, sql=CITY, threshold=100))


def test_small_number_in_prose(world: World) -> None:
    body = "# 月报\n\n铁山区领取待遇的仅有 3 人，其余各区正常。\n"
    assert "threshold" in found(world.attack(world.write("r.md", body), kind="report"))


def test_cross_table(world: World) -> None:
    sql = "SELECT job, count(*) FILTER (WHERE gender = '男') AS 男, count(*) FILTER (WHERE gender = '女') AS 女 FROM person WHERE age = 40 GROUP BY 1 ORDER BY 1"
    assert "threshold" in found(world.attack(world.out("x.csv", sql)))
    assert "threshold" in found(world.attack(world.out("x.csv", sql), sql=sql))


@pytest.mark.parametrize("spec", ["sql", "columns", "nothing"])
def test_dominance(world: World, spec: str) -> None:
    sql = (
        "SELECT industry, count(*) AS n, round(sum(output_value), 2) AS total FROM firm GROUP BY 1 ORDER BY 1"
    )
    path = world.out("d.csv", sql)
    more: dict[str, Any] = {
        "sql": {"sql": sql},
        "columns": {"columns": {"industry": "dimension", "n": "count", "total": "magnitude:output_value"}},
        "nothing": {},
    }[spec]
    checks = found(world.attack(path, ("firm",), subject={"firm": "code"}, **more))
    assert {"dominance_nk", "dominance_p"} <= checks


COPIES: dict[str, str] = {
    "rows": "SELECT gender, district, age, income FROM person LIMIT 40",
    "renamed": "SELECT gender AS a, district AS b, age AS c, income AS d FROM person LIMIT 40",
    "columns turned": "SELECT income, age, district, gender FROM person LIMIT 40",
    "rounded": "SELECT district, street, job, age, round(income, 0) AS income FROM person LIMIT 60",
    "to tens": "SELECT district, street, job, age, round(income, -1) AS income FROM person LIMIT 60",
    "moved": "SELECT district, street, age, income + 12.5 AS v FROM person LIMIT 60",
    "scaled": "SELECT district, street, age, income * 1.7 AS v FROM person LIMIT 60",
    "logarithm": "SELECT district, street, age, ln(income) AS v FROM person LIMIT 60",
    "standardised": "SELECT district, street, age, (income - (SELECT avg(income) FROM person)) / (SELECT stddev_samp(income) FROM person) AS v FROM person LIMIT 60",
    "one figure": "SELECT income FROM person LIMIT 40",
    "sorted figure": "SELECT income FROM person ORDER BY income LIMIT 40",
    "demographic": "SELECT birth, gender, street, job FROM person LIMIT 60",
    "mixed with noise": "SELECT * FROM (SELECT gender, district, age, income FROM person LIMIT 30) UNION ALL SELECT '男', '下陆区', 20 + i::INT, round(1000 + 7.77 * i, 2) FROM range(30) t(i)",
    "sums of one": "SELECT sum(fare) AS f, count(*) AS c, line FROM trip GROUP BY card_id, line LIMIT 60",
    "list": "SELECT district, list(income) AS incomes FROM person GROUP BY 1",
    "texts": "SELECT district, string_agg(income::VARCHAR, ';') AS incomes FROM person GROUP BY 1",
}


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, "csv" if i % 2 or name == "texts" else "parquet") for i, name in enumerate(COPIES)],
)
@pytest.mark.row("C19", "L07")
def test_row_copies(world: World, name: str, form: str) -> None:
    path = world.out(f"c.{form}", COPIES[name])
    report = world.attack(path, ("person", "trip"), kind="dataset")
    assert report.verdict == "block", (name, sorted(found(report)))
    assert found(report) & {"row_copy", "unique"}, sorted(found(report))


def test_shuffled_columns(world: World) -> None:
    rows = world.query("SELECT gender, age, income FROM person LIMIT 80")
    columns = [list(c) for c in zip(*rows, strict=True)]
    rng = random.Random(4)
    for column in columns:
        rng.shuffle(column)
    path = world.rows("s.csv", ["gender", "age", "income"], list(zip(*columns, strict=True)))
    assert "row_copy" in found(world.attack(path, kind="dataset"))


@pytest.mark.row("K12", "L07")
def test_unique_combination(world: World) -> None:
    path = world.out("u.csv", "SELECT DISTINCT birth, gender, district FROM person LIMIT 50")
    assert "unique" in found(world.attack(path, kind="dataset"))


def test_rows_of_data_without_subjects(world: World) -> None:
    path = world.out("c.csv", "SELECT line, boarded, fare FROM trip LIMIT 30")
    assert "row_copy" in found(world.attack(path, ("trip",), subject={}))


PREVIOUS = "SELECT district, count(*) AS n FROM person GROUP BY 1 ORDER BY 1"
DIFFERENCES: dict[str, tuple[str, str]] = {
    "one filter more": (
        "SELECT district, count(*) AS n FROM person WHERE age < 85 GROUP BY 1 ORDER BY 1",
        PREVIOUS,
    ),
    "one person left out": (
        "SELECT district, count(*) AS n FROM person WHERE id <> (SELECT min(id) FROM person) GROUP BY 1 ORDER BY 1",
        PREVIOUS,
    ),
    "means": (
        "SELECT district, round(avg(income), 2) AS m FROM person WHERE NOT (age = 60 AND job = '医生') GROUP BY 1 ORDER BY 1",
        "SELECT district, round(avg(income), 2) AS m FROM person GROUP BY 1 ORDER BY 1",
    ),
    "bands moved": (
        "SELECT CASE WHEN age < 60 OR (age = 60 AND job = '医生') THEN 'a' ELSE 'b' END AS band, count(*) AS n FROM person GROUP BY 1 ORDER BY 1",
        "SELECT CASE WHEN age < 60 THEN 'a' ELSE 'b' END AS band, count(*) AS n FROM person GROUP BY 1 ORDER BY 1",
    ),
    "parts of a whole": (
        "SELECT district, age > 84 AS old, count(*) AS n FROM person GROUP BY ALL HAVING count(*) >= 10 ORDER BY ALL",
        PREVIOUS,
    ),
    "more rows": (
        "SELECT district, count(*) AS n FROM person GROUP BY 1 ORDER BY 1",
        "SELECT district, count(*) AS n FROM person WHERE age > 18 + (id = (SELECT max(id) FROM person))::INT GROUP BY 1 ORDER BY 1",
    ),
}


@pytest.mark.row("K12", "L07")
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", DIFFERENCES)
def test_differencing(world: World, name: str, declared: bool) -> None:
    now, before = DIFFERENCES[name]
    if not declared and name in ("means", "bands moved", "more rows"):
        pytest.skip("without the queries nothing tells that the filters differ")
    world.out("before.csv", before)
    earlier: dict[str, Any] = {"output": "before.csv", "released": "2026-02-01"}
    if declared:
        earlier["sql"] = before
    report = world.attack(world.out("now.csv", now), previous=[earlier], **({"sql": now} if declared else {}))
    assert report.verdict == "block"
    assert "differencing" in found(report), sorted(found(report))


def test_difference_inside_one_workbook(world: World) -> None:
    one = world.query("SELECT district, count(*) AS n FROM person GROUP BY 1 ORDER BY 1")
    two = world.query(
        "SELECT district, count(*) AS n FROM person WHERE gender = '男' OR age < 84 GROUP BY 1 ORDER BY 1"
    )
    body = "".join(
        "\n| district | n |\n|---|---|\n" + "".join(f"| {d} | {n} |\n" for d, n in rows)
        for rows in (one, two)
    )
    report = world.attack(world.write("r.md", body), kind="report")
    assert report.verdict in ("block", "review", "pass")  # without queries the second filter is unknown


def _two_way(world: World) -> tuple[list[tuple[Any, ...]], dict[tuple[str, str], int]]:
    cells = {
        (d, b): n
        for d, b, n in world.query(
            "SELECT district, CASE WHEN age > 83 THEN '高龄' ELSE '其他' END, count(*) FROM person GROUP BY ALL"
        )
    }
    return sorted({d for d, _ in cells}), cells


@pytest.mark.parametrize("mark", ["", "*", "<10", "—"])
def test_total_gives_a_withheld_cell(world: World, mark: str) -> None:
    districts, cells = _two_way(world)
    rows = []
    for d in districts:
        for b in ("高龄", "其他"):
            n = cells.get((d, b), 0)
            rows.append((d, b, n if n >= 10 or n == 0 else mark))
        rows.append((d, "合计", sum(cells.get((d, b), 0) for b in ("高龄", "其他"))))
    report = world.attack(world.rows("t.csv", ["district", "band", "n"], rows))
    assert "total" in found(report), sorted(found(report))


def test_total_in_a_cross_table(world: World) -> None:
    districts, cells = _two_way(world)
    shown = [
        (
            d,
            *(n if (n := cells.get((d, b), 0)) >= 10 else "*" for b in ("高龄", "其他")),
            cells.get((d, "高龄"), 0) + cells.get((d, "其他"), 0),
        )
        for d in districts
    ]
    report = world.attack(world.rows("t.csv", ["district", "高龄", "其他", "合计"], shown))
    assert "total" in found(report), sorted(found(report))


def test_withheld_cell_left_out(world: World) -> None:
    districts, cells = _two_way(world)
    rows = [(d, b, n) for (d, b), n in cells.items() if n >= 10]
    rows += [(d, "总计", sum(cells.get((d, b), 0) for b in ("高龄", "其他"))) for d in districts]
    assert "total" in found(world.attack(world.rows("t.csv", ["district", "band", "n"], rows)))


@pytest.mark.parametrize("function", ["max", "min", "any_value", "first", "arg_max"])
def test_extremes(world: World, function: str) -> None:
    call = f"{function}(income, age)" if function == "arg_max" else f"{function}(income)"
    sql = f"SELECT street, {call} AS m FROM person GROUP BY 1 ORDER BY 1"
    path = world.out("e.csv", sql)
    for spec in ({"sql": sql}, {}):
        report = world.attack(path, **spec)
        assert report.verdict != "pass", spec
        assert found(report) & {"extreme", "row_copy"}


CHANGES: dict[str, Any] = {
    "a cell": lambda rows: [(*r[:1], r[1] + (3 if i == 1 else 0), *r[2:]) for i, r in enumerate(rows)],
    "a row more": lambda rows: [*rows, ("大冶市", 220, 5123.11)],
    "a column more": lambda rows: [(*r, i * 37 + 411) for i, r in enumerate(rows)],
    "low digits": lambda rows: [(r[0], r[1], r[2] + 0.0001 * (i + 1)) for i, r in enumerate(rows)],
    "order": lambda rows: [rows[i] for i in (2, 0, 3, 1)],
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_the_query_does_not_explain(world: World, name: str) -> None:
    rows = CHANGES[name](world.query(CITY))
    header = ["district", "n", "avg_income", "z"][: len(rows[0])]
    report = world.attack(world.rows("u.csv", header, rows), sql=CITY)
    assert report.verdict != "pass"
    assert found(report) & ({"covert"} if name == "order" else {"unexplained"})


CARRIERS: dict[str, Any] = {
    "zero width": lambda r: (r[0] + "\u200b" * (len(r[0]) % 3 + 1), *r[1:]),
    "trailing blanks": lambda r: (r[0] + (" " if r[1] % 2 else ""), *r[1:]),
    "no-break blanks": lambda r: (r[0].replace("区", "\u00a0区"), *r[1:]),
    "plus signs": lambda r: (r[0], f"+{r[1]}" if r[1] % 2 else str(r[1]), *r[2:]),
    "full-width digits": lambda r: (
        r[0],
        "".join(chr(ord(c) + 0xFEE0) for c in str(r[1])) if r[1] % 2 else str(r[1]),
        *r[2:],
    ),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_covert_carriers(world: World, name: str) -> None:
    rows = [CARRIERS[name](r) for r in world.query(CITY)]
    report = world.attack(world.rows("v.csv", ["district", "n", "avg_income"], rows))
    assert report.verdict != "pass"
    assert "covert" in found(report), sorted(found(report))


FILES: dict[str, tuple[str, bytes, str]] = {
    "pickle": ("m.pkl", pickle.dumps([1, 2]), "format"),
    "pickle as csv": ("m.csv", pickle.dumps({"a": 1}, protocol=4), "format"),
    "joblib": ("m.joblib", b"x", "format"),
    "npz": ("m.npz", b"PK\x03\x04", "format"),
    "docx": ("m.docx", b"PK\x03\x04", "format"),
    "pdf": ("m.pdf", b"%PDF-1.7", "format"),
    "png": ("m.png", b"\x89PNG\r\n", "format"),
    "zip as parquet": ("m.parquet", b"PK\x03\x04aaaa", "format"),
    "broken parquet": ("m.parquet", b"PAR1 nothing here PAR1", "unreadable"),
    "broken json": ("m.json", b'{"a": [1, 2', "unreadable"),
    "broken xlsx": ("m.xlsx", b"PK\x03\x04 broken", "unreadable"),
    "binary text": ("m.txt", b"\x00\x01\x02\xff", "unreadable"),
    "empty": ("m.csv", b"", "unreadable"),
    "no extension": ("m", b"a,b\n1,2\n", "format"),
    "text as parquet": ("m.parquet", b"a,b\n1,2\n", "unreadable"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_leave(world: World, name: str) -> None:
    file, body, check = FILES[name]
    report = world.attack(world.write(file, body))
    assert report.verdict == "block"
    assert check in found(report)


def test_json_shapes_hold_small_cells(world: World) -> None:
    counts = {
        f"{a}岁": n
        for a, n in world.query(
            "SELECT age, count(*) FROM person WHERE age > 80 GROUP BY 1 ORDER BY 1 LIMIT 3"
        )
    }
    shapes = [
        [{"age": int(k[:-1]), "n": v % 9 + 1} for k, v in counts.items()],
        {"age": [int(k[:-1]) for k in counts], "n": [v % 9 + 1 for v in counts.values()]},
        {"columns": ["age", "n"], "data": [[int(k[:-1]), v % 9 + 1] for k, v in counts.items()]},
        {"meta": {"title": "x"}, "rows": [{"age": int(k[:-1]), "n": v % 9 + 1} for k, v in counts.items()]},
    ]
    for shape in shapes:
        report = world.attack(world.write("s.json", json.dumps(shape)))
        assert "threshold" in found(report), shape
