"""为什么 of a contract and of a ruling: facts → clause of the agreement → article → what would change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gongshu.contract.body import CONSENTS, PROHIBITIONS, TERMS
from gongshu.contract.evaluate import Call
from gongshu.contract.grounds import SAYINGS
from gongshu.contract.model import Contract, Ruling
from gongshu.law.rules import Rules
from gongshu.law.why import Fact, Step, Why, articles
from gongshu.money.split import ROLES
from gongshu.money.tariff import UNITS, Line
from gongshu.money.why import clause_title

CHANGES = "双方变更协议并重新签署、备案之后才会改变。"


@dataclass(frozen=True)
class Row:
    """One term of an agreement: what it says, in which clause."""

    term: str
    title: str
    value: str
    clause: str
    changes: str = CHANGES

    def data(self) -> dict[str, Any]:
        return dict(vars(self))


def rows(contract: Contract) -> tuple[Row, ...]:
    """Every term in words, in a fixed order."""
    said = dict(_said(contract))
    return tuple(
        Row(term, TERMS[term], said[term], contract.clauses[term]) for term in TERMS if said.get(term)
    )


def _said(contract: Contract) -> Iterator[tuple[str, str]]:
    quota, rate, trip = contract.quota, contract.rate, contract.over_scope
    yield "parties", f"使用单位 {contract.buyer}，运营机构 {contract.operator or '未写明'}"
    benefit = f"，其中公益 {_list(contract.public_benefit)}" if contract.public_benefit else ""
    yield "purposes", f"{_list(contract.purposes)}{benefit}"
    yield "period", f"{contract.starts} 至 {contract.ends}，首尾两日都算"
    yield "fields", _list(contract.fields)
    counts = (
        ("每日", quota.calls_per_day, "次"),
        ("每月", quota.calls_per_month, "次"),
        ("共", quota.calls_total, "次"),
        ("每日", quota.subjects_per_day or None, "个主体"),
    )
    yield "quota", "，".join(f"{when} {n} {what}" for when, n, what in counts if n is not None)
    yield "rate", f"每秒 {rate.per_second} 次，突发 {rate.burst} 次" if rate else ""
    yield "consent", CONSENTS[contract.consent]
    yield "over_scope", f"{trip.seconds} 秒内第 {trip.tries} 次越权即熔断" if trip else ""
    yield "prohibitions", "；".join(PROHIBITIONS[one] for one in sorted(contract.prohibitions))
    yield "tariff", "；".join(map(_line, contract.tariff.lines)) if contract.tariff else ""
    yield "split", "，".join(f"{ROLES[s.role]} {s.organisation} {s.parts} 份" for s in contract.shares)


def _list(names: frozenset[str]) -> str:
    return "、".join(sorted(names))


def _line(line: Line) -> str:
    if not line.counted:
        return f"{UNITS[line.unit]} {line.bands[0].price.text}"
    return f"{UNITS[line.unit]}：" + "，".join(f"{band.text} {band.price.text}" for band in line.bands)


def explain(contract: Contract, rules: Rules) -> Why:
    """The agreement as a tree: its terms, each with its clause."""
    found = rows(contract)
    return Why(
        kind="contract",
        title=f"使用协议 {contract.id}",
        sentence=f"{contract.buyer} 可以在 {contract.starts} 至 {contract.ends} 按约定调用产品。",
        facts=tuple(Fact(row.term, row.title, row.value) for row in found),
        rule=tuple(
            Step(f"{row.title}（协议条款“{clause_title(row.clause, rules)}”）", True, row.value, ())
            for row in found
        ),
        articles=articles(rules.basis(SAYINGS["allowed"].ground), rules),
        changes=(CHANGES,),
    )


def explain_ruling(contract: Contract, call: Call, ruling: Ruling, rules: Rules) -> Why:
    """One answer: what was looked at up to it, the clause and articles behind it, what would change it."""
    saying = SAYINGS[ruling.code]
    basis = rules.basis(ruling.ground)
    last = Step(_title(ruling, rules), ruling.allowed, ruling.sentence, basis)
    return Why(
        kind="ruling",
        title="调用的答复",
        sentence=ruling.sentence,
        facts=tuple(_facts(call)),
        rule=(*_passed(contract, ruling, rules), last),
        articles=articles(basis, rules),
        changes=(saying.changes,),
    )


def _clause(title: str, clause: str, rules: Rules) -> str:
    return f"{title}（协议条款“{clause_title(clause, rules)}”）"


def _title(ruling: Ruling, rules: Rules) -> str:
    return _clause(SAYINGS[ruling.code].holds, ruling.clause, rules)


def _passed(contract: Contract, ruling: Ruling, rules: Rules) -> Iterator[Step]:
    """The questions asked before, each of which held; those the agreement does not ask are left out."""
    for code in SAYINGS:
        if code == ruling.code:
            return
        if _asked(contract, code):
            yield Step(_title(contract.rulings[code], rules), True, "成立", ())


def _asked(contract: Contract, code: str) -> bool:
    if SAYINGS[code].term == "consent":
        return contract.consent != "none" and (code != "consent_used" or contract.consent == "each_call")
    limits = {
        "quota_month": contract.quota.calls_per_month,
        "quota_total": contract.quota.calls_total,
        "rate": contract.rate,
        "tripped": contract.over_scope,
        "subjects": contract.quota.subjects_per_day or None,
        "ceiling_subjects": contract.quota.subjects_per_day or None,
    }
    return limits.get(code, True) is not None


def _facts(call: Call) -> Iterator[Fact]:
    yield Fact("day", "业务日", call.day.isoformat())
    yield Fact("purpose", "用途", call.purpose)
    yield Fact("fields", "字段", "、".join(sorted(call.fields)))
    yield Fact("calls_today", "今日已答", str(call.calls_today))
    yield Fact("product_calls_today", "该产品今日已答", str(call.product_calls_today))
    if call.subject:
        # the token itself is never shown: it would let two answers be joined
        yield Fact("subjects_today", "今日已涉及主体", str(call.subjects_today))
        yield Fact("consent", "同意", call.consent.id if call.consent else "没有")
