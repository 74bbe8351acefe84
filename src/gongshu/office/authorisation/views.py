"""Pages of filed documents: list, entering, one document."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.authorisation import queries, services
from gongshu.office.authorisation.models import FiledDocument
from gongshu.office.cases import lawbook, materials
from gongshu.office.cases.models import Case
from gongshu.office.cases.views import names_of_files, refused_form
from gongshu.office.link import clock
from gongshu.ui.inputs import LawForm, build
from gongshu.ui.tables import Column, Filter, Table


@require_GET
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """Every document the actor may see."""
    actor = actor_of(request)
    procedure = _procedure(actor)
    kinds = services.kinds(actor.zone, clock.business_today())
    states = [(name, each.title) for name, each in procedure.states.items()]
    makes = can(actor, "authorisation.file")
    table = Table(
        request,
        queries.visible(actor),
        [
            Column("name", "文件名称", "name", order="name", href=_url),
            Column("kind", "种类", lambda row: kinds.get(row.kind, row.kind), order="kind"),
            Column("number", "文号或编号", "number", order="number"),
            Column("dated", "文件日期", "dated", order="dated", kind="date"),
            Column("term", "期限", term, order="term_until", narrow=False),
            Column("parties", "当事人", lambda row: "、".join(row.parties), narrow=False),
            Column("state", "状态", "state", order="state", kind="state", label_of=dict_title(states)),
        ],
        title="授权文件",
        filters=[
            Filter("kind", "种类", lambda rows, value: rows.filter(kind=value), list(kinds.items())),
            Filter("state", "状态", lambda rows, value: rows.filter(state=value), states),
            Filter(
                "q",
                "名称、文号或当事人",
                lambda rows, value: rows.filter(
                    Q(name__icontains=value) | Q(number__icontains=value) | Q(parties__icontains=value)
                ),
            ),
        ],
        empty="没有符合条件的文件。",
        empty_next="录入一份文件" if makes else "",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "授权文件", "table": table, "makes": makes, "because": procedure.because}
    return render(request, "authorisation/list.html", context)


def _procedure(actor: Actor) -> Any:
    try:
        return lawbook.procedure_now(actor.zone, clock.business_today(), services.PROCEDURE)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error


def _url(row: FiledDocument) -> str:
    return reverse("authorisation:detail", args=[row.pk])


def dict_title(states: list[tuple[str, str]]) -> Any:
    titles = dict(states)
    return lambda row: titles.get(row.state, row.state)


def term(row: FiledDocument) -> str:
    """`2026-01-01 至 2028-12-31`, empty when the document names no term."""
    return f"{row.term_from} 至 {row.term_until}" if row.term_from and row.term_until else ""


@needs("authorisation.file")
def new(request: HttpRequest) -> HttpResponse:
    """Enter a document. What was typed and every file stay when something is wrong."""
    actor = actor_of(request)
    procedure = _procedure(actor)
    form_class = build(services.inputs(actor.zone, clock.business_today()))
    if request.method != "POST":
        return _page(request, procedure, form_class(), None, 200)
    now = clock.business_now()
    data, problems = materials.take_uploads(
        request.POST, request.FILES, form_class.inputs, actor=actor, now=now, act=services.ENTER
    )
    form = form_class(data)
    form.is_valid()
    for name, sentence in problems.items():
        form.add_error(name, sentence)
    if not form.is_valid():
        return _page(request, procedure, form, None, 400)
    facts, used = materials.as_facts(form_class.inputs, form.facts(), actor)
    try:
        made = services.enter(actor=actor, now=now, facts=facts, materials=used)
    except Refused as refusal:
        keep(refusal, actor, "authorisation.enter")
        return _page(request, procedure, refused_form(form, refusal), refusal, status_of(refusal.code))
    messages.success(request, "已录入，等另一位同事复核归档。")
    return redirect("authorisation:detail", pk=made.pk)


def _page(
    request: HttpRequest, procedure: Any, form: LawForm, refusal: Refused | None, status: int
) -> HttpResponse:
    actor = actor_of(request)
    names_of_files(form, actor)
    rules = lawbook.rules_now(actor.zone, local_day(clock.business_now()))
    context = {
        "title": "文件建档",
        "form": form,
        "refusal": refusal,
        "because": procedure.because,
        "articles": [rules.cite(each) for each in procedure.basis],
    }
    return render(request, "authorisation/edit.html", context, status=status)


@require_GET
@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One document: its facts, its digest, who entered and who confirmed."""
    actor = actor_of(request)
    row = get_object_or_404(queries.visible(actor), pk=pk)
    inside = Case.objects.for_actor(actor).filter(pk=row.case_id).exists()
    found = queries.shown(row)
    context = {"title": row.name, "document": found, "row": row, "inside": inside}
    return render(request, "authorisation/detail.html", context)
