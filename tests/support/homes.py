"""Homes for tests: in a short place every user can reach, removed at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="分离模式的测试需要以 root 运行")
STANDIN = Path(__file__).with_name("standin.py")


@contextmanager
def place() -> Iterator[Path]:
    """A folder under /tmp that service users can enter (pytest's own folders are closed to them)."""
    base = Path(tempfile.mkdtemp(prefix="gs-", dir="/tmp"))
    base.chmod(0o755)
    try:
        yield base
    finally:
        shutil.rmtree(base, ignore_errors=True)


def as_user(name: str, code: str, *words: str, give: str = "") -> subprocess.CompletedProcess[str]:
    """Runs Python code as a system user."""
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        user=name,
        group=name,
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        input=give,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true answer of `what`; fails when none comes in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        answer = what()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s")
