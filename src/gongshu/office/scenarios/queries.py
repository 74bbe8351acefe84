"""Reading scenarios, requests, projects and grants. Later apps use `projects`, `live_grant`, `published`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import Q

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation, Person, RoleAssignment
from gongshu.office.scenarios.models import DataRequest, Grant, Project, Scenario, Stop

APPROVED = ("approved", "published")
GRANTED = ("granted", "supplied")


def scenarios(actor: Actor) -> Any:
    """Scenarios the actor may see, the newest first."""
    found = Scenario.objects.for_actor(actor).select_related("case", "case__organisation", "zone")
    return found.order_by("-case__opened_at", "-published", "name", "pk")


def published(zone: str = "") -> Any:
    """Published scenarios. Public."""
    found = Scenario.objects.filter(published__isnull=False)
    found = found.filter(zone_id=zone) if zone else found
    return found.select_related("case", "zone").order_by("-published", "name", "pk")


APPROVED_SCENARIO = Q(case__state__in=APPROVED) | Q(source__isnull=False, recorded_by_authority=True)


def usable_scenarios(actor: Actor, zone: str) -> Any:
    """Approved scenarios an operator may base a request on: its own, and those the authority recorded."""
    own = Q(case__organisation_id__in=sorted(actor.organisations)) | Q(case=None)
    return Scenario.objects.filter(APPROVED_SCENARIO, own, zone_id=zone).order_by("name", "pk")


def approved(scenario: Scenario) -> bool:
    """The scenario stands approved now."""
    return Scenario.objects.filter(APPROVED_SCENARIO, pk=scenario.pk).exists()


def requests(actor: Actor) -> Any:
    """Data requests the actor may see, the newest first."""
    found = DataRequest.objects.for_actor(actor)
    found = found.select_related("case", "case__organisation", "scenario", "provider", "zone")
    return found.order_by("-case__opened_at", "pk")


def granted_requests(actor: Actor, zone: str) -> Any:
    """Requests of the actor's organisation that were agreed to, fit for a project."""
    found = DataRequest.objects.filter(zone_id=zone, case__state__in=GRANTED)
    found = found.filter(case__organisation_id__in=sorted(actor.organisations))
    return found.select_related("case", "scenario", "provider").order_by("-case__opened_at", "pk")


def projects(actor: Actor) -> Any:
    """Projects the actor may see, the newest first."""
    found = Project.objects.for_actor(actor).select_related("scenario", "operator", "zone")
    return found.prefetch_related("grants").order_by("-opened_at", "pk")


def grant_of(project: Project) -> Grant | None:
    """The newest grant of a project."""
    return max(project.grants.all(), key=lambda each: (each.issued_at, each.feed), default=None)


def live_grant(project: Project, today: date) -> Grant | None:
    """The grant work may be done under on a business day."""
    found = grant_of(project)
    return found if found and found.state_on(today) == "live" and today >= _first_day(found) else None


def _first_day(grant: Grant) -> date:
    return date.fromisoformat(grant.body["from"])


def stops_of(project: Project) -> list[Stop]:
    """Every stop that named the project or one of its grants, the newest first."""
    targets = [project.pk, *project.grants.values_list("pk", flat=True)]
    hit = Q(scope__in=("project", "grant"), target__in=targets) | Q(scope="all")
    return list(Stop.objects.filter(hit, zone_id=project.zone_id).order_by("-made_at"))


def providers(zone: str) -> dict[str, str]:
    """Name → id of the organisations that have a provider's officer in the zone."""
    held = organisations_in_role(zone, ("provider_officer", "provider_checker"))
    return {name: id_ for id_, name in held.items()}


def organisations_in_role(zone: str, roles: tuple[str, ...]) -> dict[str, str]:
    """Organisation id → name of those whose people hold one of the roles in the zone."""
    held = RoleAssignment.objects.filter(zone_id=zone, role__in=roles, revoked_at=None)
    found = Organisation.objects.filter(people__in=held.values("person_id"), active=True).distinct()
    return dict(found.order_by("name").values_list("pk", "name"))


def developers(zone: str) -> list[Person]:
    """People who may be named as developers in the zone, by organisation and name."""
    held = RoleAssignment.objects.filter(zone_id=zone, role="developer", revoked_at=None)
    found = Person.objects.filter(pk__in=held.values("person_id"), active=True)
    return list(found.select_related("organisation").order_by("organisation__name", "name", "pk"))


def names_of(organisations: Any) -> Mapping[str, str]:
    """Organisation id → name."""
    return dict(Organisation.objects.filter(pk__in=set(organisations)).values_list("pk", "name"))


def live_grants(found: DataRequest) -> list[Grant]:
    """The grants confirmed at the airlock that rest on a request, with their projects."""
    rows = Grant.objects.filter(project__requests=found, state="live").select_related("project")
    return list(rows.order_by("issued_at", "pk"))
