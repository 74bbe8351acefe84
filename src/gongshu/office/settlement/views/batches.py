"""The page of one batch of calls: what was reported under its id, and settling a conflict."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from gongshu.law.inputs import Input
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.link import clock
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import conflicts, permissions
from gongshu.office.settlement.models import CallBatch
from gongshu.ui import inputs

STATES = {
    "conflict": ("invalid", "计数冲突"),
    "dropped": ("withdrawn", "已退回"),
    "": ("waiting", "照常计费"),
}


def standing(row: CallBatch) -> tuple[str, str]:
    """State and words of a batch."""
    return STATES["conflict" if row.conflict else "dropped" if row.dropped else ""]


def settle_form(found: list[conflicts.Version], data: Any = None) -> inputs.LawForm:
    """Only what the gateway's own evidence bears out can be taken."""
    options = [
        (each.key, f"按第 {place} 种计数：{each.given['calls']} 次，查到 {each.given['hits']} 次")
        for place, each in enumerate(found, 1)
        if each.proved
    ]
    asked = [
        Input("take", "怎样处理", "choice", options=(*options, (conflicts.DROP, "都不计费"))),
        Input(
            "reason", "怎样查清的", "long_text", least=conflicts.LEAST, most=conflicts.MOST,
            help="写明找谁核对的、依据是什么；和处理结果一起存证。",
        ),
    ]  # fmt: skip
    return inputs.build(asked)(data)


@needs("settlement.see")
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One batch; its operator settles a conflict here."""
    actor = actor_of(request)
    row: CallBatch = get_object_or_404(CallBatch.objects.for_actor(actor), pk=pk)
    found = conflicts.versions(row)
    form, status = settle_form(found, request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                conflicts.settle(row, actor=actor, now=clock.business_now(), **form.cleaned_data)
            except Refused as refusal:
                keep(refusal, actor, "bill.batch.settle")
                field = refusal.code.partition(":")[2]
                form.add_error(field if field in form.fields else None, refusal.sentence)
                status = status_of(refusal.code)
            else:
                messages.success(request, "已查清并存证。请重新出账，这个月的账单就能出了。")
                return redirect("settlement:batch", pk=pk)
    agreement = Agreement.objects.for_actor(actor).filter(pk=row.contract).select_related("product", "buyer")
    state, words = standing(row)
    context = {
        "title": f"调用批次 {row.batch}",
        "row": row,
        "why_id": f"{conflicts.PREFIX}-{row.pk}",
        "state": state,
        "words": words,
        "sentence": conflicts.sentence(row),
        "versions": found,
        "line": conflicts.line_of(row),
        "agreement": agreement.first(),
        "settles": permissions.can_settle(actor, row),
        "form": form,
    }
    return render(request, "settlement/batch.html", context, status=status)
