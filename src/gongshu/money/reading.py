"""Reads what was agreed or handed in strictly, gathering every fault as a sentence beside its field."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from gongshu.law.forms import Problem

MOST = 10**15
"""The largest amount (fen) or count taken: every JSON reader still keeps sums of such numbers exactly."""
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,12})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ID = re.compile(r"[\w.:-]{1,100}")
MOST_NAMES = 1000
MOST_TEXT = 200


def decimal(text: object) -> Fraction | None:
    """An exact number from a decimal text such as `0.018`; None for anything else, a float included."""
    return Fraction(text) if isinstance(text, str) and _DECIMAL.fullmatch(text) else None


def whole(value: object, least: int = 0, most: int = MOST) -> bool:
    """Is it an integer (no bool, no float) between the two?"""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


class Reading:
    """Faults found so far; each reader gives the value, or what is harmless when it is at fault."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._gone: set[str] = set()

    def fault(self, field: str, sentence: str) -> None:
        """Notes a fault, unless the place or what holds it is not there at all: that was said already."""
        if not any(self._holds(gone, field) for gone in self._gone):
            self.problems.append(Problem(field, sentence))

    @staticmethod
    def _holds(place: str, field: str) -> bool:
        return not place or field == place or field.startswith(f"{place}.")

    def _missing(self, field: str, sentence: str) -> None:
        self.fault(field, sentence)
        self._gone.add(field)

    def table(
        self, value: object, field: str, title: str, required: Collection[str], optional: Collection[str] = ()
    ) -> Mapping[str, Any]:
        """A table with just these keys. What is not understood cannot be kept to, so it is a fault."""
        if not isinstance(value, Mapping):
            self._missing(field, f"“{title}”应是一张表。")
            return {}
        prefix = f"{field}." if field else ""
        for key in required:
            if key not in value:
                self._missing(prefix + key, f"“{title}”缺少“{key}”。")
        for key in value:
            if key not in required and key not in optional:
                self.fault(f"{prefix}{key}", f"“{title}”里不认识“{key}”。")
        return value

    def rows(self, value: object, field: str, title: str, most: int = MOST_NAMES) -> list[Any]:
        """A list of at least one thing."""
        if not isinstance(value, list) or not 0 < len(value) <= most:
            self.fault(field, f"“{title}”应是 1 到 {most} 项的列表。")
            return []
        return value

    def id(self, value: object, field: str, title: str) -> str:
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
        self.fault(field, f"没有写明{title}，或者写法不对（文字、数字和 . : - _，不超过一百个字）。")
        return ""

    def whole(self, value: object, field: str, title: str, least: int = 0, most: int = MOST) -> int:
        if isinstance(value, int) and whole(value, least, most):
            return value
        self.fault(field, f"“{title}”应是 {least} 到 {most} 之间的整数。")
        return least

    def maybe(self, value: object, field: str, title: str, least: int = 0) -> int | None:
        """A whole number, or None for no limit."""
        return None if value is None else self.whole(value, field, title, least)

    def one_of(self, value: object, field: str, title: str, words: Collection[str]) -> str:
        if isinstance(value, str) and value in words:
            return value
        self.fault(field, f"“{title}”应是 {'、'.join(words)} 之一。")
        return ""

    def names(self, value: object, field: str, title: str, *, empty: bool = False) -> frozenset[str]:
        """A list of different non-empty texts."""
        given: list[Any] = value if isinstance(value, list) else []
        fits = isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in given)
        if not fits or len(given) > MOST_NAMES or not (given or empty):
            self.fault(field, f"“{title}”为空或写法不对。")
            return frozenset()
        found: frozenset[str] = frozenset(given)
        if len(found) != len(given):
            self.fault(field, f"“{title}”里有写了两次的。")
        return found

    def day(self, value: object, field: str, title: str) -> date:
        try:
            if isinstance(value, str) and _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self.fault(field, f"“{title}”不是 YYYY-MM-DD 写的日期。")
        return date.max

    def share(self, value: object, field: str, title: str) -> Fraction:
        """A decimal text from 0 up to and including 1."""
        found = decimal(value)
        if found is not None and found <= 1:
            return found
        self.fault(field, f'“{title}”应是 0 到 1 之间、写成文字的小数，例如 "0.80"。')
        return Fraction(1)

    def different(self, values: Collection[str], field: str, title: str) -> None:
        """No two alike."""
        if len(set(values)) != len(values):
            self.fault(field, f"“{title}”的编号有重复。")

    def text(self, value: object, field: str, title: str) -> str:
        """A text of up to 200 characters that is not blank."""
        if isinstance(value, str) and value.strip() and len(value) <= MOST_TEXT:
            return value
        self.fault(field, f"没有写明{title}。")
        return ""
