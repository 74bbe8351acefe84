"""The allow-list of functions: name → class. What is not in a class is refused."""

from __future__ import annotations

from gongshu.lens.function_table import ALLOWED, REFUSED

REFUSED_CLASS = "refused"

FUNCTIONS: dict[str, str] = {
    **{name.lower(): REFUSED_CLASS for _, names in REFUSED for name in names.split()},
    **{name: title for title, (_, names) in ALLOWED.items() for name in names.split()},
    **dict.fromkeys(("substring", "position", "trim", "coalesce", "if", "ifnull"), "scalar"),
    "percentile_cont": "stat",
    "percentile_disc": "copy",
}
"""Every function known, lower case, with its class; `refused` for those that are known and forbidden."""

AGGREGATES = frozenset({"count", "stat", "extreme", "copy"})
"""Classes that make one value of many rows."""

WINDOWS = frozenset({"rank", "shift"})
"""Classes that only make sense with OVER."""


def class_of(name: str) -> str:
    """The class of a function, `refused` when it is unknown."""
    return FUNCTIONS.get(name.lower(), REFUSED_CLASS)
