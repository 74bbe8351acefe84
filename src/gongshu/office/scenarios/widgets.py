"""Widgets of scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gongshu.ui.widgets import RowsWidget

CHOICES = (("", "请选择"), ("同意", "同意"), ("不同意", "不同意"))


class DecisionsWidget(RowsWidget):
    """A decision and a reason for every field asked for → list of {field, decision, reason}.

    `fields`: {field, grade, necessity, coarser} of each, shown beside the decision. Rows without a decision
    are left out, so that the law says which are missing.
    """

    def __init__(self, fields: Sequence[dict[str, str]], attrs: Any = None) -> None:
        super().__init__([("field", "字段"), ("decision", "决定"), ("reason", "理由")], attrs)
        self.fields = tuple(fields)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        rows = super().value_from_datadict(data, files, name) or []
        known = {each["field"] for each in self.fields}
        kept = [
            row
            for row in rows
            if row["decision"] in dict(CHOICES) and row["decision"] and row["field"] in known
        ]
        return kept or None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002
        given = {row.get("field"): row for row in (value or []) if isinstance(row, dict)}
        body = format_html_join(
            "",
            "<tr>{}</tr>",
            (
                (self._line(name, number, each, given.get(each["field"]) or {}),)
                for number, each in enumerate(self.fields)
            ),
        )
        return format_html(
            '<table class="rows-input" id="{}"><thead><tr><th scope="col">字段</th><th scope="col">必要性</th>'  # noqa: E501
            '<th scope="col">决定</th><th scope="col">理由</th></tr></thead><tbody>{}</tbody></table>',
            (attrs or {}).get("id", name),
            body,
        )

    def _line(self, name: str, number: int, asked: dict[str, str], row: dict[str, Any]) -> SafeString:
        label = f"{asked['field']} 的决定"
        box = forms.Select(
            choices=CHOICES, attrs={"class": "form-select form-select-sm", "aria-label": label}
        )
        return format_html(
            '<td><input type="hidden" name="{}-{}-field" value="{}">{} <small>{}</small></td>'
            '<td>{}<div class="hint">{}</div></td><td>{}</td>'
            '<td><input class="form-control form-control-sm" name="{}-{}-reason" value="{}" aria-label="{} 的理由"></td>',  # noqa: E501
            name, number, asked["field"], asked["field"], asked["grade"],
            asked["necessity"], asked["coarser"],
            box.render(f"{name}-{number}-decision", row.get("decision") or ""),
            name, number, row.get("reason") or "", asked["field"],
        )  # fmt: skip
