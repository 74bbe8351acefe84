"""Every attack is refused by the code that names it; every honest query runs and means what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gongshu import lens
from support.lens_bench import AT, GRANT, cases, database, run_rewritten, run_written

HERE = Path(__file__).parent
ATTACKS = cases(HERE / "attacks.sql")
HONEST = cases(HERE / "honest.sql")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = database()
    yield connection
    connection.close()


@pytest.mark.parametrize(("mode", "codes", "sql"), ATTACKS)
@pytest.mark.row("A16", "C19", "K02", "L07")
def test_attack_is_refused(mode: str, codes: frozenset[str], sql: str) -> None:
    verdict = lens.check(sql, {**GRANT, "mode": mode}, at=AT)
    found = {violation.code for violation in verdict.violations}
    assert not verdict.allowed
    assert verdict.sql is None
    assert found & codes, f"{sorted(found)} where {sorted(codes)} was due"


@pytest.mark.parametrize(("mode", "sql"), [(mode, sql) for mode, _, sql in HONEST])
def test_honest_query_means_the_same(con: duckdb.DuckDBPyConnection, mode: str, sql: str) -> None:
    verdict = lens.check(sql, {**GRANT, "mode": mode}, at=AT)
    assert verdict.allowed, [violation.sentence for violation in verdict.violations]
    assert verdict.sql is not None
    assert run_rewritten(con, verdict.sql) == run_written(con, sql)


def test_there_are_enough_of_each() -> None:
    assert len(ATTACKS) >= 150
    assert len(HONEST) >= 150
    assert len({sql for _, _, sql in ATTACKS}) == len(ATTACKS)
    assert len({sql for _, _, sql in HONEST}) == len(HONEST)
