"""The shape of a pack: sources, citations, values, inheritance, read strictly from YAML.

A *value* is anything a pack says under an id: a clock, a limit, a procedure, a form, a role. Whatever it
is, it carries its citation (`basis`), its dates, whether a lower text may replace it (`binding`) and, when
it is not simply what an article says, a reason (`because`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from gongshu.law.errors import LawError

STANDINGS = ("征求意见稿", "施行", "已被替代")
SECTIONS = ("clocks", "limits", "grounds", "readings", "roles", "forms", "documents", "procedures")
# read by their own modules, not values of law under an id
OTHERS = ("pack", "not_encoded", "articles", "calendar", "coverage", "stories")


@dataclass(frozen=True)
class Kind:
    """What may stand under a key, and how to say so."""

    sentence: str
    fits: Callable[[Any], bool]


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXT = Kind("文字", lambda value: isinstance(value, str))
TEXTS = Kind("文字的列表", _texts)
DAY = Kind("日期 YYYY-MM-DD", lambda value: type(value) is date)
DAYS = Kind(
    "日期的列表",
    lambda value: isinstance(value, list) and all(type(item) is date for item in value),
)
FLAG = Kind("true 或 false", lambda value: isinstance(value, bool))
MAP = Kind("一张表", lambda value: isinstance(value, dict))
MAPS = Kind(
    "几张表的列表",
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
)
ANYTHING = Kind("内容", lambda _value: True)

Shape = Mapping[str, Kind]

COMMON: Shape = {"basis": TEXTS, "from": DAY, "until": DAY, "binding": FLAG, "because": TEXT, "absent": FLAG}
PACK: Shape = {"id": TEXT, "title": TEXT, "parent": TEXT, "division": TEXT, "sources": MAP, "inherit": MAPS}
SUCCESSOR: Shape = {"title": TEXT, "number": TEXT, "issued": DAY}
SOURCE: Shape = {
    "title": TEXT, "number": TEXT, "standing": TEXT, "issued": DAY, "from": DAY, "until": DAY,
    "superseded_by": MAP, "articles": TEXTS, "note": TEXT,
}  # fmt: skip
NOT_ENCODED: Shape = {"basis": TEXTS, "says": TEXT, "reason": TEXT, "rows": TEXTS}
INHERIT: Shape = {"from": TEXT, "ids": TEXTS, "because": TEXT}


def shaped(
    written: Mapping[Any, Any], shape: Shape, fault: Callable[[str], None], *, closed: bool = True
) -> dict[str, Any]:
    """What is written and fits; the rest is told to `fault`. `closed`: a key not in the shape is a fault."""
    kept: dict[str, Any] = {}
    for key, value in written.items():
        kind = shape.get(key) if isinstance(key, str) else None
        if kind is None:
            if closed:
                fault(f"不认识的字段“{key}”。")
            else:
                kept[str(key)] = value
        elif value is not None and not kind.fits(value):
            fault(f"“{key}”应是{kind.sentence}。")
        elif value is not None:
            kept[key] = value
    return kept


_TENS = "零一二三四五六七八九"


# the loader written in C is several times faster where libyaml is there; both build plain data only
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StrictLoader(_Safe):  # type: ignore[misc]
    """YAML that refuses a key written twice, so that no value silently hides another."""


def _mapping(loader: StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise LawError("yaml", f"第 {key_node.start_mark.line + 1} 行的“{key}”写了两次。")
        seen.add(key)
    return dict(_Safe.construct_mapping(loader, node, deep=True))


def _only_true_and_false(loader: type[StrictLoader]) -> None:
    """YAML 1.1 also reads yes, no, on and off as truth; here they are the words they look like."""
    bool_tag = "tag:yaml.org,2002:bool"
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != bool_tag]
        for first, resolvers in loader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(bool_tag, re.compile("^(?:true|false)$"), list("tf"))


_only_true_and_false(StrictLoader)
StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(text: str) -> list[Any]:
    """Every document of a YAML file; raises `LawError` with the line when it does not parse."""
    try:
        # StrictLoader derives from SafeLoader: it builds no objects
        return [doc for doc in yaml.load_all(text, Loader=StrictLoader) if doc is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"第 {mark.line + 1} 行" if mark else "某处"
        raise LawError("yaml", f"YAML 写法有错（{line}）。") from error


def chinese(number: int) -> str:
    """A counting number below one hundred as written in articles: 1 一, 10 十, 21 二十一."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else _TENS[tens] + "十")
    return head + (_TENS[ones] if ones or not tens else "")


