"""How a cell of an output is read: as a number with a precision, as a label, as suppressed, as a total."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from .model import Cell

_NUMBER = re.compile(r"^[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:[eE][+\-]?\d+)?$|^[+\-−]?\.(\d+)$")
_UNITS = ("万元", "亿元", "人次", "元", "人", "户", "家", "次", "个", "名", "件", "辆", "微克/立方米")
_TOTALS = frozenset(
    [
        "合计",
        "总计",
        "小计",
        "总数",
        "总和",
        "全部",
        "全体",
        "全市",
        "全省",
        "全国",
        "全区",
        "全县",
        "总",
        "共计",
        "累计",
        "汇总",
        "不限",
        "所有",
        "total",
        "totals",
        "all",
        "sum",
        "overall",
        "grand_total",
        "grandtotal",
        "subtotal",
        "(all)",
        "全年",
        "总体",
    ]
)
_SUPPRESSED = frozenset(
    [
        "*",
        "**",
        "***",
        "x",
        "xx",
        "xxx",
        "s",
        "c",
        "c.",
        "-",
        "--",
        "—",
        "——",
        "–",
        "…",
        "...",
        ".",
        "/",
        "~",
        "#",
        "n/a",
        "na",
        "nan",
        "null",
        "none",
        "隐去",
        "已隐去",
        "保密",
        "抑制",
        "不公布",
        "未公布",
        "不公开",
        "略",
        "suppressed",
        "hidden",
        "confidential",
        "masked",
        "屏蔽",
    ]
) | {"不足10", "少于10", "小于10"}
_LESS = re.compile(r"^(?:<|＜|≤|<=|少于|不足|小于|低于)\s*\d+\s*(?:人|户|家|次|个|名)?$")


@dataclass(frozen=True)
class Number:
    """A written number: its value, the decimals it was written with, whether it was a percentage."""

    value: float
    decimals: int
    percent: bool = False

    @property
    def half(self) -> float:
        """Half a unit of the last written place."""
        scale = 100.0 if self.percent else 1.0
        return 0.5 * 10.0**-self.decimals / scale


def text(cell: Cell) -> str:
    """The cell as text, NFKC, without outer blanks; empty for null."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return unicodedata.normalize("NFKC", str(cell)).strip()


def number(cell: Cell) -> Number | None:
    """The number a cell shows, null when it shows none."""
    if cell is None or isinstance(cell, bool | bytes):
        return None
    if isinstance(cell, int):
        return Number(float(cell), 0)
    if isinstance(cell, float):
        return None if not math.isfinite(cell) else Number(cell, _decimals(repr(cell)))
    if not any(map(str.isdigit, cell)):
        return None
    body = text(cell).replace(" ", "").replace("−", "-").replace("¥", "")
    percent = body.endswith("%")
    body = body.removesuffix("%")
    for unit in _UNITS:
        if body.endswith(unit) and body[:1].isdigit():
            body = body.removesuffix(unit)
            break
    hit = _NUMBER.match(body)
    if hit is None:
        return None
    value = float(body.replace(",", ""))
    if not math.isfinite(value):
        return None
    return Number(value / 100 if percent else value, _decimals(body), percent)


def _decimals(body: str) -> int:
    mantissa, _, exponent = body.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    if mantissa.endswith(".0"):
        places = 0
    return max(0, places - int(exponent or 0))


def is_total(cell: Cell) -> bool:
    """A label that stands for the whole of a dimension."""
    return text(cell).casefold().replace(" ", "") in _TOTALS


def is_suppressed(cell: Cell) -> bool:
    """A cell left empty or marked as withheld."""
    body = text(cell).casefold()
    return not body or body in _SUPPRESSED or bool(_LESS.match(body))


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
