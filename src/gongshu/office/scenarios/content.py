"""What a scenario or a request says, judged: problems, digest, public lines. Pure but for names of bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gongshu.law import forms
from gongshu.law.forms import Form, Problem
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.scenarios.resources import Resource

SCENARIO, REQUEST = "scenario", "data-request"
NEEDS, PROVIDER = "needs", "need_provider"
FIELDS = "fields"
# 项目选择：这两级的字段要写明为什么不能用更粗的
SENSITIVE = ("L3", "L4")
Data = Mapping[str, Any]


def scenario_form(rules: Rules) -> Form:
    return forms.load(rules, SCENARIO)


def request_form(rules: Rules) -> Form:
    return forms.load(rules, REQUEST)


def use_form(rules: Rules) -> Form:
    """The part of the request that is neither chosen at the start nor a table of fields."""
    form = request_form(rules)
    return replace(
        form,
        groups=tuple(group for group in form.groups if group.id == "use"),
        fields=tuple(field for field in form.fields if field.group == "use"),
    )


def provider_names(typed: Data) -> list[str]:
    """The providers a scenario names, each once, in order."""
    rows = forms.rows_of(typed.get(NEEDS))
    return list(dict.fromkeys(str(row[PROVIDER]).strip() for row in rows if not blank(row.get(PROVIDER))))


def scenario_problems(rules: Rules, typed: Data, known: Mapping[str, str]) -> list[Problem]:
    """Everything wrong with a scenario. `known`: name of a provider → organisation id."""
    form = scenario_form(rules)
    found = forms.validate(form, typed)
    for number, row in enumerate(forms.rows_of(typed.get(NEEDS))):
        name = str(row.get(PROVIDER) or "").strip()
        if name and name not in known:
            found.append(
                Problem(
                    f"{NEEDS}.{number}.{PROVIDER}",
                    f"“{name}”不是本专区的数据提供单位，请按机构全称填写，或者先请管理员建立机构。",
                    form.basis,
                )
            )
    return found


def public_lines(rules: Rules, typed: Data) -> list[list[str]]:
    """The lines of a scenario that are published: the fields the form marks 公示, filled or not."""
    form = scenario_form(rules)
    return [
        [field.title, forms.shown(form, field.id, typed.get(field.id))]
        for field in form.fields
        if field.publicity
    ]


def request_problems(rules: Rules, typed: Data, resource: Resource | None) -> list[Problem]:
    """Everything wrong with a request, judged by the outline the provider confirmed last."""
    form = request_form(rules)
    found = forms.validate(form, typed)
    if resource is None:
        return [*found, Problem("resource", "这项资源还没有入库，提供单位入库以后才能申请。", form.basis)]
    for number, row in enumerate(forms.rows_of(typed.get(FIELDS))):
        name = str(row.get("field") or "")
        place = f"{FIELDS}.{number}"
        column = resource.columns.get(name)
        if column is None:
            found.append(Problem(f"{place}.field", f"资源里没有“{name}”这个字段。", form.basis))
        elif column.get("grade", "L4") in SENSITIVE and blank(row.get("coarser")):
            found.append(
                Problem(f"{place}.coarser", coarser_sentence(name, column.get("grade", "L4")), form.basis)
            )
    return found


def coarser_sentence(name: str, grade: str) -> str:
    return f"“{name}”是{grade}字段，请写明能不能用更粗的代替（汇总、分段、截短），不能的写明为什么。"


def sentences(problems: Sequence[Problem]) -> list[str]:
    return [each.sentence for each in problems]
