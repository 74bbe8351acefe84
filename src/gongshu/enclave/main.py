"""The enclave's process. It accepts no connection: it polls, computes, and posts what it has to say."""

from __future__ import annotations

import os
from pathlib import Path


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    os.environ["GONGSHU_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.enclave.settings")
    import django

    django.setup()
    from gongshu.enclave import loop  # its models need the settings above

    return loop.run()
