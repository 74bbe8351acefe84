"""What every engine promises, as numbered contracts; the specification tests hold each engine to them."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from gongshu.enclave.runner import Limits, Result


class EngineError(Exception):
    """The caller asked for what this engine cannot do. `args[0]` is a Chinese sentence."""


class State(enum.StrEnum):
    """Where a run stands in its engine."""

    UNKNOWN = "unknown"
    PREPARED = "prepared"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True)
class Run:
    """One run of one query, already judged by the lens.

    `id`: random name, `[a-z0-9-]`; `sql`: the lens's rewritten text, one SELECT; `tables`: name in the
    query → plain Parquet, a file or a directory of parts; `format`: `parquet` or `csv`; `repeatable`:
    the same input gives the same bytes again (one thread: sums of floats are added in one order).
    """

    id: str
    sql: str
    tables: dict[str, Path] = field(default_factory=dict)
    format: str = "parquet"
    repeatable: bool = True
    limits: Limits = field(default_factory=Limits)
    pseudonyms: str = ""
    """Hex of the project's key of `pseudonym(column)`; empty where no query may ask for one."""


@dataclass(frozen=True)
class Program:
    """One run of a developer's program over tables of their project.

    `source`: Python text; `tables`: name → plain Parquet, seen as `inputs[name]`; `outputs`: file names it
    declared beforehand, written to `outputs[name]`; whatever else it writes is lost.
    """

    id: str
    source: str
    tables: dict[str, Path] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


R = TypeVar("R", Run, Program)


class Engine(ABC, Generic[R]):
    """One way to compute on raw data nobody may see.

    For all methods: (1) they take the run's id or the run and may be called again after any crash,
    with the same effect as once; (2) they never return, log or raise anything that holds a value of
    the data, except in `Result.report` and `Result.detail`, which stay in the data domain.
    """

    name: str

    @abstractmethod
    def prepare(self, run: R) -> None:
        """Make ready what `execute` needs.

        1. Reads no data and starts no process. 2. Twice with an equal run is harmless; with another
        run under the same id raises EngineError. 3. What the engine cannot run (another statement than
        one SELECT, an unknown format, a missing table) raises EngineError here and leaves nothing.
        """

    @abstractmethod
    def execute(self, run_id: str) -> Result:
        """Compute, and wait for the end.

        1. Only after `prepare`, else EngineError. 2. A run that has finished is not computed again:
        the same Result comes back. 3. The Result's code is of `runner.CODES`; with `done` there are
        exactly the files due (one of a query, the declared ones of a program), whole; with any other none.
        4. Without a sandbox the code is `no_sandbox` and nothing has been read.
        """

    @abstractmethod
    def finalise(self, run_id: str) -> None:
        """Remove the output and every trace of the run.

        1. The caller has taken the file before. 2. Unknown and already finalised ids are harmless.
        3. A running run is cancelled first.
        """

    @abstractmethod
    def cancel(self, run_id: str) -> None:
        """Stop a run now.

        1. Returns at once; `execute` ends with `cancelled` within a second, the whole tree of processes
        gone. 2. A prepared run will not start. 3. A finished, unknown or finalised one is left as it is.
        """

    @abstractmethod
    def status(self, run_id: str) -> State:
        """Where the run stands. 1. Never waits. 2. After a crash of the enclave a run that was running
        is `prepared` again: its sandbox died with its parent."""
