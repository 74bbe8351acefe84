"""Commands that tests start are measured too: pytest itself is measured by instrumenting its code, a child by
coverage's own start-up hook, which must not see this process. Used with `-p support.children` by `make test`.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure() -> None:
    if os.environ.get("COVERAGE_FILE"):
        os.environ["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
