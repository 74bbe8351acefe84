"""Compiles what the services run, once, as root.

Service users may not write beside the code, so without this every start of a site would compile Django and
the rest again, some seconds each time.
"""

from __future__ import annotations

import compileall
from importlib.util import find_spec
from pathlib import Path

import gongshu

# The packages whose compiling a start would feel.
HEAVY = (
    "django",
    "openpyxl",
    "psycopg",
    "psycopg_pool",
    "pydantic",
    "ninja",
    "procrastinate",
    "sqlglot",
    "duckdb",
    "pyarrow",
    "numpy",
    "httpx",
    "httpcore",
    "anyio",
    "asgiref",
    "whitenoise",
    "waitress",
    "stdnum",
    "cryptography",
    "yaml",
    "pyhanko",
    "structlog",
)


def lacking() -> list[Path]:
    """Installed packages of the table that nobody has compiled yet."""
    found = []
    for name in HEAVY:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if not (Path(folder) / "__pycache__").is_dir():
                found.append(Path(folder))
    return found


def compile_all() -> None:
    """Compiles Gongshu's own code where it changed, and the packages that lack it."""
    for folder in [Path(gongshu.__file__).resolve().parent, *lacking()]:
        compileall.compile_dir(folder, quiet=2, workers=1)
