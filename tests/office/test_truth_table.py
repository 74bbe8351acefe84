"""Role × situation: who may act in a case at all, complete over every role of the packs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongshu.law import procedures
from gongshu.office.accounts import actors, granting
from gongshu.office.accounts.lawroles import law_roles
from gongshu.office.accounts.models import Delegation
from gongshu.office.accounts.permissions import TABLE, can, holders
from gongshu.office.accounts.roles import REGISTRY, role
from gongshu.office.cases import lawbook, parties, queries, registry, services
from gongshu.office.cases.models import Case
from support import people
from support.people import NOW

pytestmark = pytest.mark.django_db

ZONES = ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")
GRANTABLE = sorted({each for zone in ZONES for each, _ in granting.grantable(zone)})


@pytest.fixture(autouse=True)
def plain_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "HANDLERS", {})


def a_case(**party_roles: Any) -> Case:
    opener = people.acting(people.organisation(), "provider_officer")
    return services.open_case(
        "catalogue.publication", "r-1", opener, NOW, title="某", party_roles=party_roles
    )


@pytest.mark.parametrize("name", GRANTABLE)
def test_a_role_counts_in_its_zone_and_a_partys_only_in_its_case(name: str) -> None:
    """officer: every case of the zone; party: the cases of its organisation; never another zone's."""
    home = people.organisation()
    own, strange = a_case(**{name: home.pk}), a_case()
    actor, elsewhere = people.acting(home, name), people.acting(people.organisation(zone="chizhou"), name)
    assert name in parties.roles(own, actor)
    assert (name in parties.roles(strange, actor)) is role(name).officer
    assert name not in parties.roles(own, elsewhere)
    assert (strange in Case.objects.for_actor(actor)) is role(name).officer
    assert own in Case.objects.for_actor(actor)
    assert own not in Case.objects.for_actor(elsewhere)


@pytest.mark.row("B19")
@pytest.mark.parametrize("name", GRANTABLE)
def test_a_power_of_attorney_opens_only_the_registrations_it_names_and_only_to_an_agent(name: str) -> None:
    """A colleague of the agent, whatever the role, sees and does nothing of the principal's."""
    home, firm = people.organisation(), people.organisation(kind="enterprise")
    Delegation.objects.create(
        zone_id="huangshi", principal=home, agent=firm, procedure="registration.first",
        since=people.SINCE, until=date(2026, 12, 31), document="d",
    )  # fmt: skip
    applicant = people.acting(home, "registrant")
    other, named = (
        services.open_case(each, "r-1", applicant, NOW, title="某")
        for each in ("registration.product", "registration.first")
    )
    plain = a_case(**{name: home.pk})
    actor = people.acting(firm, name)
    everywhere = role(name).officer
    for case in (plain, other):
        assert (case in Case.objects.for_actor(actor)) is everywhere
        assert ("registrant" in parties.roles(case, actor)) is False
    assert name not in parties.roles(plain, actor)  # 在那一案里，这个身份是委托机构的
    lent = name == "agent"
    assert (named in Case.objects.for_actor(actor)) is (everywhere or lent)
    assert ("registrant" in parties.roles(named, actor)) is lent
    waiting = {row.case.pk for row in queries.inbox(actor, NOW.date()).rows}
    assert (named.pk in waiting) is lent
    assert not {plain.pk, other.pk} & waiting or everywhere


@pytest.mark.parametrize("name", GRANTABLE)
def test_each_permission_is_held_by_its_roles_and_no_other(name: str) -> None:
    actor = people.acting(people.organisation(), name)
    for permission in TABLE:
        assert can(actor, permission) is (name in holders(permission)), permission
        assert not can(actor, permission, "gansu"), permission


def _named_roles() -> dict[str, frozenset[str]]:
    """Every table of the office that names roles → the roles it names."""
    from gongshu.office import acts
    from gongshu.office.catalogue import many
    from gongshu.office.consent import permissions as consent
    from gongshu.office.settlement import permissions as settlement

    found = {f"permission {name}": each.roles for name, each in TABLE.items()}
    for act in acts.TABLE:
        found[f"act {act.name}"] = act.roles | act.anywhere | ({act.beside} - {""})
    for batch in many.ACTS.values():
        found[f"catalogue.many {batch.id}"] = batch.by
    found["parties"] = frozenset({*parties.SAME_ORGANISATION, *parties.SAME_ORGANISATION.values()})
    found["delegable"] = parties.DELEGABLE | {actors.AGENT}
    found["capped by"] = settlement.CAPPERS
    found["consent overseen by"] = consent.OVERSEES
    return found


def test_every_role_a_table_names_exists() -> None:
    """A misspelt role in a table is a permission nobody ever holds."""
    known = {*GRANTABLE, *REGISTRY, *parties.OPEN_TO_ALL, *parties.PLATFORM}
    named = _named_roles()
    assert len(named) > 60
    assert not {table: left for table, roles in named.items() if (left := set(roles) - known)}


@pytest.mark.parametrize("zone", ZONES)
def test_every_role_a_procedure_names_can_be_held_by_somebody(zone: str) -> None:
    """No act of a procedure waits for a role that cannot be granted, is not public and no part of the platform."""
    held = lawbook.rules_now(zone, NOW.date())
    possible = {each for each, _ in granting.grantable(zone)} | parties.OPEN_TO_ALL | parties.PLATFORM
    for name in held.ids("procedures"):
        procedure = procedures.load(held, name)
        for act in procedure.acts.values():
            assert set(act.by) & possible, f"{zone} {name} {act.id}"
        assert procedure.roles <= possible | set(law_roles(zone)), f"{zone} {name}"


def test_an_administrator_does_no_business_and_an_overseer_only_looks() -> None:
    administrators = [each for each in REGISTRY.values() if each.administrator]
    assert {each.id for each in administrators} == {
        "system_administrator",
        "security_administrator",
        "audit_administrator",
    }
    zones = [lawbook.rules_now(zone, NOW.date()) for zone in ZONES]
    for held in zones:
        for name in held.ids("procedures"):
            named = {role_id for act in procedures.load(held, name).acts.values() for role_id in act.by}
            assert not named & {each.id for each in administrators}
            assert not named & {"supervisor", "auditor"}
    case = a_case()
    province = people.acting(people.organisation(zone="hubei"), "data_authority")
    assert case in Case.objects.for_actor(province)
    assert "data_authority" not in parties.roles(case, province)
