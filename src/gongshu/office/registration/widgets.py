"""Widgets of registration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gongshu.ui.widgets import RowsWidget


class DefectsWidget(RowsWidget):
    """A list of defects whose item is chosen from the items of the form and the materials."""

    def __init__(self, options: Sequence[tuple[str, str]], attrs: Any = None) -> None:
        super().__init__([("item", "哪一项"), ("sentence", "什么问题，怎样补正")], attrs)
        self.options = tuple(options)

    def _row(self, name: str, number: int, row: dict[str, Any]) -> SafeString:
        given = row.get("item") or ""
        options = (("", "请选择"), *self.options)
        if given and given not in dict(self.options):
            options = (*options, (given, given))
        box = forms.Select(
            choices=options,
            attrs={"class": "form-select form-select-sm", "aria-label": f"第{number + 1}行 哪一项"},
        )
        return format_html(
            '<td>{}</td><td><input class="form-control form-control-sm" name="{}-{}-sentence" value="{}" '
            'aria-label="第{}行 什么问题"></td>',
            box.render(f"{name}-{number}-item", given),
            name,
            number,
            row.get("sentence") or "",
            number + 1,
        )
