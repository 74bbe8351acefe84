"""The numbered contracts of `engines.base.Engine`, held against DuckDB in its sandbox."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from gongshu.enclave.engines import DuckDB, EngineError, Run, State
from gongshu.enclave.runner import CODES, Limits, Sandbox
from support.sandboxes import ENVIRONMENT, ROOT

LIMITS = Limits(seconds=20, memory=1 << 30, scratch=256 << 20, output=8 << 20)
SLOW = "SELECT count(*) AS n FROM range(10000000000) a, range(1000) b"


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    """Two parts of one table, as the vault stages them."""
    directory = tmp_path / "trips"
    directory.mkdir()
    for part in range(2):
        rows = range(part * 50_000, part * 50_000 + 50_000)
        table = pa.table(
            {
                "line": pa.array([f"{n % 7}路" for n in rows]),
                "fare": pa.array([0.1 * (n % 13) for n in rows]),
                "n": pa.array(list(rows)),
            }
        )
        pq.write_table(table, directory / f"part-{part}.parquet")
        (directory / f"part-{part}.parquet").chmod(0o444)
    return directory


@pytest.fixture
def engine(tmp_path: Path) -> DuckDB:
    return DuckDB(Sandbox(ENVIRONMENT), tmp_path / "work")


def compute(engine: DuckDB, run: Run):  # type: ignore[no-untyped-def]
    engine.prepare(run)
    return engine.execute(run.id)


def test_computes_over_all_parts_and_hands_out_one_file(engine: DuckDB, trips: Path) -> None:
    sql = 'SELECT line AS "线路", count(*) AS "人次", sum(n) AS s FROM "Trips" GROUP BY line;'
    result = compute(engine, Run("r1", sql, {"Trips": trips}, limits=LIMITS))
    assert result.code == "done", result.detail
    rows = pq.read_table(result.files["output.parquet"]).to_pylist()
    assert [r["线路"] for r in rows] == [f"{n}路" for n in range(7)]
    assert sum(r["人次"] for r in rows) == 100_000
    assert sum(r["s"] for r in rows) == sum(range(100_000))
    assert result.report["columns"] == [["线路", "VARCHAR"], ["人次", "BIGINT"], ["s", "HUGEINT"]]


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_the_same_run_gives_the_same_bytes(engine: DuckDB, trips: Path, format_: str) -> None:
    sql = "SELECT line, sum(fare) s, avg(fare) a, stddev(fare) d FROM t GROUP BY line"
    outputs = []
    for n in range(3):
        run = Run(f"r{n}", sql, {"t": trips}, format=format_, limits=LIMITS)
        outputs.append(compute(engine, run).files[f"output.{format_}"].read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_its_own_order_is_kept(engine: DuckDB, trips: Path) -> None:
    sql = "SELECT line, count(*) AS n FROM t GROUP BY line ORDER BY line DESC LIMIT 2 -- 末尾的注释"
    result = compute(engine, Run("r", sql, {"t": trips}, format="csv", limits=LIMITS))
    table = pacsv.read_csv(result.files["output.csv"])
    assert table.column("line").to_pylist() == ["6路", "5路"]


def test_prepare_is_idempotent_and_refuses_another_run_of_that_name(engine: DuckDB, trips: Path) -> None:
    run = Run("r", "SELECT 1 AS a", {"t": trips}, limits=LIMITS)
    engine.prepare(run)
    engine.prepare(run)
    assert engine.status("r") is State.PREPARED
    with pytest.raises(EngineError, match="另一个运行"):
        engine.prepare(Run("r", "SELECT 2 AS a", {"t": trips}, limits=LIMITS))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DROP TABLE t",
        "COPY t TO '/work/x'",
        "SELEC 1",
        "",
        "ATTACH 'x'",
        "PRAGMA version",
    ],
)
def test_anything_but_one_select_is_refused_before_it_runs(engine: DuckDB, trips: Path, sql: str) -> None:
    with pytest.raises(EngineError):
        engine.prepare(Run("r", sql, {"t": trips}))
    assert engine.status("r") is State.UNKNOWN


def test_missing_table_unknown_format_bad_name_and_pseudonym_are_refused(engine: DuckDB, trips: Path) -> None:
    for run in (
        Run("r", "SELECT 1", {"t": trips / "none"}),
        Run("r", "SELECT 1", {}, format="xlsx"),
        Run("../r", "SELECT 1"),
        Run("r", "SELECT pseudonym(line) FROM t", {"t": trips}),
    ):
        with pytest.raises(EngineError):
            engine.prepare(run)


def test_execute_needs_prepare_and_does_not_compute_twice(engine: DuckDB, trips: Path) -> None:
    with pytest.raises(EngineError, match="没有准备好"):
        engine.execute("r")
    run = Run("r", "SELECT count(*) AS n FROM t", {"t": trips}, limits=LIMITS)
    first = compute(engine, run)
    assert engine.status("r") is State.FINISHED
    assert engine.execute("r") is first


def test_after_a_crash_the_run_is_prepared_again_and_runs(engine: DuckDB, trips: Path) -> None:
    engine.prepare(Run("r", "SELECT count(*) AS n FROM t", {"t": trips}, limits=LIMITS))
    (engine.work / "r" / "output").mkdir()
    (engine.work / "r" / "output" / "output.parquet").write_bytes(b"half")
    again = DuckDB(engine.sandbox, engine.work)
    assert again.status("r") is State.PREPARED
    assert again.execute("r").code == "done"


def test_finalise_leaves_nothing_and_may_be_repeated(engine: DuckDB, trips: Path) -> None:
    compute(engine, Run("r", "SELECT 1 AS a", {}, limits=LIMITS))
    for _ in range(2):
        engine.finalise("r")
    assert engine.status("r") is State.UNKNOWN
    assert list(engine.work.iterdir()) == []


def test_cancel_stops_a_run_and_a_prepared_one_never_starts(engine: DuckDB) -> None:
    engine.prepare(Run("slow", SLOW, limits=LIMITS))
    threading.Timer(0.5, engine.cancel, ["slow"]).start()
    started = time.monotonic()
    assert engine.execute("slow").code == "cancelled"
    assert time.monotonic() - started < 2
    engine.prepare(Run("never", SLOW, limits=LIMITS))
    engine.cancel("never")
    assert engine.execute("never").code == "cancelled"
    engine.cancel("unknown")


ENDS = [
    (SLOW, Limits(seconds=1), "timeout"),
    ("SELECT list(i) AS l FROM range(300000000) t(i)", Limits(seconds=30, memory=512 << 20), "limit"),
    ("SELECT i, hash(i) AS h FROM range(400000) t(i)", Limits(seconds=30, output=1 << 20), "too_large"),
    ("SELECT cast('x' || line AS INTEGER) AS a FROM t", LIMITS, "failed"),
    ("SELECT error('value ' || line) AS a FROM t", LIMITS, "failed"),
]


@pytest.mark.parametrize(("sql", "limits", "code"), ENDS)
def test_every_end_is_one_of_the_fixed_codes(
    engine: DuckDB, trips: Path, sql: str, limits: Limits, code: str
) -> None:
    result = compute(engine, Run("r", sql, {"t": trips}, limits=limits))
    assert result.code == code, result.detail
    assert result.files == {}
    assert "路" not in result.sentence
    assert result.sentence == CODES[code]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/in/t0/part-0.parquet')",
        "SELECT * FROM read_text('/job.py')",
        "SELECT * FROM glob('/usr/*')",
        "SELECT * FROM '/env/pyvenv.cfg'",
        "SELECT getenv('HOME')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    ],
)
def test_the_engine_itself_reads_no_other_file(engine: DuckDB, trips: Path, sql: str) -> None:
    """The lens refuses these; were it ever wrong, the lock and the sandbox hold."""
    assert compute(engine, Run("r", sql, {"t": trips}, limits=LIMITS)).code == "failed"


def test_settings_are_locked(engine: DuckDB) -> None:
    sql = (
        "SELECT name, value FROM duckdb_settings() WHERE name IN "
        "('enable_external_access', 'lock_configuration', 'threads', 'TimeZone')"
    )
    result = compute(engine, Run("r", sql, {}, limits=LIMITS))
    values = {r["name"]: r["value"] for r in pq.read_table(result.files["output.parquet"]).to_pylist()}
    assert values == {
        "TimeZone": "Asia/Shanghai",
        "enable_external_access": "false",
        "lock_configuration": "true",
        "threads": "1",
    }


def test_without_a_sandbox_nothing_is_computed(tmp_path: Path, trips: Path) -> None:
    engine = DuckDB(Sandbox(ENVIRONMENT, bwrap="no-such-bwrap"), tmp_path / "work")
    result = compute(engine, Run("r", "SELECT count(*) AS n FROM t", {"t": trips}, limits=LIMITS))
    assert (result.code, result.files) == ("no_sandbox", {})


def test_the_bench_fails_when_there_is_no_sandbox(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "tpch.py"), "--scale", "0.01", "--data", str(tmp_path)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "bubblewrap" in done.stderr


def test_runs_side_by_side_do_not_meet(engine: DuckDB, trips: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(n: int) -> int:
        run = Run(f"p{n}", f"SELECT sum(n) + {n} AS s FROM t", {"t": trips}, limits=LIMITS)
        result = compute(engine, run)
        assert result.code == "done", result.detail
        return int(pq.read_table(result.files["output.parquet"]).column("s")[0].as_py())

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(12))) == [sum(range(100_000)) + n for n in range(12)]
