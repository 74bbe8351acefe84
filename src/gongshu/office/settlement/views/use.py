"""The page of a buyer's engineer: use against the quota, credential and rotation, try-it, refusals, bills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from gongshu.contract.model import BadContract
from gongshu.law.inputs import Input
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.products import queries as products
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import queries, trying, use
from gongshu.ui import errors, inputs


@require_GET
@needs("settlement.see")
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One agreement as its buyer's engineer uses it."""
    actor = actor_of(request)
    row: Agreement = get_object_or_404(products.agreements(actor), pk=pk)
    try:
        found = use.page(row, lawbook.rules_of(row.case), clock.business_today())
    except BadContract as error:
        return errors.page(request, 409, str(error), "unsigned")
    context = {
        "title": f"{row.product.name}：接入和用量",
        "row": row,
        "bills": queries.bills(actor).filter(agreement=row)[:12],
        **found,
    }
    return render(request, "settlement/use.html", context)


def _form(known: Mapping[str, str], data: Any) -> Any:
    """What is tried: which operation, on which of the fixed numbers, with which value."""
    choice = tuple((number, f"{number}　{said}") for number, said in known.items())
    asked = [
        Input("operation", "做什么", "choice", options=trying.OPERATIONS),
        Input("subject", "测试号码", "choice", options=choice, help="每个号码固定给出一种回答或一种拒绝。"),
        Input("value", "要核验的“状态”", required=False, most=40, help="只用于核验；可以不改。"),
    ]
    return inputs.build(asked)(data, initial={"operation": "verify", "value": "正常"})


@require_http_methods(["GET", "POST"])
@needs("settlement.see")
def attempt(request: HttpRequest, pk: str) -> HttpResponse:
    """One request to the test environment, and what came back. Nothing is read, counted or billed."""
    row: Agreement = get_object_or_404(products.agreements(actor_of(request)), pk=pk)
    gateway = settings.SITE.urls["gateway"]
    known = trying.subjects(gateway)
    form, exchange, status = _form(known, request.POST or None), None, 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            given = form.cleaned_data
            exchange = trying.attempt(gateway, given["operation"], given["subject"], given["value"] or "正常")
            status = 200
    context = {"title": f"{row.product.name}：在测试环境试一试", "row": row, "form": form, "known": known,
               "exchange": exchange, "silent": trying.UNREACHABLE}  # fmt: skip
    return render(request, "settlement/try.html", context, status=status)
