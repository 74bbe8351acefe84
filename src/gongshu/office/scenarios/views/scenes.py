"""Pages of scenarios: own, published, and lists recorded from elsewhere."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.forms import Select
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Case
from gongshu.office.link import clock
from gongshu.office.scenarios import content, drafts, importing, pages, permissions, queries
from gongshu.office.scenarios.models import Scenario
from gongshu.office.scenarios.views import common
from gongshu.ui import lawforms
from gongshu.ui.inputs import whole_number
from gongshu.ui.tables import Column, Filter, Table

DIRECTIONS = (("public", "公共治理、公益事业"), ("industry", "产业发展、行业发展"))
SEARCH = Filter(
    "q", "名称或案号", lambda rows, value: rows.filter(Q(name__icontains=value) | Q(case__number=value))
)
DIRECTION = Filter("direction", "方向", lambda rows, value: rows.filter(direction=value), DIRECTIONS)


def visible(request: HttpRequest, pk: str) -> Scenario:
    found = Scenario.objects.for_actor(actor_of(request)).select_related("case", "case__organisation", "zone")
    return get_object_or_404(found, pk=pk)


def scenario_url(row: Scenario) -> str:
    return reverse("scenarios:scenario", args=[row.pk])


def state_of(row: Scenario) -> str:
    return row.case.state if row.case else "filed"


def state_title(row: Scenario) -> str:
    return row.case.state_title if row.case else "已发布（建档）"


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The scenarios the actor may see."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.scenarios(actor),
        [
            Column("name", "应用场景", str, order="name", href=scenario_url),
            Column("number", "案号", "case.number", "case__number", narrow=False),
            Column("domain", "领域", "domain", order="domain", narrow=False),
            Column("direction", "方向", lambda row: dict(DIRECTIONS).get(row.direction, ""), "direction"),
            Column("organisation", "提出单位", "case.organisation.name", narrow=False),
            Column("state", "状态", state_of, "case__state", kind="state", label_of=state_title),
        ],
        title="应用场景",
        filters=(common.state_filter(request, drafts.REVIEW), DIRECTION, SEARCH),
        empty="还没有应用场景。",
    )
    if table.wants_export:
        return table.export()
    context = {
        "title": "应用场景",
        "table": table,
        "can_write": can(actor, "scenarios.write"),
        "can_record": can(actor, "scenarios.record"),
    }
    return render(request, "scenarios/list.html", context)


@needs("scenarios.write")
def new(request: HttpRequest) -> HttpResponse:
    """Begin a scenario."""
    actor, refusal = actor_of(request), None
    name = request.POST.get("name", "").strip()
    if request.method == "POST":
        now = clock.business_now()
        made, refusal = common.try_to(
            request,
            "scenarios.begin",
            lambda: drafts.begin_scenario(actor=actor, now=now, name=name),
        )
        if made is not None:
            messages.success(request, f"已新建，案号 {made.case.number}。边填边存，随时可以离开。")
            return redirect("scenarios:edit", pk=made.pk)
    context = {
        "title": "提出应用场景",
        "name": name,
        "refusal": refusal,
        "zone_title": ZONES[actor.zone].title,
    }
    return render(request, "scenarios/new.html", context, status=status_of(refusal.code) if refusal else 200)


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A scenario: where it stands, what it says, its requests and projects."""
    found, actor = visible(request, pk), actor_of(request)
    own = found.case is None or Case.objects.for_actor(actor).filter(pk=found.case_id).exists()
    if not own:
        return redirect("scenarios:public", pk=pk)
    context = {
        "title": str(found),
        "scenario": found,
        "page": common.case_page(found.case, request),
        "sections": pages.scenario_sections(found),
        "editable": permissions.can_edit(actor, found.case),
        "usable": queries.approved(found) and can(actor, "scenarios.write"),
        "requests": list(queries.requests(actor).filter(scenario=found)),
        "projects": list(queries.projects(actor).filter(scenario=found)),
    }
    return render(request, "scenarios/scenario.html", context)


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """The form of the pack. `do`: save, or check (save and say what is wrong)."""
    found, actor = visible(request, pk), actor_of(request)
    permissions.check_edit(actor, found.case)
    assert found.case is not None
    rules = lawbook.rules_of(found.case)
    law_form = content.scenario_form(rules)
    known = queries.providers(found.zone_id)
    refusal = None
    form = lawforms.build(law_form, found.typed, request.POST or None, cite=rules.cite)
    _offer_providers(form, known, found.typed)
    if request.method == "POST" and request.POST.get("do") == "more":  # 再加一行：不保存，已填的都在
        typed = form.typed()
        form = lawforms.build(law_form, typed, cite=rules.cite)
        _offer_providers(form, known, typed)
    elif request.method == "POST":
        version = whole_number(request.POST.get("version"))
        saved, refusal = common.try_to(
            request,
            "scenarios.save",
            lambda: drafts.save(
                found,
                actor=actor,
                now=clock.business_now(),
                typed=form.typed(),
                version=found.version if version is None else version,
            ),
        )
        if saved is not None:
            left = content.scenario_problems(rules, saved.typed, known)
            messages.success(
                request,
                "草稿已保存。" + (f"还有 {len(left)} 处没有填好。" if left else "已经填好，可以提交。"),
            )
            if request.POST.get("do") == "check" and left:
                return redirect(f"{reverse('scenarios:edit', args=[pk])}?check=1")
            return redirect("scenarios:edit" if left else "scenarios:scenario", pk=pk)
    elif request.GET.get("check") == "1":
        form = lawforms.build(law_form, found.typed, posted_of(form), cite=rules.cite)
        _offer_providers(form, known, found.typed)
        form.show(content.scenario_problems(rules, found.typed, known))
    context = {
        "title": "填写应用场景",
        "scenario": found,
        "version": request.POST.get("version") if request.POST.get("do") == "more" else found.version,
        "form": form,
        "refusal": refusal,
        "because": law_form.because,
        "basis": [rules.cite(each) for each in law_form.basis],
        "problems": len(content.scenario_problems(rules, found.typed, known)),
    }
    return render(request, "scenarios/edit.html", context, status=status_of(refusal.code) if refusal else 200)


