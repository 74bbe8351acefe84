"""Source descriptions as items of the catalogue: honest, and what the form of the law takes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongshu.demo import cast, real_sources
from gongshu.demo.real_cast import ORGANISATION
from gongshu.demo.web import Unexpected
from gongshu.law import forms, rules

FORM = forms.load(rules.at("huangshi", date(2026, 3, 2)), "catalogue")
FULL: dict[str, Any] = {
    "id": "one",
    "name": {"en": "One", "zh": "一号来源"},
    "description": {"en": "text", "zh": "说明文字"},
    "website": "https://example.org",
    "data_url": "https://example.org/data",
    "api_url": "https://example.org/api",
    "country": "CN",
    "domains": ["economics"],
    "geographic_scope": "national",
    "update_frequency": "annual",
    "tags": ["x"],
    "data_content": {"en": ["a"], "zh": ["甲表", "乙表"]},
    "authority_level": "government",
}


def problems(item: dict[str, Any]) -> list[str]:
    return [each.sentence for each in forms.validate(FORM, item)]


def test_a_full_description_satisfies_the_form_and_keeps_its_words() -> None:
    item = real_sources.item(FULL, 7, False)
    assert problems(item) == []
    assert (item["name"], item["cycle"], item["format"]) == ("一号来源", "yearly", ["api", "other"])
    assert [row["item_name"] for row in item["items"]] == ["甲表", "乙表"]
    assert all(text in item["summary"] for text in ("说明文字", "https://example.org/data", "one", "政府"))


def test_the_provider_is_the_makers_own_organisation() -> None:
    item, mine = real_sources.item(FULL, 1, False), cast.organisation(ORGANISATION)
    assert (item["provider"], item["provider_code"]) == (mine.name, mine.code)


def test_what_is_not_said_is_said_to_be_unsaid() -> None:
    item = real_sources.item({"id": "bare", "name": "只有名字"}, 3, False)
    assert problems(item) == []
    assert item["items"] == [{"item_name": "未说明", "item_type": "G", "item_grade": "L1"}]
    assert item["cycle"] == "irregular" and "更新频率：未说明" in item["summary"]
    assert item["format"] == ["other"] and item["in_scope"] is False and item["not_reason"]


def test_an_unknown_frequency_is_kept_in_its_own_words() -> None:
    item = real_sources.item({**FULL, "update_frequency": "每逢闰年"}, 3, False)
    assert problems(item) == [] and "更新频率：每逢闰年" in item["summary"]


def test_lines_that_are_no_record_and_records_without_a_name_are_named(tmp_path: Path) -> None:
    path = tmp_path / "sources.jsonl"
    lines = [json.dumps(FULL, ensure_ascii=False), "{broken", "[1, 2]", "", json.dumps({"id": "x"})]
    path.write_text("\n".join(lines), encoding="utf-8")
    made, left = real_sources.items(path)
    assert list(made) == ["399001/000001"]
    assert left == {
        "第 2 行": "不是一条 JSON 记录",
        "第 3 行": "不是一条 JSON 记录",
        "第 5 行": "没有名称",
    }


def test_sources_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "sources.jsonl"
    rows = [{**FULL, "id": "first"}, {**FULL, "id": "second"}, {**FULL, "name": "别的"}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    names = [item["name"] for item in real_sources.items(path)[0].values()]
    assert names == ["一号来源（first）", "一号来源（second）", "别的"]


def test_a_file_in_no_known_encoding_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "sources.jsonl"
    path.write_bytes(b'{"name": "\xff\xff\xff"}')
    with pytest.raises(Unexpected, match=r"sources\.jsonl"):
        real_sources.items(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=400),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["zh", "en", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(set(FULL) - {"name"})), VALUES))
def test_whatever_else_a_record_says_its_item_satisfies_the_form(said: dict[str, Any]) -> None:
    assert problems(real_sources.item({"name": "来源", **said}, 5, False)) == []
