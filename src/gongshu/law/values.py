"""What a clock and a limit must look like in a pack: each check gives Chinese sentences, or none."""

from __future__ import annotations

from datetime import date
from typing import Any

from gongshu.law.schema import ANYTHING, FLAG, TEXT, Shape, Value, shaped

BY_CHOICE = "项目选择"
"""How a reason begins where no article says so."""

KINDS = {
    "deadline": "期限的最后一日",
    "window": "窗口的第一日",
    "expiry": "有效期的最后一日",
    "term": "期间的最后一日",
    "retention": "可以删除的第一日",
    "date": "应当完成的日子",
    "prompt": "及时",
    "immediate": "立即",
}
UNNUMBERED = ("prompt", "immediate")
UNITS = {"working_days": "个工作日", "days": "日", "months": "个月", "years": "年", "date": ""}
DIRECTIONS = ("after", "before")
CLOCK: Shape = {
    "title": TEXT, "kind": TEXT, "value": ANYTHING, "unit": TEXT, "direction": TEXT, "rolls": FLAG,
    "starts": TEXT, "bound": TEXT, "reading": TEXT, "first_day_when": TEXT, "note": TEXT,
}  # fmt: skip
GROUND: Shape = {"title": TEXT, "note": TEXT}
BOUNDS = {
    "at_most": "不超过",
    "at_least": "不少于",
    "exactly": "",
    "in_principle": "原则上",
    "in_principle_at_most": "原则上不超过",
    "ordinarily_at_most": "一般不超过",
}
LIMIT: Shape = {
    "title": TEXT, "value": ANYTHING, "unit": TEXT, "text": TEXT, "note": TEXT, "bound": TEXT,
}  # fmt: skip


def check_clock(value: Value) -> list[str]:
    """What is wrong with a clock as its pack writes it; a sentence each."""
    found: list[str] = []
    data = shaped(value.data, CLOCK, found.append)
    kind, unit, direction = data.get("kind"), data.get("unit"), data.get("direction", "after")
    if not data.get("title"):
        found.append("缺少名称（title）。")
    if not data.get("starts"):
        found.append("缺少起算点（starts）。")
    if kind not in KINDS:
        found.append(f"类型（kind）应是：{'、'.join(KINDS)}。")
    if direction not in DIRECTIONS:
        found.append("方向（direction）应是 after 或 before。")
    if data.get("bound", "exactly") not in BOUNDS:
        found.append(f"界限（bound）应是：{'、'.join(BOUNDS)}。")
    found += _check_number(kind, data.get("value"), unit)
    if "rolls" not in data:
        found.append("要写明遇休息日是否顺延（rolls）。")
    elif data["rolls"] and (kind != "deadline" or direction != "after" or unit == "working_days"):
        found.append("只有按日历日、月、年向后计算的期限才顺延。")
    if "first_day_when" in data and not data.get("reading"):
        found.append("起算日是否计入（first_day_when）要写明是哪一个读法（reading）。")
    return found


def _check_number(kind: Any, value: Any, unit: Any) -> list[str]:
    if kind in UNNUMBERED:
        return [] if value is None and unit is None else ["及时、立即没有数字，不能写 value 和 unit。"]
    if kind == "date":
        return [] if unit == "date" and month_day(value) else ["固定日期写成 value: MM-DD、unit: date。"]
    if unit not in UNITS or unit == "date":
        return [f"单位（unit）应是：{'、'.join(name for name in UNITS if name != 'date')}。"]
    return [] if type(value) is int and value > 0 else ["数值（value）应是正整数。"]


def month_day(value: Any) -> tuple[int, int] | None:
    try:
        # 29 February is no day of every year, so it cannot be a yearly date
        day = date.fromisoformat(f"2001-{value}")
    except ValueError:
        return None
    return day.month, day.day


def check_limit(value: Value) -> list[str]:
    """What is wrong with a limit as its pack writes it; a sentence each."""
    found: list[str] = []
    data = shaped(value.data, LIMIT, found.append)
    if not data.get("title"):
        found.append("缺少名称（title）。")
    if data.get("bound", "exactly") not in BOUNDS:
        found.append(f"界限（bound）应是：{'、'.join(BOUNDS)}。")
    amount = data.get("value")
    if amount is None or isinstance(amount, float | dict):
        found.append("数值（value）应是整数、文字或列表；小数写成文字，免得不精确。")
    return found


def check_ground(value: Value) -> list[str]:
    """What is wrong with a ground as its pack writes it; a sentence each."""
    found: list[str] = []
    data = shaped(value.data, GROUND, found.append)
    if not data.get("title"):
        found.append("缺少名称（title）：写这条依据说的是什么事。")
    if not value.basis and not (value.because or "").startswith(BY_CHOICE):
        found.append("没有条文的依据要写 because: 项目选择：……。")
    return found
