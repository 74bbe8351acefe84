"""When a field or a material applies: a small grammar of packs without expressions.

`{field: R09, equals: authorised}` · `{field: R44, in: [a, b]}` · `{field: X, filled: true}` ·
`{all: […]}` · `{any: […]}` · `{not: …}`. A condition about a field nobody filled does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gongshu.law.predicates import blank

TESTS = ("equals", "in", "filled")


def holds(condition: Mapping[str, Any] | None, data: Mapping[str, Any]) -> bool:
    """Whether the condition holds for the data of a form; no condition always does."""
    if not condition:
        return True
    if "all" in condition:
        return all(holds(part, data) for part in condition["all"])
    if "any" in condition:
        return any(holds(part, data) for part in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], data)
    value = data.get(str(condition["field"]))
    if "filled" in condition:
        return blank(value) is not condition["filled"]
    return value in condition["in"] if "in" in condition else same(value, condition["equals"])


def same(value: Any, wanted: Any) -> bool:
    """Equal and of one kind: true is not 1, and 0 is not false."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def fields_of(condition: Mapping[str, Any] | None) -> Iterator[str]:
    """Every field a condition looks at."""
    for part in (condition or {}).get("all", ()) or (condition or {}).get("any", ()):
        yield from fields_of(part)
    if condition and "not" in condition:
        yield from fields_of(condition["not"])
    if condition and "field" in condition:
        yield str(condition["field"])


def problem(condition: Any) -> str:
    """What is wrong with a condition as its pack writes it, or an empty string."""
    if not isinstance(condition, Mapping):
        return "条件应是一张表。"
    if len(condition) == 1 and (parts := condition.get("all") or condition.get("any")):
        return next((found for part in parts if (found := problem(part))), "")
    if len(condition) == 1 and "not" in condition:
        return problem(condition["not"])
    tests = [name for name in TESTS if name in condition]
    good = "field" in condition and len(tests) == 1 and len(condition) == 2
    return "" if good else "条件应写成 field 加 equals、in 或 filled，或 all、any、not。"
