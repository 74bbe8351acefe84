"""One thing asked of a person: its kind, and what is wrong with what was given. Acts and forms share it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from gongshu.law.predicates import blank

DIGEST = re.compile(r"^(sha256|sm3):[0-9a-f]{64}$")
# GB/T 2260: the first two digits are a province; streets and years differ, so the rest is not looked up
DIVISION = re.compile(r"^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|81|82)\d{4}$")
INDUSTRY = re.compile(r"^[A-T](\d{2,4})?$")
CATALOGUE_CODE = re.compile(r"^[1-3]\d{2}\d{3}\w*(/\w+)?$")


@dataclass(frozen=True)
class Input:
    """One thing asked; `kind` is a key of `KINDS`, `options` (value, title); lengths in characters."""

    id: str
    title: str
    kind: str = "text"
    required: bool = True
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""
    basis: tuple[str, ...] = ()
    least: int = 0
    most: int = 0


def options_of(raw: Mapping[Any, Any] | None) -> tuple[tuple[str, str], ...]:
    """The options of a pack, value → Chinese title, in the order they are written."""
    return tuple((str(key), str(title)) for key, title in (raw or {}).items())


def problem_of(asked: Input, value: Any) -> str:
    """One Chinese sentence about what is wrong, or an empty string. Blank is wrong only when required."""
    if blank(value):
        return f"请填写“{asked.title}”。" if asked.required else ""
    check = KINDS.get(asked.kind)
    found = check(value) if check else OPTION_KINDS[asked.kind](value, asked)
    if not found and isinstance(value, str):
        found = _length(value.strip(), asked)
    return f"“{asked.title}”{found}。" if found else ""


def _length(value: str, asked: Input) -> str:
    """Length in characters, of what is left without blanks at the ends."""
    if asked.most and len(value) > asked.most:
        return f"不能超过 {asked.most} 个字，现在有 {len(value)} 个"
    return f"至少写 {asked.least} 个字" if len(value) < asked.least else ""


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "应是文字"


def _date(value: Any) -> str:
    return "" if day_of(value) else "应是日期，写成 YYYY-MM-DD"


def _period(value: Any) -> str:
    start, end = period_of(value)
    if start is None or end is None:
        return "应有起止日期，写成 YYYY-MM-DD"
    return "" if start <= end else "的结束日期早于开始日期"


def _bool(value: Any) -> str:
    return "" if isinstance(value, bool) else "应选“是”或“否”"


def _confirm(value: Any) -> str:
    return "" if value is True else "需要确认"


def _choice(value: Any, asked: Input) -> str:
    return "" if _known(value, asked) else "不在可选的范围内"


def _choices(value: Any, asked: Input) -> str:
    if not isinstance(value, list | tuple):
        return "应是一项或多项选择"
    return "" if all(_known(item, asked) for item in value) else "里有不在可选范围内的项"


def _known(value: Any, asked: Input) -> bool:
    return isinstance(value, str) and value in dict(asked.options)


def _number(value: Any) -> str:
    return "" if number_of(value) is not None else "应是不小于零的数"


def _quantity(value: Any, asked: Input) -> str:
    """A number with its unit: {value, unit}; the unit is one of the options when there are any."""
    if not isinstance(value, Mapping) or number_of(value.get("value")) is None:
        return "应是不小于零的数，并带单位"
    units = dict(asked.options)
    unit = value.get("unit")
    good = isinstance(unit, str) and (unit in units if units else bool(unit.strip()))
    return "" if good else "的单位不在可选的范围内"


def _digest(value: Any) -> str:
    return "" if isinstance(value, str) and DIGEST.match(value) else "应是摘要，写成 sha256:十六进制"


def _file(value: Any) -> str:
    if not isinstance(value, Mapping) or blank(value.get("name")):
        return "应上传一份文件"
    return "的文件没有摘要" if _digest(value.get("digest")) else ""


def _files(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return "应上传一份或几份文件"
    return next((found for item in value if (found := _file(item))), "")


def _names(value: Any) -> str:
    good = isinstance(value, list | tuple) and all(isinstance(item, str) and item.strip() for item in value)
    return "" if good else "应是一项或多项文字"


def _items(value: Any) -> str:
    """A list of {item, sentence}: what is wrong or asked, and a sentence about it."""
    good = isinstance(value, list | tuple) and all(
        isinstance(row, Mapping) and not blank(row.get("item")) and not blank(row.get("sentence"))
        for row in value
    )
    return "" if good else "应逐项写明是哪一项、什么问题"


def _rows(value: Any) -> str:
    good = isinstance(value, list | tuple) and all(isinstance(row, Mapping) for row in value)
    return "" if good else "应是一张逐行填写的表"


def _answers(value: Any) -> str:
    return "" if isinstance(value, Mapping) else "应逐项作答"


def _uscc(value: Any) -> str:
    from stdnum.cn import uscc  # type: ignore[import-untyped, unused-ignore]
    from stdnum.exceptions import ValidationError

    try:
        uscc.validate(str(value))
    except ValidationError:
        return "不是有效的统一社会信用代码（18 位，末位为校验码，GB 32100）"
    return ""


def _division(value: Any) -> str:
    return "" if isinstance(value, str) and DIVISION.match(value) else "应是 6 位行政区划代码"


def _divisions(value: Any) -> str:
    good = isinstance(value, list | tuple) and not any(_division(item) for item in value)
    return "" if good else "应是一个或多个 6 位行政区划代码"


def _code(value: Any) -> str:
    good = isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z./_-]*", value)
    return "" if good else "应是代码，只含字母、数字和 . / _ -"


def _industry(value: Any) -> str:
    """GB/T 4754: a section letter A to T, with two to four digits where the class is known."""
    good = isinstance(value, str) and INDUSTRY.match(value)
    return "" if good else "应是国民经济行业分类代码：一个字母 A—T，后面可以接 2 到 4 位数字"


def _catalogue_code(value: Any) -> str:
    """政务信息资源代码: class 1 digit, item 2, list 3, detail of any length, then a serial after a slash."""
    good = isinstance(value, str) and CATALOGUE_CODE.match(value)
    return "" if good else "应是政务信息资源代码：类 1 位、项 2 位、目 3 位，细目和流水号接在后面"


KINDS: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "long_text": _text,
    "date": _date,
    "period": _period,
    "bool": _bool,
    "confirm": _confirm,
    "number": _number,
    "digest": _digest,
    "file": _file,
    "files": _files,
    "names": _names,
    "items": _items,
    "rows": _rows,
    "answers": _answers,
    "uscc": _uscc,
    "division": _division,
    "divisions": _divisions,
    "code": _code,
    "industry": _industry,
    "catalogue_code": _catalogue_code,
}

OPTION_KINDS: dict[str, Callable[[Any, Input], str]] = {
    "choice": _choice,
    "choices": _choices,
    "quantity": _quantity,
}

INPUT_KINDS = frozenset(KINDS) | frozenset(OPTION_KINDS)
"""Every kind of input. `confirm` must be true; `period` is {from, until}; `file` {name, digest};
`quantity` {value, unit}; `items` a list of {item, sentence}; `rows` records; `answers` id → answer."""


def day_of(value: Any) -> date | None:
    """A day given as date or `YYYY-MM-DD`; anything else is none."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def period_of(value: Any) -> tuple[date | None, date | None]:
    """First and last day of {from, until}."""
    if not isinstance(value, Mapping):
        return None, None
    return day_of(value.get("from")), day_of(value.get("until"))


def number_of(value: Any) -> Decimal | None:
    """A finite number not below zero; text is read, true and false are no numbers."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None
