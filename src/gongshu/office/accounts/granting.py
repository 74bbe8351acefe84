"""Roles, ties between organisations and agents: what the security administrator and principals decide."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction

from gongshu.office.accounts.actors import REGISTRATIONS, Actor
from gongshu.office.accounts.lawroles import law_roles
from gongshu.office.accounts.models import Affiliation, Delegation, Organisation, Person, RoleAssignment, Zone
from gongshu.office.accounts.permissions import Refused, can_hold_together, check, check_zone
from gongshu.office.accounts.proof import prove
from gongshu.office.accounts.roles import title as role_title

UNGRANTED = ("public", "system", "enclave")


def grantable(zone: str) -> list[tuple[str, str]]:
    """The roles of a zone's packs that can be given to a person: (id, title in the zone's words)."""
    return [(each.id, each.title) for each in law_roles(zone).values() if each.id not in UNGRANTED]


@transaction.atomic
def grant_role(
    *,
    actor: Actor,
    now: datetime,
    person: Person,
    zone: str,
    role: str,
    since: date,
    until: date | None = None,
) -> RoleAssignment:
    """Give a person a role in a zone. Nobody grants to himself; an administrator holds one role only."""
    check_zone(actor, zone)
    check(actor, "accounts.roles", zone)
    check_grant(actor, person, zone, role, since, until)
    try:
        with transaction.atomic():
            made = RoleAssignment.objects.create(
                person=person,
                zone_id=zone,
                role=role,
                since=since,
                until=until,
                granted_by=actor.person,
                granted_at=now,
            )
    except IntegrityError as error:
        raise Refused("这个人已经有这个角色，或者已是另一名管理员。", "role_once") from error
    prove(actor, f"accounts.role.grant.{role}", person.id, zone, "accounts.roles")
    return made


def check_grant(actor: Actor, person: Person, zone: str, role: str, since: date, until: date | None) -> None:
    """Raise unless the grant keeps the administrators apart and makes sense."""
    if person.id == actor.person:
        raise Refused("不能给自己授予角色。", "self")
    if role not in dict(grantable(zone)):
        raise Refused(f"本专区的规则包里没有“{role}”这个角色。", "role")
    if not Zone.objects.filter(pk=zone).exists():
        raise Refused("没有这个专区。", "zone")
    if until is not None and until < since:
        raise Refused("结束日期早于开始日期。", "period")
    # 先锁住这个人，两次授权同时进行也守得住三员分立
    Person.objects.select_for_update().get(pk=person.pk)
    held = set(RoleAssignment.objects.filter(person=person, revoked_at=None).values_list("role", flat=True))
    if (
        role in held
        and RoleAssignment.objects.filter(person=person, zone=zone, role=role, revoked_at=None).exists()
    ):
        raise Refused("这个人已经有这个角色。", "role_once")
    if not can_hold_together({*held, role}):
        names = "、".join(role_title(each) for each in sorted(held))
        raise Refused(
            f"系统管理员、安全管理员、审计管理员三员分立，也不得兼办业务：此人已是{names}。", "apart"
        )


@transaction.atomic
def revoke_role(*, actor: Actor, now: datetime, assignment: RoleAssignment) -> None:
    """Take a role away; effective with the next request."""
    check_zone(actor, assignment.zone_id)
    check(actor, "accounts.roles", assignment.zone_id)
    if assignment.person_id == actor.person:
        raise Refused("不能收回自己的角色，请由另一名安全管理员办理。", "self")
    changed = RoleAssignment.objects.filter(pk=assignment.pk, revoked_at=None).update(
        revoked_at=now, revoked_by=actor.person
    )
    if not changed:
        raise Refused("这个角色已经收回。", "revoked")
    prove(
        actor,
        f"accounts.role.revoke.{assignment.role}",
        assignment.person_id,
        assignment.zone_id,
        "accounts.roles",
    )


@transaction.atomic
def add_affiliation(
    *,
    actor: Actor,
    now: datetime,
    one: Organisation,
    other: Organisation,
    kind: str,
    since: date,
    until: date | None = None,
) -> Affiliation:
    """Enter a tie between two organisations, from which recusal is computed."""
    check(actor, "accounts.affiliations", one.zone_id)
    if one.pk == other.pk:
        raise Refused("机构不能与自己关联。", "affiliation")
    first, second = sorted((one, other), key=lambda each: each.pk)
    made, created = Affiliation.objects.get_or_create(
        organisation=first,
        other=second,
        kind=kind,
        since=since,
        defaults={"zone_id": one.zone_id, "until": until},
    )
    if not created:
        raise Refused("这条关联已经登记过。", "affiliation")
    prove(actor, "accounts.affiliation.add", first.id, one.zone_id, "accounts.affiliations")
    return made


@transaction.atomic
def end_affiliation(*, actor: Actor, now: datetime, affiliation: Affiliation, until: date) -> None:
    """Give a tie its last day."""
    check(actor, "accounts.affiliations", affiliation.zone_id)
    Affiliation.objects.filter(pk=affiliation.pk).update(until=until)
    prove(
        actor,
        "accounts.affiliation.end",
        affiliation.organisation_id,
        affiliation.zone_id,
        "accounts.affiliations",
    )


@transaction.atomic
def delegate(
    *,
    actor: Actor,
    now: datetime,
    agent: Organisation,
    since: date,
    until: date,
    document: str,
    procedure: str = "",
) -> Delegation:
    """The actor's organisation lets an agent act for it under a deposited power of attorney.

    `procedure`: the one registration it is for; empty for all of them. Raises `Refused`.
    """
    check(actor, "accounts.delegations")
    if actor.organisation is None or agent.pk == actor.organisation:
        raise Refused("不能委托自己的机构。", "delegation")
    if procedure and not procedure.startswith(REGISTRATIONS):
        raise Refused("委托代理只办登记，请选择一种登记，或者选全部登记事项。", "input:procedure")
    if until < since:
        raise Refused("委托的结束日期早于开始日期。", "period")
    made = Delegation.objects.create(
        zone_id=actor.zone,
        principal_id=actor.organisation,
        agent=agent,
        procedure=procedure,
        since=since,
        until=until,
        document=document,
    )
    prove(
        actor,
        "accounts.delegation.give",
        agent.id,
        actor.zone,
        "accounts.delegations",
        {"document": document},
    )
    return made


@transaction.atomic
def revoke_delegation(*, actor: Actor, now: datetime, delegation: Delegation) -> None:
    """The principal ends a delegation; effective with the next request."""
    check(actor, "accounts.delegations", delegation.zone_id)
    if delegation.principal_id != actor.organisation:
        raise Refused("只有委托机构能撤回委托。", "organisation")
    Delegation.objects.filter(pk=delegation.pk).update(revoked_at=now)
    prove(actor, "accounts.delegation.end", delegation.agent_id, delegation.zone_id, "accounts.delegations")
