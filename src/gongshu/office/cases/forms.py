"""The form of an act: from what the law asks, with tables for what the guards want row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from gongshu.law import engine
from gongshu.law.errors import LawError
from gongshu.law.rules import Rules
from gongshu.law.shapes import Act, Procedure
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import registry
from gongshu.office.cases.models import Case
from gongshu.ui.inputs import LawForm, build

COLUMN_TITLES = {
    "field": "字段",
    "necessity": "用在哪一步、没有它为什么不行",
    "decision": "同意或不同意",
    "reason": "理由",
    "item": "哪一项",
    "sentence": "什么问题",
    "grade": "级别",
    "coarser": "能否用更粗的代替",
    "result": "结论",
    "organisation": "机构",
    "answer": "答复",
}


def act_form(
    case: Case, procedure: Procedure, rules: Rules, act: Act, actor: Actor, request: HttpRequest | None = None
) -> type[Any]:
    """The form class of an act: the app's own, else built from the act."""
    own = registry.handler(case.procedure).form(case, act, actor, request)
    if own is not None:
        return own
    inputs = engine.asks(procedure, act.id)
    columns: dict[str, Sequence[tuple[str, str]]] = {}
    rows: dict[str, Sequence[tuple[str, str]]] = {}
    for guard in act.requires:
        fact = str(guard.args.get("fact", ""))
        if guard.name == "each_has":
            columns[fact] = [(key, COLUMN_TITLES.get(key, key)) for key in guard.args["keys"]]
        if guard.name == "decides_each":
            key = str(guard.args.get("key", "field"))
            columns[fact] = [(each, COLUMN_TITLES.get(each, each)) for each in (key, "decision", "reason")]
        if guard.name == "answers_cover":
            rows[fact] = items_of(rules, str(guard.args["document"]))
    return build(inputs, columns=columns, rows=rows)


def items_of(rules: Rules, document: str) -> list[tuple[str, str]]:
    """The items of a document list: (id, title)."""
    try:
        return [
            (str(item["id"]), str(item.get("title", item["id"])))
            for item in rules.document(document)["items"]
        ]
    except (LawError, KeyError):
        return []


__all__ = ["LawForm", "act_form", "items_of"]
