"""Who may do what here beside the acts of the law."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, can, declare
from gongshu.office.cases import parties
from gongshu.office.cases.models import Case
from gongshu.office.scenarios.models import Project

declare(
    "scenarios.write",
    "提出应用场景和数据申请",
    ["operator"],
    "scenario.propose",
    "应用场景和数据申请由运营机构提出，您的账号没有这个角色。",
)
declare(
    "scenarios.record",
    "把已发布的应用场景建档",
    ["operator", "data_authority"],
    "scenario.record",
    "已发布的场景由数据管理部门或者运营机构建档，您的账号没有这个角色。",
)
declare(
    "scenarios.project",
    "建立项目、发出数据授权",
    ["operator"],
    "project.open",
    "项目由运营机构按已同意的数据申请建立，您的账号没有这个角色。",
)
declare(
    "scenarios.stop",
    "停止项目或者授权",
    [
        "operator",
        "data_authority",
        "implementing_body",
        "sector_department",
        "provider_officer",
        "provider_checker",
        "supervisor",
    ],
    "operation.stop",
)

# 只有这几种状态可以改内容
EDITABLE = ("draft", "returned")


def works(actor: Actor) -> bool:
    """The actor takes part in scenarios or requests somewhere."""
    return not actor.anonymous and bool(
        actor.roles
        & {
            *("operator", "developer", "provider_officer", "provider_checker", "data_authority"),
            *("implementing_body", "sector_department", "supervisor", "auditor"),
        }
    )


def check_edit(actor: Actor, case: Case | None) -> None:
    """Raise unless the actor may change what the draft of a case says now."""
    if case is None:
        raise Refused("建档的场景以发布的文本为准，不能在这里修改。", "state")
    if "operator" not in parties.roles(case, actor):
        raise Refused(
            "内容由提出的运营机构填写，您不是这件申请的经办人。",
            "forbidden",
            basis(case.zone_id, "scenario.propose"),
            {"roles": sorted(actor.roles_in(case.zone_id))},
        )
    if case.state not in EDITABLE:
        raise Refused(
            f"现为“{case.state_title}”，内容不能再改；只有草稿和退回修改的可以改。",
            "state",
            (),
            {"state": case.state},
        )


def can_edit(actor: Actor, case: Case | None) -> bool:
    try:
        check_edit(actor, case)
    except Refused:
        return False
    return True


def can_stop(actor: Actor, project: Project) -> bool:
    """Whoever takes part in the project, or watches over the zone, may stop it."""
    return not actor.anonymous and can(actor, "scenarios.stop", project.zone_id)
