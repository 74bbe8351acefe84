"""What the pages show of an application: its content in words, materials, problems, where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.law import conditions
from gongshu.law import forms as law_forms
from gongshu.law.clocks import remaining
from gongshu.law.forms import Form
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Material
from gongshu.office.cases.queries import calendar
from gongshu.office.registration import checklist, content
from gongshu.office.registration.forms import article, cited
from gongshu.office.registration.models import Registration
from gongshu.ui import smallcalendar
from gongshu.ui.smallcalendar import Chip, SmallCalendar


@dataclass(frozen=True)
class Line:
    """One answered field; `files` are (material id, name)."""

    id: str
    title: str
    text: str
    public: bool
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    title: str
    article: str
    rows: tuple[tuple[Line, ...], ...]


def sections(found: Registration) -> list[Section]:
    """The content of an application as people read it, without what does not apply."""
    rules = lawbook.rules_of(found.case)
    form = content.form_of(rules)
    names = dict(Material.objects.filter(case_id=found.case_id).values_list("pk", "name"))
    made = []
    for group in form.groups:
        if not conditions.holds(group.when, found.filled):
            continue
        if group.repeat:
            typed, filled = found.typed.get(group.id) or [], found.filled.get(group.id) or []
            rows = [_lines(form, group.id, t, f, names) for t, f in zip(typed, filled, strict=False)]
        else:
            rows = [_lines(form, group.id, found.typed, found.filled, names)]
        made.append(Section(group.title, article(rules, form, group.basis), tuple(r for r in rows if r)))
    return made


def _lines(
    form: Form, group: str, typed: Mapping[str, Any], filled: Mapping[str, Any], names: Mapping[str, str]
) -> tuple[Line, ...]:
    lines = []
    for field in form.of(group):
        if not law_forms.applies(form, field, filled):
            continue
        value = filled.get(field.id)
        files = _files(typed.get(field.id), names)
        text = "" if files or blank(value) else shown(form, field.id, value)
        lines.append(Line(field.id, field.title, text, field.publicity, files))
    return tuple(lines)


def shown(form: Form, field: str, value: Any) -> str:
    """A value in words; what was typed wrong is shown as it was typed."""
    try:
        return law_forms.shown(form, field, value)
    except (KeyError, TypeError, AttributeError):
        return str(value)


def _files(value: Any, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((each, names[each]) for each in value if isinstance(each, str) and each in names)


@dataclass(frozen=True)
class Paper:
    """One material of the list: where it is, or that it is missing."""

    title: str
    article: str
    state: str  # held, missing, optional, not_needed
    where: str
    files: tuple[tuple[str, str], ...]


def papers(found: Registration) -> list[Paper]:
    """The materials the zone's text lists, each with what was handed in for it."""
    rules = lawbook.rules_of(found.case)
    names = dict(Material.objects.filter(case_id=found.case_id).values_list("pk", "name"))
    return [_paper(rules, found, item, names) for item in checklist.items(rules, found.filled)]


def _paper(rules: Rules, found: Registration, item: checklist.Item, names: Mapping[str, str]) -> Paper:
    keys = [item.id] if item.asked else list(item.fields)
    files = tuple(each for key in keys for each in _files(found.typed.get(key), names))
    there = not keys or all(not blank(found.filled.get(key)) for key in keys)
    state = "held" if there else "optional" if item.optional else "missing"
    state = state if item.applies else "not_needed"
    where = "另附" if item.asked else "、".join(item.fields) if item.fields else HOLDER.get(item.id, "申请表")
    return Paper(item.title, cited(rules, item.basis), state, where, files)


HOLDER = {"M_subject": "实名账号", "M_mandate": "R23", "M_other": "R58"}
PAPER_LOOK = {
    "held": ("pass", "已有"),
    "missing": ("failed", "缺"),
    "optional": ("draft", "可以不交"),
    "not_needed": ("closed", "不需要"),
}


@dataclass(frozen=True)
class Progress:
    """How far the form is filled: of the fields that must be given, how many are and are right."""

    needed: int
    done: int
    problems: tuple[law_forms.Problem, ...]

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.needed) if self.needed else 100


def progress(found: Registration) -> Progress:
    rules = lawbook.rules_of(found.case)
    form = content.form_of(rules)
    problems = content.problems(rules, found.filled, found.case.procedure)
    answers, _ = content.split(found.filled)
    repeated = {group.id for group in form.groups if group.repeat}
    needed = [
        each.id
        for each in form.fields
        if each.ask.required and each.group not in repeated and law_forms.applies(form, each, answers)
    ]
    needed += [each.id for each in checklist.asked(rules, answers) if not each.optional]
    wrong = {each.field for each in problems}
    return Progress(len(needed), len([each for each in needed if each not in wrong]), tuple(problems))


def publicity_chip(found: Registration, today: date) -> Chip | None:
    """The days of publicity that are left, today among them."""
    if found.publicity_until is None:
        return None
    left = remaining(found.publicity_until, today, calendar())
    return Chip("公示", found.publicity_until, left, plain=True)


def publicity_calendar(found: Registration, today: date) -> SmallCalendar | None:
    if found.publicity_from is None or found.publicity_until is None:
        return None
    return smallcalendar.build(found.publicity_from, found.publicity_until, today, calendar().day, True)
