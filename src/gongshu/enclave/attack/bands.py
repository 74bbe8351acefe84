"""Bands of numbers as labels name them: 18-29, 60 岁以上, [0, 10)."""

from __future__ import annotations

import re

from .raw import literal

_BAND = re.compile(
    r"^[\[(（【]?\s*(?P<low>-?\d+(?:\.\d+)?)\s*(?:岁|元|万元|人|年)?\s*(?:[-~—–～,，]|至|到|to)\s*(?P<high>-?\d+(?:\.\d+)?)\s*(?:岁|元|万元|人|年)?\s*(?P<close>[\])）】])?$"
)
_ABOVE = re.compile(
    r"^(?:>=|≥|>|＞|大于|不低于|超过)?\s*(-?\d+(?:\.\d+)?)\s*(?:岁|元|万元)?\s*(?:\+|及以上|以上|and over)?$"
)
_BELOW = re.compile(
    r"^(?P<sign><=|≤|<|＜|小于|低于|不足|未满)?\s*(?P<n>-?\d+(?:\.\d+)?)\s*(?:岁|元|万元)?"
    r"\s*(?P<word>及以下|以下|and under)?$"
)


def band(column: str, shown: list[str]) -> str | None:
    """A CASE that puts a number into the bands the labels name; null when they name none."""
    spans = [(label, span) for label in shown if (span := _span(label)) is not None]
    if len(spans) < 2 or len(spans) < 0.7 * len(shown):
        return None
    lows = {low for _, (low, _, _) in spans if low is not None}
    whens = []
    for label, (low, high, closed) in spans:
        parts = []
        if low is not None:
            parts.append(f"{column} >= {low:g}")
        if high is not None:
            inclusive = closed if closed is not None else high not in lows
            parts.append(f"{column} <{'=' if inclusive else ''} {high:g}")
            if inclusive and high == int(high) and high + 1 in lows:
                parts[-1] = f"{column} < {high + 1:g}"
        whens.append(f"WHEN {' AND '.join(parts)} THEN {literal(label)}")
    return "CASE " + " ".join(whens) + " END"


def _span(label: str) -> tuple[float | None, float | None, bool | None] | None:
    hit = _BAND.match(label)
    if hit:
        close = hit["close"]
        closed = None if close is None else close in "]】"
        return float(hit["low"]), float(hit["high"]), closed
    if re.search(r"\+|以上|over|≥|>|大于|不低于|超过", label) and (hit := _ABOVE.match(label)):
        low = float(hit[1])
        return (
            (low + 1 if re.match(r"^(>(?!=)|＞|大于|超过)", label) and low == int(low) else low),
            None,
            None,
        )
    if re.search(r"以下|under|≤|<|＜|小于|低于|不足|未满", label) and (hit := _BELOW.match(label)):
        strict = hit["sign"] not in ("<=", "≤") and hit["word"] != "及以下"
        return None, float(hit["n"]), not strict
    return None
