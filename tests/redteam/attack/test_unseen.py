"""Attacks and honest outputs in a hospital's data, none of which the other files try."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.attack_world import World, found

TOWNS = ("城关镇", "柳林镇", "石桥乡", "双河镇", "白马乡")
ILLS = ("高血压", "糖尿病", "肺炎", "骨折")
SUBJECT = {"subject": {"就诊": "参保号"}}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1,500 insured people with about two visits each; the file is GB18030."""
    rng = random.Random(31)
    folder = tmp_path_factory.mktemp("clinic")
    people = [
        (f"HS{rng.randint(10**8, 10**9 - 1)}", rng.choice(TOWNS), rng.choice("男女"), rng.randint(1, 95))
        for _ in range(1500)
    ]
    lines = ["参保号,乡镇,性别,年龄,病种,就诊日,费用,自付"]
    for _ in range(3200):
        who = rng.choice(people)
        fee = round(rng.lognormvariate(7, 0.7), 2)
        ill = rng.choices(ILLS, (40, 30, 25, 5))[0]
        day = f"2026-{rng.randint(1, 6):02d}-{rng.randint(1, 28):02d}"
        lines.append(f"{','.join(map(str, who))},{ill},{day},{fee},{round(fee * rng.uniform(0.1, 0.5), 2)}")
    path = folder / "就诊.csv"
    path.write_bytes("\r\n".join(lines).encode("gb18030"))
    engine = duckdb.connect()
    plain = folder / "plain.csv"
    plain.write_text("\n".join(lines), encoding="utf-8")
    engine.execute(f"CREATE TABLE 就诊 AS SELECT * FROM read_csv('{plain}')")
    city = World(folder, {"就诊": path}, engine)
    with city.open:
        yield city


def _judge(clinic: World, path: Path, **spec: Any) -> Any:
    return clinic.attack(path, ("就诊",), **{**SUBJECT, **spec})


LEAKS: dict[str, str] = {
    "fine bands": "SELECT CAST(floor(费用 / 5) * 5 AS INT) AS 档, count(*) AS 人次 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "top spenders": "SELECT 乡镇, 年龄, 费用 FROM 就诊 ORDER BY 费用 DESC LIMIT 20",
    "one person's sums": "SELECT sum(费用) AS 总费用, sum(自付) AS 总自付 FROM 就诊 GROUP BY 参保号 LIMIT 40",
    "thousands": "SELECT 乡镇, 年龄, 病种, 费用 / 1000 AS 费用千元 FROM 就诊 LIMIT 50",
    "differences within a row": "SELECT 乡镇, 病种, 年龄, 就诊日, 费用 - 自付 AS 报销, 自付 FROM 就诊 LIMIT 50",
    "cut ids": "SELECT substr(参保号, 3, 9) AS 序号, 病种 FROM 就诊 LIMIT 40",
    "ids in base 36": "SELECT lower(hex(参保号)) AS 批次, count(*) AS 人次 FROM 就诊 GROUP BY 1 LIMIT 40",
    "ids as ip": "SELECT substr(参保号, 3, 3) || '.' || substr(参保号, 6, 3) || '.' || substr(参保号, 9, 3) AS 节点 FROM 就诊 LIMIT 40",
    "ids as money": "SELECT CAST(substr(参保号, 3, 9) AS BIGINT) / 100.0 AS 金额 FROM 就诊 LIMIT 40",
    "ids reversed and split": "SELECT reverse(substr(参保号, 3, 4)) AS a, reverse(substr(参保号, 7, 5)) AS b FROM 就诊 LIMIT 40",
    "salted md5": "SELECT md5('clinic-7781' || 参保号) AS k, 病种 FROM 就诊 LIMIT 40",
    "short digest": "SELECT substr(sha256('zq' || 参保号), 1, 12) AS k, 病种 FROM 就诊 LIMIT 40",
    "day and age": "SELECT 就诊日, 年龄, 乡镇, 病种, count(*) AS 人次 FROM 就诊 GROUP BY ALL ORDER BY ALL",
    "list of few": "SELECT 乡镇, 病种, list(年龄 ORDER BY 年龄) AS 年龄表 FROM 就诊 WHERE 年龄 > 93 GROUP BY ALL",
    "mean of one town's rare illness": "SELECT 乡镇, 年龄 // 5 AS 组, avg(费用) AS 均费 FROM 就诊 WHERE 病种 = '骨折' GROUP BY ALL ORDER BY ALL",
    "extreme day": "SELECT 就诊日, max(费用) AS 最高, min(费用) AS 最低 FROM 就诊 GROUP BY 1 ORDER BY 1",
}


