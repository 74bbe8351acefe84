"""The pages about the wire and the home say what the tables say."""

from __future__ import annotations

from pathlib import Path

from gongshu.host.processes import PROCESSES
from gongshu.wire.kinds import KINDS
from gongshu.wire.trust import ROLES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_wire_page_names_every_role_and_local_kind() -> None:
    page = (DOCS / "wire.md").read_text("utf-8")
    assert f"角色：`{' '.join(ROLES)}`" in page
    assert all(f"`{name}`" in page for name, kind in KINDS.items() if kind.direction == "local")


def test_the_page_of_places_names_every_process() -> None:
    page = (DOCS / "where-things-are.md").read_text("utf-8")
    assert all(f"`{process.name}`" in page for process in PROCESSES)
