"""What earlier rooms say: grants as published on the feed, projects, resources, organisations' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation
from gongshu.office.link.models import FeedItem


@dataclass(frozen=True)
class Granted:
    """A grant as the office published it. `owners` are the providers that must confirm it."""

    id: str
    project: str
    title: str
    purpose: str
    since: str
    until: str
    resources: tuple[str, ...]
    owners: tuple[str, ...]
    developing_org: str


def _granted(item: FeedItem, names: Mapping[str, str]) -> Granted:
    body = item.envelope["body"]
    tables = body["tables"].values()
    return Granted(
        body["id"],
        body["project"],
        names.get(body["project"], ""),
        body["purpose"],
        body["from"],
        body["until"],
        tuple(sorted({str(table["resource"]) for table in tables})),
        tuple(sorted({str(table["owner"]) for table in tables})),
        body["developing_org"],
    )


def grant(identifier: str, zone: str) -> Granted | None:
    """A grant by its id; None when none was published in the zone."""
    if not identifier:
        return None
    item = FeedItem.objects.filter(kind="grant", subject=identifier, zone=zone).first()
    if item is None:
        return None
    return _granted(item, project_names({item.envelope["body"]["project"]}))


def grants(actor: Actor, zone: str) -> list[Granted]:
    """The grants an operator may build a product on: those of its own projects, the newest first."""
    items = list(FeedItem.objects.filter(kind="grant", zone=zone).order_by("-seq")[:500])
    mine = projects(actor)
    if mine is not None:
        items = [item for item in items if item.envelope["body"]["project"] in mine]
    names = project_names({item.envelope["body"]["project"] for item in items})
    return [_granted(item, names) for item in items]


def scenarios() -> Any:
    """The scenarios app's models; None while it is not installed."""
    try:
        return import_module("gongshu.office.scenarios.models")
    except (ImportError, RuntimeError):
        return None


def projects(actor: Actor) -> set[str] | None:
    """Ids of the projects whose operator the actor speaks for; None when no app knows projects."""
    models = scenarios()
    if models is None:
        return None
    rows = models.Project.objects.for_actor(actor).filter(operator_id__in=sorted(actor.organisations))
    return set(rows.values_list("pk", flat=True))


def project_names(ids: set[str]) -> dict[str, str]:
    models = scenarios()
    if models is None or not ids:
        return {}
    return dict(models.Project.objects.filter(pk__in=ids).values_list("pk", "name"))


def resource_names(ids: set[str]) -> dict[str, str]:
    """Resource id → name, by the catalogue."""
    try:
        models = import_module("gongshu.office.catalogue.models")
    except (ImportError, RuntimeError):
        return {}
    return dict(models.Resource.objects.filter(pk__in=ids).values_list("pk", "name"))


def organisation_names(ids: set[str]) -> dict[str, str]:
    """Organisation id → name, in one query."""
    return dict(Organisation.objects.filter(pk__in=ids).values_list("pk", "name"))
