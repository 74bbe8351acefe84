"""After registration: change, correction, renewal; with the readings that decide about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gongshu.law import packs, procedures, rules
from gongshu.law.schema import Value
from support.histories import DIGEST, FILE, Walk

DAY = "2026-05-06"
FORM = {"form_problems": [], "form_digest": DIGEST, "proof": [FILE], "identity": [FILE]}
REG = {"registrant_organisations": ["org:provider"]}


def taking(name: str, choice: str) -> packs.Library:
    def other(value: Value) -> Value:
        mine = (value.section, value.id) == ("readings", name)
        return replace(value, data={**value.data, "takes": choice}) if mine else value

    return packs.library().changed(other)


def noted(kind: str, zone: str = "gansu", library: packs.Library | None = None) -> Walk:
    walk = Walk(zone, "registration.change", DAY, library)
    walk.do("note", "registrant", DAY, change_kind=kind, happened_on="2026-05-06", registration_live=True)
    return walk


@pytest.mark.row("E02", "E06", "E07", "E31")
@pytest.mark.parametrize(
    ("kind", "due"),
    [("content", date(2026, 5, 12)), ("subject", date(2026, 5, 19)), ("other", None)],
)
def test_each_kind_of_change_has_its_own_time(kind: str, due: date | None) -> None:
    (running,) = noted(kind).where(DAY).deadlines
    assert (running.id, running.due, running.owes) == (kind, due, ("registrant",))


def test_the_nation_gives_a_change_no_number() -> None:
    (running,) = noted("content", "huangshi").where(DAY).deadlines
    assert running.due is None


@pytest.mark.row("E08")
def test_a_change_needs_proof_and_identity_and_is_not_publicised() -> None:
    walk = noted("content")
    assert walk.ask("submit", "registrant", DAY, **{**FORM, "proof": []}).code == "input:proof"
    assert walk.ask("submit", "registrant", DAY, **{**FORM, "identity": []}).articles == (
        "gansu-registration:25(二)2",
    )
    walk.do("submit", "registrant", DAY, **FORM)
    walk.do("accept", "registrar", DAY, **REG)
    walk.do("pass", "registrar", DAY, checked=True, form_problems=[])
    assert walk.state == "changed"


def test_the_other_reading_publicises_a_change_too() -> None:
    library = taking("publicity_scope", "a")
    walk = noted("content", "gansu", library)
    walk.do("submit", "registrant", DAY, **FORM)
    walk.do("accept", "registrar", DAY, **REG)
    walk.do("pass", "registrar", DAY, checked=True, form_problems=[])
    assert walk.state == "publicity"
    assert walk.ask("conclude", "registrar", DAY).code == "elapsed"
    assert walk.ask("conclude", "registrar", "2026-05-21").allowed


def test_nothing_is_changed_that_is_no_longer_valid() -> None:
    walk = Walk("gansu", "registration.change", DAY)
    given: dict[str, Any] = {"change_kind": "content", "happened_on": DAY}
    assert walk.ask("note", "registrant", DAY, **given, registration_live=False).code == "holds"
    late = {**given, "happened_on": "2026-05-07"}
    assert walk.ask("note", "registrant", DAY, **late, registration_live=True).code == "not_future"


CORRECTION = {"item": "R06", "proof": [FILE], "registration_live": True, "real_name": True}


@pytest.mark.row("E09", "E10")
def test_a_correction_needs_consent_or_proof() -> None:
    walk = Walk("gansu", "registration.correction", DAY)
    mine = {**CORRECTION, "applicant": "registrant"}
    assert walk.ask("submit", "registrant", DAY, **mine).code == "needed_when"
    assert walk.ask("submit", "registrant", DAY, **mine, party_consent=[FILE]).allowed
    walk.do("submit", "public", DAY, **CORRECTION, applicant="party")
    walk.do("accept", "registrar", DAY)
    given = {"reasons": "简介有误"}
    assert walk.ask("correct", "registrar", DAY, **given).code == "any_holds"
    assert not walk.ask("correct", "registrar", DAY, **given, error_proven=False).allowed
    assert walk.ask("correct", "registrar", DAY, **given, registrant_consent=FILE).allowed
    walk.do("correct", "registrar", DAY, **given, error_proven=True)
    assert walk.where(DAY).final


def test_the_other_reading_asks_the_partys_consent_of_everyone() -> None:
    walk = Walk("gansu", "registration.correction", DAY, taking("correction_papers", "a"))
    assert walk.ask("submit", "public", DAY, **CORRECTION, applicant="party").code == "needed_when"


@pytest.mark.row("E22")
@pytest.mark.parametrize("zone", ["cn", "gansu", "huangshi"])
def test_a_renewal_is_asked_in_the_window_and_decided_by_the_registrar(zone: str) -> None:
    walk = Walk(zone, "registration.renewal", "2029-02-01")
    given = {"asked_until": "2032-03-17", "old_until": "2029-03-17", "registration_live": True}
    assert (
        walk.ask("submit", "registrant", "2029-02-01", **given, in_window=False, renewal_problems=[]).code
        == "holds"
    )
    too_long = walk.ask(
        "submit", "registrant", "2029-02-01", **given, in_window=True, renewal_problems=["太长"]
    )
    assert too_long.code == "empty"
    term = {"term_end": "2032-03-17"}
    walk.do("submit", "registrant", "2029-02-01", **given, **term, in_window=True, renewal_problems=[])
    kept = {"asked_until": "2032-03-17", "old_until": "2029-03-17"}
    walk.do("renew", "registrar", "2029-02-05", **kept, **term, renewal_problems=[])
    assert walk.state == "renewed"
    (running,) = walk.where("2029-02-05").deadlines
    assert running.due == date(2032, 3, 17)


def test_procedures_name_the_readings_they_depend_on() -> None:
    found = procedures.load(rules.at("gansu", date(2026, 5, 6)), "registration.change")
    assert found.readings == {"one_list": "b", "publicity_scope": "b", "resubmission": "a"}


@pytest.mark.row("E22", "clock:certificate.renewal_length")
@pytest.mark.parametrize(
    ("zone", "term", "code"),
    [
        ("gansu", "2031-12-31", "within_term"),
        ("gansu", None, "within_term"),
        ("gansu", "2032-03-17", "allowed"),
        ("gansu", "none", "allowed"),
        ("cn", "2031-12-31", "allowed"),
        ("huangshi", None, "allowed"),
    ],
)
def test_a_renewal_in_gansu_ends_with_the_authorised_term(zone: str, term: str | None, code: str) -> None:
    walk = Walk(zone, "registration.renewal", "2029-02-01")
    given = {"asked_until": "2032-03-17", "old_until": "2029-03-17", "registration_live": True}
    facts = {**given, "in_window": True, "renewal_problems": [], "term_end": term}
    asked = walk.ask("submit", "registrant", "2029-02-01", **facts)
    assert (asked.code if not asked.allowed else "allowed") == code
    if not asked.allowed:
        assert "gansu-registration:37" in asked.articles
