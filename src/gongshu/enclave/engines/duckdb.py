"""DuckDB in a fresh sandbox a run. The first engine, and the only one that is always there."""

from __future__ import annotations

import json
import re
import shutil
import threading
from dataclasses import asdict
from functools import cache
from importlib import resources
from pathlib import Path

import sqlglot
from sqlglot import exp

from gongshu.enclave.engines.base import Engine, EngineError, Run, State
from gongshu.enclave.runner import Job, Limits, Result, Sandbox

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
FORMATS = ("parquet", "csv")


@cache
def _program() -> bytes:
    return resources.files("gongshu.enclave.engines").joinpath("inside_duckdb.py").read_bytes()


class DuckDB(Engine):
    """Runs live below `work` (private to the enclave), one directory each.

    `sandbox` names the pinned environment. Several threads may use one engine for different runs.
    """

    name = "duckdb"

    def __init__(self, sandbox: Sandbox, work: Path) -> None:
        self.sandbox = sandbox
        self.work = work
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._results: dict[str, Result] = {}
        self._cancelled: dict[str, threading.Event] = {}
        self._running: set[str] = set()

    def prepare(self, run: Run) -> None:
        _check(run)
        place = self._place(run.id)
        told = json.dumps(_as_json(run), ensure_ascii=False, sort_keys=True)
        with self._lock:
            note = place / "run.json"
            if note.exists() and note.read_text("utf-8") != told:
                raise EngineError("同一编号下已有另一个运行，请换一个编号。")
            if not note.exists():
                place.mkdir(mode=0o700, exist_ok=True)
                temporary = place / "run.json.new"
                temporary.write_text(told, "utf-8")
                temporary.replace(note)
            self._runs[run.id] = run
            self._cancelled.setdefault(run.id, threading.Event())

    def execute(self, run_id: str) -> Result:
        with self._lock:
            if run_id in self._results:
                return self._results[run_id]
            run = self._runs.get(run_id) or self._reload(run_id)
            if run is None:
                raise EngineError("这个运行还没有准备好，请先准备。")
            if run_id in self._running:
                raise EngineError("这个运行正在进行。")
            self._running.add(run_id)
            cancel = self._cancelled[run_id]
        try:
            result = Result("cancelled") if cancel.is_set() else self._compute(run, cancel)
        finally:
            with self._lock:
                self._running.discard(run_id)
        with self._lock:
            self._results[run_id] = result
        return result

    def finalise(self, run_id: str) -> None:
        self.cancel(run_id)
        with self._lock:
            for kept in (self._runs, self._results, self._cancelled):
                kept.pop(run_id, None)
        shutil.rmtree(self._place(run_id), ignore_errors=True)

    def cancel(self, run_id: str) -> None:
        with self._lock:
            event = self._cancelled.get(run_id)
        if event:
            event.set()

    def status(self, run_id: str) -> State:
        with self._lock:
            if run_id in self._results:
                return State.FINISHED
            if run_id in self._running:
                return State.RUNNING
            if run_id in self._runs:
                return State.PREPARED
        return State.PREPARED if (self._place(run_id) / "run.json").exists() else State.UNKNOWN

    def _place(self, run_id: str) -> Path:
        if not _ID.fullmatch(run_id):
            raise EngineError("运行编号只用小写字母、数字和横线。")
        return self.work / run_id

    def _reload(self, run_id: str) -> Run | None:
        """A run prepared before this process started."""
        note = self._place(run_id) / "run.json"
        if not note.exists():
            return None
        told = json.loads(note.read_text("utf-8"))
        told["tables"] = {name: Path(path) for name, path in told["tables"].items()}
        told["limits"] = Limits(**told["limits"])
        self._runs[run_id] = Run(**told)
        self._cancelled.setdefault(run_id, threading.Event())
        return self._runs[run_id]

    def _compute(self, run: Run, cancel: threading.Event) -> Result:
        output = self._place(run.id) / "output"
        shutil.rmtree(output, ignore_errors=True)  # what a crash left behind
        output.mkdir(mode=0o700)
        spec: dict[str, object] = {
            "sql": run.sql,
            "tables": {name: f"t{n}" for n, name in enumerate(sorted(run.tables))},
            "output": f"output.{run.format}",
            "format": run.format,
            "order": not _ordered(run.sql),
            "repeatable": run.repeatable,
        }
        inputs = {f"t{n}": run.tables[name] for n, name in enumerate(sorted(run.tables))}
        return self.sandbox.run(Job(_program(), spec, inputs, bare=True), output, run.limits, cancel)


def _as_json(run: Run) -> dict[str, object]:
    return {**asdict(run), "tables": {name: str(path) for name, path in sorted(run.tables.items())}}


def _check(run: Run) -> None:
    if run.format not in FORMATS:
        raise EngineError("输出格式只有 parquet 和 csv。")
    for name, path in run.tables.items():
        if not path.exists():
            raise EngineError(f"数据表“{name}”没有取出到运行目录，请先取出快照。")
    tree = _parse(run.sql)
    if any(f.name.lower() == "pseudonym" for f in tree.find_all(exp.Anonymous)):
        raise EngineError("本版本的引擎还不能计算 pseudonym，假名化随样例功能一起提供；请先去掉这一列。")


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
