"""A small synthetic city for the attack's tests: persons, firms, bus trips. Nothing in it is real."""

from __future__ import annotations

import csv
import json
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from gongshu.enclave import attack
from gongshu.enclave.attack.attack import on_loaded
from gongshu.enclave.attack.raw import Raw, opened
from gongshu.recognise import checks

DISTRICTS = ("黄石港区", "西塞山区", "下陆区", "铁山区")
STREETS = tuple(f"第{n}街道" for n in "一二三四五六七八九十")
JOBS = ("工人", "教师", "司机", "店员", "农民", "医生", "职员")
LINES = tuple(f"{n}路" for n in range(1, 13))
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华"


def resident_id(rng: random.Random, n: int, year: int) -> str:
    body = f"4202{rng.choice(('02', '03', '04', '05'))}{year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{n % 1000:03d}"
    return body + checks.resident_check(body)


@dataclass
class World:
    """Raw files in a folder, and a DuckDB over them to make outputs with."""

    folder: Path
    raw: dict[str, Path]
    engine: duckdb.DuckDBPyConnection
    spec: dict[str, Any] = field(default_factory=dict)
    loaded: dict[tuple[str, ...], Raw] = field(default_factory=dict)
    open: ExitStack = field(default_factory=ExitStack)

    def out(self, name: str, sql: str, options: str = "HEADER") -> Path:
        """An output file made by a query; the format follows the extension."""
        path = self.folder / name
        form = {
            "csv": f"FORMAT csv, {options}",
            "parquet": "FORMAT parquet",
            "json": "FORMAT json, ARRAY true",
        }[name.rsplit(".", 1)[1]]
        self.engine.execute(f"COPY ({sql}) TO '{path}' ({form})")
        return path

    def write(self, name: str, body: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_bytes(body if isinstance(body, bytes) else body.encode(encoding))
        return path

    def rows(self, name: str, header: list[str], rows: list[tuple[Any, ...]]) -> Path:
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        return path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.engine.execute(sql).fetchall()

    def attack(self, output: Path, tables: tuple[str, ...] = ("person",), **spec: Any) -> attack.AttackReport:
        value = {"v": 1, "kind": "table", "subject": {"person": "id"}, **spec}
        if tables not in self.loaded:  # raw tables are loaded once for all attacks of a session
            context = opened({t: self.raw[t] for t in tables})
            self.loaded[tables] = context.__enter__()
            self.open.callback(context.__exit__, None, None, None)
        return on_loaded(self.loaded[tables].fresh(), output, value, self.folder)


def build(folder: Path, people: int = 1600, trips: int = 12_000, seed: int = 20260302) -> World:
    """Write the raw files. Incomes are skewed; one district has few inhabitants."""
    rng = random.Random(seed)
    persons = []
    for n in range(people):
        year = rng.randint(1940, 2008)
        district = rng.choices(DISTRICTS, (40, 30, 27, 3))[0]
        persons.append(
            (
                resident_id(rng, n, year),
                rng.choice(_SURNAMES) + "".join(rng.choices(_GIVEN, k=2)),
                rng.choice("男女"),
                district,
                rng.choice(STREETS),
                2026 - year,
                f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                rng.choice(JOBS),
                round(rng.lognormvariate(8.5, 0.5), 2),
                f"13{rng.randint(0, 9)}{rng.randint(10_000_000, 99_999_999)}",
                int(rng.random() < 0.2),
            )
        )
    names = (
        "id",
        "name",
        "gender",
        "district",
        "street",
        "age",
        "birth",
        "job",
        "income",
        "mobile",
        "insured",
    )
    rides = []
    for _ in range(trips):
        who = (
            persons[min(people - 1, int(rng.paretovariate(0.7)))]
            if rng.random() < 0.02
            else rng.choice(persons)
        )
        day, hour = rng.randint(1, 28), rng.choice((7, 8, 9, 12, 17, 18, 19))
        rides.append(
            (
                who[0],
                rng.choice(LINES),
                f"2026-0{rng.randint(1, 3)}-{day:02d} {hour:02d}:{rng.randint(0, 59):02d}:00",
                rng.choice((1, 1.5, 2)),
            )
        )
    firms = []
    for n in range(400):
        body = f"91420200MA{n:05d}{rng.choice('ABCDEFGH')}"
        firms.append(
            (
                _credit(body),
                f"黄石市{rng.choice('宏远华盛金鼎')}{n}号商贸有限公司",
                rng.choice(("制造", "零售", "建筑")),
                round(rng.lognormvariate(5, 1.0), 2),
                rng.randint(3, 300),
            )
        )
    firms[0] = (*firms[0][:2], "建筑", 900_000.0, 300)
    raw = {
        "person": _file(folder / "person.csv", names, persons),
        "trip": _file(folder / "trip.csv", ("card_id", "line", "boarded", "fare"), rides),
        "firm": _file(folder / "firm.csv", ("code", "title", "industry", "output_value", "staff"), firms),
    }
    engine = duckdb.connect()
    for name, path in raw.items():
        types = ", types={'id': 'VARCHAR', 'mobile': 'VARCHAR'}" if name == "person" else ""
        engine.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}'{types})")
    return World(folder, raw, engine)


def _credit(body: str) -> str:
    from stdnum.cn import uscc

    return body + uscc.calc_check_digit(body)


def _file(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def found(report: attack.AttackReport) -> set[str]:
    return {f.check for f in report.findings}


def leaks(report: attack.AttackReport, values: set[str]) -> bool:
    """Whether a finding repeats a value of the raw data."""
    body = json.dumps(report.data(), ensure_ascii=False)
    return any(value in body for value in values)
