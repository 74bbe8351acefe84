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
from gongshu.enclave.store.models import Grant, LiveVersion, Output, Served, Task

CHOSEN = "已选定，网关几秒内照此回答，不经过办公域。"
AGAIN = "已重新排队，数据域空闲时计算；成功后在这里出现新版本。"


def products(visitor: access.Visitor) -> Iterator[dict[str, Any]]:
    """Products made of the own organisation's data, each with its versions, the newest first, and why there
    is no newer one."""
    for zone in settings.SITE.zones:
        for output in sorted(supply.reviewed(zone), key=lambda one: one.product):
            if visitor.organisation in supply.owners_of(output):
                yield _product(visitor, output)


def _product(visitor: access.Visitor, output: Output) -> dict[str, Any]:
    zone, product = output.zone, output.product
    person, _ = names(clock.wall_now())
    rows = list(Served.objects.filter(zone=zone, product=product).order_by("-number"))
    by = LiveVersion.objects.filter(zone=zone, product=product).first()
    failed = Task.objects.filter(kind__in=supply.COMPUTE, zone=zone, body__output=output.pk, outcome="failed")
    if rows:
        failed = failed.filter(ended__gt=rows[0].written)
    last = failed.order_by("ended").last()
    told = last is not None and seeing.detail(visitor, last, Grant.objects.get(id=output.grant))
    return {
        "zone": zone,
        "product": product,
        "title": output.name,
        "rows": rows,
        "live": serve.chosen(zone).get(product, rows[0].version if rows else ""),
        "chosen": by,
        "person": person(by.person) if by else "",
        "failed": (last.detail if told else seeing.OTHERS) if last is not None else "",
    }


@access.needs("confirm")
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    if request.method == "POST":
        version, again = request.POST.get("version", ""), request.POST.get("retry", "")
        named = (request.POST.get("zone", ""), request.POST.get("product", ""))
        who: dict[str, Any] = {
            "organisation": visitor.organisation,
            "person": visitor.person,
            "now": clock.wall_now(),
        }
        try:
            if again:
                supply.retry(*named, **who)
            else:
                supply.choose(*named, "" if version == "none" else version or "newest", **who)
        except supply.SupplyError as error:
            raise access.Refused(str(error), 409, "state") from error
        messages.success(request, AGAIN if again else CHOSEN)
        return redirect("supply")
    return render(request, "airlock/supply.html", {"title": "供数版本", "products": list(products(visitor))})
