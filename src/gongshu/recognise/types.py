"""Types of written values: one pattern a form, and the engine's type it stands for.

The forms are what Chinese offices export: 2026-03-02, 2026/3/2, 20260302, 2026年3月2日, with or without a
time; numbers with or without thousands separators; 是/否. Leading zeros make a code, not a number.
"""

from __future__ import annotations

import datetime as _dt
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache

# Written marks of "no value". The vague ones are blanks in a column of numbers or dates, but words in a
# column of text (残疾：无).
BLANKS = frozenset(
    ["", "NA", "N/A", "n/a", "NULL", "null", "Null", "None", "none", "NaN", "nan", "\\N", "#N/A", "#NULL!"]
)
VAGUE = frozenset(["-", "--", "—", "——", "/", "无", "空", "缺失", "缺测", "未知", "不详", "暂无"])

TYPES = ("BOOLEAN", "BIGINT", "DECIMAL(18,2)", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR")

_DAY = r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_FORM = re.compile(
    r"(?P<compact>(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?)"
    r"|(?P<code>0\d+)"
    r"|(?P<int>[+-]?\d{1,18})"
    r"|(?P<long>\d{19,})"
    r"|(?P<money>[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,16})\.\d{2})"
    r"|(?P<number>[+-]?(?:\d+\.\d*|\.\d+|\d+(?:\.\d*)?[eE][+-]?\d{1,3}|\d{1,3}(?:,\d{3})+(?:\.\d+)?))"
    rf"|(?P<date>{_DAY})"
    rf"|(?P<stamp>{_DAY}[T ]+{_TIME}(?:Z|[+-]\d{{2}}:?\d{{2}})?)"
    r"|(?P<bool>true|false|TRUE|FALSE|True|False|是|否|Y|N)"
)
_PARTS = re.compile(r"\d+")
_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
_TRUE = frozenset(["true", "TRUE", "True", "是", "Y", "1"])
_FALSE = frozenset(["false", "FALSE", "False", "否", "N", "0"])


def form(value: str) -> str:
    """The form of one written value, `text` if none; `""` for a blank, `vague` for a word like 无."""
    value = value.strip()
    hit = _FORM.fullmatch(value)
    if hit:
        return hit.lastgroup or "text"
    if value in BLANKS:
        return ""
    return "vague" if value in VAGUE else "text"


# Which forms a type can hold, and so which values are broken in a column of that type.
HOLDS: dict[str, frozenset[str]] = {
    "BOOLEAN": frozenset(["bool"]),
    "BIGINT": frozenset(["int", "compact"]),
    "DECIMAL(18,2)": frozenset(["int", "compact", "money"]),
    "DOUBLE": frozenset(["int", "compact", "money", "number", "long"]),
    "DATE": frozenset(["date", "compact"]),
    "TIMESTAMP": frozenset(["stamp", "date", "compact"]),
}


def _day(text: str) -> _dt.date:
    year, month, day = (int(p) for p in (_PARTS.findall(text) if len(text) != 8 or not text.isdigit() else
                                         (text[:4], text[4:6], text[6:8])))  # fmt: skip
    return _dt.date(year, month, day)


def _to_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _to_int(text: str) -> int:
    number = int(text.replace(",", ""))
    if not -(2**63) <= number < 2**63:
        raise ValueError
    return number


def decimal(text: str, precision: int, scale: int) -> Decimal:
    """A number of at most `precision` digits, `scale` of them after the point. Raises ValueError."""
    try:
        number = Decimal(text.replace(",", ""))
        if not number.is_finite() or abs(number) >= Decimal(10) ** (precision - scale):
            raise ValueError
        exact = number.quantize(Decimal(1).scaleb(-scale))
    except InvalidOperation as error:
        raise ValueError from error
    if exact != number:
        raise ValueError
    return exact


def _to_decimal(text: str) -> Decimal:
    return decimal(text, 18, 2)


def _to_float(text: str) -> float:
    number = float(text.replace(",", ""))
    if not math.isfinite(number):
        raise ValueError
    return number


def _to_stamp(text: str) -> _dt.datetime:
    """Local time (Asia/Shanghai wall clock) without a zone; a written offset is converted to +08:00."""
    if text.isdigit():
        if len(text) not in (8, 14):
            raise ValueError
        day = _day(text[:8])
        clock = (int(text[8:10]), int(text[10:12]), int(text[12:14])) if len(text) == 14 else (0, 0, 0)
        return _dt.datetime(day.year, day.month, day.day, *clock)  # noqa: DTZ001 (the column has no zone)
    body, _, clock_text = text.replace("T", " ").partition(" ")
    day = _day(body)
    zone = _ZONE.search(clock_text)
    parts = _ZONE.sub("", clock_text).strip()
    moment = _dt.datetime.combine(day, _clock(parts) if parts else _dt.time())
    if zone:
        moment += _dt.timedelta(hours=8) - _offset(zone[1])
    return moment


def _clock(text: str) -> _dt.time:
    hour, minute, *rest = text.split(":")
    second, _, fraction = (rest[0] if rest else "0").partition(".")
    return _dt.time(int(hour), int(minute), int(second), int((fraction + "000000")[:6]) if fraction else 0)


def _offset(text: str) -> _dt.timedelta:
    if text == "Z":
        return _dt.timedelta()
    sign = -1 if text[0] == "-" else 1
    return sign * _dt.timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))


READ: dict[str, Callable[[str], object]] = {
    "BOOLEAN": _to_bool,
    "BIGINT": _to_int,
    "DECIMAL(18,2)": _to_decimal,
    "DOUBLE": _to_float,
    "DATE": _day,
    "TIMESTAMP": _to_stamp,
    "VARCHAR": str,
}


def read(type_: str, value: str) -> object:
    """The value as Python's own type, `None` for a blank. Raises ValueError for a broken one."""
    text = value.strip()
    if text in BLANKS or (text in VAGUE and type_ != "VARCHAR"):
        return None
    if type_ == "VARCHAR":
        return value
    return _read(type_, text)


@lru_cache(maxsize=20000)
def _read(type_: str, text: str) -> object:
    try:
        return READ[type_](text)
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise ValueError("这个值不能按所选类型读出。") from error
