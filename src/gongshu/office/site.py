"""The office's process: its website."""

from __future__ import annotations

import os
from pathlib import Path

THREADS = 8
# Bytes of one request; the forms themselves say what they take.
LARGEST = 1024**3


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    os.environ["GONGSHU_HOME"] = str(home)
    from gongshu.office.wsgi import application  # Django's settings need the home above
    from gongshu.wire import doors
    from gongshu.wire.settings import load

    site = load(home)
    doors.make_spool(site.office / doors.SPOOL)
    return doors.serve(site, "office", application, threads=THREADS, largest=LARGEST)
