"""供数版本: which version of single-subject answers the gateway gives, and one act to go back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongshu.airlock import access, seeing
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock, serve
from gongshu.enclave.project import supply
from gongshu.enclave.store.models import Grant, LiveVersion, Served, Task


def products(visitor: access.Visitor) -> Iterator[dict[str, Any]]:
    """Products made of the own organisation's data, each with its versions, the newest first."""
    person, _ = names(clock.wall_now())
    for zone in settings.SITE.zones:
        chosen = serve.chosen(zone)
        found = (
            Served.objects.filter(zone=zone).values_list("product", flat=True).distinct().order_by("product")
        )
        for product in found:
            if visitor.organisation not in supply.providers(zone, product):
                continue
            rows = list(Served.objects.filter(zone=zone, product=product).order_by("-number"))
            grant = Grant.objects.get(id=rows[0].output.grant)
            by = LiveVersion.objects.filter(zone=zone, product=product).first()
            failed = Task.objects.filter(kind="refresh", body__output=rows[0].output.pk, outcome="failed")
            last = failed.filter(ended__gt=rows[0].written).order_by("ended").last()
            yield {
                "zone": zone,
                "product": product,
                "title": rows[0].output.name,
                "rows": rows,
                "live": chosen.get(product, rows[0].version),
                "chosen": by,
                "person": person(by.person) if by else "",
                "failed": (last.detail if seeing.detail(visitor, last, grant) else seeing.OTHERS)
                if last
                else "",
            }


@access.needs("confirm")
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    if request.method == "POST":
        version = request.POST.get("version", "")
        try:
            supply.choose(
                request.POST.get("zone", ""),
                request.POST.get("product", ""),
                "" if version == "none" else version or "newest",
                organisation=visitor.organisation,
                person=visitor.person,
                now=clock.wall_now(),
            )
        except supply.SupplyError as error:
            raise access.Refused(str(error), 409, "state") from error
        messages.success(request, "已选定，网关几秒内照此回答，不经过办公域。")
        return redirect("supply")
    return render(request, "airlock/supply.html", {"title": "供数版本", "products": list(products(visitor))})
