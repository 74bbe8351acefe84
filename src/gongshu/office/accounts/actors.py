"""Who acts: a person with an organisation, a working zone and the roles held there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from gongshu.office.accounts.models import Delegation, Person, RoleAssignment
from gongshu.office.accounts.roles import role
from gongshu.office.accounts.zones import descendants


@dataclass(frozen=True)
class Actor:
    """The one who acts. Ids are opaque; `held` maps a zone to the role ids held in it.

    `zone` is the working zone; `zones` are all zones whose rows may be seen; `principals` are the
    organisations for which this one acts as agent.
    """

    person: str
    name: str
    organisation: str | None
    organisation_name: str
    zone: str
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    principals: frozenset[str] = frozenset()
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
        """The organisations the actor speaks for: the own one and, as agent, the principals."""
        own = {self.organisation} if self.organisation else set()
        return frozenset(own | self.principals)

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
    principals = Delegation.objects.filter(
        live, agent_id=person.organisation_id, revoked_at=None
    ).values_list("principal_id", flat=True)
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
        principals=frozenset(principals),
        account=account,
    )
