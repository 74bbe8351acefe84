"""`python -m gongshu.host.process NAME`: one process alone, already as its own user, `GONGSHU_HOME` given."""

from __future__ import annotations

import sys
from importlib import import_module

from gongshu.host.processes import MAINS
from gongshu.wire.errors import WireError
from gongshu.wire.settings import load


def main(name: str) -> int:
    """Runs `main(home)` of the process's module until it ends; its exit status."""
    try:
        return int(import_module(MAINS[name]).main(load().home) or 0)
    except WireError as error:
        print(error.sentence, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