def posted_of(form: Any) -> dict[str, Any]:
    """The values a form holds, as a browser would post them, so that problems can stand beside them."""
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, dict):
            data |= {f"{bound.html_name}-{key}": item for key, item in value.items()}
        elif value not in (None, ""):
            data[bound.html_name] = value
    return data


def _offer_providers(form: Any, known: Any, typed: Any) -> None:
    """The provider is chosen among those of the zone; a name typed before stays."""
    names = [*known, *(each for each in content.provider_names(typed) if each not in known)]
    for name, field in form.fields.items():
        if name.endswith(f"-{content.PROVIDER}"):
            field.widget = Select(choices=[("", "请选择"), *((each, each) for each in names)])


@needs("scenarios.record")
def take_list(request: HttpRequest) -> HttpResponse:
    """Record a published list of scenarios from a CSV file."""
    actor, report, refusal = actor_of(request), None, None
    if request.method == "POST":
        report, refusal = common.try_to(request, "scenarios.record", lambda: _taken(request))
        if report is not None and not report.problems:
            known = f"，{len(report.known)} 个原来已经建档" if report.known else ""
            messages.success(request, f"已建档 {len(report.taken)} 个应用场景{known}。")
            return redirect("scenarios:published")
    context = {
        "title": "已发布场景建档",
        "given": request.POST,
        "refusal": refusal,
        "problems": report.problems if report else [],
        "columns": importing.COLUMNS,
        "authority": "data_authority" in actor.roles,
        "basis": common.citations(actor.zone, basis(actor.zone, importing.GROUND)),
    }
    bad = 400 if report and report.problems else status_of(refusal.code) if refusal else 200
    return render(request, "scenarios/import.html", context, status=bad)


def _taken(request: HttpRequest) -> importing.Report:
    file = request.FILES.get("file")
    if file is None:
        raise Refused("请选择要导入的 CSV 文件。", "input:file")
    if (file.size or 0) > importing.LARGEST:
        raise Refused("文件太大，场景清单不应超过 5 MB。", "too_large")
    return importing.take(
        file.read(),
        actor=actor_of(request),
        now=clock.business_now(),
        title=request.POST.get("title", ""),
        number=request.POST.get("number", ""),
        day=request.POST.get("day", ""),
    )


# ------------------------------------------------------------ public


def public_url(row: Scenario) -> str:
    return reverse("scenarios:public", args=[row.pk])


def published(request: HttpRequest) -> HttpResponse:
    """Published scenarios of the zone. Public."""
    table = Table(
        request,
        queries.published(actor_of(request).zone),
        [
            Column("name", "应用场景", "name", order="name", href=public_url),
            Column("domain", "领域", "domain", order="domain"),
            Column("direction", "方向", lambda row: dict(DIRECTIONS).get(row.direction, ""), "direction"),
            Column("published", "发布日期", "published", order="published", kind="date"),
            Column("source", "来源", lambda row: (row.source or {}).get("title", "本平台审核"), narrow=False),
        ],
        title="已发布的应用场景",
        filters=(DIRECTION, Filter("q", "名称", lambda rows, value: rows.filter(name__icontains=value))),
        empty="还没有发布的应用场景。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "scenarios/published.html", {"title": "已发布的应用场景", "table": table})


def public_page(request: HttpRequest, pk: str) -> HttpResponse:
    """One published scenario: exactly the lines that were published."""
    found = get_object_or_404(queries.published(), pk=pk)
    return render(request, "scenarios/public.html", {"title": found.name, "scenario": found})
