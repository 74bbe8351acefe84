"""The loop of a process: duties done again and again in wall time until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from gongshu.wire.errors import WireError

log = logging.getLogger(__name__)
REST = 0.05


class Duty(NamedTuple):
    """`every`: seconds between two runs; `run` is given the wall time."""

    name: str
    every: float
    run: Callable[[datetime], object]


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call in the main thread."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def repeat(
    stop: threading.Event, duties: Sequence[Duty], before_each: Callable[[], object] = lambda: None
) -> None:
    """Do each duty when it is due until `stop`; a failing one is logged and tried again when due. What has a
    sentence (no trust list yet) is said once, until something else is to be said."""
    due = dict.fromkeys((duty.name for duty in duties), 0.0)
    said = dict.fromkeys(due, "")
    while not stop.is_set():
        for duty in duties:
            if stop.is_set() or time.monotonic() < due[duty.name]:
                continue
            try:
                before_each()
                duty.run(datetime.now(UTC))
                said[duty.name] = ""
            except WireError as error:
                if said[duty.name] != str(error):
                    log.warning("duty %s: %s", duty.name, error)
                said[duty.name] = str(error)
            except Exception:
                log.exception("duty %s failed", duty.name)
            due[duty.name] = time.monotonic() + duty.every
        stop.wait(REST)