_NUMERALS = {chinese(n): n for n in range(1, 100)}
_RANGE = re.compile(r"^(?P<head>.*?)(?P<a>\d+)-(?P<b>\d+)(?P<tail>\)?)$")
_CHINESE_RANGE = re.compile(
    r"^(?P<head>.*?)(?P<a>[一二三四五六七八九十]+)-(?P<b>[一二三四五六七八九十]+)(?P<tail>\)?)$"
)


def expand(written: str) -> list[str]:
    """The articles meant by one line of a source's list: `1-3` → 1 2 3, `25(一-四)` → 25(一) … 25(四)."""
    if match := _RANGE.match(written):
        span: Iterable[str] = map(str, range(int(match["a"]), int(match["b"]) + 1))
    elif match := _CHINESE_RANGE.match(written):
        span = map(chinese, range(_NUMERALS[match["a"]], _NUMERALS[match["b"]] + 1))
    else:
        return [written]
    return [f"{match['head']}{part}{match['tail']}" for part in span]


@dataclass(frozen=True)
class Source:
    """A text of law: what it is called, whether it holds, from when to when, which articles it has."""

    key: str
    pack: str
    title: str
    standing: str
    number: str | None = None
    issued: date | None = None
    from_: date | None = None
    until: date | None = None
    superseded_by: Mapping[str, Any] | None = None
    articles: frozenset[str] = frozenset()
    note: str = ""

    @property
    def text_status(self) -> str:
        """`in_force`, `draft`, `superseded_draft` (a final text exists) or `superseded`."""
        if self.standing == "征求意见稿":
            return "superseded_draft" if self.superseded_by else "draft"
        return "in_force" if self.standing == "施行" else "superseded"

    def holds(self, on: date) -> bool:
        """Whether the text was in force that day; a draft never is."""
        if self.standing == "征求意见稿":
            return False
        return (self.from_ is None or self.from_ <= on) and (self.until is None or on <= self.until)


@dataclass(frozen=True)
class Inherit:
    """Values taken from another pack; `ids` are `id` or `section/id` patterns, empty means all."""

    zone: str
    ids: tuple[str, ...] = ()
    because: str | None = None


@dataclass(frozen=True)
class Value:
    """One dated version of a value, exactly as its pack writes it."""

    section: str
    id: str
    pack: str
    file: str
    data: Mapping[str, Any]
    basis: tuple[str, ...] = ()
    from_: date | None = None
    until: date | None = None
    binding: bool = False
    because: str | None = None
    absent: bool = False


@dataclass(frozen=True)
class NotEncoded:
    """What a text says and the software does not do, with the reason and the requirement rows it touches."""

    basis: tuple[str, ...]
    says: str
    reason: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack:
    """One folder of rules: its sources, what it inherits, and its own values."""

    id: str
    title: str
    parent: str | None
    division: str | None
    sources: Mapping[str, Source]
    inherit: tuple[Inherit, ...]
    values: Mapping[tuple[str, str], tuple[Value, ...]]
    digest: str
    not_encoded: tuple[NotEncoded, ...] = ()
    files: Mapping[str, bytes] = field(repr=False, default_factory=dict)


def citations(data: Any) -> Iterator[str]:
    """Every `source:article` written under a key `basis`, at any depth."""
    if isinstance(data, Mapping):
        for key, inner in data.items():
            if key == "basis" and isinstance(inner, list):
                yield from (str(item) for item in inner)
            else:
                yield from citations(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from citations(inner)


def unknown_keys(data: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    return sorted(map(str, set(data) - set(known)))
