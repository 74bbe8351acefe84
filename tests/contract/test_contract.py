"""The compiled usage agreement: what is malformed forbids, and every refusal says which line forbids."""

from __future__ import annotations

from datetime import date

import pytest

from gongshu.contract.evaluate import Call, evaluate, inside_ceiling
from gongshu.contract.model import BadContract, compile_ceiling, compile_contract

BODY = {
    "id": "ct-1",
    "product": "pd-1",
    "buyer": "org-bank",
    "key": "k1",
    "from": "2026-05-01",
    "until": "2026-12-31",
    "purposes": ["产业发展"],
    "fields": ["月份", "指数"],
    "calls_per_day": 3,
}
CEILING = {
    "product": "pd-1",
    "buyers": [{"organisation": "org-bank", "key": "k1"}],
    "purposes": ["产业发展", "公益事业"],
    "fields": ["月份", "指数", "线路"],
    "calls_per_day": 5,
    "consent": "none",
}


def call(**changes: object) -> Call:
    given = {
        "day": date(2026, 6, 1),
        "purpose": "产业发展",
        "fields": frozenset({"月份"}),
        "calls_today": 0,
        "product_calls_today": 0,
    }
    return Call(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("product", None),
        ("buyer", 3),
        ("key", ""),
        ("from", "1 May"),
        ("until", None),
        ("until", "2026-04-30"),
        ("purposes", []),
        ("purposes", "产业发展"),
        ("fields", [""]),
        ("calls_per_day", 0),
        ("calls_per_day", True),
        ("calls_per_day", "3"),
        ("v", 2),
    ],
)
def test_a_malformed_agreement_is_no_agreement(field: str, value: object) -> None:
    with pytest.raises(BadContract):
        compile_contract("huangshi", {**BODY, field: value})


@pytest.mark.parametrize("field", ["id", "product", "buyer", "key", "from", "until", "purposes", "fields"])
def test_nothing_may_be_missing(field: str) -> None:
    with pytest.raises(BadContract):
        compile_contract("huangshi", {name: value for name, value in BODY.items() if name != field})


@pytest.mark.parametrize(
    ("field", "value"), [("buyers", []), ("buyers", ["x"]), ("consent", ""), ("fields", [])]
)
def test_a_malformed_ceiling_is_no_ceiling(field: str, value: object) -> None:
    with pytest.raises(BadContract):
        compile_ceiling({**CEILING, field: value})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"day": date(2026, 4, 30)}, "not_yet"),
        ({"day": date(2026, 5, 1)}, ""),
        ({"day": date(2026, 12, 31)}, ""),
        ({"day": date(2027, 1, 1)}, "expired"),
        ({"purpose": "公益事业"}, "purpose"),
        ({"fields": frozenset({"线路"})}, "field"),
        ({"calls_today": 2}, ""),
        ({"calls_today": 3}, "quota"),
        ({"product_calls_today": 5}, "ceiling"),
    ],
)
def test_the_first_thing_that_forbids_is_the_answer(changes: dict[str, object], code: str) -> None:
    ruling = evaluate(compile_contract("huangshi", BODY), compile_ceiling(CEILING), call(**changes))
    assert ruling.code == code
    assert ruling.allowed is (code == "")
    assert ruling.sentence.endswith("。")
    assert ruling.ground


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": "pd-2"}, "no_ceiling"),
        ({"buyers": [{"organisation": "org-bank", "key": "k2"}]}, "buyer"),
        ({"buyers": [{"organisation": "org-other", "key": "k1"}]}, "buyer"),
        ({"purposes": ["公益事业"]}, "over_scope"),
        ({"fields": ["月份"]}, "over_scope"),
    ],
)
def test_an_agreement_wider_than_the_ceiling_answers_nothing(changes: dict[str, object], code: str) -> None:
    contract = compile_contract("huangshi", BODY)
    ceiling = compile_ceiling({**CEILING, **changes})
    assert inside_ceiling(contract, ceiling).code == code
    assert evaluate(contract, ceiling, call()).code == code
    assert evaluate(contract, None, call()).code == "no_ceiling"