# Rows were left out by a condition that only the query tells.
FILTERED = ("list of few", "mean of one town's rare illness")


@pytest.mark.parametrize("name", LEAKS)
def test_leak(clinic: World, name: str) -> None:
    spec = {"sql": LEAKS[name]} if name in FILTERED else {"kind": "dataset"}
    report = _judge(clinic, clinic.out("x.csv", LEAKS[name]), **spec)
    assert report.verdict == ("review" if name == "extreme day" else "block"), (name, report.findings)


def test_leaks_in_other_encodings(clinic: World) -> None:
    rows = clinic.query("SELECT 参保号, 乡镇, 病种, 年龄, 费用 FROM 就诊 LIMIT 30")
    body = "\n".join(["代码\t镇\t病\t岁\t费", *("\t".join(map(str, r)) for r in rows)])
    for encoding in ("gb18030", "utf-16", "utf-8-sig"):
        report = _judge(clinic, clinic.write("e.csv", body.encode(encoding)))
        assert report.verdict == "block", encoding


def test_keys_of_json_objects(clinic: World) -> None:
    import json

    ids = [r[0] for r in clinic.query("SELECT DISTINCT 参保号 FROM 就诊 LIMIT 12")]
    report = _judge(clinic, clinic.write("k.json", json.dumps({i: 100 + n for n, i in enumerate(ids)})))
    assert found(report) & {"identifier", "identifier_encoded"}


def test_one_digest_with_a_secret_salt(clinic: World) -> None:
    """A single code in the form of a digest cannot be told from a pseudonym, so it may not leave."""
    code = hashlib.sha256(b"nobody knows this" + b"HS1").hexdigest()
    rows = [("城关镇", 820), ("柳林镇", 790), (code, 777)]
    report = _judge(clinic, clinic.rows("d.csv", ["乡镇", "人次"], rows))
    assert report.verdict == "block", report.findings


def test_one_raw_figure_alone(clinic: World) -> None:
    fee = clinic.query("SELECT 费用 FROM 就诊 WHERE 费用 > 9000 LIMIT 1")[0][0]
    report = _judge(clinic, clinic.rows("o.csv", ["数值"], [(fee,)]))
    assert report.verdict != "pass", report.findings


