"""Who may work on a project: its named developers, while the grant lives."""

from __future__ import annotations

from datetime import date

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check, declare
from gongshu.office.scenarios import grants, queries
from gongshu.office.scenarios.models import Grant, Project

GROUND = "development.controlled"
declare(
    "workbench.run",
    "在工作台运行、申请出域",
    ["developer", "operator"],
    GROUND,
    "运行由项目的开发人员提交，您的账号没有这个角色。",
)


def works(actor: Actor) -> bool:
    return not actor.anonymous and bool(actor.roles & {"developer", "operator"})


def develops(actor: Actor, grant: Grant | None) -> bool:
    """The actor is one of the developers the grant names."""
    return grant is not None and not actor.anonymous and actor.person in grant.body["developers"]


def check_work(actor: Actor, project: Project, today: date) -> Grant:
    """The live grant under which the actor may work today; raises `Refused`."""
    check(actor, "workbench.run", project.zone_id)  # 授权写明的人，收回角色以后也不能再运行
    grant = queries.grant_of(project)
    if not develops(actor, grant):
        raise Refused(
            "只有授权写明的开发人员可以运行和申请出域。",
            "forbidden",
            basis(project.zone_id, GROUND, today),
            {"project": project.pk},
        )
    closed = grants.reason_closed(grant, today)
    if closed or grant is None:
        raise Refused(closed, "grant", basis(project.zone_id, grants.GROUND, today), {"project": project.pk})
    return grant
