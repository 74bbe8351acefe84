"""The rules of a zone at a date: `at(zone, on)` → `Rules`, whose every value says where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn

from gongshu.law import packs
from gongshu.law.calendar import Calendar
from gongshu.law.errors import UnknownClock, UnknownRule
from gongshu.law.packs import Library, Step
from gongshu.law.schema import Source, Value
from gongshu.law.values import BY_CHOICE

SECTION_TITLES = {
    "clocks": "期限",
    "limits": "数值",
    "grounds": "依据",
    "readings": "读法",
    "roles": "角色",
    "forms": "表单",
    "documents": "文书",
    "procedures": "程序",
}

STATUS_SENTENCES = {
    "in_force": "",
    "draft": "依据征求意见稿。",
    "superseded_draft": "依据征求意见稿，正式文本已发布、待核。",
    "superseded": "依据的文本已被替代。",
}
# the weakest standing among the texts behind a value is the value's own
STATUS_ORDER = ("superseded_draft", "draft", "superseded", "in_force")


@dataclass(frozen=True)
class Standing:
    """A text of law as it stood on a day."""

    source: Source
    on: date

    @property
    def in_force(self) -> bool:
        return self.source.holds(self.on)

    @property
    def text_status(self) -> str:
        return self.source.text_status

    @property
    def sentence(self) -> str:
        """One Chinese line: title, number, standing and, for a draft, the final text to look up."""
        number = f"（{self.source.number}）" if self.source.number else ""
        line = f"{self.source.title}{number}，{self.source.standing}"
        later = self.source.superseded_by
        if later:
            named = [str(later[key]) for key in ("title", "number", "issued") if later.get(key)]
            line += f"；正式文本：{'，'.join(named)}"
        return line + "。"

    def data(self) -> dict[str, Any]:
        later = dict(self.source.superseded_by) if self.source.superseded_by else None
        if later:
            later = {key: str(value) for key, value in later.items()}
        return {
            "key": self.source.key,
            "title": self.source.title,
            "number": self.source.number,
            "standing": self.source.standing,
            "issued": _day(self.source.issued),
            "from": _day(self.source.from_),
            "until": _day(self.source.until),
            "superseded_by": later,
            "text_status": self.text_status,
            "in_force": self.in_force,
        }


@dataclass(frozen=True)
class Rule:
    """One value as it holds in a zone on a day. `data` is shared by all callers: read it, never change it."""

    section: str
    id: str
    zone: str
    pack: str
    data: Mapping[str, Any]
    basis: tuple[str, ...]
    binding: bool
    because: str | None
    text_status: str
    in_force: bool
    from_: date | None
    until: date | None
    via: tuple[Step, ...]
    file: str

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.data.get(key, default)

    @property
    def title(self) -> str:
        return str(self.data.get("title", self.id))

    @property
    def value(self) -> Any:
        """The number, list or text of a clock or limit; None where the text gives none."""
        return self.data.get("value")

    @property
    def by_choice(self) -> bool:
        """No article of this zone says so: the page shows 项目选择 instead of an article."""
        return (self.because or "").startswith(BY_CHOICE)

    @property
    def caution(self) -> str:
        """What every answer using this value must say about its text; empty when there is nothing to say."""
        return STATUS_SENTENCES[self.text_status]


@dataclass(frozen=True)
class Rules:
    """The law of one zone on one day. `calendar` knows the papers published by `known` (None: all)."""

    zone: str
    on: date
    library: Library
    calendar: Calendar
    _found: dict[tuple[str, str], Rule] = field(default_factory=dict, repr=False, compare=False)

    @property
    def digest(self) -> str:
        return self.library.digest(self.zone)

    def clock(self, name: str) -> Rule:
        return self.find("clocks", name)

    def limit(self, name: str) -> Rule:
        return self.find("limits", name)

    def basis(self, ground: str) -> tuple[str, ...]:
        """The citations of a ground (`grounds.yaml`); empty where the zone has none and it is 项目选择."""
        return self.find("grounds", ground).basis

    def procedure(self, name: str) -> Rule:
        return self.find("procedures", name)

    def form(self, name: str) -> Rule:
        return self.find("forms", name)

    def document(self, name: str) -> Rule:
        return self.find("documents", name)

    def role(self, name: str) -> Rule:
        return self.find("roles", name)

    def reading(self, name: str) -> Rule:
        return self.find("readings", name)

    def ids(self, section: str) -> tuple[str, ...]:
        """The ids of a section that this zone has, sorted."""
        table = self.library.table(self.zone)
        return tuple(
            sorted(n for s, n in table if s == section and not _pick(table[s, n].versions, self.on).absent)
        )

    def has(self, section: str, name: str) -> bool:
        effective = self.library.table(self.zone).get((section, name))
        return effective is not None and not _pick(effective.versions, self.on).absent

    def find(self, section: str, name: str) -> Rule:
        """The effective value; raises `UnknownRule` (`UnknownClock`) when the zone has none."""
        if (section, name) not in self._found:
            self._found[section, name] = self._make(section, name)
        return self._found[section, name]

    def _make(self, section: str, name: str) -> Rule:
        effective = self.library.table(self.zone).get((section, name))
        if effective is None:
            self._missing(section, name)
        version = _pick(effective.versions, self.on)
        if version.absent:
            self._missing(section, name, version)
        sources = self._sources(version.basis)
        because = "；".join(
            reason for reason in (*(step.because for step in effective.via), version.because) if reason
        )
        return Rule(
            section=section,
            id=name,
            zone=self.zone,
            pack=version.pack,
            data=version.data,
            basis=version.basis,
            binding=version.binding,
            because=because or None,
            text_status=weakest([source.text_status for source in sources]),
            in_force=_covers(version, self.on) and all(source.holds(self.on) for source in sources),
            from_=version.from_,
            until=version.until,
            via=effective.via,
            file=version.file,
        )

    def _missing(self, section: str, name: str, version: Value | None = None) -> NoReturn:
        kind = UnknownClock if section == "clocks" else UnknownRule
        code = "clock" if section == "clocks" else "rule"
        title, zone = SECTION_TITLES.get(section, section), self.library.pack(self.zone).title
        if version is not None:
            raise kind(code, f"{zone}没有“{name}”这个{title}：{version.because}", version.basis)
        others = [z for z in self.library.zones if (section, name) in self.library.table(z)]
        if not others:
            raise kind(code, f"没有“{name}”这个{title}，运行 gongshu law show 看全部。")
        raise kind(code, f"{zone}的文本没有规定“{name}”这个{title}；规定了它的有：{'、'.join(others)}。")

    def on_day(self, on: date) -> Rules:
        """The same zone's rules on another day, with the same knowledge of the calendar."""
        return Rules(self.zone, on, self.library, self.calendar)

    def elsewhere(self, zone: str) -> Rules:
        """Another zone's rules on the same day, with the same knowledge of the calendar."""
        self.library.pack(zone)
        return Rules(zone, self.on, self.library, self.calendar)

    def text(self, citation: str) -> Standing:
        """How the text behind `source-key` or `source-key:article` stood on this day."""
        return Standing(self.library.source(citation), self.on)

    def own(self, citations: Sequence[str]) -> tuple[str, ...]:
        """Those of texts that bind this zone; what a pack merely took over from a neighbour is 项目选择."""
        above = self.library.above(self.zone)
        return tuple(each for each in citations if self.library.source(each).pack in above)

    def cite(self, citation: str) -> str:
        """A citation in words: 《甘肃省…实施细则》第26条."""
        source = self.library.source(citation)
        article = citation.partition(":")[2]
        if not article:
            return f"《{source.title}》"
        return f"《{source.title}》{_article(article)}"

    def _sources(self, basis: Sequence[str]) -> list[Source]:
        return [self.library.source(citation) for citation in basis]


def at(zone: str, on: date, library: Library | None = None, known: date | None = None) -> Rules:
    """The rules of `zone` on the day `on`; `known` limits the calendar to papers published by that day."""
    found = library or packs.library()
    found.pack(zone)
    return Rules(zone, on, found, Calendar.of(found, known))


def weakest(statuses: Sequence[str]) -> str:
    return next((status for status in STATUS_ORDER if status in statuses), "in_force")


def _covers(version: Value, on: date) -> bool:
    return (version.from_ is None or version.from_ <= on) and (version.until is None or on <= version.until)


def _pick(versions: Sequence[Value], on: date) -> Value:
    """The version that covers the day; outside all of them the nearest one, which then is not in force."""
    covering = [version for version in versions if _covers(version, on)]
    if covering:
        return covering[-1]
    earlier = [version for version in versions if version.from_ is None or version.from_ <= on]
    return earlier[-1] if earlier else versions[0]


def _article(article: str) -> str:
    number = re.match(r"\d+", article)
    return f"第{number[0]}条{article[number.end() :]}" if number else article


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
