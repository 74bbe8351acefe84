"""Who may do what here beside the acts of the law."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, can, check, declare
from gongshu.office.products.models import Agreement, Ending, Product

declare(
    "products.make",
    "建立和修改产品",
    ["operator"],
    "product.list",
    "产品由运营机构建立和修改，您的账号没有这个角色。",
)
declare(
    "products.ceiling",
    "提出产品上限",
    ["operator"],
    sentence="产品的上限由运营机构提出、提供单位在闸口确认，您的账号没有这个角色。",
)
declare(
    "products.agree",
    "起草使用协议",
    ["operator"],
    "agreement.usage",
    "使用协议由运营机构起草，您的账号没有这个角色。",
)
declare(
    "products.key",
    "提交签署协议的公钥",
    ["operator", "buyer"],
    sentence="公钥由运营机构、产品使用单位各自提交，您的账号没有这个角色。",
)
declare(
    "products.sign",
    "签署使用协议",
    ["operator", "buyer"],
    "agreement.usage",
    "使用协议由签订它的运营机构和使用单位各自签署，您的账号没有这个角色。",
)
declare(
    "products.send",
    "把使用协议送往数据域",
    ["operator", "buyer"],
    "agreement.usage",
    "使用协议由签订它的运营机构或者使用单位送往数据域，您的账号没有这个角色。",
)
declare(
    "products.stop",
    "停止提供产品",
    ["operator", "data_authority", "implementing_body", "provider_officer", "provider_checker"],
    "operation.stop",
    "停止提供由运营机构、主管部门、实施机构或者数据提供单位作出，您的账号没有这个角色。",
)

declare(
    "products.lift",
    "请求解除熔断",
    ["operator"],
    "operation.lift",
    "解除熔断由经营这个产品的运营机构查明原因后请求，您的账号没有这个角色。",
)
declare(
    "products.end_operator",
    "终止运营机构的运营",
    ["implementing_body", "data_authority"],
    "operation.end",
    "终止运营由授权的实施机构或者数据管理部门作出，您的账号没有这个角色。",
)

EDITABLE = ("draft", "returned")


def deals(actor: Actor) -> bool:
    """Party or overseer of usage agreements."""
    roles = {"operator", "buyer", "data_authority", "implementing_body", "auditor", "supervisor"}
    return not actor.anonymous and bool(actor.roles & roles)


def holds_keys(actor: Actor) -> bool:
    return not actor.anonymous and bool(actor.roles & {"operator", "buyer"})


def ends(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "products.end_operator")


def check_operator(actor: Actor, product: Product, permission: str) -> None:
    """Raise unless the actor holds the permission and speaks for the product's operator."""
    check(actor, permission, product.zone_id)
    if product.operator_id not in actor.organisations:
        raise Refused("这个产品由别的运营机构经营，您的机构不能办理。", "organisation")
    check_running(product.operator_id, product.zone_id)


def ended(operator: str, zone: str) -> bool:
    return Ending.objects.filter(zone_id=zone, organisation_id=operator).exists()


def check_running(operator: str, zone: str) -> None:
    """Raise once the operator's operation in the zone has ended: nothing new is begun after it."""
    if ended(operator, zone):
        raise Refused(
            "这家运营机构的运营已经终止，不能再办理新的事项。", "ended", basis(zone, "operation.end")
        )


def check_beginning(role: str, organisation: str, zone: str) -> None:
    """Asked by earlier apps before an operator begins a scenario, a request, a project or a case."""
    if role == "operator":
        check_running(organisation, zone)


def check_edit(actor: Actor, product: Product) -> None:
    check_operator(actor, product, "products.make")
    if product.case.state not in EDITABLE:
        raise Refused(
            f"产品现为“{product.case.state_title}”，内容不能再改；审核通过后有变更的，请先“重新提请”。",
            "state",
            (),
            {"state": product.case.state},
        )


def check_draft(actor: Actor, agreement: Agreement) -> None:
    """Raise unless the agreement may be rewritten now: by the operator, before the buyer confirmed it."""
    check_operator(actor, agreement.product, "products.agree")
    if agreement.case.state != "draft":
        raise Refused(
            f"协议现为“{agreement.case.state_title}”，内容不能再改；要改请先“重新协商”。",
            "state",
            (),
            {"state": agreement.case.state},
        )


def side_of(actor: Actor, agreement: Agreement) -> str:
    """The role in which the actor speaks for one of the two parties; empty for everybody else."""
    homes = {"operator": agreement.product.operator_id, "buyer": agreement.buyer_id}
    held = actor.roles_in(agreement.zone_id)
    return next((role for role, home in homes.items() if role in held and home in actor.organisations), "")


def check_sign(actor: Actor, agreement: Agreement) -> str:
    """The role of the party the actor may sign for now."""
    check(actor, "products.sign", agreement.zone_id)
    role = side_of(actor, agreement)
    if not role:
        raise Refused("协议由签订它的运营机构和使用单位各自签署，您的机构不是其中一方。", "organisation")
    if agreement.case.state not in ("agreed", "submitted", "filed"):
        raise Refused("使用单位确认协议之后双方才能签署；请使用单位先在案件页确认。", "state")
    if agreement.sent:
        raise Refused("这份协议已经双方签署并送往数据域，不能重签；要改请终止后另签。", "state")
    return role


def check_send(actor: Actor, agreement: Agreement) -> str:
    """The role in which the actor, of one of the two parties, sends a filed agreement."""
    check(actor, "products.send", agreement.zone_id)
    role = side_of(actor, agreement)
    if not role:
        raise Refused("协议由签订它的一方送往数据域。", "organisation")
    return role


def can_(check_: object, *args: object) -> bool:
    """`can_x` of a `check_x`."""
    try:
        check_(*args)  # type: ignore[operator]
    except Refused:
        return False
    return True


__all__ = [
    "can",
    "can_",
    "check_draft",
    "check_edit",
    "check_operator",
    "check_send",
    "check_sign",
    "deals",
    "holds_keys",
    "side_of",
]
