"""The worker: serves the line, numbers and publishes the log, acts on the inbox, ticks the law's timers."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)


class Duty(NamedTuple):
    """Something done again and again; `every` in seconds of wall time."""

    name: str
    every: float
    run: Callable[[datetime], object]


def duties() -> list[Duty]:
    from gongshu.office.cases import services as cases
    from gongshu.office.link import clock, inbox, sequencer, witnesses

    return [
        Duty("sequence", 0.1, sequencer.step),
        Duty("inbox", 1.0, inbox.handle_waiting),
        Duty("witness", 10.0, witnesses.publish_checkpoint),
        Duty("tick", 5.0, lambda _now: cases.tick(clock.business_now())),
    ]


def serve_line(host: str, port: int) -> threading.Thread:
    """The line's HTTP doors in a thread of their own."""
    import waitress
    from django.core.wsgi import get_wsgi_application

    server = waitress.create_server(
        get_wsgi_application(), host=host, port=port, threads=8, max_request_body_size=64 * 1024 * 1024
    )
    thread = threading.Thread(target=server.run, name="line", daemon=True)
    thread.start()
    return thread


def work(stop: threading.Event, line: threading.Thread) -> None:
    """Do each duty when it is due until `stop`. A failing duty is logged and tried again."""
    from django.db import close_old_connections

    from gongshu.office.link import clock

    due = dict.fromkeys((duty.name for duty in duties()), 0.0)
    while not stop.is_set():
        if not line.is_alive():
            raise RuntimeError("the line's server ended")
        for duty in duties():
            if time.monotonic() < due[duty.name]:
                continue
            try:
                close_old_connections()
                duty.run(clock.wall_now())
            except Exception:
                log.exception("worker duty %s failed", duty.name)
            due[duty.name] = time.monotonic() + duty.every
        stop.wait(0.05)


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    os.environ["GONGSHU_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongshu.office.link.settings"
    import django
    from django.conf import settings

    django.setup()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    site = settings.SITE
    work(stop, serve_line(site.host, site.ports["link"]))
    return 0
