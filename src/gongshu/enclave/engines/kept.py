"""What engines of sandboxes share: runs kept in directories, one at a time, cancelled and taken up again."""

from __future__ import annotations

import json
import re
import shutil
import threading
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from gongshu.enclave.engines.base import Engine, EngineError, Program, Run, State
from gongshu.enclave.runner import Limits, Result, Sandbox

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
R = TypeVar("R", Run, Program)


class KeptEngine(Engine[R], Generic[R]):
    """Runs live below `work` (private to the enclave), one directory each.

    `sandbox` names the pinned environment. Several threads may use one engine for different runs.
    """

    def __init__(self, sandbox: Sandbox, work: Path) -> None:
        self.sandbox = sandbox
        self.work = work
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._runs: dict[str, R] = {}
        self._results: dict[str, Result] = {}
        self._cancelled: dict[str, threading.Event] = {}
        self._running: set[str] = set()

    @abstractmethod
    def _check(self, run: R) -> None:
        """Raises EngineError for what this engine cannot run."""

    @abstractmethod
    def _restored(self, told: dict[str, Any]) -> R:
        """The run of its own note."""

    @abstractmethod
    def _compute(self, run: R, cancel: threading.Event) -> Result:
        """Run it in a fresh sandbox, the files below `_output(run)`."""

    def prepare(self, run: R) -> None:
        for name, path in run.tables.items():
            if not path.exists():
                raise EngineError(f"数据表“{name}”没有取出到运行目录，请先取出快照。")
        self._check(run)
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
            kept: tuple[dict[str, Any], ...] = (self._runs, self._results, self._cancelled)
            for one in kept:
                one.pop(run_id, None)
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

    def _output(self, run: R) -> Path:
        """An empty directory for what the run hands out."""
        output = self._place(run.id) / "output"
        shutil.rmtree(output, ignore_errors=True)  # what a crash left behind
        output.mkdir(mode=0o700)
        return output

    def _reload(self, run_id: str) -> R | None:
        """A run prepared before this process started."""
        note = self._place(run_id) / "run.json"
        if not note.exists():
            return None
        told = json.loads(note.read_text("utf-8"))
        told["tables"] = {name: Path(path) for name, path in told["tables"].items()}
        told["limits"] = Limits(**told["limits"])
        self._runs[run_id] = self._restored(told)
        self._cancelled.setdefault(run_id, threading.Event())
        return self._runs[run_id]


def _as_json(run: Run | Program) -> Mapping[str, Any]:
    """The note of a run. The key of pseudonyms is not written down: a run taken up again fails."""
    told = {**asdict(run), "tables": {name: str(path) for name, path in sorted(run.tables.items())}}
    told.pop("pseudonyms", None)
    return told
