"""Named points at which a test may kill the process, to prove that nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal

POINTS = ("after_commit", "after_temp_file", "before_rename", "before_checkpoint")
_passed: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Die here by SIGKILL if `GONGSHU_CRASHPOINT` is `name` or `name:n` (the n-th passage).

    Honoured only when `GONGSHU_TEST=1`; otherwise a look into the environment and nothing more.
    """
    wanted = os.environ.get("GONGSHU_CRASHPOINT")
    if wanted is None or os.environ.get("GONGSHU_TEST") != "1":
        return
    point, _, count = wanted.partition(":")
    if point != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
