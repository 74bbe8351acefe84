"""`docs/lens.md` carries the tables of the code; `python tests/lens/test_docs.py` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gongshu.lens.pages import MEANINGS, tables
from gongshu.lens.verdict import CODES

PAGE = Path(__file__).parents[2] / "docs" / "lens.md"


def _section(name: str) -> re.Pattern[str]:
    return re.compile(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", re.S)


@pytest.mark.parametrize("name", sorted(tables()))
def test_the_page_carries_the_table(name: str) -> None:
    found = _section(name).search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group(1).strip() == tables()[name].strip()


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(CODES)


def _write() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables().items():
        block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        text = _section(name).sub(lambda _, block=block: block, text)  # type: ignore[misc]
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write()
