"""为什么 of money: a fen → calls → line of the tariff → clause → article, as the tree of `law.why`."""

from __future__ import annotations

from collections.abc import Sequence

from gongshu.law.rules import Rules
from gongshu.law.why import Fact, Step, Why, articles
from gongshu.money.amounts import decimal_text, yuan
from gongshu.money.bill import Bill, BillLine
from gongshu.money.maximum import PLACES, Maximum, Survey
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.split import ROLES, Part
from gongshu.money.tariff import UNITS

KINDS = {
    "usage": "用量",
    "free": "免费",
    "fixed": "固定费用",
    "discount": "优惠",
    "minimum": "最低消费",
    "maximum": "封顶",
}
AGREEMENT = "agreement.usage"
CLAUSES = {"parties": "当事人和产品"}
"""Clauses that are none of the items."""
SHOWN = 5
BILLS = {"ordinary": "账单", "correction": "更正账单"}
ADJUST = {
    "none": "不需要调整",
    "price": "由{guide}指导运营机构调整具体收费标准",
    "caps": "由{setter}调整上限收费标准",
}
CHANGES = {
    "usage": ("次数、用途或价目不同，金额随之不同。", "更正用量会另出一份更正账单，本账单不改。"),
    "free": ("用途改为产业发展、行业发展的，按价目收费。",),
    "fixed": ("协议在这个月有效的日数不同，按日计的金额随之不同。",),
    "discount": ("协议取消这项优惠，或者用途不在优惠之列，就按全价计。",),
    "minimum": ("当月用量达到最低消费，就没有这一行。",),
    "maximum": ("当月合计不到封顶，就没有这一行。",),
}


def explain_bill(bill: Bill, rules: Rules) -> Why:
    """A whole bill: its lines as children, then its parts."""
    lines = tuple(explain_line(bill, line.id, rules) for line in bill.lines)
    parts = (_parts(bill, rules),) if bill.parts else ()
    return Why(
        kind="bill",
        title=f"{BILLS[bill.kind]} {bill.month}",
        sentence=f"{bill.month} 合计 {yuan(bill.total)}，共 {len(bill.lines)} 行、{bill.calls} 次调用。",
        facts=_facts(bill),
        rule=tuple(
            Step(line.id, True, f"{line.sentence}{yuan(line.fen)}", line.basis) for line in bill.lines
        ),
        articles=articles([cited for line in bill.lines for cited in line.basis], rules),
        changes=("每一行的用量、价目不同，合计随之不同。",),
        children=(*lines, *parts),
    )


def explain_line(bill: Bill, line_id: str, rules: Rules) -> Why:
    """One line. Raises `KeyError` when the bill has no such line."""
    line = {each.id: each for each in bill.lines}[line_id]
    return Why(
        kind="bill_line",
        title=f"{bill.month} {KINDS[line.kind]} {line.id}",
        sentence=f"{line.sentence}计 {yuan(line.fen)}。",
        facts=(*_facts(bill), *_line_facts(line)),
        rule=(
            Step(f"协议条款“{clause_title(line.clause, rules)}”", True, line.sentence, ()),
            Step(f"价目“{line.line or '每月合计'}”", True, line.band, line.basis),
        ),
        articles=articles(line.basis, rules),
        changes=CHANGES[line.kind],
    )


def explain_fen(bill: Bill, number: int, rules: Rules) -> Why:
    """The line that the `number`-th fen (from 1) of the charges belongs to, in the order of the lines.

    Raises `IndexError` when the bill charges fewer.
    """
    left = number
    for line in bill.lines:
        if 0 < left <= line.fen:
            return explain_line(bill, line.id, rules)
        left -= max(0, line.fen)
    raise IndexError(number)


def _facts(bill: Bill) -> tuple[Fact, ...]:
    return (
        Fact("contract", "使用协议", bill.contract),
        Fact("product", "产品", bill.product),
        Fact("calls", "调用次数", str(bill.calls)),
        Fact("batches", "调用批次", _few(bill.batches)),
        Fact("bill", "账单的摘要", bill.id),
    )


