"""The application as an HTML form: the fields of the pack, in their groups, with conditions and articles.

Nothing here judges: what was typed is kept as typed, and the law says afterwards what is wrong. Names are
the ids of the pack (`R01`, `R08-from`, `R28-value`, `R28-unit`), rows of a repeated group are
`co_owners-0-R50`, materials beside the form `M_identity`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django import forms
from django.forms.utils import ErrorDict, ErrorList

from gongshu.law import conditions
from gongshu.law.forms import Field, Form, Group, Problem
from gongshu.law.inputs import Input
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.cases.materials import FILE_KINDS
from gongshu.office.registration import checklist, content
from gongshu.ui import lawforms
from gongshu.ui.inputs import field_for


@dataclass
class Block:
    """A group on the page. `rows`: the names of each row of a repeated group; else one row."""

    id: str
    title: str
    article: str
    condition: str
    when: Mapping[str, Any] | None
    rows: list[list[str]] = field(default_factory=list)
    repeat: bool = False
    help: str = ""


class ApplicationForm(forms.Form):
    """Built by `build`; `blocks` are the groups, `inputs` every input under its name on the page."""

    use_required_attribute = False
    blocks: list[Block]
    inputs: list[Input]
    repeats: dict[str, list[str]]

    def typed(self) -> dict[str, Any]:
        """What was typed, blanks left out; files by the ids of their materials."""
        self.is_valid()
        found: dict[str, Any] = {}
        for name in self.fields:
            value = self.cleaned_data.get(name)
            if name == "version" or blank(value) or (value is False and self._is_confirm(name)):
                continue
            group, _, rest = name.partition("-")
            if group in self.repeats:
                number, _, key = rest.partition("-")
                found.setdefault(group, {}).setdefault(int(number), {})[key] = value
            else:
                found[name] = value
        for group in self.repeats:
            if group in found:
                found[group] = [row for _, row in sorted(found[group].items())]
        return found

    def _is_confirm(self, name: str) -> bool:
        return isinstance(self.fields[name], forms.BooleanField)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Put each problem beside its field; what belongs to no field stands above the form."""
        errors = ErrorDict()
        for each in problems:
            name = each.field.replace(".", "-")
            key = name if name in self.fields else forms.forms.NON_FIELD_ERRORS
            errors.setdefault(key, ErrorList()).append(each.sentence)
        self.cleaned_data = {}
        self._errors = errors


def build(
    rules: Rules, typed: Mapping[str, Any], data: Any = None, *, version: int = 0, names: Any = None
) -> ApplicationForm:
    """The form of a zone, holding `typed`, or bound to `data` as posted. `names`: material id → file name."""
    form = content.form_of(rules)
    made = ApplicationForm(data, initial={"version": version, **lawforms.initial(form, typed)}, prefix=None)
    made.blocks, made.inputs, made.repeats = [], [], {}
    made.fields["version"] = forms.IntegerField(widget=forms.HiddenInput, required=False)
    for group in form.groups:
        made.blocks.append(_block(made, rules, form, group, lawforms.rows_shown(group, typed, data)))
    _add_materials(made, rules, typed)
    for each in made.fields.values():
        if hasattr(each.widget, "names"):
            each.widget.names = dict(names or {})
    return made


def _block(made: ApplicationForm, rules: Rules, form: Form, group: Group, rows: int) -> Block:
    block = Block(
        group.id,
        group.title,
        article(rules, form, group.basis),
        lawforms.condition_text(form, group.when),
        group.when,
        repeat=group.repeat,
        help=group.help,
    )
    for number in range(rows) if group.repeat else [None]:
        names = []
        for each in form.of(group.id):
            name = each.id if number is None else f"{group.id}-{number}-{each.id}"
            _add(made, name, form, each, required=number in (None, 0))
            names.append(name)
        block.rows.append(names)
    if group.repeat:
        made.repeats[group.id] = [each.id for each in form.of(group.id)]
    return block


def _add(made: ApplicationForm, name: str, form: Form, each: Field, required: bool) -> None:
    asked = replace(each.ask, id=name)
    shown: Any = field_for(asked)
    shown.is_public = each.publicity
    shown.condition_text = lawforms.condition_text(form, each.when)
    shown.when = each.when
    shown.law_required = each.ask.required and required
    shown.article = lawforms.BY_CHOICE if each.because and not form.by_choice else ""
    shown.help_text = " ".join(filter(None, (each.ask.help, each.because)))
    made.fields[name] = shown
    made.inputs.append(asked)


def _add_materials(made: ApplicationForm, rules: Rules, typed: Mapping[str, Any]) -> None:
    block = Block("materials", "登记材料", "", "", None, help="表单里已经有的材料不用再交。")
    names = []
    for item in checklist.items(rules, typed):
        if not item.asked:
            continue
        shown: Any = field_for(item.input)
        shown.help_text = "" if item.applies else "按所填的情形现在不需要。"
        shown.article = cited(rules, item.basis)
        made.fields[item.id] = shown
        made.inputs.append(item.input)
        names.append(item.id)
    block.rows = [names]
    if names:
        made.blocks.append(block)


@dataclass(frozen=True)
class Laid:
    """A group as the page shows it: its fields row by row; `needed` says whether it applies as filled."""

    block: Block
    needed: bool
    when_json: str
    rows: list[list[forms.BoundField]]
    problems: int


def laid_out(made: ApplicationForm, filled: Mapping[str, Any]) -> list[Laid]:
    """The groups of a form with their fields. Reading the errors of an unbound form costs nothing."""
    found = []
    for block in made.blocks:
        rows = [[made[name] for name in names] for names in block.rows]
        problems = sum(bool(bound.errors) for row in rows for bound in row)
        needed = conditions.holds(block.when, filled)
        for row in rows:
            for bound in row:
                field: Any = bound.field
                when = getattr(field, "when", None)
                field.needed = conditions.holds(when, filled)
                field.when_json = json.dumps(when, ensure_ascii=False) if when else ""
        when_json = json.dumps(block.when, ensure_ascii=False) if block.when else ""
        found.append(Laid(block, needed or problems > 0, when_json, rows, problems))
    return found


def file_inputs(made: ApplicationForm) -> list[Input]:
    return [each for each in made.inputs if each.kind in FILE_KINDS]


# ------------------------------------------------------------ words


def article(rules: Rules, form: Form, basis: Sequence[str]) -> str:
    """The article of a group, or 项目选择 where the zone took the form from elsewhere."""
    return lawforms.BY_CHOICE if form.by_choice else cited(rules, basis)


def cited(rules: Rules, basis: Sequence[str]) -> str:
    """Citations in words, the articles of one text together: 《…》第29条、第34条."""
    grouped: dict[str, list[str]] = {}
    for each in basis:
        title, mark, place = rules.cite(each).partition("》")
        grouped.setdefault(title + mark, []).append(place)
    return "；".join(title + "、".join(filter(None, places)) for title, places in grouped.items())
