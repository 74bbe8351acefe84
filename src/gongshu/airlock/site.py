"""The airlock's process: the data domain's website."""

from __future__ import annotations

import os
from pathlib import Path

THREADS = 4
# Room for the other fields beside a file of the largest size; the form itself refuses a larger file.
FIELDS = 16 * 1024**2


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    os.environ["GONGSHU_HOME"] = str(home)
    from gongshu.airlock.settings import LARGEST_UPLOAD
    from gongshu.airlock.wsgi import application  # Django's settings need the home above
    from gongshu.enclave import handin
    from gongshu.wire import doors
    from gongshu.wire.settings import load

    site = load(home)
    doors.make_spool(site.domain / doors.SPOOL)
    handin.sweep_uploads()
    return doors.serve(site, "airlock", application, threads=THREADS, largest=LARGEST_UPLOAD + FIELDS)
