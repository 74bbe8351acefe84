"""Working days of China: the State Council's yearly papers, dated by when they became known.

A year without a paper is provisional: weekends and the days the regulation on public holidays fixes rest,
nothing is moved, and every answer says so. Asking *as known at* a day leaves out later papers, so an
amended year (2019, 2020) can be asked before and after its amendment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from gongshu.law import schema
from gongshu.law.errors import LawError, OutOfRange
from gongshu.law.packs import Library
from gongshu.law.schema import Pack

ONE = timedelta(days=1)
SATURDAY = 5
WEEKDAYS = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")
HOME = "cn"
STATUTE = "calendar/statutory.yaml"
# no notice has ever given two weeks off; a longer span is a slip of the pen
LONGEST_HOLIDAY = 14

PAPER: schema.Shape = {
    "number": schema.TEXT, "title": schema.TEXT, "issued": schema.DAY, "published": schema.DAY,
    "amends": schema.TEXT, "festivals": schema.MAPS,
}  # fmt: skip
FESTIVAL: schema.Shape = {"name": schema.TEXT, "rest": schema.DAYS, "work": schema.DAYS}


@dataclass(frozen=True)
class DayFact:
    """Whether a day is worked, why, under which paper; `moved`: not what its weekday would make it."""

    day: date
    work: bool
    why: str
    paper: str | None
    provisional: bool

    @property
    def moved(self) -> bool:
        return self.work == (self.day.weekday() >= SATURDAY)


@dataclass(frozen=True)
class Festival:
    """What one paper says of one festival: days of rest (weekends included) and made-up working days."""

    name: str
    rest: tuple[date, ...]
    work: tuple[date, ...]


@dataclass(frozen=True)
class Paper:
    """A notice of the State Council's office. `amends` is the number of the paper it changes."""

    year: int
    number: str
    title: str
    issued: date
    published: date
    amends: str | None
    festivals: tuple[Festival, ...]


