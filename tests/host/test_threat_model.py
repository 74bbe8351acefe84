"""Each sentence of the threat model names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "威胁"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_each_sentence_names_a_test_that_exists(row: list[str]) -> None:
    _threat, why, test = row
    assert why
    if test == "待补":
        return
    named = NAMED.fullmatch(test)
    assert named, test
    tree = ast.parse((ROOT / named[1]).read_text("utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert named[2] in functions


def test_the_page_is_mostly_proven() -> None:
    """Sentences without a test may not become the rule."""
    assert sum(row[2] == "待补" for row in rows()) * 4 < len(rows())
