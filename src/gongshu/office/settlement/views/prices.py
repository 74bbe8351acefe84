"""Pages of prices: the public list, the operator's price list, caps, maxima, the yearly report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.law.inputs import Input
from gongshu.money.amounts import yuan
from gongshu.money.pricelaw import price_law
from gongshu.money.why import adjust_words
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.products import terms
from gongshu.office.products.models import Product
from gongshu.office.settlement import pricing, queries, reports
from gongshu.office.settlement.models import Maximum, YearReport
from gongshu.ui.inputs import LawForm, build, plain
from gongshu.ui.tables import Column, Table
from gongshu.ui.widgets import RowsWidget

PRICE: Sequence[Input] = (
    Input(
        "tariff",
        "价目",
        "rows",
        help="一行一档，同一计价单位的几行是累进的阶梯；单价是“每几个单位多少分”，整数。",
    ),
    Input("since", "执行起日", "date", help="公布之后的一天，今天起可以。"),
)
RESULTS = (
    ("cost", "经营成本（扣除政府补助）"),
    ("profit", "准许利润"),
    ("tax", "税金"),
    ("maximum", "最高准许收入"),
)


def price_form(data: Any = None) -> LawForm:
    made: type[LawForm] = build(PRICE)
    made.base_fields["tariff"].widget = RowsWidget(terms.COLUMNS["tariff"], choices=terms.CHOICES["tariff"])
    return made(data)


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """收费公示, for everybody: what the zone's published products cost, and their caps."""
    actor = actor_of(request)
    today = clock.business_today()
    table = Table(
        request,
        queries.prices(actor.zone, today),
        [
            Column("product", "产品", "product.name", order="product"),
            Column("operator", "运营机构", "product.operator.name", narrow=False),
            Column("prices", "收费", lambda row: row.prices or "未公布价目"),
            Column("since", "执行起日", "since", kind="date", narrow=False),
            Column(
                "caps",
                "上限收费标准",
                lambda row: (row.caps + ("（试行）" if row.trial else "")) or "未制定",
                narrow=False,
            ),
        ],
        title="收费公示",
        empty="还没有已登记发布的产品。",
    )
    if table.wants_export:
        return table.export()
    mine = Product.objects.none() if actor.anonymous else Product.objects.for_actor(actor)
    context = {
        "title": table.title,
        "table": table,
        "prices": mine.filter(operator_id__in=sorted(actor.organisations))[:100]
        if can(actor, "settlement.price")
        else [],
        "caps": mine[:100] if can(actor, "settlement.cap") else [],
    }
    return render(request, "settlement/prices.html", context)


def product_of(request: HttpRequest, pk: str) -> Product:
    found: Product = get_object_or_404(
        Product.objects.for_actor(actor_of(request)).select_related("operator", "case"), pk=pk
    )
    return found


