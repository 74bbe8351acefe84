"""What the lens allows does not fail on extreme data: whether a run failed must tell nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gongshu import lens
from support.lens_bench import AT, GRANT, cases, database

HONEST = cases(Path(__file__).parent / "honest.sql")
KNOWN = {"select to_days(age) d, count(*) from person group by d"}
"""Queries whose group key may still fail (docs/lens.md says so)."""

_ROWS = """
insert into person values
  ('x', 'n', '黄石', 'F', date '5000-01-01', 2147483647, 'zz', 2147483647, timestamp '9999-01-01', 'p', 's', true),
  ('y', 'n', '黄石', 'F', date '0001-01-01', -2147483648, '', -2147483648, timestamp '0001-01-01', 'p', 's', true),
  ('z', '', '', '', null, 0, null, 0, null, '', '', true);
insert into visit values
  ('x', '车站', date '5000-01-01', -99999999.99, 2147483647, 's'), ('y', '医院', null, 0, -2147483648, 's');
insert into air values
  ('甲站', date '2026-01-01', 'nan'::double, 's'), ('乙站', date '2026-01-01', 'inf'::double, 's');
"""


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = database()
    connection.execute("set schema = 'main'")
    connection.execute(_ROWS)
    yield connection
    connection.close()


@pytest.mark.parametrize(("mode", "sql"), [(mode, sql) for mode, _, sql in HONEST if sql not in KNOWN])
def test_an_allowed_query_runs_on_extreme_data(con: duckdb.DuckDBPyConnection, mode: str, sql: str) -> None:
    verdict = lens.check(sql, {**GRANT, "mode": mode}, at=AT)
    assert verdict.sql is not None
    con.execute(verdict.sql).fetchall()
