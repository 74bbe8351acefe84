"""Permissions: `check_x` raises a sentence, `can_x` asks. One table says which roles hold which.

Other apps add theirs with `declare(Permission(...))` at import of their own `permissions` module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.roles import REGISTRY, role, title


@dataclass
class Refused(Exception):
    """An act is refused: one Chinese sentence, a stable code, the articles, and what it was decided on.

    `decision` is the id of the stored refusal once there is one (its 为什么 is `/why/<decision>`);
    `pending` holds the refusal to store when the caller's own transaction will be rolled back.
    """

    sentence: str
    code: str = "forbidden"
    articles: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    decision: str | None = None
    pending: Any = None

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Permission:
    """A thing a role may do. `ground` names its articles in each zone; `sentence` is said without it."""

    id: str
    title: str
    roles: frozenset[str]
    ground: str = ""
    sentence: str = ""


TABLE: dict[str, Permission] = {}

# 谁保存拒绝：cases 在启动时登记自己，accounts 不引用后面的应用
KEEPERS: list[Callable[[Refused, Actor, str], None]] = []


def keep(refusal: Refused, actor: Actor, act: str) -> None:
    """Have a refusal stored, so that its 为什么 can be opened; outside the rolled-back transaction."""
    for keeper in KEEPERS:
        keeper(refusal, actor, act)


def declare(id_: str, title_: str, roles: Iterable[str], ground: str = "", sentence: str = "") -> Permission:
    """Enter a permission into the table; declaring the same id twice replaces it."""
    found = Permission(id_, title_, frozenset(roles), ground, sentence)
    TABLE[id_] = found
    return found


def holders(id_: str) -> frozenset[str]:
    """Role ids that hold a permission: declared in the table or listed by the role's class."""
    declared = TABLE[id_].roles if id_ in TABLE else frozenset[str]()
    return declared | {name for name, each in REGISTRY.items() if id_ in each.permissions}


def permissions_of(role_id: str) -> list[Permission]:
    """Everything a role may do, for the page that shows roles to a regulator."""
    return sorted((each for each in TABLE.values() if role_id in holders(each.id)), key=lambda each: each.id)


def can(actor: Actor, permission: str, zone: str | None = None) -> bool:
    """The actor holds the permission in `zone` (default: the actor's own working zone)."""
    return bool(actor.roles_in(zone or actor.zone) & holders(permission))


def check(actor: Actor, permission: str, zone: str | None = None) -> None:
    """Raise `Refused` unless `can`."""
    if can(actor, permission, zone):
        return
    entry = TABLE.get(permission)
    names = "、".join(sorted(title(each) for each in holders(permission))) or "尚无角色"
    sentence = (entry.sentence if entry else "") or (
        f"“{entry.title if entry else permission}”由{names}办理，您的账号没有这个角色。"
    )
    raise Refused(
        sentence,
        code="forbidden",
        articles=basis(zone or actor.zone, entry.ground) if entry and entry.ground else (),
        facts={"permission": permission, "roles": sorted(actor.roles_in(zone or actor.zone))},
    )


def check_zone(actor: Actor, zone: str) -> None:
    """Raise unless the actor may see the zone at all."""
    if zone not in actor.zones:
        raise Refused("这条记录属于别的专区，您的账号看不到它。", code="zone", facts={"zone": zone})


def can_hold_together(roles: Iterable[str]) -> bool:
    """Three administrators apart: an administrator holds that one role and no other."""
    held = set(roles)
    return len(held) <= 1 or not any(role(each).administrator for each in held)


declare("accounts.people", "建立机构、人员和账号", ["system_administrator"])
declare("accounts.roles", "授予和收回角色", ["security_administrator"])
declare("accounts.affiliations", "登记关联关系", ["security_administrator"])
declare("accounts.audit", "查看存证日志和登录记录", ["audit_administrator", "auditor"])
declare("accounts.delegations", "登记委托代理", ["registrant", "operator", "provider_officer"])