@needs("settlement.price")
def new(request: HttpRequest, product: str) -> HttpResponse:
    """Publish a price list of one's own product."""
    row, actor = product_of(request, product), actor_of(request)
    form, refusal = price_form(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        given = form.facts()
        try:
            pricing.publish(
                row,
                actor=actor,
                now=clock.business_now(),
                rows=given.get("tariff") or (),
                since=str(given.get("since")),
            )
        except Refused as error:
            keep(error, actor, "price.publish")
            refusal = error
        else:
            messages.success(request, "价目已公布，人人可见。")
            return redirect("settlement:prices")
    cap = pricing.cap_in_force(row.pk, clock.business_today())
    context = {
        "title": "公布价目",
        "row": row,
        "form": form,
        "refusal": refusal,
        "lines": pricing.cap_lines(cap) if cap else [],
    }
    wrong = status_of(refusal.code) if refusal else 400 if form.errors else 200
    return render(request, "settlement/price_new.html", context, status=wrong)


@require_POST
@needs("settlement.cap")
def cap_new(request: HttpRequest, product: str) -> HttpResponse:
    """Open the case of a product's caps and go to its first act."""
    made = pricing.begin_cap(product_of(request, product), actor=actor_of(request), now=clock.business_now())
    return redirect("cases:act", pk=made.case_id, act_id="set")


@needs("settlement.see")
def maxima(request: HttpRequest) -> HttpResponse:
    """Maximum revenues of the zone's operators."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.maxima(actor),
        [
            Column(
                "number",
                "案号",
                "case.number",
                order="case__number",
                href=maximum_url,
                why=lambda row: row.pk if row.survey else None,
            ),
            Column("operator", "运营机构", "operator.name", order="operator__name", href=maximum_url),
            Column(
                "maximum",
                "最高准许收入",
                lambda row: yuan(row.result["maximum"]) if row.result else "",
                kind="number",
            ),
            Column("fixed", "核定日期", "fixed_on", order="fixed_on", kind="date", narrow=False),
            Column(
                "state",
                "状态",
                "case.state",
                order="case__state",
                kind="state",
                label_of=lambda row: row.case.state_title,
            ),
        ],
        title="最高准许收入",
        empty="还没有核定过最高准许收入。",
    )
    if table.wants_export:
        return table.export()
    begins = can(actor, "settlement.maximum")
    context = {
        "title": table.title,
        "table": table,
        "operators": sorted(pricing.operators(actor.zone).items(), key=lambda each: each[1])
        if begins
        else [],
    }
    return render(request, "settlement/maxima.html", context)


def maximum_url(row: Maximum) -> str:
    return reverse("settlement:maximum", args=[row.pk])


@require_POST
@needs("settlement.maximum")
def maximum_new(request: HttpRequest) -> HttpResponse:
    """Open the case of an operator's maximum revenue and go to the written request."""
    actor = actor_of(request)
    try:
        made = pricing.begin_maximum(
            actor=actor, now=clock.business_now(), operator=plain(request.POST.get("operator", ""))
        )
    except Refused as refusal:
        keep(refusal, actor, "maximum.begin")
        messages.error(request, refusal.sentence)
        return redirect("settlement:maxima")
    return redirect("cases:act", pk=made.case_id, act_id="request")


@require_GET
@needs("settlement.see")
def maximum(request: HttpRequest, pk: str) -> HttpResponse:
    """One maximum: the figures, what the yearly checks found, what each asks for."""
    row: Maximum = get_object_or_404(queries.maxima(actor_of(request)), pk=pk)
    law = price_law(lawbook.rules_of(row.case))
    checks = [
        {
            **each,
            "actual": yuan(each["actual"]),
            "carry": yuan(each["carry"]),
            "asks": adjust_words(each["adjust"], law),
        }
        for each in row.checks
    ]
    context = {
        "title": f"{row.operator.name}：最高准许收入",
        "row": row,
        "items": [(each["name"], yuan(each["amount"])) for each in row.survey.get("items", ())],
        "results": [
            (title, yuan(row.result[key])) for key, title in RESULTS if row.result.get(key) is not None
        ],
        "checks": checks,
    }
    return render(request, "settlement/maximum.html", context)


@needs("settlement.see")
def reports_page(request: HttpRequest) -> HttpResponse:
    """年度经营情况报告: what would stand in a report, the sent ones, and the sending."""
    actor = actor_of(request)
    operators = pricing.operators(actor.zone)
    if not can(actor, "settlement.report"):
        operators = {key: name for key, name in operators.items() if key in actor.organisations}
    today = clock.business_today()
    operator = request.POST.get("operator") or request.GET.get("operator", "")
    year = terms.number(request.POST.get("year") or request.GET.get("year") or today.year - 1)
    refusal = None
    if request.method == "POST":
        try:
            made = reports.send(
                actor=actor,
                now=clock.business_now(),
                operator=plain(operator),
                year=year if isinstance(year, int) else 0,
            )
        except Refused as error:
            keep(error, actor, "report.price")
            refusal = error
        else:
            messages.success(request, "年度经营情况报告已报送并存证。")
            return redirect("settlement:report", pk=made.pk)
    table = Table(
        request,
        queries.year_reports(actor),
        [
            Column(
                "year",
                "年度",
                "year",
                order="year",
                kind="number",
                href=lambda row: reverse("settlement:report", args=[row.pk]),
            ),
            Column("operator", "运营机构", "operator.name", order="operator__name"),
            Column("at", "报送", "at", order="at", kind="date"),
            Column("digest", "摘要", "digest", kind="code", narrow=False),
        ],
        title="年度经营情况报告",
        empty="还没有报送过年度经营情况报告。",
    )
    if table.wants_export:
        return table.export()
    shown = None
    if operator in operators and isinstance(year, int) and 2000 <= year <= today.year:
        shown = reports.lines(reports.data(operator, actor.zone, year), reports.names_of(operator))
    context = {
        "title": table.title,
        "table": table,
        "operators": sorted(operators.items(), key=lambda each: each[1]),
        "operator": operator,
        "year": year,
        "shown": shown,
        "sends": can(actor, "settlement.report"),
        "refusal": refusal,
    }
    status = status_of(refusal.code) if refusal else 200
    return render(request, "settlement/reports.html", context, status=status)


@require_GET
@needs("settlement.see")
def report(request: HttpRequest, pk: str) -> HttpResponse:
    """A report as it was sent."""
    row: YearReport = get_object_or_404(queries.year_reports(actor_of(request)), pk=pk)
    lines = reports.lines(row.data, reports.names_of(row.operator_id))
    return render(
        request,
        "settlement/report.html",
        {"title": f"{row.year} 年度经营情况报告", "row": row, "lines": lines},
    )
