"""The cockpit, the rows behind each of its numbers, the totals, and a supervisor's stop."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases.views import as_json
from gongshu.office.supervision import measures, services, totals
from gongshu.office.supervision.forms import StopForm
from gongshu.office.supervision.why import ask_of
from gongshu.ui import errors
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table


def zone_of(request: HttpRequest, actor: Actor) -> str:
    """The zone looked at: one the actor oversees, the working zone unless another is asked for."""
    wanted = request.GET.get("zone", "")
    return wanted if wanted in actor.officer_zones() else actor.zone


def zones_of(actor: Actor) -> list[tuple[str, str]]:
    return [(each, ZONES[each].title) for each in ZONES if each in actor.officer_zones()]


def zone_filter(actor: Actor) -> list[Filter]:
    """Which zone a list is about, for those who oversee several; the rows are already those of it."""
    zones = zones_of(actor)
    own = f"专区（不选为{ZONES[actor.zone].title}）"
    return [Filter("zone", own, lambda rows, _value: rows, zones)] if len(zones) > 1 else []


@require_GET
@needs("supervision.see")
def cockpit(request: HttpRequest) -> HttpResponse:
    """Every measure at a glance; each number leads to exactly its rows."""
    actor = actor_of(request)
    zone = zone_of(request, actor)
    ask = ask_of(actor, zone)
    found = [measures.shown(each, ask) for each in measures.measures().values()]
    if errors.wants_json(request):
        return as_json({"zone": zone, "day": ask.today, "measures": [data_of(each) for each in found]})
    context = {
        "title": f"{ZONES[zone].title}监管驾驶舱",
        "shown": found,
        "today": ask.today,
        "zone": zone,
        "zones": zones_of(actor),
        "stops": can(actor, "supervision.stop"),
        "orders": can(actor, "supervision.order"),
    }
    return render(request, "supervision/cockpit.html", context)


def data_of(shown: measures.Shown) -> dict[str, Any]:
    return {
        "id": shown.measure.id,
        "title": shown.measure.title,
        "value": shown.value,
        "unit": shown.measure.unit,
        "url": shown.url,
        "parts": [
            {"group": each.group, "label": each.label, "value": each.value, "query": dict(each.query)}
            for each in shown.parts
        ],
    }


@require_GET
@needs("supervision.see")
def rows(request: HttpRequest, measure: str) -> HttpResponse:
    """The rows of one number: sorted, filtered, exported."""
    actor = actor_of(request)
    zone = zone_of(request, actor)
    found = measures.measures().get(measure)
    if found is None:
        raise Http404
    ask = ask_of(actor, zone)
    table = Table(
        request,
        found.rows(ask),
        found.columns(ask),
        title=found.title,
        filters=[*found.filters(ask), *zone_filter(actor)],
        order=found.order,
        empty=found.empty,
    )
    if table.wants_export:
        return table.export()
    context = {
        "title": found.title,
        "table": table,
        "measure": found,
        "zone": zone,
        "zone_title": ZONES[zone].title,
        "why_id": f"sv-{found.id}-{zone}",
        "sum": sum_of(table, found.sum_of) if found.sum_of else None,
    }
    return render(request, "supervision/rows.html", context)


def sum_of(table: Table, name: str) -> int:
    """What the rows of a list add up to."""
    from django.db.models import Sum

    return int(table.filtered.order_by().aggregate(total=Sum(name))["total"] or 0)


@require_GET
@needs("supervision.see")
def agreeing(request: HttpRequest) -> HttpResponse:
    """Totals that must agree: both numbers, the difference, how each was counted."""
    actor = actor_of(request)
    zone = zone_of(request, actor)
    lines = totals.lines(zone)
    if errors.wants_json(request):
        return as_json(
            {"zone": zone, "lines": [{**vars(each), "difference": each.difference} for each in lines]}
        )
    table = Table(
        request,
        lines,
        (
            Column("title", "核对", "title", order="title", why=lambda row: f"st-{row.id}-{zone}"),
            Column("left_title", "一边", "left_title"),
            Column("left", "数", "left", order="left", kind="number"),
            Column("right_title", "另一边", "right_title"),
            Column("right", "数", "right", order="right", kind="number"),
            Column("difference", "差额", "difference", order="difference", kind="number"),
            Column(
                "agrees",
                "结果",
                lambda row: "valid" if row.agrees else "overdue",
                order="agrees",
                kind="state",
                label_of=lambda row: "一致" if row.agrees else "不一致",
            ),
        ),
        title="总数核对",
        filters=[
            Filter(
                "agrees",
                "结果",
                lambda kept, value: [each for each in kept if each.agrees is (value == "yes")],
                [("yes", "一致"), ("no", "不一致")],
            ),
            *zone_filter(actor),
        ],
        per_page=100,
        empty="没有符合条件的核对。",
    )
    if table.wants_export:
        return table.export()
    context = {
        "title": "总数核对",
        "table": table,
        "wrong": [each for each in lines if not each.agrees],
        "count": len(lines),
        "zone": zone,
        "zone_title": ZONES[zone].title,
    }
    return render(request, "supervision/totals.html", context)


@needs("supervision.stop")
def stop(request: HttpRequest) -> HttpResponse:
    """A supervisor's stop; asked once more, never refused to those who may."""
    actor, refusal = actor_of(request), None
    given = {name: request.GET.get(name, "") for name in ("scope", "target")}
    form = StopForm(actor, request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        said = {name: plain(value) for name, value in form.cleaned_data.items()}
        try:
            made = services.stop(actor=actor, **said)
        except Refused as error:
            keep(error, actor, "supervision.stop")
            refusal = error
            name = error.code.removeprefix("input:")
            form.add_error(name if name in form.fields else None, error.sentence)
        else:
            messages.success(request, f"停止 {made} 已发出；各域生效的时间会显示在“生效中的停止”里。")
            return redirect("supervision:rows", measure="stops")
    bad = request.method == "POST"
    status = status_of(refusal.code) if refusal else 400 if bad else 200
    return render(request, "supervision/stop.html", {"title": "发出停止", "form": form}, status=status)
