"""样例确认: the masked sample beside its measures and the raw marginals, before any developer sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from gongshu.airlock import access, waiting, words
from gongshu.airlock.forms import AnswerForm
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock, sources
from gongshu.enclave.sample import confirming
from gongshu.enclave.store.models import Confirmation, Grant, Sample

SHOWN = 60


@require_GET
@access.logged_in
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    mine = {one.pk for one in waiting.samples(visitor)}
    rows = [
        (sample, Grant.objects.get(id=sample.grant).body["purpose"], sample.pk in mine)
        for sample in waiting.visible_samples(visitor)
    ]
    return render(request, "airlock/samples.html", {"title": "样例确认", "rows": rows})


def _visible(request: HttpRequest, pk: str) -> Sample:
    visible = {one.pk for one in waiting.visible_samples(access.visitor(request))}
    found = Sample.objects.filter(pk=pk).first()
    if found is None or found.pk not in visible:
        raise Http404
    return found


@access.logged_in
def one(request: HttpRequest, pk: str) -> HttpResponse:
    sample, visitor = _visible(request, pk), access.visitor(request)
    asked = access.can(visitor, "confirm") and confirming.asked(sample, visitor.organisation)
    form = AnswerForm(request.POST or None) if asked else None
    status = 200
    if request.method == "POST":
        access.check(visitor, "confirm")
        if form is None:
            raise access.Refused("该样例不等贵单位答复，或已经答复过。", 409, "state")
        if form.is_valid():
            try:
                confirming.answer(
                    sample,
                    organisation=visitor.organisation,
                    person=visitor.person,
                    agreed=form.agreed,
                    reason=form.cleaned_data["reason"],
                    now=clock.wall_now(),
                )
            except confirming.ConfirmError as error:
                raise access.Refused(str(error), 409, "state") from error
            messages.success(request, "已确认。" if form.agreed else "已答复不同意，开发人员看不到这份样例。")
            return redirect(request.path)
        status = 400
    context = {**_context(sample, visitor.organisation), "form": form}
    return render(request, "airlock/sample.html", context, status=status)


def _context(sample: Sample, mine: str) -> dict[str, Any]:
    """`mine`: the visitor's organisation, which is shown its own tables beside their raw marginals."""
    grant = Grant.objects.get(id=sample.grant)
    held = sources.of_grant(grant.body)
    own = {name for name, one in held.items() if one.organisation == mine}
    person, organisation = names(clock.wall_now())
    answers = Confirmation.objects.filter(subject=sample.id, digest=sample.digest).order_by("given")
    return {
        "title": f"样例：{grant.body['purpose']}",
        "subject": sample,
        "grant": grant,
        "developing": organisation(grant.body["developing_org"]),
        "developers": [person(each) for each in grant.body["developers"]],
        "providers": [organisation(each) for each in confirming.required(sample)],
        "tables": [_table(sample, each) for each in sample.files if each["table"] in own],
        "others": [each for each in sample.files if each["table"] not in own],
        "answers": [(organisation(row.organisation), person(row.person), row) for row in answers],
    }


def _table(sample: Sample, file: dict[str, Any]) -> dict[str, Any]:
    """One table: its measures in words and the first rows of the very bytes that would leave."""
    told = sample.measures["tables"][file["table"]]
    shown = pq.read_table(Path(sample.path) / file["name"]).slice(0, SHOWN)
    return {
        "name": file["table"],
        "why": f"{sample.id}.{file['table']}",
        "rows": told["rows"],
        "dropped": told["dropped"],
        "columns": [{**each, "measure": words.MEASURES[each["measure"]]} for each in told["columns"]],
        "pairs": told["pairs"],
        "pair_mean": told["pair_mean"],
        "risks": [
            (title, words.measured(told["risk"][code]), meaning)
            for code, (title, meaning) in words.RISKS.items()
        ],
        "attack": [
            {**each, "title": words.CHECKS.get(each["check"], each["check"])}
            for each in told["attack"]["findings"]
        ],
        "names": shown.column_names,
        "pseudonyms": [name for name, said in file["columns"].items() if said["pseudonym"]],
        "cells": [["" if value is None else value for value in row.values()] for row in shown.to_pylist()],
    }
