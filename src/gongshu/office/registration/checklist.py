"""The materials of a first registration: which the form already holds, which are handed in beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gongshu.law import conditions
from gongshu.law.errors import LawError
from gongshu.law.forms import Problem
from gongshu.law.inputs import Input
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules

DOCUMENT = "materials.first"
PREFIX = "M_"
# 材料 → 表单里就是它的那些项；空表示表单本身或实名账号就是这份材料
HELD: Mapping[str, tuple[str, ...]] = {
    "application": (),
    "subject": (),
    "mandate": ("R23",),
    "other": ("R58",),
}
# 资源登记的风险评估报告就是第七条的那一份；产品登记的表单没有这一项，另外交
RISK_REPORT, RISK_FIELD = "risk_report", "R13"


@dataclass(frozen=True)
class Item:
    """One material. `fields`: the form fields that are it; empty and not `asked`: the form or the account.

    `asked`: a file handed in under `id` (`M_…`) beside the form.
    """

    id: str
    title: str
    basis: tuple[str, ...]
    fields: tuple[str, ...]
    asked: bool
    optional: bool
    applies: bool

    @property
    def input(self) -> Input:
        return Input(self.id, self.title, "files", not self.optional, basis=self.basis)


def items(rules: Rules, data: Mapping[str, Any]) -> list[Item]:
    """Every material the zone's text lists, in its order; none when the zone's text has no list."""
    try:
        document = rules.document(DOCUMENT)
    except LawError:
        return []
    return [_item(raw, document.basis, data) for raw in document["items"]]


def _item(raw: Mapping[str, Any], basis: tuple[str, ...], data: Mapping[str, Any]) -> Item:
    name = str(raw["id"])
    fields = tuple(str(each) for each in raw.get("fields", ())) or HELD.get(name, ())
    if name == RISK_REPORT and data.get("R02") == "resource":
        fields = (RISK_FIELD,)
    return Item(
        id=PREFIX + name,
        title=str(raw["title"]),
        basis=tuple(raw.get("basis", ())) or basis,
        fields=fields,
        asked=not fields and name not in HELD,
        optional=bool(raw.get("optional", False)),
        applies=conditions.holds(raw.get("condition"), data),
    )


def asked(rules: Rules, data: Mapping[str, Any]) -> list[Item]:
    """The materials to be handed in beside the form."""
    return [each for each in items(rules, data) if each.asked and each.applies]


def problems(rules: Rules, data: Mapping[str, Any]) -> list[Problem]:
    """Materials that are missing."""
    return [
        Problem(each.id, f"请上传“{each.title}”。", each.basis)
        for each in asked(rules, data)
        if not each.optional and blank(data.get(each.id))
    ]


def kept(rules: Rules, data: Mapping[str, Any]) -> dict[str, Any]:
    """What was handed in beside the form, of the materials that apply."""
    return {each.id: data[each.id] for each in asked(rules, data) if not blank(data.get(each.id))}
