"""Who may do what about money beside the acts of the law's procedures."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, can, check, declare
from gongshu.office.products.models import Agreement, Product
from gongshu.office.settlement.models import CallBatch

OFFICERS = ("data_authority", "implementing_body", "price_authority", "finance")
OVERSEERS = ("sector_department", "supervisor", "auditor")
SHARERS = ("provider_officer", "provider_checker", "developer")
CAPPERS = frozenset({"implementing_body", "price_authority"})

declare(
    "settlement.see",
    "看账单和价格",
    ["operator", "buyer", *SHARERS, *OFFICERS, *OVERSEERS],
    sentence="账单给协议双方、分成的单位和有关部门看，您的账号没有这个角色。",
)
declare(
    "settlement.bill",
    "按月出账",
    ["operator"],
    "bill.settlement",
    "账单由运营机构按自己的使用协议出具，您的账号没有这个角色。",
)
declare(
    "settlement.maximum",
    "提出最高准许收入的申请",
    ["implementing_body"],
    "price.maximum",
    "最高准许收入由授权主体书面申请、发展改革部门会同数据管理部门核定，您的账号没有这个角色。",
)
declare(
    "settlement.cap",
    "制定上限收费标准",
    sorted(CAPPERS),
    "price.cap",
    "上限收费标准由授权主体制定，您的账号没有这个角色。",
)
declare(
    "settlement.price",
    "公布价目",
    ["operator"],
    "price.list",
    "具体收费由运营机构在上限之内确定并公布，您的账号没有这个角色。",
)
declare(
    "settlement.report",
    "报送年度经营情况报告",
    ["implementing_body"],
    "price.books",
    "年度经营情况由授权主体报送，您的账号没有这个角色。",
)


def sees(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "settlement.see")


def sees_caps(actor: Actor) -> bool:
    return not actor.anonymous and bool(actor.roles & {"operator", *OFFICERS, *OVERSEERS})


def check_settle(actor: Actor, batch: CallBatch) -> None:
    """Raise unless the actor speaks for the operator of the batch's agreement, as for a bill's correction."""
    check(actor, "settlement.bill", batch.zone_id)
    row = Agreement.objects.select_related("product").filter(pk=batch.contract).first()
    if row is None or row.product.operator_id not in actor.organisations:
        raise Refused("这批调用的使用协议由别的运营机构签订，您的机构不能处理。", "organisation")


def can_settle(actor: Actor, batch: CallBatch) -> bool:
    try:
        check_settle(actor, batch)
    except Refused:
        return False
    return batch.conflict


def check_price(actor: Actor, product: Product) -> None:
    """Raise unless the actor speaks for the product's operator."""
    check(actor, "settlement.price", product.zone_id)
    if product.operator_id not in actor.organisations:
        raise Refused("这个产品由别的运营机构经营，您的机构不能公布它的价目。", "organisation")
