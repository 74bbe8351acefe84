"""The catalogue form of a zone: fields, checks, and the same as text for search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rjieba

from gongshu.law import forms
from gongshu.law.forms import Form, Problem
from gongshu.law.rules import Rules

FORM = "catalogue"
ITEMS = "items"


def form_of(rules: Rules) -> Form:
    """The form as the zone has it; raises `LawError` when it has none."""
    return forms.load(rules, FORM)


def problems(rules: Rules, typed: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an item, field by field."""
    return forms.validate(form_of(rules), typed)


def digest(rules: Rules, typed: Mapping[str, Any]) -> str:
    return forms.form_digest(form_of(rules), typed)


def columns(form: Form) -> list[tuple[str, str]]:
    """The columns of the table of data items."""
    return [(field.id, field.title) for field in form.of(ITEMS)]


def coded(form: Form, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Titles people wrote in tables and sheets back to the codes of the pack (“L4 可识别” → L4)."""
    found = dict(typed)
    rows = found.get(ITEMS)
    if isinstance(rows, list):
        found[ITEMS] = [
            {name: _code(form, name, value) for name, value in row.items()}
            for row in rows
            if isinstance(row, Mapping)
        ]
    return found


def _code(form: Form, name: str, value: Any) -> Any:
    options = dict(form.field(name).ask.options) if name in {f.id for f in form.fields} else {}
    text = str(value).strip()
    if not options or text in options:
        return text
    by_title = {title: code for code, title in options.items()}
    by_start = {title.split(" ")[0]: code for code, title in options.items()}
    return by_title.get(text) or by_start.get(text) or text


def tokens(text: str) -> str:
    """Words of Chinese text for the index, single characters beside them so that parts are found too."""
    words = [word for word in rjieba.cut_for_search(text.lower()) if word.strip()]
    single = [char for word in words for char in word if "\u4e00" <= char <= "\u9fff"]
    return " ".join(dict.fromkeys([*words, *single]))


def words(form: Form, typed: Mapping[str, Any]) -> str:
    """Everything of an item a person would search for."""
    parts = [str(typed.get(name) or "") for name in ("name", "code", "provider", "summary")]
    parts += [str(row.get("item_name") or "") for row in typed.get(ITEMS) or [] if isinstance(row, Mapping)]
    parts += [forms.shown(form, "category", typed.get("category"))] if typed.get("category") else []
    return tokens(" ".join(parts))
