"""Totals of money and calls: what settlement counts in one place against what it counts in another."""

from __future__ import annotations

from gongshu.office.settlement import queries
from gongshu.office.supervision.totals import Line, register

LATER = "迟到的调用在下次出账时补进更正账单；仍有差额的，不要据此收款，请运营机构和网关核对批次。"
BROKEN = "账单是算好之后存下的，差额说明有人绕过服务改了库：请停止结算，从备份核对。"


@register
def calls_against_bills(zone: str) -> list[Line]:
    found = queries.calls(zone)
    placed = (
        f"已计费 {found.billed}，待计费 {found.waiting}，已退回 {found.dropped}，计数冲突 {found.conflict}，"
        f"协议没有价目 {found.untariffed}，旧写法没有日期 {found.undated}"
    )
    return [
        Line(
            "calls.billed",
            "调用与账单",
            "网关报来的次数",
            found.reported,
            "各有着落的次数",
            found.placed,
            f"左边按批次编号把网关报来的次数各数一次；右边把每一批落在哪里的次数相加：{placed}。"
            "免费的在账单里各有一行，测试环境的调用不写批次，也不计数。",
            LATER,
        )
    ]


@register
def bills_against_splits(zone: str) -> list[Line]:
    found = queries.money(zone)
    return [
        Line(
            "bills.parts",
            "账单与分成",
            "账单合计（分）",
            found.bills,
            "分成合计（分）",
            found.parts,
            "左边把每份账单的合计相加，右边把每份账单里各单位分得的分相加，更正账单都算在内。",
            BROKEN,
        ),
        Line(
            "bills.lines",
            "账单与各行",
            "账单合计（分）",
            found.bills,
            "各行合计（分）",
            found.lines,
            "左边把每份账单的合计相加，右边把各行的金额相加。",
            BROKEN,
        ),
        Line(
            "bills.calls",
            "账单的次数与批次的次数",
            "账单写的调用次数",
            found.calls,
            "账单里各批次的次数",
            found.batch_calls,
            "左边把账单写的次数相加，右边把账单里列出的批次在收件时的次数相加。",
            BROKEN,
        ),
    ]
