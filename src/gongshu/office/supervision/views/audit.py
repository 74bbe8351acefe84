"""An auditor's pages: draw cases, look at the draw, fetch the archive."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from gongshu.law.history import local_day
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Case
from gongshu.office.link import clock
from gongshu.office.supervision import archive, queries, sampling, services
from gongshu.office.supervision.forms import DrawForm
from gongshu.office.supervision.models import Draw
from gongshu.ui import errors
from gongshu.ui.export import attachment
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Table


@needs("supervision.draw")
def draws(request: HttpRequest) -> HttpResponse:
    """Draws of the zone, and the form for a new one."""
    actor = actor_of(request)
    form = DrawForm(actor, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            given = {name: plain(value) for name, value in form.cleaned_data.items()}
            try:
                made = services.draw(actor=actor, now=clock.business_now(), **given)
            except Refused as refusal:
                keep(refusal, actor, "audit.draw")
                name = refusal.code.removeprefix("input:")
                form.add_error(name if name in form.fields else None, refusal.sentence)
                status = status_of(refusal.code)
            else:
                messages.success(
                    request, f"从 {made.population} 件里抽出 {len(made.numbers)} 件，抽样已存证。"
                )
                return redirect("supervision:draw", pk=made.pk)
    table = Table(
        request,
        queries.draws(actor),
        (
            Column("at", "抽样时间", "at", order="wall_at", kind="time", href=url_of, why=lambda row: row.pk),
            Column("seed", "种子", "seed", order="seed", href=url_of),
            Column("until", "立案至", "until", order="until", kind="date"),
            Column("population", "总体", "population", order="population", kind="number"),
            Column("drawn", "抽中", lambda row: len(row.numbers), kind="number"),
            Column("digest", "抽样摘要", "digest", kind="code", narrow=False),
        ),
        title="历次抽样",
        empty="还没有抽样。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "审计抽样", "form": form, "table": table}
    return render(request, "supervision/draws.html", context, status=status)


def url_of(row: Draw) -> str:
    from django.urls import reverse

    return reverse("supervision:draw", args=[row.pk])


def found_draw(request: HttpRequest, pk: str) -> Draw:
    found: Draw = get_object_or_404(Draw.objects.for_actor(actor_of(request)).select_related("entry"), pk=pk)
    return found


@require_GET
@needs("supervision.draw")
def draw(request: HttpRequest, pk: str) -> HttpResponse:
    """One draw: its population and digest, the cases in the order drawn, the archive."""
    row, actor = found_draw(request, pk), actor_of(request)
    cases = {each.number: each for each in Case.objects.for_actor(actor).filter(number__in=row.numbers)}
    drawn = [
        {
            "order": order,
            "number": number,
            "case": cases.get(number),
            "place": sampling.place(row.seed, number).hex(),
        }
        for order, number in enumerate(row.numbers, 1)
    ]
    table = Table(
        request,
        drawn,
        (
            Column("order", "次序", "order", order="order", kind="number"),
            Column("number", "案号", "number", order="number", href=lambda each: case_url(each["case"])),
            Column("title", "事项", "case.title"),
            Column("procedure", "程序", "case.procedure_title"),
            Column(
                "state",
                "状态",
                "case.state",
                kind="state",
                label_of=lambda each: each["case"].state_title if each["case"] else "",
            ),
            Column("place", "散列", "place", kind="code", narrow=False),
        ),
        title="抽中的案件",
        per_page=services.LARGEST,
    )
    if table.wants_export:
        return table.export()
    titles = lawbook.titles(row.zone_id, local_day(row.at))
    context = {
        "title": f"抽样 {row.pk}",
        "row": row,
        "table": table,
        "procedure": titles.get(row.procedure, row.procedure) or "全部程序",
        "written": row.entry.index is not None,
    }
    return render(request, "supervision/draw.html", context)


def case_url(case: Case | None) -> str:
    from django.urls import reverse

    return reverse("cases:case", args=[case.pk]) if case else ""


@require_GET
@needs("supervision.draw")
def fetch(request: HttpRequest, pk: str) -> HttpResponse | StreamingHttpResponse:
    """The archive of a draw. `?materials=0` leaves the originals out."""
    row, actor = found_draw(request, pk), actor_of(request)
    try:
        size, pieces = archive.stream(row, actor, materials=request.GET.get("materials") != "0")
    except archive.NotYet as error:
        return errors.page(request, 503, str(error), "archive_wait")
    answer = StreamingHttpResponse(pieces, content_type="application/zip")
    answer["Content-Disposition"] = attachment(f"审计抽样-{row.pk}-日志{size}条.zip")
    answer["Cache-Control"] = "no-store"
    return answer
