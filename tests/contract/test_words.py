"""What people are told, approved as a whole: every fault of every body, every ruling, every explanation."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongshu.contract import explain
from gongshu.contract.consent import consent_problems
from gongshu.contract.evaluate import evaluate
from gongshu.contract.grounds import SAYINGS
from gongshu.contract.model import (
    ceiling_problems,
    compile_ceiling,
    compile_contract,
    strict_enough,
    validate,
)
from gongshu.law import rules
from support.approved import approved, faults, tree
from support.contracts import BODY, CEILING, CONSENT, call, ceiling, contract

HUBEI = rules.at("hubei", date(2026, 6, 10))


def test_every_fault_of_an_agreement() -> None:
    approved("agreement-faults.txt", faults(BODY, validate))


FIRST = {
    "v": 1, "id": "ct-1", "product": "pd-1", "buyer": "org-bank", "key": "k1", "from": "2026-05-01",
    "until": "2026-12-31", "purposes": ["产业发展"], "fields": ["月份"], "calls_per_day": 3,
}  # fmt: skip


OLD_TOP = {
    "product": "pd-1", "buyers": [{"organisation": "org-bank", "key": "k1"}], "purposes": ["产业发展"],
    "fields": ["月份"], "calls_per_day": 3, "subjects_per_day": 0, "consent": "none",
}  # fmt: skip


def test_every_fault_of_an_agreement_of_version_1() -> None:
    approved("agreement-1-faults.txt", faults(FIRST, validate))


def test_every_fault_of_a_ceiling() -> None:
    approved("ceiling-faults.txt", faults(CEILING, ceiling_problems))


def test_every_fault_of_a_consent() -> None:
    approved("consent-faults.txt", faults(CONSENT, consent_problems))


def test_every_fault_against_a_ceiling() -> None:
    top = compile_ceiling({**CEILING, "buyers": [{"organisation": "x", "key": "y"}], "product": "other",
                           "purposes": ["x"], "fields": ["y"], "calls_per_day": 1, "subjects_per_day": 1,
                           "consent": "each_call"})  # fmt: skip
    said = [f"{one.field}：{one.sentence}" for one in validate(BODY, ceiling=top, product_fields=["z"])]
    approved("against-ceiling.txt", "\n".join([*said, ""]))


RULED: list[dict[str, Any]] = [
    {"halt": "tripped"},
    {"fields": frozenset({"单位名称", "缴存状态"})},
    {"consent": None, "calls_today": 3, "product_calls_today": 4, "subjects_today": 2},
    {},
]


def test_explanations() -> None:
    made = [tree(explain.explain(contract(), HUBEI))]
    for changes in RULED:
        asked = call(**changes)
        made.append(
            tree(explain.explain_ruling(contract(), asked, evaluate(contract(), ceiling(), asked), HUBEI))
        )
    free, top = contract(consent="none"), None
    asked = call(subject="", consent=None, purpose="public-service")
    made.append(tree(explain.explain_ruling(free, asked, evaluate(free, top, asked), HUBEI)))
    each = contract(consent="each_call")
    asked = call()
    made.append(tree(explain.explain_ruling(each, asked, evaluate(each, ceiling(), asked), HUBEI)))
    old = compile_contract("huangshi", FIRST)
    asked = call(subject="", consent=None, purpose="产业发展", fields=frozenset({"月份"}))
    made.append(tree(explain.explain(old, HUBEI)))
    made.append(
        tree(explain.explain_ruling(old, asked, evaluate(old, compile_ceiling(OLD_TOP), asked), HUBEI))
    )
    approved("contract-explained.txt", "\n".join([*made, ""]))


def test_rulings() -> None:
    made = contract()
    lines = [
        f"{code}｜{ruling.code}｜{ruling.sentence}｜{ruling.ground}｜{ruling.clause}｜{ruling.allowed}"
        for code, ruling in made.rulings.items()
    ]
    approved("rulings.txt", "\n".join([*lines, ""]))
    assert list(made.rulings) == list(SAYINGS)


@pytest.mark.parametrize(
    ("agreed", "asked", "enough"),
    [
        ("none", "none", True),
        ("none", "standing", False),
        ("standing", "none", True),
        ("standing", "standing", True),
        ("standing", "each_call", False),
        ("each_call", "each_call", True),
        ("", "none", False),
        ("other", "none", False),
        ("each_call", "other", False),
        ("other", "other", False),
    ],
)
def test_how_strict_a_consent_is(agreed: str, asked: str, enough: bool) -> None:
    assert strict_enough(agreed, asked) is enough
