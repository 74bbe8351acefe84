"""Writes the generated pages of the law room: `python -m gongshu.law.pages docs`."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from gongshu.law import coverage, diagrams, packs
from gongshu.law.packs import Library

ON = date(2026, 1, 5)
"""The day the pages show; a fixed one, so that a page changes only when a pack does."""


def pages(library: Library) -> dict[str, str]:
    """Path below `docs` → text of every generated page."""
    names = sorted({name for zone in library.zones for s, name in library.table(zone) if s == "procedures"})
    found = {f"procedures/{name}.md": diagrams.page(library, name, ON) for name in names}
    listing = "\n".join(f"- [{name}]({name}.md)" for name in names)
    found["procedures/README.md"] = f"# 程序\n\n每个程序一页，从规则包生成。\n\n{listing}\n"
    found["coverage.md"] = coverage.page(library, ON)
    return found


def main(root: Path) -> None:
    for name, text in pages(packs.library()).items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
