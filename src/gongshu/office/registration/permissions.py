"""Who may do what here beside the acts of the law: `check_x` raises a sentence, `can_x` asks."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, can, declare
from gongshu.office.cases import parties
from gongshu.office.registration.models import Registration

declare(
    "registration.apply",
    "填写登记申请",
    ["registrant", "agent"],
    "registration.apply",
    "登记申请由登记主体或者它委托的代理机构填写，您的账号没有这个角色。",
)
declare(
    "registration.desk",
    "使用登记工作台",
    ["registrar"],
    "registration.desk",
    "登记工作台由登记机构使用，您的账号没有这个角色。",
)

# 只有这两种状态可以改申请的内容
EDITABLE = ("draft", "returned")


def applies(actor: Actor) -> bool:
    """The actor may apply for registration somewhere."""
    return not actor.anonymous and can(actor, "registration.apply")


def registers(actor: Actor) -> bool:
    """The actor works at the registrar's desk."""
    return not actor.anonymous and can(actor, "registration.desk")


def check_edit(actor: Actor, registration: Registration) -> None:
    """Raise unless the actor may change what the application says now."""
    case = registration.case
    if not {"registrant", "agent"} & parties.roles(case, actor):
        raise Refused(
            "登记申请由登记主体或者它委托的代理机构填写，您不是这件申请的经办人。",
            "forbidden",
            basis(case.zone_id, "registration.apply"),
            {"roles": sorted(actor.roles_in(case.zone_id))},
        )
    if case.state not in EDITABLE:
        raise Refused(
            f"这件申请现为“{case.state_title}”，内容不能再改；只有草稿和待补正的申请可以修改。",
            "state",
            (),
            {"state": case.state},
        )


def sees_identity(actor: Actor, registration: Registration) -> bool:
    """Only the registrar of the zone sees who an objector is by number, contact and paper."""
    return not actor.anonymous and can(actor, "registration.desk", registration.zone_id)


def can_edit(actor: Actor, registration: Registration) -> bool:
    try:
        check_edit(actor, registration)
    except Refused:
        return False
    return True
