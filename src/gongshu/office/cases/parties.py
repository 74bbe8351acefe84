"""Which roles an actor has in one case, and the facts about the actor that the guards ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gongshu.law.history import local_day
from gongshu.law.shapes import Procedure
from gongshu.office.accounts import affiliation
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.roles import role as role_class
from gongshu.office.cases.models import Case, CaseParty

# 复核人与经办人属同一机构：经办机构在案里的身份也是复核人的身份
SAME_ORGANISATION = {"registrant_reviewer": "registrant", "provider_checker": "provider_officer"}
# 任何人都可以办的：实名提出异议
OPEN_TO_ALL = frozenset({"public"})
PLATFORM = frozenset({"system", "enclave"})
# 代理机构凭委托书可以代办的角色
DELEGABLE = frozenset({"registrant"})


def delegated(actor: Actor, zone: str, procedure: str) -> frozenset[str]:
    """Roles an agent may take up for its principals in a procedure."""
    return DELEGABLE if actor.principals_in(zone, procedure) else frozenset()


def spoken_for(case: Case, actor: Actor, role: str) -> frozenset[str]:
    """The parties of a case with this role for whom the actor speaks: the own organisation, or principals."""
    found = organisations_of(case, role)
    own = actor.organisations
    if role in DELEGABLE:
        own |= actor.principals_in(case.zone_id, case.procedure)
    return found & own


def enter(case: Case, role: str, given: Mapping[str, str | Iterable[str]]) -> None:
    """Write the parties of a new case; the applicant takes the role the case was begun in."""
    wanted: set[tuple[str, str]] = set()
    for name, value in given.items():
        wanted |= {(name, each) for each in ([value] if isinstance(value, str) else value)}
    if role not in given and case.organisation_id and not role_class(role).officer:
        wanted.add((role, case.organisation_id))
    CaseParty.objects.bulk_create(
        [
            CaseParty(case=case, zone_id=case.zone_id, role=name, organisation_id=each)
            for name, each in sorted(wanted)
        ]
    )


def add(case: Case, role: str, organisation: str) -> None:
    """Give an organisation a role in a running case (the provider named by a request, the buyer)."""
    CaseParty.objects.get_or_create(
        case=case, role=role, organisation_id=organisation, defaults={"zone_id": case.zone_id}
    )


def of(case: Case) -> dict[str, frozenset[str]]:
    """role → organisations of a case. One query, kept on the object."""
    if not hasattr(case, "_parties"):
        found: dict[str, set[str]] = {}
        for role, organisation in CaseParty.objects.filter(case=case).values_list("role", "organisation_id"):
            found.setdefault(role, set()).add(organisation)
        case._parties = {role: frozenset(each) for role, each in found.items()}
    return dict(case._parties)


def organisations_of(case: Case, role: str) -> frozenset[str]:
    """The organisations that hold a role in the case, the checker's being the officer's."""
    found = of(case)
    return found.get(role) or found.get(SAME_ORGANISATION.get(role, ""), frozenset())


def roles(case: Case, actor: Actor) -> frozenset[str]:
    """The roles in which the actor may act in this case.

    An officer's role counts in the zone; a party's role only for an organisation that has it in the case,
    the own one or, for an agent, a principal.
    """
    held = set(actor.roles_in(case.zone_id))
    found = set()
    for role in held:
        parties = organisations_of(case, role)
        if role in OPEN_TO_ALL | PLATFORM or (
            parties & actor.organisations if parties else role_class(role).officer
        ):
            found.add(role)
    found |= {
        each for each in delegated(actor, case.zone_id, case.procedure) if spoken_for(case, actor, each)
    }
    if OPEN_TO_ALL & held or actor.anonymous or actor.organisation:
        found |= OPEN_TO_ALL
    return frozenset(found)


def standing_facts(case: Case, actor: Actor) -> dict[str, Any]:
    """Facts every procedure may ask for; an app's handler or the caller may say them better."""
    registrants = set(organisations_of(case, "registrant"))
    registrants |= {case.organisation_id} if case.organisation_id else set()
    return {
        "registrant_organisations": sorted(registrants),
        "developing_organisations": sorted(organisations_of(case, "developer")),
        "providers": sorted(organisations_of(case, "provider_officer")),
        "real_name": not actor.anonymous,  # 账号都是实名建立的
    }


def facts(case: Case, actor: Actor, procedure: Procedure, act: str, now: datetime) -> dict[str, Any]:
    """`recused` and `actor_organisation`; they replace whatever the caller gave."""
    own = roles(case, actor)
    acting = own & set(procedure.act(act).by) if act in procedure.acts else own
    found = None
    if not any(spoken_for(case, actor, role) for role in acting):
        applicants = {each for held in of(case).values() for each in held}
        applicants |= {case.organisation_id} if case.organisation_id else set()
        found = affiliation.related(actor.organisation, applicants, local_day(now))
    given: dict[str, Any] = {"recused": found is not None, "actor_organisation": actor.organisation}
    if found:
        given["recused_because"] = found
    return given
