"""What the pages show of a scenario and a request, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.law import conditions
from gongshu.law import forms as law_forms
from gongshu.law.forms import Form
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.cases import lawbook
from gongshu.office.scenarios import content, resources
from gongshu.office.scenarios.models import DataRequest, Scenario

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """A group of the form: its rows, each (title, text) lines."""

    title: str
    rows: tuple[Lines, ...]


@dataclass(frozen=True)
class FieldLine:
    """One column of the resource and what was asked and decided about it."""

    name: str
    type: str
    grade: str
    asked: bool
    necessity: str = ""
    coarser: str = ""
    decision: str = ""
    reason: str = ""


def sections(form: Form, typed: Mapping[str, Any], groups: tuple[str, ...] = ()) -> list[Section]:
    """The filled content of a form, group by group."""
    found = []
    for group in form.groups:
        if (groups and group.id not in groups) or not conditions.holds(group.when, typed):
            continue
        holders = law_forms.rows_of(typed.get(group.id)) if group.repeat else [typed]
        rows = tuple(_lines(form, group.id, holder) for holder in holders)
        found.append(Section(group.title, rows))
    return found


def _lines(form: Form, group: str, holder: Mapping[str, Any]) -> Lines:
    return tuple((field.title, shown(form, field.id, holder.get(field.id))) for field in form.of(group))


def shown(form: Form, field: str, value: Any) -> str:
    """A value in words; what was typed wrong is shown as it was typed."""
    if blank(value):
        return ""
    try:
        return law_forms.shown(form, field, value)
    except (KeyError, TypeError, AttributeError):
        return str(value)


def scenario_sections(found: Scenario) -> list[Section]:
    if found.case is None:
        return []
    return sections(content.scenario_form(lawbook.rules_of(found.case)), found.typed)


def request_sections(found: DataRequest) -> list[Section]:
    return sections(content.request_form(lawbook.rules_of(found.case)), found.typed, ("basic", "use"))


def asked_fields(found: DataRequest) -> list[dict[str, str]]:
    """The fields asked for: {field, grade, necessity, coarser}, for the page that decides on each."""
    return [
        {"field": line.name, "grade": line.grade, "necessity": line.necessity, "coarser": line.coarser}
        for line in field_lines(found)
        if line.asked
    ]


def field_lines(found: DataRequest, typed: Mapping[str, Any] | None = None) -> list[FieldLine]:
    """Every column of the resource, and what is asked and decided of it; unknown fields asked for too."""
    outline = resources.find(found.zone_id, found.resource)
    columns = dict(outline.columns) if outline else {}
    rows = law_forms.rows_of((found.typed if typed is None else typed).get(content.FIELDS))
    asked = {str(row.get("field")): row for row in rows}
    decided = {str(row.get("field")): row for row in found.decisions}
    return [
        FieldLine(
            name=name,
            type=columns.get(name, {}).get("type", ""),
            grade=columns.get(name, {}).get("grade", "L4"),
            asked=name in asked,
            necessity=str(asked.get(name, {}).get("necessity") or ""),
            coarser=str(asked.get(name, {}).get("coarser") or ""),
            decision=str(decided.get(name, {}).get("decision") or ""),
            reason=str(decided.get(name, {}).get("reason") or ""),
        )
        for name in [*columns, *(each for each in asked if each not in columns)]
    ]


def cited(zone: str, day: date, basis: Any) -> list[str]:
    """Citations in words, for a page outside a case."""
    rules: Rules = lawbook.rules_now(zone, day)
    return [rules.cite(each) for each in basis]
