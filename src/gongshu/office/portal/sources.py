"""What earlier apps have made public, asked one by one: an app not installed has nothing to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils import timezone

from gongshu.office.accounts.models import Organisation, RoleAssignment
from gongshu.office.link.feed import RAW_TASKS
from gongshu.office.link.models import FeedItem, InboxMessage

MOST = 5000


def ask(app: str, module: str = "queries") -> Any:
    """A module of an earlier app; None where the app is not installed."""
    return (
        import_module(f"gongshu.office.{app}.{module}")
        if apps.is_installed(f"gongshu.office.{app}")
        else None
    )


# ---------------------------------------------------------------- catalogue to registration


def catalogue(zone: str, text: str = "") -> Any:
    """Published resources of a zone, those holding `text` when given."""
    found = ask("catalogue")
    if found is None:
        return []
    rows = found.published(zone)
    return found.matching(rows, text) if text else rows


def scenarios(zone: str) -> Any:
    found = ask("scenarios")
    return found.published(zone) if found else []


def products(zone: str, today: date) -> list[tuple[Any, Any]]:
    """(product, certificate) of the products that are reviewed and registered."""
    found = ask("products")
    return found.published(zone, today) if found else []


def prices(zone: str, today: date) -> list[Any]:
    """收费公示: published products with the price list and the caps in force on a business day."""
    found = ask("settlement")
    return found.prices(zone, today) if found else []


def publicity(zone: str) -> Any:
    found = ask("registration")
    return found.in_publicity(zone) if found else []


def certificates(zone: str) -> Any:
    found = ask("registration")
    return found.issued(zone) if found else []


def filed(zone: str, kind: str) -> list[Any]:
    """Filed documents (plan, selection, operation agreement) of a kind."""
    found = ask("authorisation")
    return found.filed(zone, kind) if found else []


def organisations(zone: str, role: str) -> list[str]:
    """Names of the organisations whose people hold a role in the zone."""
    held = RoleAssignment.objects.filter(zone=zone, role=role, revoked_at=None)
    ids = held.values("person__organisation_id")
    return list(
        Organisation.objects.filter(pk__in=ids, active=True).order_by("name").values_list("name", flat=True)
    )


# ---------------------------------------------------------------- runs on raw data


@dataclass(frozen=True)
class Run:
    """One run on raw public data, as the public sees it: a day, no time; no result."""

    id: str
    day: date
    project: str
    purpose: str
    datasets: tuple[str, ...]
    released: bool


def runs(zone: str, first: int = 0, count: int = MOST) -> list[Run]:
    """Every run that went to the data domain, the newest first; `count` of them after the `first`.

    What the office published and what came back is the record; no other table is asked.
    """
    items = raw_tasks(zone).order_by("-seq")[first : first + count]
    return _runs(zone, list(items))


def raw_tasks(zone: str) -> Any:
    """The tasks of a zone that read raw data."""
    return FeedItem.objects.filter(kind="task", zone=zone, envelope__body__kind__in=RAW_TASKS)


def _runs(zone: str, items: list[FeedItem]) -> list[Run]:
    grants = _grants(zone, {item.envelope["body"]["grant"] for item in items})
    names = _resource_names(grants.values())
    projects = _project_names({body["project"] for body in grants.values()})
    left = released_runs(zone, {item.envelope["body"]["id"] for item in items})
    found = []
    for item in items:
        body = item.envelope["body"]
        grant = grants.get(body["grant"], {})
        tables = _tables_read(body, grant)
        found.append(
            Run(
                body["id"],
                _day(body, item),
                projects.get(grant.get("project", ""), grant.get("project", "")),
                grant.get("purpose", ""),
                tuple(sorted({names.get(table["resource"], name) for name, table in tables.items()})),
                body["id"] in left,
            )
        )
    return found


def _tables_read(body: Mapping[str, Any], grant: Mapping[str, Any]) -> dict[str, Any]:
    """The tables a task says it reads, else every table of its grant: rather too many than too few."""
    tables: dict[str, Any] = dict(grant.get("tables", {}))
    said = body.get("reads")
    if isinstance(said, Mapping) and said.keys() <= tables.keys() and said:
        return {name: tables[name] for name in said}
    return tables


def _day(body: Mapping[str, Any], item: FeedItem) -> date:
    try:
        return date.fromisoformat(str(body.get("business_date")))
    except ValueError:
        return timezone.localtime(item.published).date()


def _grants(zone: str, ids: set[str]) -> dict[str, dict[str, Any]]:
    rows = FeedItem.objects.filter(kind="grant", zone=zone, subject__in=sorted(ids))
    return {row.subject: row.envelope["body"] for row in rows}


def released_runs(zone: str, ids: set[str]) -> set[str]:
    """Which runs' results left the data domain (some at least, after review).

    A release record names the run; one made on its own (a report, a model) names its request.
    """
    asked = FeedItem.objects.filter(
        kind="task", zone=zone, envelope__body__kind="release", envelope__body__from_task__in=sorted(ids)
    )
    by_task = {row.envelope["body"]["id"]: row.envelope["body"]["from_task"] for row in asked}
    wanted = sorted({*ids, *by_task})
    rows = InboxMessage.objects.filter(kind="release", envelope__body__task__in=wanted)
    named = {row["envelope__body__task"] for row in rows.values("envelope__body__task")}
    return {by_task.get(task, task) for task in named}


def _resource_names(grants: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    models = ask("catalogue", "models")
    if models is None:
        return {}
    ids = {table["resource"] for grant in grants for table in grant["tables"].values()}
    return dict(models.Resource.objects.filter(pk__in=ids).values_list("pk", "name"))


def _project_names(ids: set[str]) -> dict[str, str]:
    models = ask("scenarios", "models")
    return dict(models.Project.objects.filter(pk__in=ids).values_list("pk", "name")) if models else {}


def granted_resources(zone: str, today: date) -> list[tuple[str, str, str]]:
    """(resource, from, until) of what operators may use today: of the grants every provider confirmed, that
    nobody stopped and whose days have come and not run out."""
    models = ask("scenarios", "models")
    if models is None:
        return []
    rows = models.Grant.objects.filter(zone_id=zone, state="live").order_by("-issued_at")[:MOST]
    live = [
        row.body for row in rows if row.state_on(today) == "live" and row.body["from"] <= today.isoformat()
    ]
    names = _resource_names(live)
    return sorted(
        {
            (names.get(table["resource"], name), body["from"], body["until"])
            for body in live
            for name, table in body["tables"].items()
        }
    )
