"""Orders to correct, and the provider's own page."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.cases.models import NEVER
from gongshu.office.cases.queries import left
from gongshu.office.link import clock
from gongshu.office.products.models import Product
from gongshu.office.supervision import queries, services
from gongshu.office.supervision.forms import CorrectionForm
from gongshu.office.supervision.models import Correction
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table


def case_url(row: Correction) -> str:
    return reverse("cases:case", args=[row.case_id])


@require_GET
@login_required
def corrections(request: HttpRequest) -> HttpResponse:
    """Orders to correct: of the zone for its officers, of the own organisation for everybody else."""
    actor, today = actor_of(request), clock.business_today()
    table = Table(
        request,
        queries.corrections(actor),
        (
            Column("number", "案号", "case.number", order="case__number", href=case_url),
            Column("title", "事项", "case.title", order="case__title", href=case_url),
            Column("kind", "程序", "case.procedure_title", order="case__procedure"),
            Column("addressee", "被监督单位", "addressee.name", order="addressee__name"),
            Column(
                "state",
                "状态",
                "case.state",
                order="case__state",
                kind="state",
                label_of=lambda row: row.case.state_title,
            ),
            Column("due", "期限", due_of, order="case__due", kind="date"),
            Column(
                "left",
                "还剩（工作日）",
                lambda row: left(row.case.due, today) if due_of(row) else None,
                kind="number",
                narrow=False,
            ),
        ),
        title="整改",
        filters=[
            Filter(
                "status",
                "办理情况",
                lambda rows, value: rows.filter(case__closed=value == "closed"),
                [("open", "办理中"), ("closed", "已办结")],
            ),
            Filter("q", "单位", lambda rows, value: rows.filter(addressee__name__icontains=value)),
        ],
        empty="没有整改。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "整改", "table": table, "orders": can(actor, "supervision.order")}
    return render(request, "supervision/corrections.html", context)


def due_of(row: Correction) -> object:
    return None if row.case.due == NEVER or row.case.closed else row.case.due


@needs("supervision.order")
def new_correction(request: HttpRequest) -> HttpResponse:
    """Begin an order; its findings and deadline are the first act of the case."""
    actor = actor_of(request)
    form = CorrectionForm(actor, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            given = {name: plain(value) for name, value in form.cleaned_data.items()}
            try:
                made = services.begin_correction(actor=actor, now=clock.business_now(), **given)
            except Refused as refusal:
                keep(refusal, actor, "supervision.order")
                name = refusal.code.removeprefix("input:")
                form.add_error(name if name in form.fields else None, refusal.sentence)
                status = status_of(refusal.code)
            else:
                messages.success(request, f"已立案 {made.case.number}，请写明发现的问题并发出。")
                return redirect("cases:case", pk=made.case_id)
    return render(
        request, "supervision/correction_new.html", {"title": "新整改", "form": form}, status=status
    )


@require_GET
@needs("supervision.mine")
def mine(request: HttpRequest) -> HttpResponse:
    """我的数据: what leaves, to whom, how often, who called it this week; a stop of one's own."""
    actor = actor_of(request)
    found = queries.mine(actor, actor.zone, clock.business_today(), clock.wall_now())
    context = {
        "title": "我的数据",
        "mine": found,
        "airlock": settings.SITE.urls.get("airlock", ""),
        "week": sum(each.week for each in found.supplied),
        "runs": sum(each.week for each in found.uses),
        "live": sum(each.state == "live" for each in found.uses),
    }
    return render(request, "supervision/mine.html", context)


@require_POST
@needs("supervision.mine")
def stop_own(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop a product made of one's own data."""
    actor = actor_of(request)
    product = get_object_or_404(Product.objects.filter(zone_id=actor.zone), pk=pk)
    services.stop_own(actor=actor, product=product, reason=plain(request.POST.get("reason", "")))
    messages.success(request, f"停止提供“{product.name}”已发出；网关在下一次轮询时生效。")
    return redirect("supervision:mine")
