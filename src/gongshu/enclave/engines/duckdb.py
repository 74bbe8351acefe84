"""DuckDB in a fresh sandbox a run. The first engine, and the only one that is always there."""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources
from typing import Any

import sqlglot
from sqlglot import exp

from gongshu.enclave.engines.base import EngineError, Run
from gongshu.enclave.engines.kept import KeptEngine
from gongshu.enclave.runner import Job, Result

FORMATS = ("parquet", "csv")
_KEY_HEX = 64


@cache
def _program() -> bytes:
    return resources.files("gongshu.enclave.engines").joinpath("inside_duckdb.py").read_bytes()


class DuckDB(KeptEngine[Run]):
    """One SELECT over plain Parquet."""

    name = "duckdb"

    def _check(self, run: Run) -> None:
        if run.format not in FORMATS:
            raise EngineError("输出格式只有 parquet 和 csv。")
        tree = _parse(run.sql)
        asks = any(f.name.lower() == "pseudonym" for f in tree.find_all(exp.Anonymous))
        if asks and len(run.pseudonyms) != _KEY_HEX:
            raise EngineError("这项运行不能使用 pseudonym，只有建设（build）任务可以。")

    def _restored(self, told: dict[str, Any]) -> Run:
        return Run(**told)

    def _compute(self, run: Run, cancel: threading.Event) -> Result:
        spec: dict[str, object] = {
            "sql": run.sql,
            "tables": {name: f"t{n}" for n, name in enumerate(sorted(run.tables))},
            "output": f"output.{run.format}",
            "format": run.format,
            "order": not _ordered(run.sql),
            "repeatable": run.repeatable,
            "pseudonyms": run.pseudonyms,
        }
        inputs = {f"t{n}": run.tables[name] for n, name in enumerate(sorted(run.tables))}
        job = Job(_program(), spec, inputs, bare=True)
        return self.sandbox.run(job, self._output(run), run.limits, cancel)


def _parse(sql: str) -> exp.Expression:
    try:
        trees = [t for t in sqlglot.parse(sql, read="duckdb") if t is not None]
    except sqlglot.errors.SqlglotError as error:
        raise EngineError("查询读不懂，请检查写法。") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise EngineError("引擎一次只运行一条 SELECT 查询。")
    return trees[0]


def _ordered(sql: str) -> bool:
    """Whether the outermost query says its own order; otherwise the engine sorts by all columns."""
    return _parse(sql).args.get("order") is not None
