"""年度经营情况报告: the six items the law names, counted from bills, maxima and caps; sent once a year."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Sum

from gongshu.crypto import canonical, hashes
from gongshu.law.history import local_day
from gongshu.money.amounts import yuan
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.link import clock, evidence
from gongshu.office.settlement import pricing
from gongshu.office.settlement.models import Bill, Cap, Maximum, PriceList, YearReport

GROUND = "price.books"


def data(operator: str, zone: str, year: int) -> dict[str, Any]:
    """What the report on an operator's year says, in fen.

    `income`: the bills of the year's months, corrections included; `cost`, `tax`, `maximum`: of the maximum
    in force, None while none was fixed; `profit`: income less cost and tax.
    """
    bills = Bill.objects.filter(
        zone_id=zone, agreement__product__operator_id=operator, month__startswith=f"{year}-"
    )
    rows = bills.values("agreement__product_id", "agreement__product__name").annotate(
        fen=Sum("total"), calls=Sum("calls"), bills=Count("pk")
    )
    sales = [
        {
            "product": row["agreement__product_id"],
            "name": row["agreement__product__name"],
            "calls": row["calls"],
            "income": row["fen"],
            "bills": row["bills"],
        }
        for row in rows.order_by("agreement__product_id")
    ]
    income = sum(row["income"] for row in sales)
    fixed = _fixed_for(operator, zone, year)
    result: Mapping[str, Any] = fixed.result if fixed else {}
    checked = next((each for each in (fixed.checks if fixed else ()) if each["year"] == year), None)
    cost, tax = result.get("cost"), result.get("tax")
    return {
        "v": 1,
        "operator": operator,
        "zone": zone,
        "year": year,
        "state": {
            "products": len(sales),
            "bills": sum(row["bills"] for row in sales),
            "calls": sum(row["calls"] for row in sales),
            "paid": sum(bills.filter(case__state="paid").values_list("total", flat=True)),
        },
        "cost": cost,
        "tax": tax,
        "income": income,
        "profit": None if cost is None or tax is None else income - cost - tax,
        "sales": sales,
        "maximum": result.get("maximum"),
        "deviation": checked["deviation"] if checked else None,
        "adjust": checked["adjust"] if checked else None,
        "adjustments": _adjustments(operator, zone, year),
    }


def _fixed_for(operator: str, zone: str, year: int) -> Maximum | None:
    """The maximum that held at the end of the year, replaced since or not."""
    rows = Maximum.objects.filter(operator_id=operator, zone_id=zone, fixed_on__lte=date(year, 12, 31))
    return rows.order_by("-fixed_on").first()


def _adjustments(operator: str, zone: str, year: int) -> list[dict[str, Any]]:
    """Caps set and price lists published in the year."""
    inside = {"product__operator_id": operator, "zone_id": zone, "since__year": year}
    found = [
        {"kind": "cap", "product": row.product_id, "since": row.since.isoformat(), "trial": row.trial}
        for row in Cap.objects.filter(**inside).order_by("since", "pk")
        if row.since
    ]
    found += [
        {
            "kind": "price",
            "product": row.product_id,
            "since": row.since.isoformat(),
            "words": pricing.words(row.tariff),
        }
        for row in PriceList.objects.filter(**inside).order_by("since", "pk")
    ]
    return found


@transaction.atomic
def send(*, actor: Actor, now: datetime, operator: str, year: int) -> YearReport:
    """Send the report on a year that has ended; what it said is kept with its digest."""
    check(actor, "settlement.report")
    cited = basis(actor.zone, GROUND, local_day(now))
    if operator not in pricing.operators(actor.zone):
        raise Refused("请选择本专区的运营机构。", "input:operator", cited)
    if not 2000 <= year < local_day(now).year:
        raise Refused("只能报送已经过完的年度。", "input:year", cited)
    body = data(operator, actor.zone, year)
    try:
        with transaction.atomic():
            made = YearReport.objects.create(
                zone_id=actor.zone,
                operator_id=operator,
                year=year,
                data=body,
                digest=hashes.digest(canonical.dumps(body)),
                by=actor.person,
                at=now,
            )
    except IntegrityError as error:
        raise Refused(f"{year} 年度的报告已经报送过。", "input:year", cited) from error
    evidence.record(
        act="report.price",
        actor=actor.person,
        role="implementing_body",
        subject=made.pk,
        zone=actor.zone,
        now=clock.wall_now(),
        articles=cited,
        digests={"report": evidence.digest_of(body)[0]},
    )
    return made


def reported(zone: str, year: int) -> date | None:
    """The day the last of the zone's reports on a year was sent; None while one is missing.

    Only operators with bills in the year owe one.
    """
    rows = Bill.objects.filter(zone_id=zone, month__startswith=f"{year}-")
    owing = set(rows.values_list("agreement__product__operator_id", flat=True))
    sent = {row.operator_id: local_day(row.at) for row in YearReport.objects.filter(zone_id=zone, year=year)}
    if not sent or owing - sent.keys():
        return None
    return max(sent.values())


def lines(body: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """The report item by item, as people read it."""
    state = body["state"]
    money = {
        key: "没有核定" if body[key] is None else yuan(body[key])
        for key in ("cost", "tax", "profit", "maximum")
    }
    adjust = {"price": "调整具体收费", "caps": "调整上限收费标准", "none": "不需要调整", None: "还没有检视"}
    return [
        (
            "总体情况",
            f"{state['products']} 个产品、{state['bills']} 份账单、"
            f"{state['calls']} 次调用，已登记收款 {yuan(state['paid'])}",
        ),
        ("经营成本", money["cost"]),
        ("实际收入和利润", f"收入 {yuan(body['income'])}，税金 {money['tax']}，利润 {money['profit']}"),
        ("各产品的销售量和收入", "；".join(_sold(row) for row in body["sales"]) or "没有"),
        (
            "与最高准许收入的偏离",
            f"最高准许收入 {money['maximum']}，"
            f"偏离 {body['deviation'] or '还没有检视'}，{adjust[body['adjust']]}",
        ),
        ("价格调整情况", "；".join(_adjusted(each, names) for each in body["adjustments"]) or "没有"),
    ]


def _sold(row: Mapping[str, Any]) -> str:
    return f"{row['name']} {row['calls']} 次 {yuan(row['income'])}"


def _adjusted(each: Mapping[str, Any], names: Mapping[str, str]) -> str:
    name = names.get(each["product"], each["product"])
    if each["kind"] == "cap":
        return f"{name} 上限收费标准自 {each['since']} 执行{'（试行）' if each['trial'] else ''}"
    return f"{name} 自 {each['since']} {each['words']}"


def names_of(operator: str) -> dict[str, str]:
    """Product id → name, and the operator's own."""
    from gongshu.office.products.models import Product

    found = dict(Product.objects.filter(operator_id=operator).values_list("pk", "name"))
    return found | dict(Organisation.objects.filter(pk=operator).values_list("pk", "name"))