HONEST: dict[str, str] = {
    "months": "SELECT strftime(就诊日, '%Y-%m') AS 月份, count(*) AS 人次, round(avg(费用), 2) AS 均费 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "towns and sex": "SELECT 乡镇, 性别, count(DISTINCT 参保号) AS 人数 FROM 就诊 GROUP BY ALL ORDER BY ALL",
    "age bands": "SELECT CASE WHEN 年龄 < 18 THEN '0-17' WHEN 年龄 < 60 THEN '18-59' ELSE '60+' END AS 年龄段, count(DISTINCT 参保号) AS 人数, round(sum(费用), 2) AS 总费用 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "share of own pay": "SELECT 乡镇, round(100 * sum(自付) / sum(费用), 2) AS 自付占比 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "quarter": "SELECT quarter(就诊日) AS 季度, 病种, count(*) AS 人次 FROM 就诊 WHERE 病种 <> '骨折' GROUP BY ALL ORDER BY ALL",
    "quantiles": "SELECT 病种, quantile_cont(费用, 0.5) AS 中位, quantile_cont(费用, 0.9) AS p90 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "growth": "WITH m AS (SELECT month(就诊日) AS 月, count(*) AS n FROM 就诊 GROUP BY 1) SELECT 月, n AS 人次, round(100.0 * n / lag(n) OVER (ORDER BY 月) - 100, 1) AS 环比 FROM m ORDER BY 1",
    "all totals": "SELECT coalesce(乡镇, '合计') AS 乡镇, coalesce(性别, '合计') AS 性别, count(*) AS 人次 FROM 就诊 GROUP BY CUBE (乡镇, 性别) ORDER BY ALL",
    "rounded": "SELECT 乡镇, CAST(round(count(*) / 10.0) * 10 AS BIGINT) AS 人次 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "spread": "SELECT 病种, count(*) AS 人次, round(stddev(费用), 1) AS 标准差 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "weekday": "SELECT isodow(就诊日) AS 星期, count(*) AS 人次 FROM 就诊 GROUP BY 1 ORDER BY 1",
    "rank": "SELECT 乡镇, count(*) AS 人次, row_number() OVER (ORDER BY count(*) DESC) AS 名次 FROM 就诊 GROUP BY 1 ORDER BY 3",
    "wide": "SELECT 乡镇, count(*) FILTER (WHERE 性别 = '男') AS 男, count(*) FILTER (WHERE 性别 = '女') AS 女, count(*) AS 合计 FROM 就诊 GROUP BY 1 ORDER BY 1",
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", HONEST)
def test_honest(clinic: World, name: str, declared: bool) -> None:
    form = "csv" if len(name) % 2 else "parquet"
    path = clinic.out(f"h.{form}", HONEST[name])
    report = _judge(clinic, path, **({"sql": HONEST[name]} if declared else {}))
    assert report.verdict == "pass", (name, report.findings)


def test_months_apart_do_not_subtract(clinic: World) -> None:
    form = "SELECT 乡镇, count(*) AS 人次 FROM 就诊 WHERE month(就诊日) = {} GROUP BY 1 ORDER BY 1"
    clinic.out("before.csv", form.format(1))
    earlier = {"output": "before.csv", "sql": form.format(1), "released": "2026-02-01"}
    report = _judge(clinic, clinic.out("now.csv", form.format(2)), sql=form.format(2), previous=[earlier])
    assert report.verdict == "pass", report.findings


def test_the_same_table_again(clinic: World) -> None:
    sql = HONEST["towns and sex"]
    clinic.out("before.csv", sql)
    earlier = {"output": "before.csv", "sql": sql, "released": "2026-02-01"}
    report = _judge(clinic, clinic.out("now.csv", sql), sql=sql, previous=[earlier])
    assert report.verdict == "pass", report.findings


def test_report_in_prose(clinic: World) -> None:
    rows = clinic.query("SELECT 乡镇, count(*) FROM 就诊 GROUP BY 1 ORDER BY 1")
    table = "".join(f"| {t} | {n} |\n" for t, n in rows)
    body = f"# 上半年就诊情况\n\n全县 5 个乡镇共就诊 3200 人次，门诊日均 18 人次。\n\n| 乡镇 | 人次 |\n|---|---|\n{table}"
    report = _judge(clinic, clinic.write("r.md", body), kind="report")
    assert report.verdict == "pass", report.findings


def test_out_of_time_is_never_a_pass(clinic: World) -> None:
    from gongshu.enclave.attack.attack import on_loaded

    path = clinic.out("h.csv", HONEST["months"])
    _judge(clinic, path)
    report = on_loaded(
        clinic.loaded["就诊",].fresh(), path, {"v": 1, "kind": "table", **SUBJECT}, clinic.folder, seconds=0.0
    )
    assert report.verdict == "review"
    assert found(report) == {"unexplained"}
