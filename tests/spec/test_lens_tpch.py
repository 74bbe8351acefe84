"""The 22 queries of TPC-H, every column L1 and nobody behind the tables: allowed, and meaning the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gongshu import lens

QUERIES = sorted((Path(__file__).parents[2] / "bench" / "tpch").glob("q*.sql"))
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    where = tmp_path_factory.mktemp("tpch")
    maker = Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run(
        [str(maker), "parquet", "-s", "0.01", f"--output-dir={where}"],
        check=True,
        capture_output=True,
    )
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"create view {table} as select * from read_parquet('{where}/{table}.parquet')")
    yield connection
    connection.close()


def grant(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    tables = {}
    for table in TABLES:
        columns = con.execute(f"describe {table}").fetchall()
        tables[table] = {"columns": {name: {"type": kind, "grade": "L1"} for name, kind, *_ in columns}}
    return {"v": 1, "from": "2026-01-01", "until": "2026-12-31", "tables": tables}


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_query_is_allowed_and_means_the_same(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    verdict = lens.check(sql, grant(con), at=date(2026, 5, 1))
    assert verdict.allowed, [violation.sentence for violation in verdict.violations]
    assert verdict.sql is not None
    assert "TRY(" not in verdict.sql  # nobody behind the data: nothing to hide in a failure, no cost
    assert con.execute(verdict.sql).fetchall() == con.execute(sql).fetchall()


def test_all_twenty_two_are_there() -> None:
    assert len(QUERIES) == 22
