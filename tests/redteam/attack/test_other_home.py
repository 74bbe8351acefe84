"""Another home: Chinese names, whole numbers as ids, tabs and GB18030. Nothing may depend on names."""

from __future__ import annotations

import csv
import hashlib
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gongshu.enclave import attack

HEADER = ["编号", "区划", "性别", "年龄", "月收入", "学历"]
TYPES = "编号 BIGINT, 区划 VARCHAR, 性别 VARCHAR, 年龄 INT, 月收入 DOUBLE, 学历 VARCHAR"


class Home:
    def __init__(self, folder: Path) -> None:
        rng = random.Random(9)
        degrees = ["本科", "硕士", "专科"]
        self.folder = folder
        self.rows = [
            (100000 + i * 7, rng.choice(["云山县", "河口镇", "东城"]), rng.choice("女男"), rng.randint(18, 80),
             round(rng.gauss(6000, 1500), 2), rng.choice([*degrees, "博士"] if i % 50 == 0 else degrees))
            for i in range(3000)
        ]  # fmt: skip
        with (folder / "居民.txt").open("w", encoding="gb18030", newline="") as file:
            writer = csv.writer(file, delimiter="\t")
            writer.writerow(HEADER)
            writer.writerows(self.rows)
        self.engine = duckdb.connect()
        self.engine.execute(f"CREATE TABLE 居民({TYPES})")
        self.engine.executemany("INSERT INTO 居民 VALUES (?, ?, ?, ?, ?, ?)", self.rows)

    def out(self, sql: str, name: str = "o.csv") -> Path:
        self.engine.execute(f"COPY ({sql}) TO '{self.folder / name}' (HEADER)")
        return self.folder / name

    def attack(self, path: Path, **more: Any) -> attack.AttackReport:
        spec = {"v": 1, "kind": "table", "subject": {"居民": "编号"}, **more}
        return attack.run(path, {"居民": self.folder / "居民.txt"}, spec, self.folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


BLOCKED = {
    "ids": "SELECT 编号 FROM 居民 LIMIT 30",
    "ids under another name": "SELECT 编号 AS x, 月收入 AS y FROM 居民 LIMIT 30",
    "ids moved": "SELECT 编号 + 500 AS x, 学历 FROM 居民 LIMIT 30",
    "ids hashed": "SELECT md5(编号::VARCHAR) AS k, 年龄 FROM 居民 LIMIT 30",
    "rows": "SELECT 区划, 性别, 年龄, 月收入 FROM 居民 ORDER BY 月收入 LIMIT 50",
    "two columns": "SELECT 年龄, 月收入 FROM 居民 LIMIT 40",
    "highest": "SELECT 区划, 月收入 FROM 居民 ORDER BY 月收入 DESC LIMIT 12",
    "small": "SELECT 区划, 学历, 年龄, count(*) AS 人数 FROM 居民 GROUP BY ALL",
    "share": "SELECT 区划, count(*) AS 人数, round(100.0 * count_if(学历 = '博士' AND 性别 = '女' AND 年龄 < 40) / count(*), 3) AS 占比 FROM 居民 GROUP BY 1",
    "cross table": "PIVOT (FROM 居民 WHERE 年龄 = 33) ON 学历 USING count(*) GROUP BY 区划",
}
HONEST = {
    "count": "SELECT 学历, count(*) AS 人数 FROM 居民 WHERE 学历 <> '博士' GROUP BY 1",
    "bands": "SELECT CASE WHEN 年龄 < 30 THEN '18-29岁' WHEN 年龄 < 60 THEN '30-59岁' ELSE '60岁及以上' END AS 年龄段, count(*) AS 人数, round(avg(月收入), 2) AS 平均月收入 FROM 居民 GROUP BY 1",
    "rounded": "SELECT 区划, round(avg(月收入), -2) AS 平均 FROM 居民 GROUP BY 1",
    "statistics": "SELECT 区划, 性别, count(*) AS 样本, avg(年龄) AS 平均年龄, stddev(月收入) AS 标准差, median(月收入) AS 中位数 FROM 居民 GROUP BY ALL",
    "cross table": "PIVOT 居民 ON 性别 USING count(*) GROUP BY 区划",
    "cross table of means": "PIVOT 居民 ON 性别 USING round(avg(月收入), 1) GROUP BY 区划",
}


@pytest.mark.parametrize("name", BLOCKED)
def test_blocked(home: Home, name: str) -> None:
    assert home.attack(home.out(BLOCKED[name])).verdict == "block"


@pytest.mark.parametrize("name", HONEST)
def test_honest(home: Home, name: str) -> None:
    report = home.attack(home.out(HONEST[name]))
    assert report.verdict == "pass", report.findings


def test_unknown_salt(home: Home) -> None:
    path = home.folder / "salted.csv"
    lines = [f"{hashlib.sha256(f'q8!{r[0]}'.encode()).hexdigest()[:16]},{r[3]}" for r in home.rows[:30]]
    path.write_text("k,v\n" + "\n".join(lines) + "\n", encoding="utf-8")
    report = home.attack(path)
    assert "identifier_hashed" in {f.check for f in report.findings}


def test_records_told_in_prose_and_in_scripts(home: Home) -> None:
    prose = home.folder / "r.md"
    prose.write_text(
        f"# 简报\n\n编号{home.rows[1][0]}的居民月收入为{home.rows[1][4]}元。\n", encoding="utf-8"
    )
    page = home.folder / "r.html"
    figures = ",".join(str(r[4]) for r in home.rows[:40])
    page.write_text(f"<html><body><script>var data=[{figures}]</script></body></html>", encoding="utf-8")
    for path in (prose, page):
        report = home.attack(path, kind="report")
        assert "row_copy" in {f.check for f in report.findings}


def test_one_figure_of_one_person_is_not_passed(home: Home) -> None:
    assert home.attack(home.out("SELECT 月收入 FROM 居民 WHERE 编号 = 100007")).verdict != "pass"


def test_synthetic_rows_pass(home: Home) -> None:
    rng = random.Random(77)
    path = home.folder / "synthetic.csv"
    rows = [
        f"{rng.choice(['云山县', '河口镇', '东城'])},{rng.choice('女男')},{rng.randint(18, 80)},{round(rng.gauss(6000, 1500), 2)}"
        for _ in range(200)
    ]
    path.write_text("区划,性别,年龄,月收入\n" + "\n".join(rows) + "\n", encoding="utf-8")
    report = home.attack(path, kind="dataset")
    assert report.verdict == "pass", report.findings
