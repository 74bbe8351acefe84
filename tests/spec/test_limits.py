"""Numbers and choices that are no clocks, zone by zone, with where they come from."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongshu.law import rules

ON = date(2026, 3, 2)

LIMITS: list[tuple[str, str, Any, str]] = [
    ("cn", "price.deviation", "0.10", "national-price:四"),
    ("chizhou", "price.margin_over_bond", "0.06", "national-price:三(一)"),
    ("gansu", "operation.modes", ["整体授权", "分领域授权", "依场景授权"], "gansu-operation:11"),
    ("hubei", "operation.modes", ["统一授权", "特许开发"], "hubei-operation:12"),
    ("chizhou", "operation.modes", ["整体授权+分领域协同"], "chizhou-plan:三(二)1"),
    ("gansu", "operation.selection", ["公开招标", "邀请招标", "谈判"], "gansu-operation:18"),
    ("chizhou", "operation.selection", ["公开招标"], "chizhou-plan:三(二)1"),
    ("gansu", "product.forms", ["数据模型", "数据接口", "数据报告", "数据服务"], "gansu-operation:3"),
    (
        "hubei",
        "product.forms",
        ["数据集", "数据接口", "数据模型", "数据指数", "数据报告", "核验"],
        "hubei-operation:3",
    ),
    ("hubei", "product.registry", "property", "hubei-operation:26"),
    ("huangshi", "product.registry", "province", "huangshi-plan:二(五)4"),
    ("gansu", "release.reviewers", ["implementing_body"], "gansu-operation:26"),
    ("hubei", "release.reviewers", ["data_authority", "provider_officer"], "hubei-operation:26"),
    ("gansu", "registration.output", "certificate", "gansu-registration:29"),
    ("hubei", "registration.output", "query_code", "national-registration:13"),
    ("hubei", "term.operator", "授权运营主体", "hubei-operation:12"),
    ("huangshi", "term.developer", "数据产品开发商", "huangshi-plan:二(五)3"),
    ("anhui", "term.developer", "合伙人", "anhui-measures:(四)"),
    ("huangshi", "target.products.2027", 30, "huangshi-plan:一"),
    ("huangshi", "target.scenes.2027", 5, "huangshi-plan:一"),
    ("huangshi", "target.products.2030", 100, "huangshi-plan:一"),
    ("huangshi", "target.scenes.2030", 20, "huangshi-plan:一"),
]


@pytest.mark.row("A18", "H01", "H25", "L01", "L02", "L08")
@pytest.mark.parametrize(("zone", "name", "value", "basis"), LIMITS)
def test_what_the_texts_say(zone: str, name: str, value: Any, basis: str) -> None:
    rule = rules.at(zone, ON).limit(name)
    assert rule.value == value
    assert basis in rule.basis
    assert not rule.by_choice


CHOICES = [
    ("review.minimum", 2),
    ("attack.threshold", 10),
    ("attack.nk", [2, "0.90"]),
    ("attack.p", "0.10"),
    ("attack.degrees_of_freedom", 10),
    ("attack.rounding", 5),
    ("runs.per_day", 50),
]


@pytest.mark.parametrize("zone", ["cn", "gansu", "hubei", "huangshi", "anhui", "chizhou"])
@pytest.mark.parametrize(("name", "value"), CHOICES)
def test_what_the_project_chose_says_so(zone: str, name: str, value: Any) -> None:
    rule = rules.at(zone, ON).limit(name)
    assert rule.value == value
    assert rule.by_choice


@pytest.mark.row("L14", "M01")
@pytest.mark.parametrize("zone", ["cn", "gansu", "hubei", "huangshi", "anhui", "chizhou"])
def test_free_for_the_public_good_and_no_redevelopment_bind_everywhere(zone: str) -> None:
    found = rules.at(zone, ON)
    assert found.limit("price.public_benefit").value == "free"
    assert found.limit("operation.redevelopment").value == "forbidden"


@pytest.mark.parametrize("zone", ["cn", "gansu", "hubei", "huangshi", "anhui", "chizhou"])
def test_every_regular_duty_has_an_interval_chosen_by_the_project_or_the_text(zone: str) -> None:
    found = rules.at(zone, ON)
    for name in found.ids("limits"):
        rule = found.limit(name)
        if name.startswith("interval."):
            assert rule.value > 0
            assert rule["unit"] == "months"
            assert rule.basis


@pytest.mark.row("P04", "P07")
def test_hubei_reports_and_evaluates_every_year() -> None:
    hubei = rules.at("hubei", ON)
    for name in ("interval.authority_report", "interval.evaluation"):
        rule = hubei.limit(name)
        assert (rule.value, rule["unit"], rule.basis, rule.by_choice) == (
            12,
            "months",
            ("hubei-operation:37",),
            False,
        )
    assert [item["id"] for item in hubei.document("evaluation")["items"]] == [
        "agreement",
        "effect",
        "security",
    ]


@pytest.mark.row("A18")
@pytest.mark.parametrize("year", [2027, 2030])
def test_a_target_of_huangshi_is_reached_at_its_own_number(year: int) -> None:
    for kind in ("products", "scenes"):
        rule = rules.at("huangshi", ON).limit(f"target.{kind}.{year}")
        assert rule["bound"] == "at_least" and "不少于" in rule["note"]
    assert "civil-code:1259" in rules.at("huangshi", ON).limit(f"target.scenes.{year}").basis


@pytest.mark.row("E22")
def test_only_gansu_caps_renewals_by_the_term() -> None:
    found = {
        zone: rules.at(zone, ON).limit("certificate.renewal_term").value
        for zone in ("cn", "gansu", "huangshi")
    }
    assert found == {"cn": "open", "gansu": "capped", "huangshi": "open"}


@pytest.mark.row("A21", "A22")
@pytest.mark.parametrize(
    ("zone", "count", "basis"), [("hubei", 12, "hubei-operation:7"), ("huangshi", 8, "huangshi-plan:二(六)")]
)
def test_the_domains_to_be_taken_first(zone: str, count: int, basis: str) -> None:
    rule = rules.at(zone, ON).limit("scenario.priority_domains")
    assert len(set(rule.value)) == count and rule.basis == (basis,)
    assert ("城市治理" in rule.value) and not rules.at("gansu", ON).has("limits", rule.id)
