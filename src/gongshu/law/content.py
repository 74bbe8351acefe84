"""The shape of roles, documents and readings: what a page needs of them must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gongshu.law import conditions
from gongshu.law.errors import Problem
from gongshu.law.packs import Library
from gongshu.law.schema import Value, unknown_keys

ROLE_KEYS = {"title", "who", "paragraph"}
DOCUMENT_KEYS = {"title", "items", "reading", "note"}
ITEM_KEYS = {
    "id",
    "title",
    "basis",
    "help",
    "optional",
    "condition",
    "fields",
    "field",
    "from",
    "by",
    "approval",
}
READING_KEYS = {"number", "title", "a", "b", "takes", "why"}
CHOICES = ("a", "b", "both")
PASSAGES = range(1, 20)
"""The nineteen passages with two readings (requirements 1.6)."""


def role(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"不认识的字段“{key}”。" for key in unknown_keys(data, ROLE_KEYS))
    yield from (f"角色没有写“{key}”。" for key in sorted(ROLE_KEYS) if not data.get(key))


def document(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"不认识的字段“{key}”。" for key in unknown_keys(data, DOCUMENT_KEYS))
    items = data.get("items")
    if not data.get("title") or not isinstance(items, list) or not items:
        yield "文书要有名称和至少一项内容。"
        return
    seen: set[str] = set()
    for item in items:
        name = str(item.get("id"))
        yield from (f"“{name}”里不认识“{key}”。" for key in unknown_keys(item, ITEM_KEYS))
        if not item.get("id") or not item.get("title"):
            yield f"第 {len(seen) + 1} 项没有 id 或名称。"
        if name in seen:
            yield f"“{name}”出现了两次。"
        seen.add(name)
        if "condition" in item and (sentence := conditions.problem(item["condition"])):
            yield f"“{name}”：{sentence}"


def reading(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"不认识的字段“{key}”。" for key in unknown_keys(data, READING_KEYS))
    yield from (f"读法没有写“{key}”。" for key in sorted(READING_KEYS) if not data.get(key))
    if data.get("takes") not in CHOICES:
        yield f"所取的读法（takes）应是：{'、'.join(CHOICES)}。"
    if data.get("number") not in PASSAGES:
        yield "编号（number）应是要求 1.6 里的 1 到 19。"


CHECKS: dict[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "roles": role,
    "documents": document,
    "readings": reading,
}


def check(value: Value) -> list[str]:
    """What is wrong with one value; a sentence each."""
    look = CHECKS.get(value.section)
    return list(look(value.data)) if look and not value.absent else []


def problems(library: Library) -> list[Problem]:
    """Every role, document and reading of every pack."""
    return [
        Problem(pack.id, value.file, value.id, sentence)
        for pack in library.packs.values()
        for versions in pack.values.values()
        for value in versions
        for sentence in check(value)
    ]