@dataclass(frozen=True)
class Statute:
    """One version of the regulation on public holidays: festival → month-day or lunar name and offset."""

    number: str
    from_: date
    days: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Almanac:
    """Everything the calendar is made of: papers, versions of the regulation, lunar days by year."""

    papers: tuple[Paper, ...] = ()
    statutes: tuple[Statute, ...] = ()
    lunar: Mapping[int, Mapping[str, date]] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """Working days as known on a day. `years`: the years whose paper is known."""

    almanac: Almanac
    known: date | None = None
    years: frozenset[int] = frozenset()
    _listed: Mapping[date, DayFact] = field(default_factory=dict, repr=False)
    _facts: dict[date, DayFact] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(library: Library, known: date | None = None) -> Calendar:
        """The calendar the packs carry, without the papers published after `known`."""
        pack = library.packs.get(HOME)
        return _cached(pack, known) if pack else make(Almanac(), known)

    def day(self, day: date) -> DayFact:
        if day not in self._facts:
            self._facts[day] = self._listed.get(day) or self._plain(day)
        return self._facts[day]

    def is_workday(self, day: date) -> bool:
        return self.day(day).work

    def published(self, day: date) -> bool:
        """Whether a paper settles this day."""
        return not self.day(day).provisional

    def after(self, day: date) -> Iterator[DayFact]:
        """The days after `day`, one by one; raises `OutOfRange` past the year 9999."""
        while True:
            day = shift(day, 1)
            yield self.day(day)

    def before(self, day: date) -> Iterator[DayFact]:
        while True:
            day = shift(day, -1)
            yield self.day(day)

    def between(self, start: date, end: date) -> list[DayFact]:
        """The days after `start` up to and with `end`."""
        return [self.day(start + ONE * n) for n in range(1, (end - start).days + 1)]

    def next_workday(self, day: date) -> date:
        """`day` itself when it is worked, else the first working day after it."""
        return day if self.is_workday(day) else next(fact.day for fact in self.after(day) if fact.work)

    def workdays(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end`; negative when `end` lies before `start`."""
        if end < start:
            return -self.workdays(end, start)
        return sum(fact.work for fact in self.between(start, end))

    def _plain(self, day: date) -> DayFact:
        weekday = WEEKDAYS[day.weekday()]
        rests = day.weekday() >= SATURDAY
        if day.year in self.years:
            return DayFact(day, not rests, weekday, None, provisional=False)
        note = f"{day.year}年放假安排未收录，暂定"
        statute = statute_of(self.almanac, day.year)
        name = statutory(self.almanac, day.year).get(day)
        if name and statute:
            return DayFact(day, False, f"{name}放假（{statute.number}；{note}）", statute.number, True)
        return DayFact(day, not rests, f"{weekday}（{note}）", None, provisional=True)


def shift(day: date, days: int) -> date:
    """`day` moved by calendar days; raises `OutOfRange` outside the years 1 to 9999."""
    try:
        return day + ONE * days
    except OverflowError as error:
        raise OutOfRange("date", f"从 {day} 推算的日期超出了日历的范围。") from error


def make(almanac: Almanac, known: date | None = None) -> Calendar:
    """The calendar of an almanac as known on a day; a later paper replaces a festival of an earlier one."""
    papers = [paper for paper in almanac.papers if known is None or paper.published <= known]
    festivals: dict[tuple[int, str], tuple[Paper, Festival]] = {}
    for paper in sorted(papers, key=lambda paper: paper.published):
        for festival in paper.festivals:
            festivals[paper.year, festival.name] = paper, festival
    listed: dict[date, DayFact] = {}
    for paper, festival in festivals.values():
        for day in festival.rest:
            listed[day] = DayFact(day, False, f"{festival.name}放假（{paper.number}）", paper.number, False)
        for day in festival.work:
            why = f"{WEEKDAYS[day.weekday()]}，{festival.name}调休上班（{paper.number}）"
            listed[day] = DayFact(day, True, why, paper.number, False)
    return Calendar(almanac, known, frozenset(paper.year for paper in papers), listed)


def statute_of(almanac: Almanac, year: int) -> Statute | None:
    """The version of the regulation in force on the first day of a year."""
    held = [statute for statute in almanac.statutes if statute.from_ <= date(year, 1, 1)]
    return max(held, key=lambda statute: statute.from_, default=None)


def statutory(almanac: Almanac, year: int) -> dict[date, str]:
    """The days everybody rests by the regulation alone; festivals of the moon only where they are tabled."""
    statute = statute_of(almanac, year)
    found: dict[date, str] = {}
    for name, anchor, offset in statute.days if statute else ():
        moon = almanac.lunar.get(year, {}).get(anchor)
        start = moon if moon or "-" not in anchor else date.fromisoformat(f"{year:04}-{anchor}")
        if start:
            found[start + ONE * offset] = name
    return found


_CACHE: dict[tuple[str, date | None], Calendar] = {}
_CACHE_SIZE = 64


def _cached(pack: Pack, known: date | None) -> Calendar:
    """The files of a pack never change under one digest, so neither does their calendar."""
    key = pack.digest, known
    if key not in _CACHE:
        if len(_CACHE) >= _CACHE_SIZE:
            _CACHE.clear()
        _CACHE[key] = make(read(pack.files), known)
    return _CACHE[key]


def read(files: Mapping[str, bytes]) -> Almanac:
    """The almanac in a pack's `calendar/` folder; raises `LawError` naming the file that is wrong."""
    papers: list[Paper] = []
    statutes: list[Statute] = []
    lunar: dict[int, dict[str, date]] = {}
    for path in sorted(files):
        if not path.startswith("calendar/"):
            continue
        try:
            for document in schema.read_yaml(files[path].decode("utf-8")):
                if path == STATUTE:
                    statutes, lunar = _statutes(document)
                else:
                    papers += _papers(document, path)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise LawError("calendar", f"{path}：日历文件的写法不对。") from error
    return Almanac(tuple(papers), tuple(statutes), lunar)


def _checked(body: Mapping[Any, Any], shape: schema.Shape, needed: set[str], path: str) -> dict[str, Any]:
    faults: list[str] = []
    kept = schema.shaped(body, shape, faults.append)
    faults += [f"缺少“{key}”。" for key in sorted(needed - set(kept))]
    if faults:
        raise LawError("calendar", f"{path}：{faults[0]}")
    return kept


def _papers(document: Mapping[str, Any], path: str) -> Iterator[Paper]:
    year = document.get("year")
    if type(year) is not int or set(document) != {"year", "papers"}:
        raise LawError("calendar", f"{path}：应只有 year 和 papers。")
    for written in document["papers"]:
        body = _checked(written, PAPER, {"number", "issued", "published", "festivals"}, path)
        yield Paper(
            year=year,
            number=body["number"],
            title=body.get("title", ""),
            issued=body["issued"],
            published=body["published"],
            amends=body.get("amends"),
            festivals=tuple(_festival(festival, path) for festival in body["festivals"]),
        )


def _festival(written: Mapping[str, Any], path: str) -> Festival:
    body = _checked(written, FESTIVAL, {"name", "rest"}, path)
    days = body["rest"]
    rest = tuple(days[0] + ONE * n for n in range((days[-1] - days[0]).days + 1)) if days else ()
    work = tuple(body.get("work", ()))
    wrong = [day for day in work if day.weekday() < SATURDAY or day in rest]
    if not rest or wrong or len(rest) > LONGEST_HOLIDAY:
        raise LawError("calendar", f"{path}：{body['name']}的放假或上班日期不合理。")
    return Festival(body["name"], rest, work)


def _statutes(document: Mapping[str, Any]) -> tuple[list[Statute], dict[int, dict[str, date]]]:
    statutes = [
        Statute(body["number"], date.fromisoformat(str(body["from"])), tuple(_statute_days(body["days"])))
        for body in document["versions"]
    ]
    names = document["lunar"]["columns"]
    lunar = {
        int(year): {name: date.fromisoformat(f"{year}-{day}") for name, day in zip(names, days, strict=True)}
        for year, days in document["lunar"]["years"].items()
    }
    return statutes, lunar


def _statute_days(days: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    for body in days:
        for offset in body.get("offsets", [0]):
            yield str(body["name"]), str(body["on"]), int(offset)


def problems(files: Mapping[str, bytes]) -> list[str]:
    """Faults of a pack's calendar folder as sentences."""
    try:
        read(files)
    except LawError as error:
        return [error.sentence]
    return []
