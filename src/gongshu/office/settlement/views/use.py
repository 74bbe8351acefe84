"""The page of a buyer's engineer: use against the quota, credential and rotation, try-it, refusals, bills."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from gongshu.contract.model import BadContract
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.products import queries as products
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import queries, use
from gongshu.ui import errors


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
