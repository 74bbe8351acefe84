"""How long a certificate holds: the period of the pack, or the authorised term of a product."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gongshu.law import certificates, packs, rules
from gongshu.law.errors import LawError
from gongshu.law.schema import Value

ISSUED = date(2026, 3, 17)
GANSU = rules.at("gansu", ISSUED)


@pytest.mark.row("E21")
@pytest.mark.parametrize("zone", packs.library().zones)
def test_a_resource_three_years(zone: str) -> None:
    found = certificates.validity(rules.at(zone, ISSUED), ISSUED, "resource")
    assert (found.by, found.until.year, found.until.month) == ("clock", 2029, 3)


@pytest.mark.row("E21", "R17")
@pytest.mark.parametrize(
    ("term", "until"),
    [
        ((date(2026, 1, 1), date(2027, 12, 31)), date(2027, 12, 31)),
        ((date(2025, 1, 1), date(2027, 12, 31)), date(2027, 12, 31)),
        ((date(2025, 1, 1), date(2029, 12, 31)), date(2029, 3, 17)),
        ((date(2022, 1, 1), date(2026, 12, 31)), date(2029, 3, 17)),
    ],
)
def test_a_product_follows_its_term_when_that_is_short(term: certificates.Term, until: date) -> None:
    assert certificates.validity(GANSU, ISSUED, "product", term).until == until


@pytest.mark.parametrize(
    "term", [None, (date(2024, 1, 1), date(2026, 3, 16)), (date(2027, 1, 1), date(2026, 6, 1))]
)
def test_no_certificate_without_a_living_term(term: certificates.Term | None) -> None:
    with pytest.raises(LawError):
        certificates.validity(GANSU, ISSUED, "product", term)


def test_the_other_reading_keeps_the_length() -> None:
    def other(value: Value) -> Value:
        if (value.section, value.id) != ("readings", "certificate_end"):
            return value
        return replace(value, data={**value.data, "takes": "b"})

    changed = rules.at("gansu", ISSUED, packs.library().changed(other))
    term = (date(2026, 1, 1), date(2026, 12, 31))
    assert certificates.validity(changed, ISSUED, "product", term).until == date(2027, 3, 16)


@pytest.mark.row("E22")
def test_a_renewal_is_bounded_by_the_law_and_the_term() -> None:
    old = date(2029, 3, 17)
    assert certificates.renewed(GANSU, old, date(2032, 3, 17)).until == date(2032, 3, 17)
    for asked, term in ((date(2032, 3, 18), None), (old, None), (date(2031, 1, 1), date(2030, 12, 31))):
        with pytest.raises(LawError):
            certificates.renewed(GANSU, old, asked, term)


def test_only_gansu_caps_a_renewal_by_the_authorised_term() -> None:
    old, asked, term = date(2029, 3, 17), date(2031, 1, 1), date(2030, 12, 31)
    assert certificates.renewed(rules.at("cn", ISSUED), old, asked, term).until == asked
    with pytest.raises(LawError) as refused:
        certificates.renewed(GANSU, old, asked, term)
    assert refused.value.basis == ("gansu-registration:37",)
