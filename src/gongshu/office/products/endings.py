"""Ending an operator's operation: what stops with it, all in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.models import Organisation, RoleAssignment
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.link import clock, effects, evidence
from gongshu.office.link.models import FeedItem
from gongshu.office.products import supply, upstream
from gongshu.office.products.models import Agreement, Ending, Product, ending_id

GROUND = "operation.end"


def ended(zone: str, organisation: str) -> Ending | None:
    """The ending of an operator's operation in a zone."""
    return Ending.objects.filter(zone_id=zone, organisation_id=organisation).first()


def operators(zone: str) -> QuerySet[Organisation]:
    """Who operates in a zone, wherever it is at home: by its products, its projects or its people's role."""
    models = upstream.scenarios()
    found = Q(pk__in=Product.objects.filter(zone_id=zone).values("operator_id"))
    held = RoleAssignment.objects.filter(zone_id=zone, role="operator", revoked_at=None)
    found |= Q(pk__in=held.values("person__organisation_id"))
    if models is not None:
        found |= Q(pk__in=models.Project.objects.filter(zone_id=zone).values("operator_id"))
    return Organisation.objects.filter(found)


def running(zone: str) -> list[tuple[str, str]]:
    """Operators of the zone whose operation has not ended: (id, name)."""
    over = Ending.objects.filter(zone_id=zone).values("organisation_id")
    return list(operators(zone).exclude(pk__in=over).order_by("name").values_list("pk", "name"))


@transaction.atomic
def end_operator(*, actor: Actor, now: datetime, organisation: str, reason: str) -> Ending:
    """End an operator's operation in the actor's zone: its projects with their grants, its products, its
    agreements, each stopped on the feed in this transaction. `now` is business time."""
    zone = actor.zone
    check(actor, "products.end_operator", zone)
    cited = basis(zone, GROUND, local_day(now))
    home = operators(zone).filter(pk=organisation).first()
    if home is None:
        raise Refused("请选择本专区的运营机构。", "input:organisation", cited)
    if home.pk in actor.organisations:
        raise Refused("不能终止自己单位的运营，请由授权的单位办理。", "input:organisation", cited)
    if not reason.strip():
        raise Refused("请写明终止的理由。", "input:reason", cited)
    made = Ending(
        id=ending_id(), zone_id=zone, organisation=home, reason=reason.strip()[:400], by=actor.person, at=now,
        wall_at=clock.wall_now(),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise Refused("这家运营机构的运营已经终止。", "state", cited) from error
    made.items = [*_projects(made, actor), *_products(made, actor), *_agreements(made, actor, now)]
    made.save(update_fields=["items"])
    evidence.record(
        act="operation.end",
        actor=actor.person,
        role=next(iter(sorted(actor.roles_in(zone) & {"data_authority", "implementing_body"}))),
        subject=made.pk,
        zone=zone,
        now=made.wall_at,
        articles=cited,
        digests={"items": evidence.digest_of(made.items)[0]},
    )
    return made


def _item(scope: str, target: str, title: str, stop: str) -> dict[str, Any]:
    return {"scope": scope, "target": target, "title": title, "stop": stop}


def _projects(made: Ending, actor: Actor) -> list[dict[str, Any]]:
    """A project's stop ends its grants, its running jobs and its pending releases in the data domain."""
    models = upstream.scenarios()
    if models is None:
        return []
    from gongshu.office.scenarios import grants

    rows = models.Project.objects.filter(zone_id=made.zone_id, operator_id=made.organisation_id)
    given = {"actor": actor, "zone": made.zone_id, "scope": "project", "reason": made.reason}
    return [
        _item("project", row.pk, row.name, grants.stop(target=row.pk, **given).pk)
        for row in rows.order_by("pk")
    ]


def _products(made: Ending, actor: Actor) -> list[dict[str, Any]]:
    rows = Product.objects.filter(zone_id=made.zone_id, operator_id=made.organisation_id).order_by("pk")
    return [
        _item(
            "product", row.pk, row.name, supply.order_stop(row, actor, "product", row.pk, made.reason).subject
        )
        for row in rows
    ]


# 已备案的按终止办理，停止随之进通知流；还没有备案的作罢，不会再签署、备案
CLOSING = {"filed": "end", "draft": "lapse", "agreed": "lapse", "submitted": "lapse", "returned": "lapse"}


def _agreements(made: Ending, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Every open agreement is closed by its own act; a filed one's stop goes on the feed with it."""
    rows = Agreement.objects.filter(
        zone_id=made.zone_id, product__operator_id=made.organisation_id, case__state__in=list(CLOSING)
    )
    found = []
    for row in rows.select_related("product", "buyer", "case").order_by("pk"):
        if not _close(row, made, actor, now):
            continue
        stop = FeedItem.objects.filter(
            kind="stop", zone=made.zone_id, envelope__body__target=row.pk
        ).order_by("-seq").first()  # fmt: skip
        found.append(_item("contract", row.pk, str(row), stop.subject if stop else ""))
    return found


def _close(row: Agreement, made: Ending, actor: Actor, now: datetime) -> bool:
    """A case begun under a pack that does not know `lapse` stays open; none of its acts is allowed any more
    (`handlers.AgreementHandler.follow`)."""
    act = CLOSING[row.case.state]
    if act not in lawbook.procedure_of(row.case).acts:
        return False
    cases.perform(row.case, act, actor, {"reasons": f"运营终止：{made.reason}"}, now)
    return True


def stops(row: Ending) -> list[tuple[dict[str, Any], effects.Effect | None]]:
    """What was stopped with it, each with what became of its stop."""
    items = FeedItem.objects.filter(
        kind="stop", zone=row.zone_id, subject__in=[each["stop"] for each in row.items]
    )
    found = {each.stop: each for each in effects.effects(items)}
    return [(each, found.get(each["stop"])) for each in row.items]
