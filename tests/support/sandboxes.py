"""Sandboxes for tests: the pinned environment of this checkout, and small programs to run in it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from gongshu.enclave.runner import Job, Limits, Result, Sandbox

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".engines" / "sql"
PYTHON = ROOT / ".engines" / "python"
SMALL = Limits(seconds=20, memory=512 << 20, scratch=64 << 20, output=1 << 20, processes=20)

_FRAME = """
import json, os, resource, sys
told = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_NPROC, (told["limits"]["processes"],) * 2)
resource.setrlimit(resource.RLIMIT_DATA, (told["limits"]["memory"],) * 2)
def send(value):
    text = json.dumps(value).encode()
    head = {"code": "done", "files": [{"name": "answer.json", "size": len(text)}]}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\\n" + text)
    sys.stdout.buffer.flush()
def attempt(act):
    try:
        return repr(act())
    except BaseException as error:
        return type(error).__name__
"""


def run(
    body: str,
    output: Path,
    inputs: dict[str, Path] | None = None,
    limits: Limits = SMALL,
    sandbox: Sandbox | None = None,
) -> Result:
    """Run a little Python program inside; it answers by `send(value)`."""
    output.mkdir(parents=True, exist_ok=True)
    program = (_FRAME + textwrap.dedent(body)).encode()
    return (sandbox or Sandbox(ENVIRONMENT)).run(Job(program, {}, inputs or {}), output, limits)
