"""What leaves of a provider's data, to whom, how often; and what the pages of this app list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation
from gongshu.office.catalogue.models import Resource
from gongshu.office.link.feed import RAW_TASKS
from gongshu.office.link.models import FeedItem
from gongshu.office.products.models import Agreement, Ceiling, Product
from gongshu.office.scenarios.models import Grant, Project, Stop
from gongshu.office.settlement.models import CallBatch
from gongshu.office.supervision.models import Correction, Draw
from gongshu.office.workbench.models import Release, Task

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
MOST = 1000


def draws(actor: Actor) -> Any:
    return Draw.objects.for_actor(actor).filter(zone_id=actor.zone).order_by("-wall_at", "pk")


def corrections(actor: Actor) -> Any:
    rows = Correction.objects.for_actor(actor).select_related("case", "addressee", "zone")
    return rows.order_by("case__closed", "case__due", "-case__opened_at", "pk")


# ------------------------------------------------------------ what leaves of my data


@dataclass(frozen=True)
class Use:
    """A grant over the provider's tables: to whom, for what, until when, how often it ran."""

    grant: str
    project: str
    project_name: str
    purpose: str
    operator: str
    resources: tuple[str, ...]
    fields: int
    since: str
    until: str
    state: str
    week: int
    month: int
    left: int


@dataclass(frozen=True)
class Call:
    """Calls of one product by one buyer in the last seven days (wall time)."""

    buyer: str
    count: int


@dataclass(frozen=True)
class Supplied:
    """A product made of the provider's data: its ceiling, its callers this week, since when it is stopped."""

    product: Product
    ceiling: Ceiling | None
    calls: tuple[Call, ...]
    stopped: datetime | None = None

    @property
    def week(self) -> int:
        return sum(each.count for each in self.calls)


@dataclass(frozen=True)
class Mine:
    """Everything on the page 我的数据."""

    resources: Sequence[Resource]
    uses: Sequence[Use]
    released: Sequence[Release]
    supplied: Sequence[Supplied]
    organisations: Sequence[str] = field(default=())


def mine(actor: Actor, zone: str, today: date, wall: datetime) -> Mine:
    """What leaves of the data of the actor's organisations in a zone. A fixed number of queries."""
    own = sorted(actor.organisations)
    resources = list(Resource.objects.filter(provider_id__in=own, zone_id=zone).order_by("name")[:MOST])
    items = FeedItem.objects.filter(kind="grant", zone=zone).order_by("-seq")[:MOST]
    bodies = [body for item in items if _owned(body := item.envelope["body"], own)]
    ids = [body["id"] for body in bodies]
    products = list(Product.objects.filter(zone_id=zone, grant__in=ids).order_by("name", "pk"))
    return Mine(
        resources,
        _uses(bodies, own, today, wall),
        list(
            Release.objects.filter(task__grant_id__in=ids)
            .select_related("project")
            .order_by("-at", "pk")[:MOST]
        ),
        _supplied(zone, products, wall),
        tuple(Organisation.objects.filter(pk__in=own).order_by("name").values_list("name", flat=True)),
    )


def _owned(body: Mapping[str, Any], own: Sequence[str]) -> bool:
    return any(table.get("owner") in own for table in body["tables"].values())


def _uses(bodies: Sequence[Mapping[str, Any]], own: Sequence[str], today: date, wall: datetime) -> list[Use]:
    ids = [body["id"] for body in bodies]
    states = {row.pk: row.state_on(today) for row in Grant.objects.filter(pk__in=ids)}
    projects = dict(
        Project.objects.filter(pk__in={body["project"] for body in bodies}).values_list("pk", "name")
    )
    names = dict(
        Organisation.objects.filter(pk__in={body["developing_org"] for body in bodies}).values_list(
            "pk", "name"
        )
    )
    ran = Task.objects.filter(grant_id__in=ids).values_list("grant_id")
    counts = {
        row[0]: row[1:]
        for row in ran.annotate(
            week=Count("pk", filter=Q(kind__in=RAW_TASKS, wall_at__gte=wall - WEEK)),
            month=Count("pk", filter=Q(kind__in=RAW_TASKS, wall_at__gte=wall - MONTH)),
            left=Count("release"),
        )
    }
    titles = dict(Resource.objects.filter(pk__in=_resources(bodies, own)).values_list("pk", "name"))
    found = []
    for body in bodies:
        tables = {name: each for name, each in body["tables"].items() if each.get("owner") in own}
        week, month, left = counts.get(body["id"], (0, 0, 0))
        found.append(
            Use(
                body["id"],
                body["project"] if body["project"] in projects else "",
                projects.get(body["project"], body["project"]),
                body["purpose"],
                names.get(body["developing_org"], ""),
                tuple(sorted(titles.get(each["resource"], name) for name, each in tables.items())),
                sum(len(each["columns"]) for each in tables.values()),
                body["from"],
                body["until"],
                states.get(body["id"]) or ("live" if today.isoformat() <= body["until"] else "expired"),
                week,
                month,
                left,
            )
        )
    return found


def _resources(bodies: Sequence[Mapping[str, Any]], own: Sequence[str]) -> set[str]:
    return {
        str(each["resource"])
        for body in bodies
        for each in body["tables"].values()
        if each.get("owner") in own
    }


def _stopped(zone: str, products: Sequence[str]) -> dict[str, datetime]:
    """Product → when it was first stopped (wall time), at the office or in the data domain. Two queries."""
    items = FeedItem.objects.filter(kind="stop", zone=zone, envelope__body__target__in=list(products))
    made = [(item.envelope["body"]["target"], item.published) for item in items]
    made += Stop.objects.filter(zone_id=zone, scope="product", target__in=products).values_list(
        "target", "made_at"
    )
    found: dict[str, datetime] = {}
    for target, at in made:
        found[target] = min(at, found.get(target, at))
    return found


def _supplied(zone: str, products: Sequence[Product], wall: datetime) -> list[Supplied]:
    ids = [row.pk for row in products]
    rows = (
        CallBatch.objects.filter(zone_id=zone, received__gte=wall - WEEK, product__in=ids)
        .values("product", "contract")
        .annotate(total=Sum("calls"))
    )
    buyers = dict(Agreement.objects.filter(product__in=ids).values_list("pk", "buyer__name"))
    called: dict[str, list[Call]] = {}
    for row in rows:
        name = buyers.get(row["contract"], row["contract"])
        called.setdefault(row["product"], []).append(Call(name, int(row["total"] or 0)))
    ceilings = {
        row.product_id: row
        for row in Ceiling.objects.filter(product__in=ids, state="confirmed").order_by("at")
    }
    stopped = _stopped(zone, ids)
    return [
        Supplied(
            row,
            ceilings.get(row.pk),
            tuple(sorted(called.get(row.pk, ()), key=lambda each: (-each.count, each.buyer))),
            stopped.get(row.pk),
        )
        for row in products
    ]
