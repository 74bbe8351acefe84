"""What is malformed forbids: every key of the body, missing, misspelt, of the wrong kind or out of bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gongshu.contract import body as bodies
from gongshu.contract.consent import compile_consent
from gongshu.contract.model import BadContract, compile_ceiling, compile_contract, validate
from gongshu.money.tariff import Price
from support.contracts import BODY, CEILING, CONSENT, changed

BAD: list[tuple[str, Any]] = [
    ("v", 3),
    ("v", True),
    ("v", "2"),
    ("id", ""),
    ("id", "有 空格"),
    ("id", "协议一"),
    ("id", "_a"),
    ("id", "a" * 98),
    ("id", "ag-1234567890123456"),
    ("product", "pd-13800138000"),
    ("buyer", "企业"),
    ("operator", "91420200MA00000000"),
    ("product", None),
    ("operator", 3),
    ("operator", "org-bank"),
    ("buyer", "org-op"),
    ("key", " "),
    ("key", "k" * 201),
    ("key", "k-op"),  # one key for both sides
    ("operator_key", ""),
    ("operator_key", None),
    ("operator_key", "k1"),
    ("from", "1 May"),
    ("from", "20260501"),
    ("from", "2026-02-30"),
    ("until", None),
    ("until", "2026-04-30"),
    ("purposes", []),
    ("purposes", "loan-review"),
    ("purposes", ["loan-review", "loan-review"]),
    ("purposes", ["loan-review"]),  # public_benefit is then outside
    ("public_benefit", ["other"]),
    ("public_benefit", None),
    ("fields", [""]),
    ("fields", ["a", 3]),
    ("consent", "maybe"),
    ("consent", None),
    ("quota", 10),
    ("quota.calls_per_day", 0),
    ("quota.calls_per_day", True),
    ("quota.calls_per_day", "10"),
    ("quota.calls_per_day", 10.0),
    ("quota.calls_per_day", 10**9 + 1),
    ("quota.calls_per_day", 101),
    ("quota.calls_per_month", 0),
    ("quota.calls_per_month", 9),
    ("quota.calls_per_month", 501),
    ("quota.calls_total", 99),
    ("quota.calls_total", ...),
    ("quota.subjects_per_day", 0),
    ("quota.subjects_per_day", -1),
    ("quota.calls_per_week", 3),
    ("rate.per_second", 0),
    ("rate.per_second", 5),
    ("rate.per_second", 100_001),
    ("rate.burst", None),
    ("rate.burst", 1),
    ("over_scope.tries", 0),
    ("over_scope.seconds", 0),
    ("over_scope.seconds", 30 * 86_400 + 1),
    ("prohibitions", ["dance"]),
    ("prohibitions", "resell"),
    ("tariff", None),
    ("tariff.lines", []),
    ("split", []),
    ("split.0.parts", 0),
    ("split.0.role", "friend"),
    ("split.1.organisation", "org-other"),
    ("split.1.role", "provider"),
    ("split.0.organisation", ""),
    ("split.0.note", "x"),
    ("clauses.tariff", ""),
    ("clauses.tariff", ...),
    ("clauses.colour", "x"),
    ("quotas", {}),
    ("calls_per_day", 3),
]


@pytest.mark.row("L12")
@pytest.mark.parametrize(("path", "value"), BAD)
def test_a_malformed_agreement_is_no_agreement(path: str, value: Any) -> None:
    body = changed(BODY, path, value)
    with pytest.raises(BadContract) as refused:
        compile_contract("huangshi", body)
    problems = validate(body)
    assert problems
    assert problems[0].sentence == str(refused.value)
    assert all(one.sentence.endswith("。") for one in problems)
    names = {one.field for one in problems}
    assert any(
        name.split(".")[0]
        in (path.split(".", maxsplit=1)[0], "public_benefit", "until", "buyer", "operator_key")
        for name in names
    )


@pytest.mark.parametrize("key", sorted(set(BODY) - {"v", *bodies.OPTIONAL}))
def test_nothing_may_be_missing(key: str) -> None:
    with pytest.raises(BadContract):
        compile_contract("huangshi", changed(BODY, key, ...))


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_what_is_no_table_is_no_agreement(body: Any) -> None:
    with pytest.raises(BadContract):
        compile_contract("huangshi", body)


def test_the_bounds_themselves_are_taken() -> None:
    body = changed(BODY, "until", BODY["from"])
    for path, value in (
        ("quota.calls_per_day", 100),
        ("quota.calls_total", 100),
        ("rate.burst", 2),
        ("over_scope.tries", 1),
        ("over_scope.seconds", 30 * 86_400),
        ("public_benefit", []),
        ("prohibitions", []),
        ("key", "k" * 200),
    ):
        body = changed(body, path, value)
    made = compile_contract("huangshi", body)
    assert made.starts == made.ends
    assert made.quota == bodies.Quota(100, 100, 100, 5)
    assert (made.rate, made.over_scope) == (bodies.Rate(2, 2), bodies.OverScope(1, 30 * 86_400))


def test_no_limit_is_written_null() -> None:
    body = changed(changed(BODY, "quota.calls_per_month", None), "quota.calls_total", None)
    made = compile_contract("huangshi", body)
    assert (made.quota.calls_per_month, made.quota.calls_total) == (None, None)


def test_all_faults_are_told_at_once() -> None:
    body = changed(changed(changed(BODY, "id", ""), "rate.burst", 0), "tariff.lines.0.bands.0.fen", -1)
    assert {one.field for one in validate(body)} >= {"id", "rate.burst", "tariff.lines.1.bands.1.fen"}
    assert validate(BODY) == []


def test_everything_signed_is_in_the_contract() -> None:
    made = compile_contract("huangshi", BODY)
    assert (made.zone, made.version, made.id, made.product) == ("huangshi", 2, "ag-1", "pd-1")
    assert (made.operator, made.buyer) == ("org-op", "org-bank")
    assert (made.operator_key, made.key) == ("k-op", "k1")
    assert made.public_benefit == {"public-service"}
    assert made.consent == "standing"
    assert made.prohibitions == {"resell", "reidentify"}
    assert made.calls_per_day == 10
    assert [share.organisation for share in made.shares] == ["org-gjj", "org-op", "org-dev"]
    assert made.clauses["tariff"] == "pricing"
    assert made.tariff is not None
    assert [line.id for line in made.tariff.lines] == ["base", "hits"]


def test_what_was_signed_before_operators_signed_is_still_read_and_billed() -> None:
    assert compile_contract("huangshi", changed(BODY, "operator_key", ...)).operator_key == ""


FIRST = {
    "id": "ct-1",
    "product": "pd-1",
    "buyer": "org-bank",
    "key": "k1",
    "from": "2026-05-01",
    "until": "2026-12-31",
    "purposes": ["产业发展"],
    "fields": ["月份"],
    "calls_per_day": 3,
}


@pytest.mark.parametrize("version", [{}, {"v": 1}])
def test_version_1_stays_readable(version: dict[str, int]) -> None:
    made = compile_contract("huangshi", {**FIRST, **version})
    assert (made.version, made.calls_per_day, made.consent) == (1, 3, "none")
    assert (made.rate, made.over_scope, made.tariff, made.shares) == (None, None, None, ())
    assert made.quota.subjects_per_day == 0
    assert made.clauses == bodies.CLAUSES


@pytest.mark.parametrize("key", sorted(FIRST))
def test_version_1_needs_all_it_had(key: str) -> None:
    with pytest.raises(BadContract):
        compile_contract("huangshi", {name: value for name, value in FIRST.items() if name != key})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("product", ""),
        ("buyers", []),
        ("buyers", ["x"]),
        ("buyers.0.key", ""),
        ("buyers.1.organisation", "org-bank"),
        ("purposes", []),
        ("fields", None),
        ("calls_per_day", 0),
        ("subjects_per_day", -1),
        ("subjects_per_day", None),
        ("consent", ""),
        ("consent", "perhaps"),
    ],
)
def test_a_malformed_ceiling_is_no_ceiling(path: str, value: Any) -> None:
    with pytest.raises(BadContract):
        compile_ceiling(changed(CEILING, path, value))


def test_a_ceiling_that_says_nothing_of_subjects_has_none() -> None:
    assert compile_ceiling(changed(CEILING, "subjects_per_day", ...)).subjects_per_day == 0
    assert compile_ceiling(CEILING).buyers == {"org-bank": "k1", "org-b2": "k2"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""),
        ("subject", None),
        ("product", ...),
        ("buyer", ""),
        ("contract", ""),
        ("purpose", None),
        ("fields", []),
        ("from", "x"),
        ("until", ...),
        ("kind", "forever"),
    ],
)
def test_a_malformed_consent_is_no_consent(key: str, value: Any) -> None:
    with pytest.raises(BadContract):
        compile_consent(changed(CONSENT, key, value))


def test_a_consent_holds_the_opened_subject_and_may_name_no_agreement() -> None:
    assert compile_consent(CONSENT).subject == "sealed"
    assert compile_consent(CONSENT, "token").subject == "token"
    assert compile_consent(changed(CONSENT, "contract", ...)).contract == ""
    assert compile_consent(changed(CONSENT, "kind", "once")).once
    assert not compile_consent(CONSENT).once
    with pytest.raises(BadContract):
        compile_consent(CONSENT, "")


@pytest.mark.row("M03")
@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("product", "pd-2", "product"),
        ("key", "k2", "key"),
        ("purposes", ["public-service", "spying"], "purposes"),
        ("fields", ["出生日期"], "fields"),
        ("consent", "none", "consent"),
        ("quota.calls_per_day", 21, "quota.calls_per_day"),
        ("quota.subjects_per_day", 9, "quota.subjects_per_day"),
    ],
)
def test_negotiation_hears_what_lies_beyond_the_ceiling(path: str, value: Any, field: str) -> None:
    ceiling = compile_ceiling(CEILING)
    assert validate(BODY, ceiling=ceiling) == []
    assert [one.field for one in validate(changed(BODY, path, value), ceiling=ceiling)] == [field]


def test_negotiation_hears_of_fields_the_product_lacks() -> None:
    (found,) = validate(BODY, product_fields=["缴存状态"])
    assert (found.field, found.sentence) == ("fields", "产品没有这些字段：连续缴存月数。")
    assert validate(BODY, product_fields=BODY["fields"]) == []


@pytest.mark.row("M03")
def test_prices_are_held_against_the_caps(chizhou_law: Any) -> None:
    high = {"hit": Price(30), "month": Price(3100)}
    assert validate(BODY, caps=high, law=chizhou_law) == []
    (over,) = validate(BODY, caps={**high, "hit": Price(25)}, law=chizhou_law)
    assert over.field == "tariff.lines.hits"
    assert "市发展改革委" in over.sentence
    assert over.basis == ("chizhou-plan:三(六)",)
    (none,) = validate(BODY, caps={"hit": Price(30)}, law=chizhou_law)
    assert none.field == "tariff.lines.base"
    assert "还没有上限" in none.sentence
    all_free = changed(BODY, "public_benefit", BODY["purposes"])
    assert validate(all_free, caps={}, law=chizhou_law) == []


def test_caps_join_the_other_faults_and_public_benefit_is_charged_where_no_pack_frees_it(
    chizhou_law: Any,
) -> None:
    both = validate(changed(BODY, "rate.burst", 0), caps={}, law=chizhou_law)
    assert {one.field for one in both} == {"rate.burst", "tariff.lines.base", "tariff.lines.hits"}
    all_free = changed(BODY, "public_benefit", BODY["purposes"])
    assert len(validate(all_free, caps={}, law=replace(chizhou_law, benefit_free=False))) == 3
    assert validate(BODY, caps={}) == []
    assert validate(BODY, law=chizhou_law) == []
    two = validate(BODY, product_fields=[])
    assert two[0].sentence == "产品没有这些字段：缴存状态、连续缴存月数。"


def test_version_1_names_no_operator_and_frees_nothing() -> None:
    made = compile_contract("huangshi", FIRST)
    assert (made.operator, made.public_benefit, made.prohibitions) == ("", frozenset(), frozenset())
