"""`run/processes.json`: what runs now, with process ids and ports, for tools, tests and the next `up`."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gongshu.host.home import Home
from gongshu.wire.store import write_file

FILE = "processes.json"
LOCK = "supervisor.lock"


def write(home: Home, data: dict[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    write_file(home.run / FILE, text.encode(), 0o644)


def read(home: Home) -> dict[str, Any]:
    """The last state written; empty when there is none."""
    try:
        found: dict[str, Any] = json.loads((home.run / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found


@contextmanager
def lock(home: Home, name: str = LOCK) -> Iterator[bool]:
    """Holds a lock of the home, the supervisor's unless named; False when another holds it. The kernel frees
    it with its holder."""
    path: Path = home.run / name
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def running(home: Home) -> bool:
    """True while a supervisor holds the home."""
    with lock(home) as free:
        return not free


def wait_stopped(home: Home, seconds: float) -> bool:
    """Waits until no supervisor holds the home."""
    ends = time.monotonic() + seconds
    while running(home):
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True
