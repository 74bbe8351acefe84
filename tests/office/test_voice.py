"""Every form speaks with one voice: Django's own sentences are replaced where a form names none."""

from __future__ import annotations

import pytest
from django import forms

from gongshu.ui.voice import SENTENCES


@pytest.mark.parametrize("field", SENTENCES, ids=lambda field: field.__name__)
def test_a_field_left_empty_is_told_in_our_words(field: type[forms.Field]) -> None:
    kinds = {forms.ModelChoiceField: {"queryset": None}}
    made = field(**kinds.get(field, {}))
    for code, sentence in SENTENCES[field].items():
        assert made.error_messages[code] == sentence
    assert made.error_messages["required"].startswith("请")


def test_a_form_keeps_the_sentence_it_names_itself() -> None:
    class One(forms.Form):
        a = forms.CharField()
        b = forms.CharField(error_messages={"required": "请写明停止的理由。"})

    assert One({}).errors == {"a": ["请填写这一项。"], "b": ["请写明停止的理由。"]}


def test_no_sentence_of_django_is_left_where_a_person_may_leave_a_field_empty() -> None:
    class One(forms.Form):
        text = forms.CharField()
        choice = forms.ChoiceField(choices=[("a", "甲")])
        many = forms.MultipleChoiceField(choices=[("a", "甲")])
        yes = forms.BooleanField()
        file = forms.FileField()
        day = forms.DateField()
        number = forms.IntegerField()

    said = [sentence for sentences in One({}).errors.values() for sentence in sentences]
    assert len(said) == 7
    assert not any("字段" in sentence or "必填" in sentence for sentence in said)
