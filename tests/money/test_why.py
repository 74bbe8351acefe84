"""为什么 of money and contracts: every fen leads to calls, a line of the tariff, a clause, an article."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gongshu.contract import billing, explain
from gongshu.contract.body import TERMS
from gongshu.contract.evaluate import evaluate
from gongshu.contract.grounds import SAYINGS
from gongshu.contract.model import compile_contract
from gongshu.law import rules
from gongshu.law.why import Why
from gongshu.money import why
from gongshu.money.bill import BadUsage, Usage, bill
from gongshu.money.corrections import correct
from gongshu.money.maximum import compute, read
from support.contracts import BODY, CEILING, call, ceiling, contract
from support.money import LAW, ON, TARIFF, law, terms, usage

LINE = TARIFF["lines"][0]
HUBEI = rules.at("hubei", ON)
JUNE = "2026-06"
BOUNDS = {"minimum": 0, "maximum": 3050}


def full() -> Any:
    off = [{"id": "low", "purposes": ["loan-review"], "pay": "0.90"}]
    given = terms(benefit=("public-service",), discounts=off, maximum=2000)
    return bill(given, JUNE, [usage("b1", 110), usage("b2", 7, purpose="public-service")], LAW)


def test_a_bill_explains_each_line_and_its_parts() -> None:
    made = full()
    tree = why.explain_bill(made, HUBEI)
    assert [child.kind for child in tree.children] == ["bill_line"] * len(made.lines) + ["split"]
    assert tree.sentence == "2026-06 合计 20.00 元，共 5 行、117 次调用。"
    assert tree.title == "账单 2026-06"
    assert {article.basis for article in tree.articles} == {"national-price:一"}
    parts = tree.children[-1]
    assert [(fact.title, fact.value) for fact in parts.facts] == [
        ("支持数据提供单位", "6.67 元"),
        ("运营机构", "6.67 元"),
        ("开发者", "6.66 元"),
    ]
    assert [step.sentence for step in parts.rule] == ["1/3，6.67 元", "1/3，6.67 元", "1/3，6.66 元"]
    json.dumps(tree.data(), ensure_ascii=False)


@pytest.mark.parametrize("number", range(5))
def test_every_line_leads_to_clause_and_article(number: int) -> None:
    made = full()
    line = made.lines[number]
    tree = why.explain_line(made, line.id, HUBEI)
    facts = {fact.name: fact.value for fact in tree.facts}
    assert facts["batches"] == "b1、b2"
    assert facts["bill"] == made.id
    assert facts["fen"] == str(line.fen)
    assert tree.rule[0].title == f"协议条款“{why.clause_title(line.clause, HUBEI)}”"
    assert [article.basis for article in tree.articles] == list(line.basis)
    assert all(article.cited.startswith("《") for article in tree.articles)
    assert tree.changes
    assert tree.kind == "bill_line"


def test_clauses_have_the_titles_of_the_packs() -> None:
    assert why.clause_title("pricing", HUBEI) == "计价方式"
    assert why.clause_title("第六条", HUBEI) == "第六条"
    many = bill(terms(), JUNE, [usage(f"b{number:02d}", 1) for number in range(12)], LAW)
    facts = {fact.name: fact.value for fact in why.explain_bill(many, HUBEI).facts}
    assert facts["batches"] == "b00、b01、b02、b03、b04 等 12 批"


def test_a_fen_is_found_in_its_line() -> None:
    made = bill(terms(), JUNE, [usage("b1", 101)], LAW)
    assert why.explain_fen(made, 1, HUBEI).title.endswith("calls/loan-review/1")
    assert why.explain_fen(made, 3000, HUBEI).title.endswith("calls/loan-review/1")
    assert why.explain_fen(made, 3001, HUBEI).title.endswith("calls/loan-review/2")
    assert why.explain_fen(made, 3020, HUBEI).title.endswith("calls/loan-review/2")
    for number in (0, -1, 3021):
        with pytest.raises(IndexError):
            why.explain_fen(made, number, HUBEI)
    with pytest.raises(KeyError):
        why.explain_line(made, "nothing", HUBEI)


def test_a_free_line_holds_no_fen() -> None:
    given = terms(
        benefit=("public-service",), lines=[{**LINE, "id": "a"}, {**LINE, "id": "b", "unit": "hit"}]
    )
    made = bill(given, JUNE, [usage("b1", 1), usage("b2", 1, purpose="public-service")], LAW)
    assert [line.fen for line in made.lines] == [30, 0, 30, 0]
    assert [why.explain_fen(made, fen, HUBEI).title.split(" ")[-1][:3] for fen in (30, 31, 60)] == [
        "a/l",
        "b/l",
        "b/l",
    ]
    with pytest.raises(IndexError, match="61"):
        why.explain_fen(made, 61, HUBEI)
    assert why.explain_bill(replace(made, parts=()), HUBEI).children[-1].kind == "bill_line"


def test_a_fen_is_not_found_in_what_takes_off() -> None:
    made = full()
    charged = sum(max(0, line.fen) for line in made.lines)
    assert why.explain_fen(made, charged, HUBEI).title.endswith("calls/loan-review/2")


def test_fixed_fees_minimum_and_corrections_explain_themselves() -> None:
    month = {"id": "base", "unit": "month", "fen": 100, "partial": "whole"}
    made = bill(terms(lines=[month], minimum=500), JUNE, [], LAW)
    assert [child.title for child in why.explain_bill(made, HUBEI).children[:2]] == [
        "2026-06 固定费用 base/fixed",
        "2026-06 最低消费 minimum",
    ]
    first = bill(terms(), JUNE, [usage("b1", 1)], LAW)
    more = correct([first], bill(terms(), JUNE, [usage("b1", 2)], LAW))
    assert more is not None
    assert why.explain_bill(more, HUBEI).title == "更正账单 2026-06"


def test_a_maximum_explains_both_tests() -> None:
    survey = read(
        {
            "zone": "cn",
            "items": [{"name": "平台", "amount": 1000}],
            "subsidy": 0,
            "bond_yield": "0",
            "margin": "0.06",
            "tax": 0,
            "actual": 2000,
        }
    )
    tree = why.explain_maximum(survey, compute(survey, law("cn")), law("cn"), rules.at("cn", ON))
    assert [step.held for step in tree.rule] == [True, False]
    assert tree.rule[1].sentence == "由授权主体调整上限收费标准，偏离 0.8868"
    assert tree.sentence == "最高准许收入 10.60 元。"
    assert ("item", "10.00 元") in [(fact.name, fact.value) for fact in tree.facts]
    assert {article.basis for article in tree.articles} == {"national-price:三(一)", "national-price:四"}
    assert "10.0%" in tree.changes[1]
    high = replace(survey, margin=survey.margin * 2)
    refused = why.explain_maximum(high, compute(high, law("cn")), law("cn"), rules.at("cn", ON))
    assert [step.held for step in refused.rule] == [False]
    assert "超过上限" in refused.sentence


# ---------------------------------------------------------------- contracts


def test_every_term_of_a_contract_is_told_with_its_clause() -> None:
    found = explain.rows(contract())
    assert [row.term for row in found] == list(TERMS)
    said = {row.term: row.value for row in found}
    assert said["purposes"] == "loan-review、public-service，其中公益 public-service"
    assert said["quota"] == "每日 10 次，每月 100 次，共 500 次，每日 5 个主体"
    assert said["rate"] == "每秒 2 次，突发 4 次"
    assert said["over_scope"] == "60 秒内第 3 次越权即熔断"
    assert said["tariff"] == "每月 3100 分；每次查到：第 1 至 10 30 分，第 11 以上 20 分"
    assert said["split"] == "支持数据提供单位 org-gjj 3 份，运营机构 org-op 6 份，开发者 org-dev 1 份"
    assert said["prohibitions"] == "不得还原到个人或者企业；不得转售、转让"
    assert {row.term: row.clause for row in found} == dict(contract().clauses)
    assert found[0].data()["title"] == "当事人"


def test_what_was_not_agreed_is_not_told() -> None:
    first = {
        "id": "ct-1", "product": "pd-1", "buyer": "b", "key": "k", "from": "2026-05-01", "until": "2026-05-02",
        "purposes": ["x"], "fields": ["y"], "calls_per_day": 3,
    }  # fmt: skip
    found = explain.rows(compile_contract("hubei", first))
    assert {row.term for row in found} == {"parties", "purposes", "period", "fields", "quota", "consent"}
    assert {row.term: row.value for row in found}["quota"] == "每日 3 次"
    with pytest.raises(BadUsage, match="价目"):
        billing.terms(compile_contract("hubei", first))


def test_a_contract_is_a_tree() -> None:
    tree = explain.explain(contract(), HUBEI)
    assert len(tree.rule) == len(TERMS)
    assert "hubei-operation:27" in [article.basis for article in tree.articles]
    assert tree.facts[0].name == "parties"


@pytest.mark.parametrize(
    ("changes", "code", "passed"),
    [
        ({"halt": "stopped"}, "stopped", 0),
        ({"day": date(2026, 4, 30)}, "not_yet", 5),
        ({"withdrawn": True}, "withdrawn", 10),
        ({"calls_today": 10}, "quota", 14),
        ({}, "allowed", 20),
    ],
)
def test_a_ruling_tells_what_held_before_it(changes: dict[str, Any], code: str, passed: int) -> None:
    asked = call(**changes)
    ruling = evaluate(contract(), ceiling(), asked)
    tree = explain.explain_ruling(contract(), asked, ruling, HUBEI)
    assert ruling.code == code
    assert tree.sentence == SAYINGS[code].sentence
    assert tree.changes == (SAYINGS[code].changes,)
    assert len(tree.rule) == passed + 1
    assert [step.held for step in tree.rule] == [True] * passed + [code == "allowed"]
    assert (
        tree.rule[-1].title == f"{SAYINGS[code].holds}（协议条款“{why.clause_title(ruling.clause, HUBEI)}”）"
    )
    assert tuple(article.basis for article in tree.articles) == tuple(
        dict.fromkeys(HUBEI.basis(ruling.ground))
    )
    assert "token" not in json.dumps(tree.data(), ensure_ascii=False)


def names(tree: Why) -> set[str]:
    return {fact.name for fact in tree.facts}


def test_nothing_is_said_of_subjects_where_there_are_none() -> None:
    free = contract(consent="none", quota__subjects_per_day=0, quota__calls_total=None)
    asked = call(subject="", consent=None)
    top = ceiling(consent="none")
    tree = explain.explain_ruling(free, asked, evaluate(free, top, asked), HUBEI)
    assert not names(tree) & {"subjects_today", "consent"}
    titles = [step.title for step in tree.rule]
    for code in ("no_consent", "withdrawn", "subjects", "ceiling_subjects", "quota_total"):
        assert not any(title.startswith(SAYINGS[code].holds) for title in titles)
    assert any(title.startswith(SAYINGS["quota_month"].holds) for title in titles)
    with_subject = call(consent=None)
    tree = explain.explain_ruling(
        contract(), with_subject, evaluate(contract(), ceiling(), with_subject), HUBEI
    )
    assert {fact.name: fact.value for fact in tree.facts}["consent"] == "没有"


def test_an_agreement_ended_early_is_billed_to_that_day() -> None:
    """Its fixed fees end with it, not with the day it would have ended; whichever comes first."""

    def fees(month: str, ended: date | None) -> int:
        return billing.bill(contract(), month, [], LAW, ended).total

    early = date(2026, 6, 10)
    assert [fees(month, early) for month in ("2026-05", "2026-06", "2026-07")] == [3100, 1033, 0]
    assert [fees(month, None) for month in ("2026-06", "2026-07")] == [3100, 3100]
    assert billing.terms(contract(), date(2028, 1, 1)).ends == date(2027, 4, 30)


def test_the_contract_that_ruled_the_calls_bills_them() -> None:
    made = billing.bill(contract(), JUNE, [Usage("b1", date(2026, 6, 3), "loan-review", 20, 12, 9)], LAW)
    assert made.total == 3100 + 10 * 30 + 2 * 20
    assert [part.fen for part in made.parts] == [1032, 2064, 344]
    assert (made.contract, made.zone, made.product) == ("ag-1", "huangshi", "pd-1")
    got = billing.terms(contract())
    assert (got.buyer, got.operator, got.starts, got.ends) == (
        "org-bank",
        "org-op",
        date(2026, 5, 1),
        date(2027, 4, 30),
    )
    assert (BODY["id"], CEILING["product"]) == ("ag-1", "pd-1")
