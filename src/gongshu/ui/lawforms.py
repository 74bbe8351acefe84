"""A form of the packs (`law.forms.Form`) as an HTML form: groups, conditions, articles, repeated groups.

What was typed is kept as typed; the law says what is wrong and each sentence stands beside its field. Names
on the page are the pack's ids; row n of a repeated group is `<group>-<n>-<id>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms

from gongshu.law.forms import Field, Form, Group, Problem
from gongshu.law.inputs import Input
from gongshu.law.predicates import blank
from gongshu.ui.inputs import field_for, whole_number

LEAST_ROWS = 2
MOST_ROWS = 60
BY_CHOICE = "项目选择"


class PackForm(forms.Form):
    """Made by `build`. `groups` is what `{% fields form %}` shows, `inputs` every input by its page name."""

    use_required_attribute = False
    groups: list[tuple[str, list[str]]]
    inputs: list[Input]
    repeats: set[str]

    def typed(self) -> dict[str, Any]:
        """What was typed, blanks left out, rows of repeated groups as lists; files as ids of materials."""
        self.is_valid()
        found: dict[str, Any] = {}
        rows: dict[str, dict[int, dict[str, Any]]] = {}
        for name, field in self.fields.items():
            value = self.cleaned_data.get(name)
            if blank(value) or (value is False and isinstance(field, forms.BooleanField)):
                continue
            group, _, rest = name.partition("-")
            if group in self.repeats:
                number, _, key = rest.partition("-")
                rows.setdefault(group, {}).setdefault(int(number), {})[key] = value
            else:
                found[name] = value
        return found | {group: [row for _, row in sorted(held.items())] for group, held in rows.items()}

    def show(self, problems: Sequence[Problem]) -> None:
        """Put each problem of the law beside its field; what belongs to no field stands above the form."""
        self.is_valid()
        self._errors = forms.utils.ErrorDict()
        for each in problems:
            name = each.field.replace(".", "-")
            self.add_error(name if name in self.fields else None, each.sentence)


def build(
    form: Form,
    typed: Mapping[str, Any] | None = None,
    data: Any = None,
    *,
    cite: Callable[[str], str] | None = None,
    names: Mapping[str, str] | None = None,
) -> PackForm:
    """The HTML form holding `typed`, or bound to posted `data`.

    `cite` turns a citation into words (`Rules.cite`); `names`: material id → file name, for files kept.
    """
    given = typed or {}
    made = PackForm(data, initial=initial(form, given))
    made.groups, made.inputs = [], []
    made.repeats = {group.id for group in form.groups if group.repeat}
    for group in form.groups:
        if not group.repeat:
            made.groups.append((heading(form, group, cite), _add_row(made, form, group, cite)))
            continue
        for number in range(rows_shown(group, given, data)):
            title = f"{heading(form, group, cite)}（{number + 1}）"
            made.groups.append((title, _add_row(made, form, group, cite, number)))
    for field in made.fields.values():
        if hasattr(field.widget, "names"):
            field.widget.names = dict(names or {})
    return made


def heading(form: Form, group: Group, cite: Callable[[str], str] | None) -> str:
    """A group's title with its condition."""
    text = condition_text(form, group.when)
    return f"{group.title}（{text.rstrip('。')}）" if text else group.title


def initial(form: Form, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed under its names on the page; rows of a repeated group as `<group>-<n>-<id>`."""
    repeats = {group.id for group in form.groups if group.repeat}
    found = {key: value for key, value in typed.items() if key not in repeats}
    for group in repeats & typed.keys():
        for number, row in enumerate(typed[group] or ()):
            found |= {f"{group}-{number}-{name}": item for name, item in row.items()}
    return found


def rows_shown(group: Group, typed: Mapping[str, Any], data: Any) -> int:
    """How many rows a repeated group shows: those there are, and one more when nothing is posted yet."""
    held = len(typed.get(group.id) or ())
    for key in data or ():
        start, _, rest = str(key).partition("-")
        number = whole_number(rest.partition("-")[0], MOST_ROWS)
        if start == group.id and number is not None:
            held = max(held, number + 1)
    return min(max(held + (data is None), LEAST_ROWS), MOST_ROWS)


def _add_row(
    made: PackForm, form: Form, group: Group, cite: Callable[[str], str] | None, number: int | None = None
) -> list[str]:
    added = []
    for each in form.of(group.id):
        name = each.id if number is None else f"{group.id}-{number}-{each.id}"
        asked = replace(each.ask, id=name)
        made.fields[name] = page_field(form, each, asked, cite)
        made.fields[name].law_required = each.ask.required and not number
        made.inputs.append(asked)
        added.append(name)
    return added


def page_field(form: Form, field: Field, asked: Input, cite: Callable[[str], str] | None) -> Any:
    """One field with what stands beside it: 公示, its article or 项目选择, its condition, its help."""
    shown: Any = field_for(asked)
    shown.is_public = field.publicity
    shown.condition_text = condition_text(form, field.when)
    chosen = form.by_choice or field.because
    shown.article = BY_CHOICE if chosen else "；".join(map(cite, asked.basis)) if cite else ""
    shown.help_text = " ".join(filter(None, (asked.help, field.because)))
    return shown


def condition_text(form: Form, when: Mapping[str, Any] | None) -> str:
    """A condition as people read it: “授权运营情况”为“已授权运营”时填写。"""
    return f"{_condition(form, when)}时填写。" if when else ""


def _condition(form: Form, when: Mapping[str, Any]) -> str:
    for word, joint in (("all", "，并且"), ("any", "，或者")):
        if word in when:
            return joint.join(_condition(form, each) for each in when[word])
    if "not" in when:
        return f"不是（{_condition(form, when['not'])}）"
    field = form.field(str(when["field"]))
    if "filled" in when:
        return f"“{field.title}”{'已填写' if when['filled'] else '没有填写'}"
    wanted = when["in"] if "in" in when else [when["equals"]]
    return f"“{field.title}”为{'或'.join(f'“{_word(field, each)}”' for each in wanted)}"


def _word(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return dict(field.ask.options).get(str(value), str(value))
