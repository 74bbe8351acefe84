"""Statutory clocks: from an event to a day, with every day that was skipped and why.

Counting starts the day after the event (民法典 art. 201). Working days follow `calendar`; a deadline in
calendar days, months or years that ends on a day of rest ends on the next working day (art. 203); windows,
expiries, terms, retention, fixed dates and backward clocks never roll. 及时 and 立即 have no number and are
never given one.
"""

from __future__ import annotations

import calendar as month_lengths
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.law.calendar import Calendar, DayFact, shift
from gongshu.law.errors import LawError, OutOfRange, UnknownClock
from gongshu.law.rules import Rule, Rules
from gongshu.law.values import BOUNDS, BY_CHOICE, KINDS, UNITS, UNNUMBERED, month_day

ROLLING = "clock.rolling"


@dataclass(frozen=True)
class Skip:
    """A day the reckoning passed over, or a day of the weekend it counted, and why."""

    date: date
    why: str

    def data(self) -> dict[str, str]:
        return {"date": self.date.isoformat(), "why": self.why}


@dataclass(frozen=True)
class Due:
    """A clock that has been reckoned.

    `due` is the last day in time (deadline), the first day of a window, the last day of validity (expiry,
    term), the first day deletion is allowed (retention), None for prompt and immediate. `nominal` is the
    day before 民法典 art. 203 moved it. `papers` are the holiday papers that decided days of the span.
    """

    clock: str
    title: str
    zone: str
    from_: date
    due: date | None
    nominal: date | None
    value: int | str | None
    unit: str | None
    kind: str
    direction: str
    rolls: bool
    basis: tuple[str, ...]
    skipped: tuple[Skip, ...]
    worked: tuple[Skip, ...]
    provisional: bool
    papers: tuple[str, ...]
    pack: str
    text_status: str
    in_force: bool
    binding: bool
    because: str | None
    starts: str
    reading: dict[str, Any] | None
    sentence: str

    def data(self) -> dict[str, Any]:
        """The object of `gongshu law deadline --json` (design section 11)."""
        return {
            "ok": True,
            "clock": self.clock,
            "title": self.title,
            "zone": self.zone,
            "from": self.from_.isoformat(),
            "due": self.due.isoformat() if self.due else None,
            "value": self.value,
            "unit": self.unit,
            "kind": self.kind,
            "direction": self.direction,
            "rolls": self.rolls,
            "nominal": self.nominal.isoformat() if self.nominal else None,
            "basis": sorted(self.basis),
            "skipped": [skip.data() for skip in self.skipped],
            "worked": [skip.data() for skip in self.worked],
            "provisional": self.provisional,
            "papers": sorted(self.papers),
            "pack": self.pack,
            "text_status": self.text_status,
            "in_force": self.in_force,
            "binding": self.binding,
            "because": self.because,
            "starts": self.starts,
            "reading": self.reading,
            "sentence": self.sentence,
        }


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later (or earlier), or that month's last day."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= years <= date.max.year:
        raise OutOfRange("date", f"从 {day} 推算的日期超出了日历的范围。")
    return date(years, month + 1, min(day.day, month_lengths.monthrange(years, month + 1)[1]))


def _working_days(calendar: Calendar, start: date, count: int) -> date:
    days = calendar.after(start) if count > 0 else calendar.before(start)
    left = abs(count)
    for fact in days:
        left -= fact.work
        if left == 0:
            return fact.day
    raise AssertionError("the calendar has no end")


STEPS: dict[str, Callable[[Calendar, date, int], date]] = {
    "working_days": _working_days,
    "days": lambda _calendar, start, count: shift(start, count),
    "months": lambda _calendar, start, count: add_months(start, count),
    "years": lambda _calendar, start, count: add_months(start, count * 12),
}


def nominal(rule: Rule, calendar: Calendar, from_: date, counted: bool = False) -> date | None:
    """The day a clock names before any rolling; None when the text gives no number.

    `counted`: the day of the event is itself the first day (a reading of 1.6, not the rule).
    """
    kind = rule["kind"]
    if kind in UNNUMBERED:
        return None
    if kind == "date":
        month, day = month_day(rule.value) or (1, 1)
        if from_.year == date.max.year:
            raise OutOfRange("date", f"从 {from_} 推算的日期超出了日历的范围。")
        return date(from_.year + 1, month, day)
    sign = -1 if rule.get("direction", "after") == "before" else 1
    # where the pack reads the first day as counted, everything ends one day sooner
    first = shift(from_, -1) if counted else from_
    end = STEPS[rule["unit"]](calendar, first, sign * rule.value)
    # kept through the last day, so the first day without a duty to keep is the next
    return shift(end, 1) if kind == "retention" else end


