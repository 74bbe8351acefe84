"""The small calendar of a deadline: rest days, make-up days, days counted, the due day."""

from __future__ import annotations

import calendar as months
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

MAX_MONTHS = 3
WEEKDAYS = ("一", "二", "三", "四", "五", "六", "日")


class DayLike(Protocol):
    """What the working-day calendar of the law says about a day."""

    @property
    def work(self) -> bool: ...
    @property
    def why(self) -> str: ...
    @property
    def provisional(self) -> bool: ...


@dataclass(frozen=True)
class Cell:
    """One day. `marks` are CSS classes; `note` is read aloud and shown as a tooltip."""

    day: date
    marks: tuple[str, ...]
    note: str

    @property
    def classes(self) -> str:
        return " ".join(f"day-{mark}" for mark in self.marks)


@dataclass(frozen=True)
class Month:
    title: str
    weeks: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True)
class SmallCalendar:
    """The months from the start of a clock to its due day; the middle is left out when it is long."""

    months: tuple[Month, ...]
    shortened: bool
    provisional: bool
    start: date
    due: date


@dataclass(frozen=True)
class Chip:
    """A deadline in one line. `left` counts working days unless `unit` says otherwise; negative is overdue.

    `plain`: no duty runs out (a validity, a window), so nothing is ever overdue.
    """

    title: str
    due: date | None
    left: int | None
    unit: str = "工作日"
    provisional: bool = False
    why: str = ""
    article: str = ""
    status: str = ""
    done: bool = False
    plain: bool = False

    @property
    def tone(self) -> str:
        if self.done or self.left is None or self.plain:
            return "neutral"
        if self.left < 0:
            return "bad"
        return "warn" if self.left <= 2 else "working"

    @property
    def sentence(self) -> str:
        if self.done:
            return "已办结"
        if self.left is None:
            return "没有期限" if self.due is None else "期限已中止"
        if self.plain:
            amount = f"{self.left} 天" if self.unit == "自然日" else f"{self.left} 个{self.unit}"
            return "已届满" if self.left < 0 else f"还有 {amount}" if self.left else "今天是最后一天"
        if self.left < 0:
            return f"已超期 {-self.left} 个{self.unit}"
        return "今天是最后一天" if self.left == 0 else f"还剩 {self.left} 个{self.unit}"


def build(
    start: date,
    due: date,
    today: date,
    fact: Callable[[date], DayLike],
    working_days: bool = True,
) -> SmallCalendar:
    """The calendar from `start` (day of the event, not counted) to `due`.

    `fact` is `Calendar.day`. `working_days` false marks every day between as counted (自然日).
    """
    first, last = min(start, due), max(start, due)
    wanted = list(_months(first, last))
    shortened = len(wanted) > MAX_MONTHS
    if shortened:
        wanted = [wanted[0], wanted[-1]]
    cells = {
        day: _cell(day, start, due, today, fact(day), working_days)
        for year, month in wanted
        for day in _days(year, month)
    }
    return SmallCalendar(
        months=tuple(_month(year, month, cells) for year, month in wanted),
        shortened=shortened,
        provisional=any("provisional" in cell.marks for cell in cells.values() if first < cell.day <= last),
        start=start,
        due=due,
    )


def _months(first: date, last: date) -> Iterator[tuple[int, int]]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield year, month
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _days(year: int, month: int) -> Iterator[date]:
    for number in range(1, months.monthrange(year, month)[1] + 1):
        yield date(year, month, number)


def _cell(day: date, start: date, due: date, today: date, fact: DayLike, working_days: bool) -> Cell:
    weekend = day.weekday() >= 5
    inside = min(start, due) < day <= max(start, due)
    marks = [name for name, holds in (
        ("rest", not fact.work),
        ("makeup", fact.work and weekend),
        ("counted", inside and (fact.work or not working_days)),
        ("start", day == start),
        ("due", day == due),
        ("today", day == today),
        ("past", day < today),
        ("provisional", fact.provisional),
    ) if holds]  # fmt: skip
    notes = [f"{day.month}月{day.day}日", fact.why or ("工作日" if fact.work else "休息日")]
    notes += [text for mark, text in NOTES if mark in marks]
    return Cell(day, tuple(marks), "，".join(notes))


NOTES = (
    ("makeup", "调休上班"),
    ("start", "起算事件日，不计入"),
    ("due", "期限最后一天"),
    ("today", "今天"),
    ("provisional", "放假安排尚未公布，暂按周末和法定节日推算"),
)


def _month(year: int, month: int, cells: dict[date, Cell]) -> Month:
    first = date(year, month, 1)
    monday = first - timedelta(days=first.weekday())
    weeks: list[tuple[Cell | None, ...]] = []
    while monday.month == month or monday < first:
        week = [monday + timedelta(days=offset) for offset in range(7)]
        weeks.append(tuple(cells.get(day) if day.month == month else None for day in week))
        monday += timedelta(days=7)
        if monday.month != month:
            break
    return Month(f"{year}年{month}月", tuple(weeks))
