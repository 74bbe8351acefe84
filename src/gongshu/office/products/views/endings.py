"""Ending an operator's operation: the act, and how long it took for each receiver."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, check, keep
from gongshu.office.link import clock, effects
from gongshu.office.products import endings
from gongshu.office.products.models import Ending
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Table


def url_of(row: Ending) -> str:
    return reverse("products:ending", args=[row.pk])


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """Endings the actor may see; who may end does it here."""
    actor, refusal = actor_of(request), None
    given = {name: plain(request.POST.get(name, "")) for name in ("organisation", "reason")}
    if request.method == "POST":
        try:
            made = endings.end_operator(actor=actor, now=clock.business_now(), **given)
        except Refused as error:
            keep(error, actor, "operation.end")
            refusal = error
        else:
            messages.success(request, f"运营已终止，{len(made.items)} 项一并停止。")
            return redirect("products:ending", pk=made.pk)
    if not actor.officer_zones():
        check(actor, "products.end_operator")
    table = Table(
        request,
        Ending.objects.for_actor(actor).select_related("organisation").order_by("-wall_at"),
        [
            Column("organisation", "运营机构", "organisation.name", order="organisation__name", href=url_of),
            Column("reason", "理由", "reason", narrow=False),
            Column("at", "作出", "at", order="at", kind="time"),
            Column("items", "一并停止", lambda row: len(row.items), kind="number"),
        ],
        title="终止运营",
        empty="没有终止过运营。",
    )
    if table.wants_export:
        return table.export()
    context = {
        "title": table.title,
        "table": table,
        "refusal": refusal,
        "operators": endings.running(actor.zone) if can(actor, "products.end_operator") else [],
        **given,
    }
    return render(
        request, "products/endings.html", context, status=status_of(refusal.code) if refusal else 200
    )


@require_GET
@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One ending: what stopped with it and after how many seconds; `?part=items` the table alone."""
    row: Ending = get_object_or_404(
        Ending.objects.for_actor(actor_of(request)).select_related("organisation"), pk=pk
    )
    found = endings.stops(row)
    told = [each for _, each in found if each is not None]
    context = {
        "title": f"终止运营：{row.organisation.name}",
        "row": row,
        "items": [(item, effects.SCOPES[item["scope"]], each) for item, each in found],
        "awaited": sorted({name for each in told for name in each.awaited}),
        "slowest": max((each.slowest for each in told if each.slowest is not None), default=None),
    }
    part = request.GET.get("part") == "items"
    return render(request, "products/ending_items.html" if part else "products/ending.html", context)