def deadline(rules: Rules, clock_id: str, from_: date) -> Due:
    """Reckons a clock of the zone from the day of its event; raises `UnknownClock`, `OutOfRange`."""
    rule = rules.clock(clock_id)
    reading = _reading(rules, rule)
    counted = reading is not None and reading["takes"] == rule.get("first_day_when")
    named = nominal(rule, rules.calendar, from_, counted)
    due = rules.calendar.next_workday(named) if named and rule["rolls"] else named
    looked = _looked_at(rule, rules.calendar, from_, named, due)
    basis = rule.basis if due == named else (*rule.basis, *_rolling(rules))
    result = Due(
        clock=clock_id,
        title=rule.title,
        zone=rules.zone,
        from_=from_,
        due=due,
        nominal=named,
        value=rule.value,
        unit=rule.get("unit"),
        kind=rule["kind"],
        direction=rule.get("direction", "after"),
        rolls=rule["rolls"],
        basis=basis,
        skipped=tuple(Skip(fact.day, fact.why) for fact in looked if not fact.work),
        worked=tuple(Skip(fact.day, fact.why) for fact in looked if fact.work and fact.moved),
        provisional=any(fact.provisional for fact in looked),
        papers=tuple(dict.fromkeys(fact.paper for fact in looked if fact.paper)),
        pack=rule.pack,
        text_status=rule.text_status,
        in_force=rule.in_force or _holds_when_due(rules, rule, due),
        binding=rule.binding,
        because=rule.because,
        starts=rule["starts"],
        reading=reading,
        sentence="",
    )
    object.__setattr__(result, "sentence", _sentence(rules, rule, result))
    return result


def _rolling(rules: Rules) -> tuple[str, ...]:
    """The article of rolling; a case that began under older packs has no grounds and still rolls."""
    return rules.basis(ROLLING) if rules.has("grounds", ROLLING) else ()


def _reading(rules: Rules, rule: Rule) -> dict[str, Any] | None:
    """The two readings of a clock's passage and the one taken; the zone's own choice before its pack's."""
    name = rule.get("reading")
    if name is None:
        return None
    chosen = rules.reading(name) if rules.has("readings", name) else rules.elsewhere(rule.pack).reading(name)
    return {"id": name, **chosen.data}


def _holds_when_due(rules: Rules, rule: Rule, due: date | None) -> bool:
    """A report on last year is owed under the rule of the day it falls due, not of the year it is about."""
    if rule["kind"] != "date" or due is None:
        return False
    return rules.on_day(due).clock(rule.id).in_force


def _looked_at(
    rule: Rule, calendar: Calendar, from_: date, named: date | None, due: date | None
) -> list[DayFact]:
    """The days whose being worked or not decided the answer, oldest first."""
    if named is None or due is None:
        return []
    if rule["unit"] == "working_days":
        return (
            calendar.between(from_, due)
            if due >= from_
            else calendar.between(shift(due, -1), shift(from_, -1))
        )
    return calendar.between(shift(named, -1), due) if rule["rolls"] else []


def _sentence(rules: Rules, rule: Rule, due: Due) -> str:
    chosen = [] if rule.basis else [rule.because or BY_CHOICE]
    grounds = "、".join([*chosen, *map(rules.cite, due.basis)])
    parts = [f"{due.title}：{_reckoned(rule, due)}（{grounds}）。"]
    if due.nominal != due.due:
        parts.append(f"期满日 {due.nominal} 是休息日，顺延到其后第一个工作日。")
    if due.provisional:
        years = sorted({skip.year for skip in _unsettled(rules.calendar, due)})
        named = "、".join(map(str, years))
        parts.append(f"{named}年的放假安排未收录，暂按周末和法定节假日推算，通知公布后重算。")
    parts += [str(rule["note"])] if rule.get("note") else []
    parts += [rule.caution] if rule.caution else []
    if not due.in_force and rule.text_status == "in_force":
        parts.append(f"{rules.on} 不在这条规则的施行期内，仍按它计算。")
    if due.reading:
        parts.append(_two_readings(due.reading))
    return "".join(parts)


def _two_readings(reading: dict[str, Any]) -> str:
    taken = reading["takes"]
    if taken not in ("a", "b"):
        return f"条文有两种读法，都照顾到：{reading['a']}；{reading['b']}。"
    other = "b" if taken == "a" else "a"
    return f"条文有两种读法，本规则包取“{reading[taken]}”；另一读法：{reading[other]}。"


def _unsettled(calendar: Calendar, due: Due) -> list[date]:
    start, end = sorted((due.from_, due.due or due.from_))
    return [fact.day for fact in calendar.between(start, end) if fact.provisional]


def _reckoned(rule: Rule, due: Due) -> str:
    if due.due is None:
        return f"{rule['starts']}后应当{KINDS[due.kind]}办理，文本没有规定天数"
    if due.kind == "date":
        return f"{due.from_.year}年度的最迟在 {due.due} 完成"
    side = "起" if due.direction == "after" else "往前"
    bound = BOUNDS[rule.get("bound", "exactly")]
    amount = f"{bound}{due.value}{UNITS[str(due.unit)]}"
    return f"自{rule['starts']}（{due.from_}）{side}{amount}，{KINDS[due.kind]}是 {due.due}"


def remaining(due: date, today: date, calendar: Calendar) -> int:
    """Working days left after today up to and with `due`; negative once it has passed, on a rest day too."""
    left = calendar.workdays(today, due)
    return min(left, -1) if today > due else left


def moved(before: Due, after: Due) -> str | None:
    """Why a deadline reckoned again differs, naming the papers that came; None when it did not move."""
    if before.due == after.due and before.provisional == after.provisional:
        return None
    papers = [paper for paper in after.papers if paper not in before.papers]
    named = "、".join(papers) or "新收录的放假安排"
    if before.due == after.due:
        return f"按{named}重算，{after.title}仍是 {after.due}，不再是暂定。"
    return f"按{named}重算，{after.title}由 {before.due} 改为 {after.due}。"


__all__ = [
    "Due",
    "LawError",
    "Skip",
    "UnknownClock",
    "add_months",
    "deadline",
    "moved",
    "nominal",
    "remaining",
]
