"""Pages of data requests: choose scenario and resource, then every field with its necessity."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from gongshu.law.rules import Rules
from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import can
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.scenarios import content, drafts, pages, permissions, queries, resources
from gongshu.office.scenarios.models import DataRequest
from gongshu.office.scenarios.views import common
from gongshu.office.scenarios.views.scenes import posted_of
from gongshu.ui import lawforms
from gongshu.ui.inputs import whole_number
from gongshu.ui.tables import Column, Filter, Table


def visible(request: HttpRequest, pk: str) -> DataRequest:
    found = DataRequest.objects.for_actor(actor_of(request))
    found = found.select_related("case", "case__organisation", "scenario", "provider", "zone")
    return get_object_or_404(found, pk=pk)


def request_url(row: DataRequest) -> str:
    return reverse("scenarios:request", args=[row.pk])


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The data requests the actor may see."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.requests(actor),
        [
            Column("number", "案号", "case.number", order="case__number", href=request_url),
            Column("resource", "数据资源", "resource_title", order="resource_title", href=request_url),
            Column("scenario", "应用场景", "scenario.name", order="scenario__name"),
            Column("provider", "提供单位", "provider.name", order="provider__name", narrow=False),
            Column("operator", "申请单位", "case.organisation.name", narrow=False),
            common.state_column(),
        ],
        title="数据申请",
        filters=(
            common.state_filter(request, drafts.REQUEST),
            Filter(
                "q",
                "资源或案号",
                lambda rows, value: rows.filter(Q(resource_title__icontains=value) | Q(case__number=value)),
            ),
        ),
        empty="还没有数据申请。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "数据申请", "table": table, "can_write": can(actor, "scenarios.write")}
    return render(request, "scenarios/requests.html", context)


@needs("scenarios.write")
def new(request: HttpRequest) -> HttpResponse:
    """Choose the approved scenario and the resource."""
    actor, refusal = actor_of(request), None
    given = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        made, refusal = common.try_to(
            request,
            "requests.begin",
            lambda: drafts.begin_request(
                actor=actor,
                now=clock.business_now(),
                scenario=given.get("scenario", ""),
                resource=given.get("resource", ""),
            ),
        )
        if made is not None:
            messages.success(request, f"已新建，案号 {made.case.number}。请逐字段写明必要性。")
            return redirect("scenarios:edit-request", pk=made.pk)
    context = {
        "title": "新建数据申请",
        "scenarios": list(queries.usable_scenarios(actor, actor.zone)),
        "resources": resources.every(actor.zone),
        "given": given,
        "refusal": refusal,
    }
    return render(
        request, "scenarios/new_request.html", context, status=status_of(refusal.code) if refusal else 200
    )


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A request: where it stands, the fields with necessity and decision, its projects."""
    found, actor = visible(request, pk), actor_of(request)
    context = {
        "title": f"数据申请：{found.resource_title}",
        "data_request": found,
        "page": common.case_page(found.case, request),
        "sections": pages.request_sections(found),
        "fields": [line for line in pages.field_lines(found) if line.asked],
        "editable": permissions.can_edit(actor, found.case),
        "grantable": found.case.state in queries.GRANTED and can(actor, "scenarios.project"),
        "projects": list(queries.projects(actor).filter(requests=found)),
        "supplies": found.case.state == "granted",
        "live": queries.live_grants(found),
    }
    return render(request, "scenarios/request.html", context)


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Every column of the resource with its grade; tick those needed and say why."""
    found, actor = visible(request, pk), actor_of(request)
    permissions.check_edit(actor, found.case)
    rules = lawbook.rules_of(found.case)
    form = lawforms.build(content.use_form(rules), found.typed, request.POST or None, cite=rules.cite)
    lines, refusal, problems = pages.field_lines(found), None, []
    outline = resources.find(found.zone_id, found.resource)
    if request.method == "POST":
        typed = {**form.typed(), content.FIELDS: rows_posted(request, lines)}
        lines = pages.field_lines(found, typed)
        version = whole_number(request.POST.get("version"))
        saved, refusal = common.try_to(
            request,
            "requests.save",
            lambda: drafts.save(
                found,
                actor=actor,
                now=clock.business_now(),
                typed=typed,
                version=found.version if version is None else version,
            ),
        )
        if saved is not None:
            left = content.request_problems(rules, saved.typed, outline)
            messages.success(
                request,
                "草稿已保存。" + (f"还有 {len(left)} 处没有填好。" if left else "已经填好，可以提交。"),
            )
            if left:
                return redirect(f"{reverse('scenarios:edit-request', args=[pk])}?check=1")
            return redirect("scenarios:request", pk=pk)
    elif request.GET.get("check") == "1":
        problems = content.request_problems(rules, found.typed, outline)
        form = _shown(form, found, rules, problems)
    context = {
        "title": "填写数据申请",
        "data_request": found,
        "form": form,
        "lines": lines,
        "refusal": refusal,
        "problems": [each.sentence for each in problems if each.field.startswith(content.FIELDS)],
        "outline": outline,
        "sensitive": content.SENSITIVE,
        "basis": [rules.cite(each) for each in content.request_form(rules).basis],
    }
    return render(
        request, "scenarios/edit_request.html", context, status=status_of(refusal.code) if refusal else 200
    )


def _shown(form: Any, found: DataRequest, rules: Rules, problems: list[Any]) -> Any:
    """The form with the problems of its own fields beside them."""
    again = lawforms.build(
        content.use_form(rules), found.typed, posted_of(form) or {"version": ""}, cite=rules.cite
    )
    again.show([each for each in problems if not each.field.startswith(content.FIELDS)])
    return again


def rows_posted(request: HttpRequest, lines: list[pages.FieldLine]) -> list[dict[str, str]]:
    """The ticked fields and what was written of them: `ask`, `necessity-<field>`, `coarser-<field>`."""
    asked = set(request.POST.getlist("ask"))
    rows = []
    for line in lines:
        if line.name not in asked:
            continue
        row = {"field": line.name, "grade": line.grade}
        for key in ("necessity", "coarser"):
            text = request.POST.get(f"{key}-{line.name}", "").strip()[:2000]
            if text:
                row[key] = text
        rows.append(row)
    return rows
