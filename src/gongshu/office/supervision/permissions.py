"""Who may look over a zone, order to correct, draw cases, and see what leaves of the own data."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import can, declare

OVERSEERS = ("data_authority", "implementing_body", "sector_department", "supervisor", "auditor")
ORDERING = ("data_authority", "implementing_body", "sector_department")
PROVIDERS = ("provider_officer", "provider_checker")

declare(
    "supervision.see",
    "看监管驾驶舱和总数核对",
    OVERSEERS,
    sentence="监管驾驶舱给数据主管部门、实施机构、行业主管部门、监管部门和审计机关看，您的账号没有这个角色。",
)
declare(
    "supervision.order",
    "发出整改通知",
    ORDERING,
    sentence="整改通知由数据主管部门、实施机构或者行业主管部门发出，您的账号没有这个角色。",
)
declare(
    "supervision.draw",
    "抽取案件审计",
    ["auditor"],
    sentence="抽样审计由审计机关办理，您的账号没有这个角色。",
)
declare(
    "supervision.stop",
    "监管中发出停止",
    ["data_authority", "implementing_body", "sector_department", "supervisor"],
    sentence="停止由监管部门、数据主管部门、实施机构、行业主管部门、提供单位或者运营机构发出，您的账号没有这个角色。",
)
declare(
    "supervision.mine",
    "看本单位数据的去向",
    PROVIDERS,
    sentence="“我的数据”给数据提供单位的经办人和审核人看，您的账号没有这个角色。",
)


def sees(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "supervision.see")


def draws(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "supervision.draw")


def provides(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "supervision.mine")