def _few(batches: Sequence[str]) -> str:
    """A month may have thousands: the first ones stand for all, the bill names every one."""
    more = f" 等 {len(batches)} 批" if len(batches) > SHOWN else ""
    return "、".join(batches[:SHOWN]) + more if batches else "无"


def clause_title(clause: str, rules: Rules) -> str:
    """A clause in the words of the packs' list of a usage agreement's items, or as the agreement names it."""
    items = rules.document(AGREEMENT)["items"] if rules.has("documents", AGREEMENT) else ()
    return next((str(item["title"]) for item in items if item["id"] == clause), CLAUSES.get(clause, clause))


def _line_facts(line: BillLine) -> tuple[Fact, ...]:
    found = [
        Fact("purpose", "用途", line.purpose),
        Fact("unit", "计价单位", UNITS.get(line.unit, "")),
        Fact("band", "阶梯", line.band),
        Fact("count", "数量", str(line.count)),
        Fact("price", "单价", line.price.text if line.price else ""),
        Fact("fen", "金额（分）", str(line.fen)),
    ]
    return tuple(fact for fact in found if fact.value)


def adjust_words(code: str, law: PriceLaw) -> str:
    """Who adjusts what."""
    return ADJUST[code].format(setter=law.cap_setter, guide=law.guide)


def _parts(bill: Bill, rules: Rules) -> Why:
    whole = sum(part.share.parts for part in bill.parts)
    return Why(
        kind="split",
        title=f"{bill.month} 分成",
        sentence=f"合计 {yuan(bill.total)}，按协议的份数分到分，各部分之和等于合计。",
        facts=tuple(_part(part) for part in bill.parts),
        rule=tuple(
            Step(
                f"{ROLES[part.share.role]} {part.share.organisation}",
                True,
                f"{part.share.parts}/{whole}，{yuan(part.fen)}",
                (),
            )
            for part in bill.parts
        ),
        articles=articles((), rules),
        changes=("协议的份数不同，分成随之不同；除不尽的分归余数最大的一方。",),
    )


def _part(part: Part) -> Fact:
    return Fact(part.share.organisation, ROLES[part.share.role], yuan(part.fen))


def explain_maximum(survey: Survey, found: Maximum, law: PriceLaw, rules: Rules) -> Why:
    """How a maximum came about, and what the actual income asks for."""
    deviation = "" if found.deviation is None else decimal_text(found.deviation, PLACES)
    facts = [
        *(Fact("item", item.name, yuan(item.amount)) for item in survey.items),
        Fact("subsidy", "扣除政府补助", yuan(survey.subsidy)),
        Fact("cost", "经营成本", yuan(found.cost)),
        Fact("bond_yield", "国债平均收益率", decimal_text(survey.bond_yield, PLACES)),
        Fact("margin", "加成", decimal_text(survey.margin, PLACES)),
        Fact("tax", "税金", yuan(found.tax)),
    ]
    if found.profit is not None:
        facts.append(Fact("profit", "准许利润", yuan(found.profit)))
    if survey.deduct:
        facts.append(Fact("deduct", "扣减以前周期的超收", yuan(survey.deduct)))
    if found.carry:
        facts.append(Fact("carry", "超过最高准许收入，以后周期扣减", "、".join(map(yuan, found.deductions))))
    if survey.actual is not None:
        facts.append(Fact("actual", "实际收入", yuan(survey.actual)))
    steps = [Step(law.margin.title, not found.refused, found.refused or "成立", law.margin.basis)]
    if found.maximum is not None:
        said = f"{adjust_words(found.adjust, law)}{f'，偏离 {deviation}' if deviation else ''}"
        steps.append(Step(law.deviation.title, found.adjust != "caps", said, law.deviation.basis))
    return Why(
        kind="maximum",
        title="最高准许收入",
        sentence=found.refused or f"最高准许收入 {yuan(found.maximum or 0)}。",
        facts=tuple(facts),
        rule=tuple(steps),
        articles=articles(found.basis, rules),
        changes=(
            "成本、补助、收益率、加成或税金不同，结果随之不同。",
            f"偏离超过 {decimal_text(law.deviation.value * 100, 1)}% 时{adjust_words('caps', law)}。",
        ),
    )
