"""One query inside another: what is asked of a plain aggregation is asked of it however it is written.

Each leak has an honest counterpart of the same form beside it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from support.attack_world import World, found

TOWNS = ("东镇", "西镇", "南镇")


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """150 people in each of three towns, one alone in a fourth; firms of two trades, one with a giant; a second
    table about other subjects. In 东镇 exactly one person was born after 2000."""
    rng = random.Random(9)
    folder = tmp_path_factory.mktemp("towns")
    people = [
        (f"P{n:06d}", TOWNS[n % 3], "男女"[n // 3 % 2], 1950 + n // 9, 2000 + rng.randint(0, 4000))
        for n in range(450)
    ]
    people[0] = (*people[0][:3], 2004, people[0][4])
    people.append(("P999999", "孤村", "男", 1960, 7777))
    firms = [
        (f"F{n:05d}", ("钢铁", "食品")[n % 2], year, round(rng.uniform(50, 90), 2))
        for n in range(80)
        for year in (2024, 2025)
    ]
    firms[0] = (*firms[0][:3], 900_000.0)
    flats = [(f"H{n:05d}", TOWNS[n % 3], rng.randint(40, 140)) for n in range(300)]
    raw = {}
    engine = duckdb.connect()
    for name, header, rows in (
        ("person", "id,town,sex,y,income", people),
        ("firm", "code,trade,year,tax", firms),
        ("flat", "no,town,area", flats),
    ):
        raw[name] = folder / f"{name}.csv"
        raw[name].write_text(
            "\n".join([header, *(",".join(map(str, row)) for row in rows)]), encoding="utf-8"
        )
        engine.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{raw[name]}')")
    world = World(folder, raw, engine)
    with world.open:
        yield world


SUBJECTS = {"person": "id", "firm": "code", "flat": "no"}


def judge(world: World, sql: str, before: str = "", **more: Any) -> Any:
    spec: dict[str, Any] = {"sql": sql, "subject": SUBJECTS, **more}
    if before:
        world.out("before.csv", before)
        spec["previous"] = [{"output": "before.csv", "sql": before, "released": "2026-02-01"}]
    return world.attack(world.out("now.csv", sql), tuple(SUBJECTS), **spec)


# What a query shows of the one inhabitant of a town → the same of many.
ALONE: dict[str, tuple[str, str]] = {
    "except": (
        "SELECT town, avg(income) AS a FROM person GROUP BY town EXCEPT SELECT '无', 0.0",
        "SELECT town, count(*) AS n FROM person WHERE town <> '孤村' GROUP BY town EXCEPT SELECT '无', 0",
    ),
    "except a part": (
        "SELECT town, avg(income) AS a FROM person GROUP BY town EXCEPT ALL SELECT town, avg(income) FROM person WHERE town = '东镇' GROUP BY town",
        "SELECT town, count(*) AS n FROM person GROUP BY town EXCEPT SELECT town, count(*) FROM person WHERE town = '孤村' GROUP BY town ORDER BY town",
    ),
    "intersect itself": (
        "SELECT town, sum(income) AS a FROM person GROUP BY town INTERSECT SELECT town, sum(income) FROM person GROUP BY town",
        "SELECT town, count(*) AS n FROM person WHERE town <> '孤村' GROUP BY town INTERSECT SELECT town, count(*) FROM person GROUP BY town",
    ),
    "except inside": (
        "SELECT a FROM (SELECT town, avg(income) AS a FROM person GROUP BY town EXCEPT SELECT '无', 0.0) t WHERE town = '孤村'",
        "SELECT n FROM (SELECT town, count(*) AS n FROM person GROUP BY town EXCEPT SELECT '无', 0) t WHERE town = '东镇'",
    ),
    "united with a constant": (
        "SELECT town, avg(income) AS a FROM person GROUP BY town UNION ALL SELECT '无', 0.0",
        "SELECT town, count(*) AS n FROM person WHERE town <> '孤村' GROUP BY town UNION ALL SELECT '无', 0",
    ),
    "a scalar of one": (
        "SELECT sex, count(*) AS n, (SELECT avg(income) FROM person WHERE town = '孤村') AS x FROM person GROUP BY sex",
        "SELECT sex, count(*) AS n, (SELECT round(avg(income), 1) FROM person) AS x FROM person GROUP BY sex",
    ),
    "a scalar alone": (
        "SELECT (SELECT avg(income) FROM person WHERE town = '孤村') AS x",
        "SELECT (SELECT round(avg(income), 1) FROM person WHERE town = '东镇') AS x",
    ),
    "a scalar over a cte": (
        "WITH g AS (SELECT * FROM person WHERE town = '孤村') SELECT sex, count(*) AS n, (SELECT sum(income) FROM g) AS x FROM person GROUP BY sex",
        "WITH g AS (SELECT * FROM person WHERE town = '东镇') SELECT sex, count(*) AS n, (SELECT sum(income) FROM g) AS x FROM person GROUP BY sex",
    ),
    "the second of two joined": (
        "WITH a AS (SELECT sex, count(*) AS n FROM person GROUP BY sex), b AS (SELECT sex, avg(income) AS m FROM person WHERE town = '孤村' GROUP BY sex) SELECT a.sex, n, m FROM a JOIN b USING (sex)",
        "WITH a AS (SELECT sex, count(*) AS n FROM person GROUP BY sex), b AS (SELECT sex, count(*) AS m FROM person WHERE town = '东镇' GROUP BY sex) SELECT a.sex, n, m FROM a JOIN b USING (sex)",
    ),
    "a self join": (
        "SELECT p.town, avg(q.income) AS m FROM person p JOIN person q ON p.sex = q.sex WHERE q.town = '孤村' AND p.town = '东镇' GROUP BY p.town",
        "SELECT p.town, avg(q.income) AS m FROM person p JOIN person q ON p.id = q.id WHERE p.town = '东镇' GROUP BY p.town",
    ),
    "beside a table nobody matches": (
        "SELECT p.town, round(avg(p.income)) AS m FROM person p LEFT JOIN flat f ON f.no = p.id GROUP BY p.town",
        "SELECT p.town, round(avg(p.income)) AS m FROM person p LEFT JOIN flat f ON f.no = p.id WHERE p.town <> '孤村' GROUP BY p.town",
    ),
    "a lateral": (
        "SELECT l.m FROM (SELECT 1 AS one) o, LATERAL (SELECT avg(income) AS m FROM person WHERE town = '孤村') l",
        "SELECT l.m FROM (SELECT avg(income) AS m FROM person WHERE town = '东镇') l",
    ),
    "recursion": (
        "WITH RECURSIVE r AS (SELECT town, avg(income) AS a, 1 AS i FROM person GROUP BY town UNION ALL SELECT town, a, i + 1 FROM r WHERE i < 1) SELECT town, a FROM r",
        "WITH r AS (SELECT town, avg(income) AS a FROM person WHERE town <> '孤村' GROUP BY town) SELECT town, a FROM r",
    ),
    "pivot": (
        "PIVOT (SELECT town, sex, income FROM person) ON sex USING avg(income) GROUP BY town",
        "SELECT town, avg(income) FILTER (WHERE sex = '男') AS 男, avg(income) FILTER (WHERE sex = '女') AS 女 FROM person WHERE town <> '孤村' GROUP BY town",
    ),
    "a filtered mean": (
        "SELECT sex, avg(income) FILTER (WHERE y = 1950 AND town = '东镇') AS m FROM person GROUP BY sex",
        "SELECT sex, avg(income) FILTER (WHERE y < 1980 AND town = '东镇') AS m FROM person GROUP BY sex",
    ),
    "a median of a case": (
        "SELECT sex, median(CASE WHEN town = '孤村' OR y = 1951 THEN income END) AS m FROM person WHERE sex = '男' GROUP BY sex",
        "SELECT sex, median(CASE WHEN y < 1980 THEN income END) AS m FROM person GROUP BY sex",
    ),
    "a mean of the few who are left": (
        "SELECT sex, avg(income + 0 * nullif(greatest(y, 1998), 1998)) AS m FROM person GROUP BY sex",
        "SELECT sex, avg(income + 0 * nullif(greatest(y, 1970), 1970)) AS m FROM person GROUP BY sex",
    ),
    "a sum with noughts": (
        "SELECT sex, sum(CASE WHEN y = 1950 THEN income ELSE 0 END) AS m FROM person GROUP BY sex",
        "SELECT sex, sum(CASE WHEN y < 1980 THEN income ELSE 0 END) AS m FROM person GROUP BY sex",
    ),
}


@pytest.mark.row("K12", "L07")
@pytest.mark.parametrize("name", ALONE)
def test_one_person_behind_another_query(towns: World, name: str) -> None:
    report = judge(towns, ALONE[name][0])
    assert report.verdict == "block", report.findings


@pytest.mark.parametrize("name", ALONE)
def test_the_same_of_many(towns: World, name: str) -> None:
    report = judge(towns, ALONE[name][1])
    assert report.verdict == "pass", report.findings


PLAIN = "SELECT town, count(*) AS n FROM person WHERE town <> '孤村' GROUP BY town"
OLD = PLAIN.replace("GROUP", "AND y < 2000 GROUP")
# The 149 of 150 born before 2000, written in another way; None stands for the plain writing.
WRITTEN: dict[str, str] = {
    "in a sub-query": "SELECT town, count(*) AS n FROM (SELECT id, town FROM person WHERE town <> '孤村' {} GROUP BY id, town) t GROUP BY town",
    "by what is one with the id": "SELECT town, count(*) AS n FROM (SELECT md5(id) AS k, town FROM person WHERE town <> '孤村' {} GROUP BY ALL) t GROUP BY town",
    "in a cte": "WITH t AS (SELECT id, town FROM person WHERE town <> '孤村' {} GROUP BY id, town) SELECT town, count(*) AS n FROM t GROUP BY town",
    "shown by a cte": "WITH t AS (SELECT town, count(*) AS n FROM person WHERE town <> '孤村' {} GROUP BY town) SELECT town, n FROM t WHERE n > 20 ORDER BY town",
    "united": "SELECT town, count(*) AS n FROM person WHERE town = '东镇' {} GROUP BY town UNION ALL SELECT town, count(*) FROM person WHERE town IN ('西镇', '南镇') {} GROUP BY town",
    "joined with other subjects": "SELECT p.town, count(DISTINCT p.id) AS n FROM person p JOIN (SELECT * FROM flat WHERE area > 40) f ON f.town = p.town WHERE p.town <> '孤村' {} GROUP BY p.town",
    "by a yes or no": "SELECT town, sex = '男' AS man, count(*) AS n FROM person WHERE town <> '孤村' {} GROUP BY ALL",
}


def _of(form: str, year: str) -> str:
    return form.replace("{}", year)


@pytest.mark.row("K12", "L07")
@pytest.mark.parametrize("order", ["now", "before", "both"])
@pytest.mark.parametrize("name", WRITTEN)
def test_one_born_later(towns: World, name: str, order: str) -> None:
    old, all_ = (
        _of(WRITTEN[name], "AND y < 2000"),
        PLAIN if name != "by a yes or no" else _of(WRITTEN[name], ""),
    )
    if order == "both":
        all_ = _of(WRITTEN[name], "")
    now, before = (all_, old) if order == "before" else (old, all_)
    report = judge(towns, now, before)
    assert report.verdict == "block" and "differencing" in found(report), report.findings


@pytest.mark.parametrize("year", ["", "AND y < 1985"])
@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_again_or_many_fewer(towns: World, name: str, year: str) -> None:
    report = judge(
        towns, _of(WRITTEN[name], year), PLAIN if name != "by a yes or no" else _of(WRITTEN[name], "")
    )
    assert report.verdict == "pass", report.findings


# Sums of trades: one firm makes nearly all of the steel.
GIANT: dict[str, str] = {
    "in a sub-query": "SELECT trade, sum(s) AS tax FROM (SELECT code, trade, sum(tax) AS s FROM firm {} GROUP BY code, trade) t GROUP BY trade",
    "by what is one with the id": "SELECT trade, sum(s) AS tax FROM (SELECT md5(code) AS k, trade, sum(tax) AS s FROM firm {} GROUP BY ALL) t GROUP BY trade",
    "in a cte": "WITH t AS (SELECT code, trade, sum(tax) AS s FROM firm {} GROUP BY code, trade) SELECT trade, sum(s) AS tax FROM t GROUP BY trade",
    "shown by a cte": "WITH t AS (SELECT trade, sum(tax) AS s, count(*) AS n FROM firm {} GROUP BY trade) SELECT trade, round(s / n, 1) AS mean FROM t ORDER BY trade",
    "in a scalar": "SELECT trade, count(DISTINCT code) AS n, (SELECT sum(tax) FROM firm {}) AS tax FROM firm GROUP BY trade",
}


@pytest.mark.parametrize("name", GIANT)
def test_a_giant_behind_another_query(towns: World, name: str) -> None:
    report = judge(towns, _of(GIANT[name], ""))
    assert report.verdict == "block" and "dominance_nk" in found(report), report.findings


@pytest.mark.parametrize("name", GIANT)
def test_the_trades_without_the_giant(towns: World, name: str) -> None:
    report = judge(towns, _of(GIANT[name], "WHERE tax < 1000"))
    assert report.verdict == "pass", report.findings


# Shares that cannot be told go to people.
UNTOLD = {
    "sums of sums": "SELECT trade, sum(s) AS tax FROM (SELECT year, trade, sum(tax) AS s FROM firm GROUP BY year, trade) t GROUP BY trade",
    "united sums": "SELECT trade, sum(tax) AS tax FROM firm WHERE trade = '钢铁' GROUP BY trade UNION ALL SELECT trade, sum(tax) FROM firm WHERE trade = '食品' GROUP BY trade",
    "median of sums": "SELECT trade, median(s) AS tax FROM (SELECT trade, sum(tax) AS s FROM firm GROUP BY trade) t GROUP BY trade",
}


@pytest.mark.parametrize("name", UNTOLD)
def test_shares_that_cannot_be_told_go_to_people(towns: World, name: str) -> None:
    report = judge(towns, UNTOLD[name])
    assert report.verdict != "pass" and "unexplained" in found(report), report.findings


def test_a_query_nobody_stands_behind_needs_no_tracing(towns: World) -> None:
    sql = "SELECT town, avg(area) AS a FROM flat GROUP BY town EXCEPT SELECT '无', 0.0"
    report = judge(towns, sql, subject={})
    assert report.verdict == "pass", report.findings


def test_what_cannot_be_compared_is_for_people(towns: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.enclave.attack import differencing

    monkeypatch.setattr(differencing, "_MOST_EDGES", 2)
    report = judge(towns, PLAIN, PLAIN)
    assert report.verdict == "review" and found(report) == {"unexplained"}, report.findings
    monkeypatch.undo()

    def broken(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(differencing, "_joint", broken)
    assert judge(towns, PLAIN, PLAIN).verdict == "review"


def test_shares_that_break_off_are_for_people(towns: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.enclave.attack import counts

    def broken(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(counts, "_by_key", broken)
    report = judge(towns, "SELECT trade, sum(tax) AS tax FROM firm WHERE tax < 1000 GROUP BY trade")
    assert report.verdict == "review" and found(report) == {"unexplained"}, report.findings
