"""Forms answer whatever they are given: problems with sentences, never an exception; clean data stays clean."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.law import forms, packs, rules

ON = date(2026, 3, 2)
FORMS = [
    forms.load(rules.at(zone, ON), name)
    for zone in packs.library().zones
    for name in rules.at(zone, ON).ids("forms")
]  # fmt: skip
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(FORMS), data=st.data())
def test_any_data_is_answered(form: forms.Form, data: st.DataObject) -> None:
    names = [field.id for field in form.fields] + [group.id for group in form.groups] + ["R99"]
    filled = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=12))
    for problem in forms.validate(form, filled):
        assert problem.sentence.endswith("。")
        assert problem.basis or form.because
    forms.clean(form, filled)
