"""What people are told about money, approved as a whole."""

from __future__ import annotations

from datetime import date
from typing import Any

from gongshu.law import rules
from gongshu.law.forms import Problem
from gongshu.money import split, tariff, why
from gongshu.money.bill import bill
from gongshu.money.caps import cap_problems
from gongshu.money.corrections import correct
from gongshu.money.maximum import BadSurvey, compute, read
from gongshu.money.reading import Reading
from gongshu.money.tariff import Price, read_caps
from support.approved import approved, faults, tree
from support.money import LAW, ON, SPLIT, TARIFF, law, terms, usage

PURPOSES = frozenset({"loan-review", "public-service"})
FULL = {
    **TARIFF,
    "lines": [
        *TARIFF["lines"],
        {"id": "base", "unit": "month", "fen": 3100, "partial": "by_day"},
        {"id": "yearly", "unit": "year", "fen": 1200, "partial": "whole"},
    ],
    "discounts": [{"id": "low", "purposes": ["loan-review"], "pay": "0.85"}],
    "minimum": 10,
    "maximum": 20_000,
}
SURVEY: dict[str, Any] = {
    "zone": "cn",
    "items": [{"name": "平台", "amount": 1000}],
    "subsidy": 10,
    "bond_yield": "0.018",
    "margin": "0.06",
    "tax": 30,
    "actual": 2000,
    "deduct": 100,
    "cycles": 2,
}


def _tariff(value: Any) -> list[Problem]:
    reading = Reading()
    tariff.read(reading, value["tariff"], PURPOSES)
    return reading.problems


def _split(value: Any) -> list[Problem]:
    reading = Reading()
    split.read(reading, value["split"])
    return reading.problems


def _survey(value: Any) -> list[Problem]:
    try:
        read(value)
    except BadSurvey as error:
        return [Problem("", str(error))]
    return []


def test_every_fault_of_a_tariff() -> None:
    told = faults({"tariff": FULL}, lambda value: _tariff({"tariff": None, **value}))
    approved("tariff-faults.txt", told)


def test_every_fault_of_a_split() -> None:
    approved("split-faults.txt", faults({"split": SPLIT}, lambda value: _split({"split": None, **value})))


def test_every_fault_of_a_money_file() -> None:
    approved("money-file-faults.txt", faults(SURVEY, _survey))


def test_every_fault_of_caps() -> None:
    caps = {"call": {"fen": 30, "per": 1}, "month": {"fen": 500, "per": 1}}
    approved("caps-faults.txt", faults(caps, lambda value: read_caps(value)[1]))


def test_prices_over_their_caps() -> None:
    reading = Reading()
    made = tariff.read(reading, FULL, PURPOSES)
    said = [
        f"{one.field}：{one.sentence}{one.basis}"
        for zone in ("cn", "chizhou")
        for one in cap_problems(made, {"call": Price(25, 2), "year": Price(1200)}, law(zone))
    ]
    approved("over-caps.txt", "\n".join([*said, ""]))


def test_explanations() -> None:
    hubei, cn = rules.at("hubei", ON), rules.at("cn", ON)
    given = terms(
        benefit=("public-service",), **{key: FULL[key] for key in ("lines", "discounts", "maximum")}
    )
    calls = [usage("b1", 310), usage("b2", 7, purpose="public-service")]
    first = bill(given, "2026-06", calls, LAW)
    more = correct([first], bill(given, "2026-06", [*calls, usage("b3", 2000)], LAW))
    may = bill(terms(lines=FULL["lines"], minimum=9000), "2026-05", [], LAW)
    assert more is not None
    made = [tree(why.explain_bill(one, hubei)) for one in (first, more, may)]
    for change in ({}, {"actual": None}, {"actual": 971}, {"margin": "0.07"}, {"actual": 957, "deduct": 99}):
        survey = read({**SURVEY, **change})
        made.append(tree(why.explain_maximum(survey, compute(survey, law("cn")), law("cn"), cn)))
    digests = {one.id: f"摘要{number}" for number, one in enumerate((first, more, may))}
    text = "\n".join([*made, ""])
    for digest, name in digests.items():
        text = text.replace(digest, name)
    approved("money-explained.txt", text)


def test_bills() -> None:
    given = terms(
        benefit=("public-service",), **{key: FULL[key] for key in ("lines", "discounts", "maximum")}
    )
    made = bill(given, "2026-06", [usage("b1", 310), usage("b2", 7, purpose="public-service")], LAW)
    lines = [str({**line.data()}) for line in made.lines]
    lines += [str(part.data()) for part in made.parts]
    approved("bill.txt", "\n".join([*lines, str(made.total), ""]))
    assert made.lines[0].basis == ("national-price:一",)
    assert date(2026, 6, 1) <= ON
