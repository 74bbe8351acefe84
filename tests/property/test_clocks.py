"""Clocks on any day: against a second calendar, and the laws every clock obeys."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.law import clocks, packs, rules
from gongshu.law.errors import OutOfRange

ONE = timedelta(days=1)
LIBRARY = packs.library()
CLOCKS = [(zone, name) for zone in LIBRARY.zones for name in rules.at(zone, date(2026, 3, 2)).ids("clocks")]
PUBLISHED = st.dates(date(2019, 1, 1), date(2026, 11, 1))
ANY_DAY = st.dates(date(1990, 1, 1), date(2060, 12, 31))


def reckon(zone: str, name: str, start: date) -> clocks.Due:
    return clocks.deadline(rules.at(zone, start), name, start)


@given(st.sampled_from(CLOCKS), PUBLISHED)
def test_working_days_agree_with_a_count_on_another_calendar(which: tuple[str, str], start: date) -> None:
    due = reckon(*which, start)
    if due.unit != "working_days" or due.due is None:
        return
    days = [start + ONE * n for n in range(1, (due.due - start).days + 1)]
    worked = [day for day in days if chinese_calendar.is_workday(day)]
    assert len(worked) == due.value
    assert worked[-1] == due.due
    assert [skip.date for skip in due.skipped] == [day for day in days if day not in worked]
    assert [skip.date for skip in due.worked] == [day for day in worked if day.weekday() >= 5]


@given(st.sampled_from(CLOCKS), ANY_DAY)
def test_what_holds_of_every_clock_on_every_day(which: tuple[str, str], start: date) -> None:
    due = reckon(*which, start)
    calendar = rules.at(which[0], start).calendar
    assert (due.due is None) == (due.kind in ("prompt", "immediate"))
    if due.due is None or due.nominal is None:
        return
    assert (due.due > start) == (due.direction == "after")
    assert due.due >= due.nominal
    assert due.due == due.nominal or (due.rolls and not calendar.is_workday(due.nominal))
    if due.rolls:
        assert calendar.is_workday(due.due)
    assert all(start < skip.date <= due.due for skip in (*due.skipped, *due.worked))
    assert list(due.skipped) == sorted(due.skipped, key=lambda skip: skip.date)
    assert not any(calendar.is_workday(skip.date) for skip in due.skipped)
    assert all(calendar.is_workday(skip.date) and skip.date.weekday() >= 5 for skip in due.worked)
    assert due.sentence.endswith("。")
    assert due.basis or (due.because or "").startswith("项目选择")


@given(st.sampled_from(CLOCKS), ANY_DAY)
def test_a_later_event_is_never_due_earlier(which: tuple[str, str], start: date) -> None:
    first, second = reckon(*which, start).due, reckon(*which, start + ONE).due
    assert first is None or second is None or first <= second


@given(ANY_DAY, st.integers(-400, 400))
def test_adding_months_keeps_the_day_or_takes_the_last(start: date, months: int) -> None:
    moved = clocks.add_months(start, months)
    assert (moved.year - start.year) * 12 + moved.month - start.month == months
    assert moved.day == start.day or (moved.day < start.day and (moved + ONE).day == 1)


@given(PUBLISHED, st.integers(1, 60))
def test_days_left_count_down_one_a_working_day(today: date, ahead: int) -> None:
    calendar = rules.at("cn", today).calendar
    due = today + ONE * ahead
    left = clocks.remaining(due, today, calendar)
    assert left == sum(chinese_calendar.is_workday(today + ONE * n) for n in range(1, ahead + 1))
    tomorrow = clocks.remaining(due, today + ONE, calendar)
    assert left - tomorrow == chinese_calendar.is_workday(today + ONE)


@given(PUBLISHED, st.integers(1, 60))
def test_what_is_past_is_never_due_today(due: date, later: int) -> None:
    """A Saturday after a Friday's last day is too late, though no working day has passed."""
    assert clocks.remaining(due, due + ONE * later, rules.at("cn", due).calendar) < 0
    assert clocks.remaining(due, due, rules.at("cn", due).calendar) == 0


@given(st.sampled_from(CLOCKS), st.dates())
@settings(max_examples=200)
def test_no_day_of_the_calendar_breaks_a_clock(which: tuple[str, str], start: date) -> None:
    try:
        reckon(*which, start)
    except OutOfRange as error:
        assert error.sentence.endswith("。")
