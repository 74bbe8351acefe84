"""Django forms from what the law asks: one field a kind of `law.inputs.Input`, judged by the law itself.

The browser's own checks are off: every problem is one Chinese sentence of `problem_of`, kept next to its
field, and what was typed stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from gongshu.law.inputs import Input, problem_of
from gongshu.ui.widgets import (
    AnswersWidget,
    DateInput,
    KeptFilesWidget,
    PeriodWidget,
    QuantityWidget,
    RowsWidget,
)

YES_NO = (("", "请选择"), ("true", "是"), ("false", "否"))
ITEM_COLUMNS = (("item", "哪一项"), ("sentence", "什么问题"))
MAX_TEXT = 4000


def plain(value: Any) -> Any:
    """The value without NUL characters and lone surrogates, which the database refuses."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def whole_number(text: Any, most: int = 10**15) -> int | None:
    """A whole number from 0 to `most` as typed in plain digits; None for anything else.

    `isdigit` alone takes “²”, which `int` refuses, and thousands of digits, which it refuses too.
    """
    digits = str(text).strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(most)):
        return None
    found = int(digits)
    return found if found <= most else None


class RawField(forms.Field):
    """Takes the widget's value as it is; the law judges it."""

    def __init__(self, *, wide: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wide = wide

    def to_python(self, value: Any) -> Any:
        value = plain(value)
        return value.strip() if isinstance(value, str) else value


class LinesField(RawField):
    """A list of texts, one a line (or separated by 、 ； ，)."""

    def to_python(self, value: Any) -> list[str]:
        text = plain(str(value or ""))
        for mark in "、；，;":
            text = text.replace(mark, "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value


class BoolField(RawField):
    """是 or 否, and nothing chosen is no answer."""

    def to_python(self, value: Any) -> bool | None:
        return {"true": True, "false": False, True: True, False: False}.get(value)

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false"}.get(value, value)


class NumberField(RawField):
    """A number kept as text, so that nothing is rounded."""

    def to_python(self, value: Any) -> Any:
        text = plain(str(value or "")).replace(",", "").replace("，", "").strip()
        return text or None

    def prepare_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, Decimal) else value


def _text(asked: Input) -> forms.Field:
    return RawField(widget=forms.TextInput(attrs={"maxlength": MAX_TEXT}))


def _long(asked: Input) -> forms.Field:
    return RawField(widget=forms.Textarea(attrs={"rows": 4, "maxlength": MAX_TEXT}), wide=True)


def _choice(asked: Input) -> forms.Field:
    return RawField(widget=forms.Select(choices=(("", "请选择"), *asked.options)))


def _choices(asked: Input) -> forms.Field:
    return RawField(widget=forms.CheckboxSelectMultiple(choices=asked.options), wide=True)


FIELDS: dict[str, Callable[[Input], forms.Field]] = {
    "text": _text,
    "long_text": _long,
    "date": lambda _: RawField(widget=DateInput()),
    "period": lambda _: RawField(widget=PeriodWidget()),
    "bool": lambda _: BoolField(widget=forms.Select(choices=YES_NO)),
    "confirm": lambda _: forms.BooleanField(required=False),
    "number": lambda _: NumberField(widget=forms.TextInput(attrs={"inputmode": "decimal"})),
    "digest": _text,
    "file": lambda _: RawField(widget=KeptFilesWidget(single=True), wide=True),
    "files": lambda _: RawField(widget=KeptFilesWidget(), wide=True),
    "names": lambda _: LinesField(widget=forms.Textarea(attrs={"rows": 3}), wide=True),
    "divisions": lambda _: LinesField(widget=forms.Textarea(attrs={"rows": 2}), wide=True),
    "items": lambda _: RawField(widget=RowsWidget(ITEM_COLUMNS), wide=True),
    "rows": lambda _: RawField(widget=RowsWidget(ITEM_COLUMNS), wide=True),
    "answers": lambda _: RawField(widget=AnswersWidget(()), wide=True),
    "uscc": lambda _: RawField(widget=forms.TextInput(attrs={"maxlength": 18})),
    "division": lambda _: RawField(widget=forms.TextInput(attrs={"maxlength": 6, "inputmode": "numeric"})),
    "code": _text,
    "choice": _choice,
    "choices": _choices,
    "quantity": lambda asked: RawField(widget=QuantityWidget(asked.options)),
}


def field_for(
    asked: Input, columns: Sequence[tuple[str, str]] = (), rows: Sequence[tuple[str, str]] = ()
) -> forms.Field:
    """The field of one input. `columns` for a table of rows, `rows` (id, title) for answers by item."""
    field = FIELDS.get(asked.kind, _text)(asked)
    if columns and isinstance(field.widget, RowsWidget):
        field.widget = RowsWidget(columns)
    if rows and isinstance(field.widget, AnswersWidget):
        field.widget = AnswersWidget(rows)
    field.label, field.help_text, field.required = asked.title, asked.help, False
    field.law_required = asked.required
    field.article = ""
    return field


class LawForm(forms.Form):
    """A form whose fields are inputs of the law; `facts()` is what the engine is given."""

    inputs: tuple[Input, ...] = ()
    groups: list[tuple[str, list[str]]] = []
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for asked in self.inputs:
            if asked.id in self.errors or self.judged_elsewhere(asked):
                continue
            value = cleaned.get(asked.id)
            if asked.kind == "confirm" and value is False:
                value = None  # 没有勾就是没有答
            sentence = problem_of(asked, value)
            if sentence:
                self.add_error(asked.id, sentence)
        return cleaned

    def judged_elsewhere(self, asked: Input) -> bool:
        """True for inputs the caller checks: files are ids here and become {name, digest} there."""
        return asked.kind in ("file", "files")

    def facts(self) -> dict[str, Any]:
        """The answers, blanks left out so that an optional question stays unanswered."""
        unticked = {asked.id for asked in self.inputs if asked.kind == "confirm"}
        return {
            asked.id: value
            for asked in self.inputs
            if (value := self.cleaned_data.get(asked.id)) not in (None, "", [], {})
            and not (value is False and asked.id in unticked)
        }


def build(
    inputs: Sequence[Input],
    *,
    groups: Sequence[tuple[str, Sequence[str]]] = (),
    columns: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    rows: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> type[LawForm]:
    """A form class for these inputs. `columns`, `rows`: by input id, see `field_for`."""
    fields: dict[str, Any] = {
        asked.id: field_for(asked, (columns or {}).get(asked.id, ()), (rows or {}).get(asked.id, ()))
        for asked in inputs
    }
    body = {"inputs": tuple(inputs), "groups": [(title, list(names)) for title, names in groups]}
    return type("LawForm", (LawForm,), body | fields)
