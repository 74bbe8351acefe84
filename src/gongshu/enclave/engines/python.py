"""A developer's Python program in a fresh sandbox: tables of their project in, declared files out."""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import resources
from typing import Any

from gongshu.enclave.engines.base import EngineError, Program
from gongshu.enclave.engines.kept import KeptEngine
from gongshu.enclave.runner import Job, Result

LONGEST = 200_000
"""Characters of a program."""
MOST_OUTPUTS = 8
FILE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\.(parquet|txt|onnx|json|md)")


@cache
def _frame() -> bytes:
    return resources.files("gongshu.enclave.engines").joinpath("inside_python.py").read_bytes()


class Python(KeptEngine[Program]):
    """Programs in the pinned environment (numpy, pandas, pyarrow, scikit-learn, lightgbm).

    The program forks and executes nothing; its threads are as many as the limits say. Standard output and
    traceback are `Result.detail`: they stay in the data domain.
    """

    name = "python"

    def _check(self, run: Program) -> None:
        if not run.source.strip() or len(run.source) > LONGEST:
            raise EngineError(f"程序是空的，或超过 {LONGEST} 个字符。")
        if not 1 <= len(run.outputs) <= MOST_OUTPUTS or len(set(run.outputs)) != len(run.outputs):
            raise EngineError(f"须事先声明一至 {MOST_OUTPUTS} 个互不相同的输出文件。")
        for name in run.outputs:
            if not FILE.fullmatch(name):
                raise EngineError("输出文件名以字母开头，后缀只有 parquet、txt、onnx、json、md。")
        try:
            compile(run.source, "program.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise EngineError(f"程序有语法错误：{type(error).__name__}。") from error

    def _restored(self, told: dict[str, Any]) -> Program:
        return Program(**{**told, "outputs": tuple(told["outputs"])})

    def _compute(self, run: Program, cancel: threading.Event) -> Result:
        tables = {name: f"t{n}" for n, name in enumerate(sorted(run.tables))}
        spec: dict[str, object] = {"source": run.source, "tables": tables, "outputs": list(run.outputs)}
        inputs = {short: run.tables[name] for name, short in tables.items()}
        result = self.sandbox.run(Job(_frame(), spec, inputs), self._output(run), run.limits, cancel)
        if result.ok and set(result.files) != set(run.outputs):
            # The pipe is the program's own in the end: what it announces there is not believed.
            return Result("failed", detail=result.detail, seconds=result.seconds)
        return result
