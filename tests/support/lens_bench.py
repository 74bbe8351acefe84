"""A small city on real DuckDB, and the grant over it, for the lens's tests.

`main` holds the whole tables, with a column and rows nobody granted. `granted` holds views already cut down by
hand: what a written query gives there is what its rewritten form must give on the whole tables.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

AT = date(2026, 5, 1)

GRANT: dict[str, Any] = {
    "v": 1,
    "zone": "huangshi",
    "project": "p-1",
    "mode": "answer",
    "purpose": "客流研究",
    "from": "2026-01-01",
    "until": "2026-12-31",
    "tables": {
        "person": {
            "columns": {
                "id": {"type": "VARCHAR", "grade": "L4"},
                "name": {"type": "VARCHAR", "grade": "L4"},
                "city": {"type": "VARCHAR", "grade": "L1"},
                "sex": {"type": "VARCHAR", "grade": "L1"},
                "birth": {"type": "DATE", "grade": "L2"},
                "age": {"type": "INTEGER", "grade": "L2"},
                "grade_text": {"type": "VARCHAR", "grade": "L2"},
                "income": {"type": "INTEGER", "grade": "L3"},
                "diagnosed": {"type": "TIMESTAMP", "grade": "L3"},
                "phone": {"type": "VARCHAR"},
            },
            "rows": "city <> '武汉' and hidden",
            "subject": "id",
        },
        "visit": {
            "columns": {
                "pid": {"type": "VARCHAR", "grade": "L4"},
                "place": {"type": "VARCHAR", "grade": "L1"},
                "day": {"type": "DATE", "grade": "L2"},
                "fee": {"type": "DECIMAL(10,2)", "grade": "L2"},
                "days": {"type": "INTEGER", "grade": "L2"},
            },
            "rows": "fee < 90",
            "subject": "pid",
        },
        "city": {
            "columns": {
                "city": {"type": "VARCHAR", "grade": "L1"},
                "region": {"type": "VARCHAR", "grade": "L1"},
            }
        },
        "air": {
            "columns": {
                "station": {"type": "VARCHAR", "grade": "L1"},
                "day": {"type": "DATE", "grade": "L1"},
                "pm": {"type": "DOUBLE", "grade": "L1"},
            },
            "rows": "station <> '封存'",
        },
    },
}

_TABLES = """
create table person as select
  '42020019' || lpad((i * 7919 % 10000)::varchar, 10, '0') as id, '张' || i as name,
  ['黄石', '大冶', '阳新', '武汉'][1 + i % 4] as city, ['F', 'M'][1 + i % 2] as sex,
  date '1950-01-01' + (i * 131 % 18000)::integer as birth, (18 + i * 13 % 60)::integer as age,
  case when i % 7 = 0 then 'x' else (i % 5)::varchar end as grade_text,
  case when i % 11 = 0 then null else 1000 + i * 37 % 19000 end::integer as income,
  timestamp '2020-01-01' + to_days((i * 17 % 900)::integer) as diagnosed, '电' || i as phone,
  'secret' || i as secret, i % 9 <> 0 as hidden
from range(1, 241) t(i);
create table visit as select
  '42020019' || lpad(((i % 200) * 7919 % 10000)::varchar, 10, '0') as pid,
  ['医院', '车站', '公园'][1 + i % 3] as place, date '2025-01-01' + (i * 7 % 300)::integer as day,
  (i * 3 % 101)::decimal(10, 2) as fee, (1 + i % 4)::integer as days, 'secret' || i as secret
from range(1, 601) t(i);
create table city as select * from (values ('黄石', '东'), ('大冶', '西'), ('阳新', '南'), ('鄂州', '东')) v(city, region);
create table air as select
  ['甲站', '乙站', '封存'][1 + i % 3] as station, date '2026-01-01' + (i // 3)::integer as day,
  (i * 29 % 97)::double as pm, 'secret' as secret
from range(0, 90) t(i);
"""

_MACROS = """
create macro {schema}.pseudonym(x) as 'P' || md5(x);
create macro {schema}.width_bucket(x, low, high, n) as case when x < low then 0 when x >= high then n + 1
  else floor((x - low) / ((high - low) / n))::integer + 1 end;
"""


def database() -> duckdb.DuckDBPyConnection:
    """A fresh in-memory database with both schemas."""
    con = duckdb.connect(":memory:", config={"threads": 2})
    con.execute(_TABLES)
    con.execute("create schema granted")
    for name, table in GRANT["tables"].items():
        columns = ", ".join(table["columns"])
        con.execute(
            f"create view granted.{name} as select {columns} from main.{name} where {table.get('rows', 'true')}"
        )
    for schema in ("main", "granted"):
        con.execute(_MACROS.format(schema=schema))
    return con


def run_written(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """What the query as written gives on the tables cut down by hand."""
    con.execute("set schema = 'granted'")
    return _rows(con, sql.replace("main.", "granted."))


def run_rewritten(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """What the rewritten query gives on the whole tables."""
    con.execute("set schema = 'main'")
    return _rows(con, sql)


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    rows = con.execute(sql).fetchall()
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    return [_plain(part) for part in value] if isinstance(value, list) else value


def cases(path: Path) -> list[tuple[str, frozenset[str], str]]:
    """(mode, codes, sql) of a file of queries, one a line, under headings `== mode [code|code]`."""
    found = []
    mode, codes = "", frozenset[str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            mode, *rest = line[3:].split()
            codes = frozenset(rest[0].split("|")) if rest else frozenset()
        elif line and not line.startswith("# "):
            written, _, others = line.partition("  -- or: ")
            sql = written.replace("\\n", "\n").replace("\\0", "\0")
            found.append((mode, codes | frozenset(others.split()), sql))
    return found
