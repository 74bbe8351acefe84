"""One voice for every form: what Django itself says about a field, in the words the rest of the site uses.

Django's own Chinese (“这个字段是必填项”) speaks of fields; the law's inputs and our forms say “请填写…”. The
sentences here stand beside the field's label, so they need no name of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

SENTENCES: Mapping[type[forms.Field], Mapping[str, str]] = {
    forms.Field: {"required": "请填写这一项。"},
    forms.BooleanField: {"required": "请勾选，表示确认。"},
    forms.ChoiceField: {
        "required": "请选择一项。",
        "invalid_choice": "选的“%(value)s”不在可选的范围内，请重新选择。",
    },
    forms.MultipleChoiceField: {
        "required": "请至少选择一项。",
        "invalid_choice": "选的“%(value)s”不在可选的范围内，请重新选择。",
    },
    forms.ModelChoiceField: {
        "required": "请选择一项。",
        "invalid_choice": "选的不在可选的范围内，请重新选择。",
    },
    forms.DateField: {"invalid": "请写成日期 YYYY-MM-DD。"},
    forms.IntegerField: {"invalid": "请填写整数。"},
    forms.DecimalField: {"invalid": "请填写数字。"},
    forms.FileField: {
        "required": "请选择文件。",
        "missing": "请选择文件。",
        "invalid": "文件没有传上来，请重新选择。",
        "empty": "文件是空的，请重新选择。",
    },
}


def speak() -> None:
    """Give the fields of Django these sentences; a form that names its own keeps them. Twice is harmless."""
    for field, sentences in SENTENCES.items():
        field.default_error_messages = {**field.__dict__.get("default_error_messages", {}), **sentences}
