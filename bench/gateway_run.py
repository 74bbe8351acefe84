"""The gateway's process as it is, with its flushes counted: for the bench. Prints the count when it ends.

python bench/gateway_run.py HOME [PROFILE]
"""

from __future__ import annotations

import cProfile
import os
import sys
from pathlib import Path
from typing import Any

from gongshu.gateway.main import main

flushes = 0


def counting(real: Any) -> Any:
    def flush(descriptor: int) -> None:
        global flushes  # noqa: PLW0603
        flushes += 1
        real(descriptor)

    return flush


if __name__ == "__main__":
    os.fdatasync = counting(os.fdatasync)
    profile = cProfile.Profile() if len(sys.argv) > 2 else None
    try:
        if profile is None:
            main(Path(sys.argv[1]))
        else:
            profile.runcall(main, Path(sys.argv[1]))
    except KeyboardInterrupt:
        pass
    if profile is not None:
        profile.dump_stats(sys.argv[2])
    print(flushes, flush=True)
