"""A case keeps the packs it began under: the texts of a zone alone must give the same law again."""

from __future__ import annotations

from datetime import date

import pytest

from gongshu.law import articles, forms, packs, procedures, rules

LIBRARY = packs.library()
ON = date(2026, 3, 2)


@pytest.mark.parametrize("zone", LIBRARY.zones)
def test_the_texts_of_a_zone_stand_alone(zone: str) -> None:
    alone = packs.build(LIBRARY.texts(zone))
    assert [str(problem) for problem in alone.problems] == []
    assert alone.digest(zone) == LIBRARY.digest(zone)
    here, there = rules.at(zone, ON, alone), rules.at(zone, ON)
    assert here.ids("procedures") == there.ids("procedures")
    for name in here.ids("procedures"):
        assert procedures.load(here, name) == procedures.load(there, name)
    for name in here.ids("forms"):
        assert forms.load(here, name) == forms.load(there, name)
    for module in (procedures, forms, articles):
        assert module.problems(alone) == []
