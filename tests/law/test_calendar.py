"""The calendar against an independent one, before and after amendments, and in years without a paper."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import holidays
import pytest

from gongshu.law import calendar, packs
from gongshu.law.calendar import Calendar
from gongshu.law.errors import LawError, OutOfRange

LIBRARY = packs.library()
ALL = Calendar.of(LIBRARY)
ONE = timedelta(days=1)


def days(year: int) -> list[date]:
    start = date(year, 1, 1)
    return [start + ONE * n for n in range((date(year + 1, 1, 1) - start).days)]


@pytest.mark.parametrize("year", range(2019, 2027))
def test_every_day_agrees_with_an_independent_calendar(year: int) -> None:
    wrong = [day for day in days(year) if ALL.is_workday(day) != chinese_calendar.is_workday(day)]
    assert wrong == []
    assert not any(ALL.day(day).provisional for day in days(year))


@pytest.mark.parametrize(("year", "count"), [(2024, 251), (2025, 248), (2026, 248)])
def test_number_of_working_days(year: int, count: int) -> None:
    assert sum(ALL.is_workday(day) for day in days(year)) == count


def test_every_year_names_its_papers_with_number_and_dates() -> None:
    papers = ALL.almanac.papers
    assert {paper.year for paper in papers} == set(range(2019, 2027))
    assert len({paper.number for paper in papers}) == len(papers) == 10
    for paper in papers:
        assert paper.number.startswith("国办发明电〔")
        assert paper.title.startswith("国务院办公厅关于")
        assert paper.issued <= paper.published
        assert paper.published.year in (paper.year, paper.year - 1)


@pytest.mark.parametrize(
    ("day", "known", "work"),
    [
        (date(2019, 4, 28), date(2019, 3, 21), False),
        (date(2019, 4, 28), date(2019, 3, 22), True),
        (date(2019, 5, 2), date(2019, 3, 21), True),
        (date(2019, 5, 2), None, False),
        (date(2020, 1, 31), date(2020, 1, 26), True),
        (date(2020, 1, 31), date(2020, 1, 27), False),
        (date(2020, 2, 1), date(2020, 1, 26), True),
        (date(2020, 2, 1), None, False),
        (date(2020, 2, 3), None, True),
    ],
)
def test_amended_years_are_dated_twice(day: date, known: date | None, work: bool) -> None:
    fact = Calendar.of(LIBRARY, known).day(day)
    assert fact.work is work
    assert not fact.provisional


def test_a_paper_is_unknown_before_it_was_published() -> None:
    before = Calendar.of(LIBRARY, date(2025, 11, 3))
    assert before.day(date(2026, 1, 2)).provisional
    assert before.is_workday(date(2026, 1, 2))
    assert not ALL.is_workday(date(2026, 1, 2))
    assert not before.day(date(2025, 12, 31)).provisional


def test_the_days_a_paper_names_in_the_year_before_are_settled() -> None:
    fact = ALL.day(date(2018, 12, 29))
    assert fact.work
    assert fact.moved
    assert not fact.provisional
    assert fact.paper == "国办发明电〔2018〕15号"
    assert ALL.day(date(2018, 12, 28)).provisional
    assert not ALL.is_workday(date(2022, 12, 31))


@pytest.mark.parametrize(
    "day",
    ["2027-01-01", "2027-02-05", "2027-02-08", "2027-04-05", "2027-06-09", "2027-09-15", "2027-10-01"],
)
def test_2027_rests_on_statutory_days_and_says_it_is_provisional(day: str) -> None:
    fact = ALL.day(date.fromisoformat(day))
    assert not fact.work
    assert fact.provisional
    assert "国务院令第795号" in fact.why
    assert "暂定" in fact.why


def test_2027_moves_no_weekend_and_has_thirteen_statutory_days() -> None:
    assert len(calendar.statutory(ALL.almanac, 2027)) == 13
    assert not any(ALL.day(day).work and day.weekday() >= 5 for day in days(2027))
    assert all(ALL.day(day).provisional for day in days(2027))


@pytest.mark.parametrize("year", [*range(2008, 2019), *range(2027, 2036)])
def test_statutory_days_agree_with_an_independent_package(year: int) -> None:
    """Days off that are neither moved nor made up, as `holidays` has them for the same regulation."""
    named = {day for day, name in holidays.country_holidays("CN", years=year, language="zh_CN").items()}
    ours = set(calendar.statutory(ALL.almanac, year))
    assert ours <= named, sorted(ours - named)
    assert len(ours) == len(calendar.statutory(ALL.almanac, year))


@pytest.mark.parametrize("year", [1900, 1999, 2018, 2027, 2051, 9999])
def test_a_year_without_a_paper_is_provisional_and_never_an_error(year: int) -> None:
    assert all(ALL.day(day).provisional for day in (date(year, 3, 3), date(year, 7, 7)))


def test_the_end_of_time_is_an_error_with_a_sentence() -> None:
    with pytest.raises(OutOfRange, match="超出"):
        next(ALL.after(date.max))


def test_workdays_between_is_signed() -> None:
    assert ALL.workdays(date(2026, 2, 13), date(2026, 2, 25)) == 3
    assert ALL.workdays(date(2026, 2, 25), date(2026, 2, 13)) == -3
    assert ALL.workdays(date(2026, 2, 13), date(2026, 2, 13)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "year: 2030\npapers: [{number: x}]",
        "papers: []",
        "year: 2030\npapers:\n  - {number: x, issued: 2029-01-01, published: 2029-01-01, "
        "festivals: [{name: 元旦, rest: [2030-01-01], work: [2030-01-02]}]}",
    ],
)
def test_a_malformed_calendar_is_refused(text: str) -> None:
    files = {"calendar/2030.yaml": text.encode()}
    with pytest.raises(LawError):
        calendar.read(files)
    assert calendar.problems(files)


def test_a_library_without_a_nation_still_counts_weekends() -> None:
    bare = Calendar.of(packs.build({}))
    assert not bare.is_workday(date(2026, 2, 14))
    assert bare.day(date(2026, 2, 16)).provisional
