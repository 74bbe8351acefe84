"""The worker: serves the line, numbers and publishes the log, acts on the inbox, ticks the law's timers."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from gongshu.wire import doors
from gongshu.wire.settings import Settings

THREADS = 8
LARGEST = 64 * 1024 * 1024


def serve_line(site: Settings) -> threading.Thread:
    """The line's HTTP doors in a thread of their own."""
    from django.core.wsgi import get_wsgi_application

    door = doors.listener(site, "link")
    server = doors.server(get_wsgi_application(), door, threads=THREADS, largest=LARGEST)
    thread = threading.Thread(target=server.run, name="line", daemon=True)
    thread.start()
    return thread


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    os.environ["GONGSHU_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongshu.office.link.settings"
    import django
    from django.conf import settings

    django.setup()
    from django.db import close_old_connections

    from gongshu.office.cases import services as cases
    from gongshu.office.link import clock, inbox, sequencer, witnesses
    from gongshu.wire.duties import Duty, repeat, stop_on_signals

    stop = stop_on_signals()
    line = serve_line(settings.SITE)

    def watch_line(_now: object) -> None:
        if not line.is_alive():
            stop.set()

    duties = [
        Duty("line", 1.0, watch_line),
        Duty("sequence", 0.1, sequencer.step),
        Duty("inbox", 1.0, inbox.handle_waiting),
        Duty("witness", 10.0, witnesses.step),
        Duty("tick", 5.0, lambda _now: cases.tick(clock.business_now())),
    ]
    repeat(stop, duties, close_old_connections)
    return 0 if line.is_alive() else 1
