"""停止: one key suffices, and it acts at once, whatever the office does with the news."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongshu.airlock import access, waiting, words
from gongshu.airlock.forms import StopForm
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock, stops
from gongshu.enclave.store.models import Stop


@access.logged_in
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    initial = {"scope": request.GET.get("scope", "grant"), "target": request.GET.get("target", "")}
    form = StopForm(
        request.POST or None, zones=visitor.zones, offered=waiting.stoppable(visitor), initial=initial
    )
    status = 200
    if request.method == "POST":
        access.check(visitor, "stop")
        if form.is_valid():
            given = form.cleaned_data
            stops.stop(
                zone=given["zone"],
                scope=given["scope"],
                target="" if given["scope"] == "all" else given["target"].strip(),
                reason=given["reason"],
                origin="airlock",
                person=visitor.person,
                now=clock.wall_now(),
            )
            messages.success(request, "已停止，立即生效。办公域会收到通知，但不能撤销。")
            return redirect("stops")
        status = 400
    person, _ = names(clock.wall_now())
    rows = [
        (row, words.SCOPES.get(row.scope, row.scope), person(row.person) if row.person else "办公域")
        for row in Stop.objects.order_by("-made")[:100]
    ]
    context = {
        "title": "停止",
        "form": form if access.can(visitor, "stop") else None,
        "rows": rows,
        "grants": [grant for grant in waiting.visible_grants(visitor) if grant.state in ("awaiting", "live")],
    }
    return render(request, "airlock/stops.html", context, status=status)
