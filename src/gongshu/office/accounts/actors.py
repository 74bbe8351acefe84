"""Who acts: a person with an organisation, a working zone and the roles held there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from gongshu.office.accounts.models import Delegation, Person, RoleAssignment
from gongshu.office.accounts.roles import role
from gongshu.office.accounts.zones import descendants

AGENT = "agent"
# 委托代理只办登记：写明的那一种，或者全部登记事项
REGISTRATIONS = "registration."


@dataclass(frozen=True)
class Mandate:
    """A live power of attorney: `principal` lets the firm act in `procedure`, or in every registration."""

    principal: str
    procedure: str = ""

    def covers(self, procedure: str) -> bool:
        """May the agent act for the principal in this procedure?"""
        return procedure.startswith(REGISTRATIONS) and self.procedure in ("", procedure)

    def within(self, field: str) -> Q:
        """The same as a condition on a column that names the procedure."""
        named = Q(**{field: self.procedure}) if self.procedure else Q()
        return Q(**{f"{field}__startswith": REGISTRATIONS}) & named


@dataclass(frozen=True)
class Actor:
    """The one who acts. Ids are opaque; `held` maps a zone to the role ids held in it.

    `zone` is the working zone; `zones` are all zones whose rows may be seen; `mandates` are the
    powers of attorney of the actor's firm: they count for a holder of the role `agent` only, and for the
    procedures they name (`principals_in`), never as an organisation of one's own.
    """

    person: str
    name: str
    organisation: str | None
    organisation_name: str
    zone: str
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    mandates: frozenset[Mandate] = frozenset()
    anonymous: bool = False
    account: str | None = None

    @property
    def roles(self) -> frozenset[str]:
        return self.roles_in(self.zone)

    def roles_in(self, zone: str) -> frozenset[str]:
        """Roles held in a zone; an administrator's reach the zones below, an overseer there only looks."""
        own = set(self.held.get(zone, frozenset()))
        for upper, held in self.held.items():
            if upper != zone and zone in descendants(upper):
                own |= {each for each in held if role(each).administrator}
        return frozenset(own)

    @property
    def zones(self) -> frozenset[str]:
        """Zones whose rows the actor may see."""
        seen = {self.zone}
        for zone, held in self.held.items():
            seen |= descendants(zone) if any(role(each).oversees for each in held) else {zone}
        return frozenset(seen)

    @property
    def organisations(self) -> frozenset[str]:
        """The organisation the actor belongs to, as a set; who it may act for as agent is `principals_in`."""
        return frozenset({self.organisation} if self.organisation else ())

    def principals_in(self, zone: str, procedure: str) -> frozenset[str]:
        """The organisations for which the actor, as agent, may act in a procedure in a zone."""
        if AGENT not in self.roles_in(zone):
            return frozenset()
        return frozenset(each.principal for each in self.mandates if each.covers(procedure))

    def agencies(self) -> list[tuple[str, Mandate]]:
        """(zone, power of attorney) for every zone in which the actor is an agent."""
        zones = sorted(zone for zone in self.held if AGENT in self.roles_in(zone))
        mandates = sorted(self.mandates, key=lambda each: (each.principal, each.procedure))
        return [(zone, each) for zone in zones for each in mandates]

    def officer_zones(self) -> frozenset[str]:
        """Zones in which the actor sees every case, not only those of the own organisation."""
        found: set[str] = set()
        for zone, held in self.held.items():
            for each in held:
                if role(each).officer:
                    found |= descendants(zone) if role(each).oversees else {zone}
        return frozenset(found)


def public(zone: str) -> Actor:
    """A visitor who has not logged in."""
    return Actor("public", "访客", None, "", zone, {zone: frozenset({"public"})}, anonymous=True)


def system(zone: str) -> Actor:
    """The platform itself, for what the law lets happen by time alone."""
    return Actor("system", "系统", None, "", zone, {zone: frozenset({"system"})})


def enclave(zone: str) -> Actor:
    """The data domain's enclave, whose signed messages the office acts on."""
    return Actor("enclave", "数据域", None, "", zone, {zone: frozenset({"enclave"})})


def of(person: Person, today: date, zone: str | None = None, account: str | None = None) -> Actor:
    """The actor of a person as of a business day. Two queries.

    `zone` chooses the working zone when the person holds roles in it, else the person's own.
    """
    live = Q(since__lte=today) & (Q(until=None) | Q(until__gte=today))
    held: dict[str, set[str]] = {}
    for zone_id, role_id in RoleAssignment.objects.filter(live, person=person, revoked_at=None).values_list(
        "zone_id", "role"
    ):
        held.setdefault(zone_id, set()).add(role_id)
    given = Delegation.objects.filter(live, agent_id=person.organisation_id, revoked_at=None)
    mandates = frozenset(Mandate(*each) for each in given.values_list("principal_id", "procedure"))
    frozen = {each: frozenset(roles) for each, roles in held.items()}
    if zone not in frozen:
        zone = person.zone_id if person.zone_id in frozen or not frozen else sorted(frozen)[0]
    return Actor(
        person=person.id,
        name=person.name,
        organisation=person.organisation_id,
        organisation_name=person.organisation.name,
        zone=zone,
        held=frozen,
        mandates=mandates,
        account=account,
    )
