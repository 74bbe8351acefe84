"""Roles, documents and readings have what a page needs; what is not encoded is said in a pack, with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from gongshu.law import content, coverage, packs

LIBRARY = packs.library()


def test_the_packs_hold_together() -> None:
    assert content.problems(LIBRARY) == []


@pytest.mark.parametrize(
    ("look", "data", "part"),
    [
        (content.role, {"title": "甲"}, "没有写“paragraph”"),
        (content.role, {"title": "甲", "who": "乙", "paragraph": "丙", "power": 9}, "不认识的字段“power”"),
        (content.document, {"title": "甲", "items": []}, "至少一项"),
        (
            content.document,
            {"title": "甲", "items": [{"id": "a", "title": "x"}, {"id": "a", "title": "y"}]},
            "两次",
        ),
        (content.document, {"title": "甲", "items": [{"id": "a"}]}, "没有 id 或名称"),
        (content.document, {"title": "甲", "items": [{"id": "a", "title": "x", "condition": "y"}]}, "条件"),
        (
            content.reading,
            {"number": 20, "title": "x", "a": "1", "b": "2", "takes": "c", "why": "z"},
            "takes",
        ),
        (
            content.reading,
            {"number": 20, "title": "x", "a": "1", "b": "2", "takes": "a", "why": "z"},
            "1 到 19",
        ),
    ],
)
def test_a_broken_value_is_named(look: Any, data: dict[str, Any], part: str) -> None:
    assert part in " ".join(look(data))


def test_every_row_that_is_not_encoded_is_explained_in_a_pack() -> None:
    said = {row for pack in LIBRARY.packs.values() for entry in pack.not_encoded for row in entry.rows}
    rows = {row.id: row.state for row in coverage.rows(LIBRARY)}
    assert {id_ for id_, state in rows.items() if state == "not_encoded"} == said
