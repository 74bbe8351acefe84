"""Honest outputs: at least 95 % must pass, so that the attack does not cry wolf."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from support.attack_world import World

SQL: dict[str, str] = {
    "count by district": "SELECT street, count(*) AS n FROM person GROUP BY 1 ORDER BY 1",
    "mean": "SELECT job, count(*) AS n, round(avg(income), 2) AS avg_income FROM person GROUP BY 1 ORDER BY 1",
    "unrounded mean": "SELECT job, avg(income) AS avg_income FROM person GROUP BY 1 ORDER BY 1",
    "sum": "SELECT job, sum(income) AS total FROM person GROUP BY 1 ORDER BY 1",
    "median": "SELECT job, count(*) AS n, median(income) AS median_income FROM person GROUP BY 1 ORDER BY 1",
    "quartiles": "SELECT job, quantile_cont(income, 0.25) AS q1, quantile_cont(income, 0.75) AS q3 FROM person GROUP BY 1 ORDER BY 1",
    "deviation": "SELECT job, round(avg(income), 2) AS m, round(stddev(income), 2) AS s FROM person GROUP BY 1 ORDER BY 1",
    "two ways": "SELECT job, gender, count(*) AS n FROM person GROUP BY ALL ORDER BY ALL",
    "bands": "SELECT CASE WHEN age < 30 THEN '18-29' WHEN age < 45 THEN '30-44' WHEN age < 60 THEN '45-59' ELSE '60+' END AS band, count(*) AS n, round(avg(income), 2) AS m FROM person GROUP BY 1 ORDER BY 1",
    "share": "SELECT job, count(*) AS n, round(avg(insured), 4) AS rate FROM person GROUP BY 1 ORDER BY 1",
    "rollup": "SELECT job, gender, count(*) AS n FROM person GROUP BY ROLLUP (job, gender) ORDER BY ALL",
    "index": "SELECT gender, round(100 * avg(income) / (SELECT avg(income) FROM person), 1) AS idx FROM person GROUP BY 1 ORDER BY 1",
    "ratio in a cte": "WITH g AS (SELECT job, sum(income) AS s, count(*) AS n FROM person GROUP BY 1) SELECT job, round(s / n, 2) AS m FROM g ORDER BY 1",
    "suppressed by having": "SELECT age, count(*) AS n FROM person GROUP BY 1 HAVING count(*) >= 10 ORDER BY 1",
    "cross": "SELECT job, count(*) FILTER (WHERE gender = '男') AS 男, count(*) FILTER (WHERE gender = '女') AS 女 FROM person GROUP BY 1 ORDER BY 1",
    "correlation": "SELECT gender, round(corr(age, income), 4) AS r FROM person GROUP BY 1 ORDER BY 1",
    "rounded to 5": "SELECT street, CAST(round(count(*) / 5.0) * 5 AS BIGINT) AS n FROM person GROUP BY 1 ORDER BY 1",
    "birth year": "SELECT substr(birth::VARCHAR, 1, 3) || '0' AS decade, count(*) AS n FROM person GROUP BY 1 HAVING count(*) >= 10 ORDER BY 1",
    "window": "SELECT job, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM person GROUP BY 1 ORDER BY 1",
    "one row": "SELECT count(*) AS n, round(avg(income), 2) AS m, round(avg(age), 1) AS age FROM person",
    "percent text": "SELECT job, printf('%.1f%%', 100 * avg(insured)) AS rate FROM person GROUP BY 1 ORDER BY 1",
}
TRIPS: dict[str, str] = {
    "line and month": "SELECT line, strftime(boarded, '%Y-%m') AS month, count(*) AS trips FROM trip GROUP BY ALL ORDER BY ALL",
    "hour": "SELECT hour(boarded) AS hour, count(*) AS trips, count(DISTINCT card_id) AS riders FROM trip GROUP BY 1 ORDER BY 1",
    "flow index": "SELECT line, round(100.0 * count(*) / (SELECT count(*) / 12.0 FROM trip), 2) AS idx FROM trip GROUP BY 1 ORDER BY 1",
    "fares": "SELECT line, count(*) AS trips, sum(fare) AS revenue, round(avg(fare), 3) AS mean FROM trip GROUP BY 1 ORDER BY 1",
    "day": "SELECT CAST(boarded AS DATE) AS day, count(*) AS trips FROM trip GROUP BY 1 HAVING count(DISTINCT card_id) >= 10 ORDER BY 1",
    "joined": "SELECT gender, line, count(*) AS trips FROM trip JOIN person ON card_id = id GROUP BY ALL ORDER BY ALL",
}


FORMS = ("csv", "parquet", "json")
# each output with and without its query, the two in different forms
CASES = [(name, FORMS[(i + j) % 3], j == 0) for i, name in enumerate(SQL) for j in (0, 1)]


@pytest.mark.parametrize(("name", "form", "declared"), CASES)
def test_tables_about_persons(world: World, name: str, form: str, declared: bool) -> None:
    path = world.out(f"h.{form}", SQL[name])
    report = world.attack(path, **({"sql": SQL[name]} if declared else {}))
    assert report.verdict == "pass", report.findings


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", TRIPS)
def test_tables_about_trips(world: World, name: str, declared: bool) -> None:
    path = world.out("h.csv", TRIPS[name])
    spec: dict[str, Any] = {"subject": {"trip": "card_id"}, "kind": "index"}
    tables = ("trip", "person") if name == "joined" else ("trip",)
    report = world.attack(path, tables, **spec, **({"sql": TRIPS[name]} if declared else {}))
    assert report.verdict == "pass", report.findings


def test_withheld_with_complement(world: World) -> None:
    rows = world.query("SELECT district, job, count(*) FROM person GROUP BY ALL ORDER BY ALL")
    shown = [(d, j, n if d != "铁山区" else "*") for d, j, n in rows]
    report = world.attack(world.rows("w.csv", ["district", "job", "n"], shown))
    assert report.verdict == "pass", report.findings


def test_totals_with_two_withheld_rows(world: World) -> None:
    cells = {(d, g): n for d, g, n in world.query("SELECT job, gender, count(*) FROM person GROUP BY ALL")}
    jobs = sorted({j for j, _ in cells})
    rows = [(j, g, "*" if j in jobs[:2] else cells[j, g]) for j in jobs for g in "男女"]
    rows += [("合计", g, sum(cells[j, g] for j in jobs)) for g in "男女"]
    rows += [(j, "合计", cells[j, "男"] + cells[j, "女"]) for j in jobs]
    report = world.attack(world.rows("w.csv", ["job", "gender", "n"], rows))
    assert report.verdict == "pass", report.findings


def _md(world: World) -> Path:
    rows = world.query("SELECT job, count(*), round(avg(income), 2) FROM person GROUP BY 1 ORDER BY 1")
    table = "".join(f"| {j} | {n} | {m} |\n" for j, n, m in rows)
    return world.write(
        "r.md",
        "# 2026 年 2 月收入月报\n\n编制单位：黄石市数据局 2026-03-02\n\n本月覆盖 1600 人，早高峰 7 时至 9 时。\n\n"
        f"| 职业 | 人数 | 平均收入（元） |\n|---|---:|---:|\n{table}\n> 平均每户 3 人；少于 10 人的单元格不公布。\n",
    )


def _html(world: World) -> Path:
    rows = world.query("SELECT job, count(*), round(avg(income), 2) FROM person GROUP BY 1 ORDER BY 1")
    body = "".join(f"<tr><td>{j}</td><td>{n}</td><td>{m}</td></tr>" for j, n, m in rows)
    return world.write(
        "r.html",
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>月报</title><style>td{padding:4px}</style></head>'
        f"<body><h1>月报</h1><p>数据截至 2026 年 2 月 28 日。</p><table><tr><th>职业</th><th>人数</th><th>平均收入</th></tr>{body}</table></body></html>",
    )


def _xlsx(world: World) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "月报"
    sheet.append(["2026 年 2 月各职业人数", None, None])
    sheet.append([])
    sheet.append(["职业", "人数", "平均收入"])
    for row in world.query("SELECT job, count(*), round(avg(income), 2) FROM person GROUP BY 1 ORDER BY 1"):
        sheet.append(row)
    second = book.create_sheet("按街道")
    second.append(["街道", "人数"])
    for row in world.query("SELECT street, count(*) FROM person GROUP BY 1 ORDER BY 1"):
        second.append(row)
    path = world.folder / "r.xlsx"
    book.save(path)
    return path


def _json(world: World) -> Path:
    rows = world.query("SELECT job, count(*), round(avg(income), 2) FROM person GROUP BY 1 ORDER BY 1")
    value = {
        "标题": "月报",
        "期间": "2026-02",
        "数据": [{"职业": j, "人数": n, "平均收入": m} for j, n, m in rows],
    }
    return world.write("r.json", json.dumps(value, ensure_ascii=False))


def _gb_csv(world: World) -> Path:
    rows = world.query("SELECT job, count(*), round(avg(income), 2) FROM person GROUP BY 1 ORDER BY 1")
    return world.write(
        "r.csv", "职业;人数;平均收入\r\n" + "".join(f"{j};{n};{m}\r\n" for j, n, m in rows), "gb18030"
    )


def _txt(world: World) -> Path:
    rows = world.query("SELECT job, count(*) FROM person GROUP BY 1 ORDER BY 1")
    return world.write(
        "r.txt", "职业\t人数\n" + "".join(f"{j}\t{n}\n" for j, n in rows) + "\n数据来源：公积金、社保。\n"
    )


@pytest.mark.parametrize("make", [_md, _html, _xlsx, _json, _gb_csv, _txt])
def test_reports(world: World, make: Callable[[World], Path]) -> None:
    report = world.attack(make(world), kind="report")
    assert report.verdict == "pass", report.findings


def test_other_months(world: World) -> None:
    sql = "SELECT line, count(*) AS trips FROM trip WHERE month(boarded) = {} GROUP BY 1 ORDER BY 1"
    world.out("before.csv", sql.format(1))
    now = sql.format(2)
    for spec in (
        {"sql": now, "previous": [{"output": "before.csv", "sql": sql.format(1)}]},
        {"previous": [{"output": "before.csv"}]},
    ):
        report = world.attack(world.out("now.csv", now), ("trip",), subject={"trip": "card_id"}, **spec)
        assert report.verdict == "pass", report.findings


def test_same_release_again_and_other_cut(world: World) -> None:
    before = "SELECT job, count(*) AS n FROM person GROUP BY 1 ORDER BY 1"
    world.out("before.csv", before)
    for now in (before, "SELECT street, count(*) AS n FROM person GROUP BY 1 ORDER BY 1"):
        report = world.attack(
            world.out("now.csv", now), sql=now, previous=[{"output": "before.csv", "sql": before}]
        )
        assert report.verdict == "pass", report.findings


def test_firms_without_the_dominant_group(world: World) -> None:
    sql = "SELECT industry, count(*) AS n, round(sum(output_value), 2) AS total FROM firm WHERE industry <> '建筑' GROUP BY 1 ORDER BY 1"
    for spec in (
        {"sql": sql},
        {"columns": {"industry": "dimension", "n": "count", "total": "magnitude:output_value"}},
    ):
        report = world.attack(world.out("f.csv", sql), ("firm",), subject="code", **spec)
        assert report.verdict == "pass", report.findings
