"""Pages of the workbench: a project's schema, the editor, tasks, requests for release, what left."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.accounts.queries import person_names
from gongshu.office.link import clock
from gongshu.office.scenarios import grants
from gongshu.office.scenarios import queries as scenarios
from gongshu.office.scenarios.models import Project
from gongshu.office.scenarios.views.projects import grant_id, state_of, state_title, tables
from gongshu.office.workbench import lensing, permissions, queries, samples, served, services, steps, words
from gongshu.office.workbench.models import Release, Task
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table

RECENT = 12


def project_of(request: HttpRequest, pk: str) -> Project:
    return get_object_or_404(scenarios.projects(actor_of(request)), pk=pk)


def task_url(row: Task) -> str:
    return reverse("workbench:task", args=[row.pk])


def tone(row: Task) -> str:
    """The state of a task for its badge; a blocked or released output says more than `done`."""
    if row.case_id and row.code in ("", "done"):
        return str(row.case.state)
    said = queries.outcome(row)
    return said.tone if said else "waiting"


def label(row: Task) -> str:
    if row.case_id and row.code in ("", "done"):
        return str(row.case.state_title)
    said = queries.outcome(row)
    return said.title if said else "等待中"


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The projects one works on; a single one opens at once."""
    rows = scenarios.projects(actor_of(request))
    table = Table(
        request,
        rows,
        [
            Column("name", "项目", "name", "name", href=lambda row: reverse("workbench:desk", args=[row.pk])),
            Column("scenario", "应用场景", "scenario.name", order="scenario__name"),
            Column("grant", "授权", state_of, kind="state", label_of=state_title, why=grant_id),
            Column("operator", "运营机构", "operator.name", order="operator__name", narrow=False),
        ],
        title="工作台",
        empty="还没有可以工作的项目。",
        exportable=False,
    )
    return render(request, "workbench/home.html", {"title": "工作台", "table": table})


@login_required
def desk(request: HttpRequest, pk: str) -> HttpResponse:
    """Schema, editor with the lens's advice, and the newest tasks. `do`: check, or run."""
    actor = actor_of(request)
    project = project_of(request, pk)
    today, refusal = clock.business_today(), None
    grant = scenarios.grant_of(project)
    mine = permissions.develops(actor, grant)
    sql = request.POST.get("sql", "") or _from(request, project)
    if request.method == "POST" and request.POST.get("do") == "run":
        try:
            made = services.submit_run(
                project,
                actor=actor,
                now=clock.business_now(),
                sql=sql,
                title=request.POST.get("title", ""),
            )
        except Refused as found:
            keep(found, actor, "workbench.run")
            refusal = found
        else:
            messages.success(request, "已送数据域运行；结果只是一个固定的代码，在整十秒告知。")
            return redirect("workbench:task", pk=made.pk)
    shows = bool(sql.strip()) and grant is not None and (mine or request.method == "POST")
    context = {
        "title": project.name,
        "project": project,
        "grant": grant,
        "look": state_of(project),
        "state_title": state_title(project),
        "closed": grants.reason_closed(grant, today),
        "mine": mine,
        "tables": tables(grant),
        "sql": sql,
        "run_title": request.POST.get("title", ""),
        "advice": lensing.advise(sql, grant, today) if shows and mine and grant else None,
        "tasks": [decorated(each) for each in queries.tasks(actor).filter(project=project)[:RECENT]],
        "used": services.used_today(project),
        "sample": samples.standing(grant),
        "builds": grant is not None and grant.body["mode"] == "build",
        "refusal": refusal,
    }
    return render(request, "workbench/desk.html", context, status=status_of(refusal.code) if refusal else 200)


def _from(request: HttpRequest, project: Project) -> str:
    """The query of an earlier run, to start from (`?from=<task>`)."""
    row = Task.objects.filter(project=project, kind="run", pk=request.GET.get("from", "")).first()
    return str(row.body.get("sql", "")) if row else ""


def decorated(row: Task) -> dict[str, Any]:
    return {"row": row, "tone": tone(row), "label": label(row), "because": queries.waiting_because(row)}


@login_required
@require_POST
def lens(request: HttpRequest, pk: str) -> HttpResponse:
    """What the lens says of the query as typed so far: a part of the page, asked while typing."""
    project = project_of(request, pk)
    grant = scenarios.grant_of(project)
    if grant is None or not permissions.develops(actor_of(request), grant):
        raise Refused(
            "只有授权写明的开发人员可以写查询。", "forbidden", basis(project.zone_id, permissions.GROUND)
        )
    advice = lensing.advise(request.POST.get("sql", ""), grant, clock.business_today())
    return render(request, "workbench/lens.html", {"advice": advice})


@login_required
def tasks(request: HttpRequest) -> HttpResponse:
    """Every task the actor may see."""
    table = Table(
        request,
        queries.tasks(actor_of(request)),
        [
            Column("title", "名称", str, order="title", href=task_url),
            Column("kind", "种类", "get_kind_display", order="kind"),
            Column("project", "项目", "project.name", order="project__name"),
            Column("asked", "提交", "asked_at", order="wall_at", kind="time"),
            Column("state", "状态", tone, "code", kind="state", label_of=label, why=lambda row: row.pk),
        ],
        title="任务",
        filters=(
            Filter("kind", "种类", lambda rows, value: rows.filter(kind=value), Task.KINDS),
            Filter(
                "code",
                "结果",
                lambda rows, value: rows.filter(code="" if value == "waiting" else value),
                (("waiting", "等待中"), *((key, each.title) for key, each in words.OUTCOMES.items())),
            ),
        ),
        empty="还没有任务。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "workbench/tasks.html", {"title": "任务", "table": table})


def visible_task(request: HttpRequest, pk: str) -> Task:
    return get_object_or_404(queries.tasks(actor_of(request)), pk=pk)


@login_required
def task(request: HttpRequest, pk: str) -> HttpResponse:
    """A task: its outcome in words or why it waits; for a release verdict, votes and what left."""
    found, actor = visible_task(request, pk), actor_of(request)
    names = person_names({found.asked_by})
    progress = queries.progress(found) if found.kind == "release" else None
    context = {
        "title": str(found),
        "task": found,
        "tone": tone(found),
        "label": label(found),
        "outcome": queries.outcome(found),
        "because": "" if progress and progress.output else queries.waiting_because(found),
        "by": "　".join(filter(None, reversed(names.get(found.asked_by, ("", ""))))),
        "reads": [
            (
                table,
                [(column, lensing.grade_of(found.grant.body["tables"], table, column)) for column in columns],
            )
            for table, columns in found.reads.items()
        ],
        "releases": [decorated(each) for each in found.releases.select_related("case").order_by("wall_at")],
        "can_release": found.kind in services.RAN
        and found.code == "done"
        and permissions.develops(actor, found.grant),
        "progress": progress,
        "form_title": words.KINDS.get((found.body.get("output") or {}).get("kind", ""), ""),
    }
    return render(request, "workbench/task.html", context)


@login_required
def release(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask that a finished run's result leave."""
    found, actor, refusal = visible_task(request, pk), actor_of(request), None
    given = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        try:
            made = services.request_release(
                found,
                actor=actor,
                now=clock.business_now(),
                kind=given.get("kind", ""),
                title=given.get("title", ""),
                lead=given.get("lead", ""),
                product=given.get("product", ""),
                terms=release_terms(given),
            )
        except Refused as error:
            keep(error, actor, "workbench.release")
            refusal = error
        else:
            messages.success(request, "已申请出域：数据域先攻击测试，通过后由审核人在闸口盲审。")
            return redirect("workbench:task", pk=made.pk)
    context = {
        "title": "申请出域",
        "task": found,
        "kinds": list(words.KINDS_OF.get(found.kind, {}).items()),
        "subjects": words.SUBJECTS,
        "outputs": steps.outputs_of(found) if found.kind == "build" else [],
        "products": served.products(found.project),
        "given": given,
        "refusal": refusal,
    }
    return render(
        request, "workbench/release.html", context, status=status_of(refusal.code) if refusal else 200
    )


def release_terms(given: Any) -> dict[str, Any]:
    """What was typed about a step's result: names one a line."""
    lines = {name: plain(given.get(name, "")).split() for name in ("fields", "features")}
    return {name: given.get(name, "").strip() for name in ("table", "subject", "target")} | lines


def release_url(row: Release) -> str:
    return reverse("workbench:one-release", args=[row.pk])


@login_required
def released(request: HttpRequest) -> HttpResponse:
    """What left, of the actor's projects."""
    table = Table(
        request,
        queries.releases(actor_of(request)),
        [
            Column("title", "成果", "title", order="title", href=release_url),
            Column("kind", "形式", lambda row: words.KINDS.get(row.kind, row.kind), order="kind"),
            Column("project", "项目", "project.name", order="project__name"),
            Column("day", "出域日期", "day", order="day", kind="date"),
            Column("digest", "摘要", lambda row: row.digest[:26] + "…", kind="code", narrow=False),
        ],
        title="出域的成果",
        filters=(Filter("q", "名称", lambda rows, value: rows.filter(title__icontains=value)),),
        empty="还没有出域的成果。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "workbench/released.html", {"title": "出域的成果", "table": table})


@login_required
def one_release(request: HttpRequest, pk: str) -> HttpResponse:
    """The disclosure record of one release, its files, and how anybody checks it."""
    found = get_object_or_404(queries.releases(actor_of(request)).select_related("task__case"), pk=pk)
    names = scenarios.names_of(str(each.get("organisation")) for each in found.votes)
    record = found.record
    tested = [
        (each, words.CHECKS[each].title if each in words.CHECKS else each)
        for each in record.get("checks") or ()
    ]
    spoke = {str(each.get("check")): str(each.get("severity")) for each in record.get("findings") or ()}
    context = {
        "title": found.title,
        "release": found,
        "record": record,
        "kind_title": words.KINDS.get(found.kind, found.kind),
        "verdict": words.VERDICTS.get(str(record.get("verdict")), (record.get("verdict"), ""))[0],
        "votes": sorted(names.get(str(each.get("organisation")), "") for each in found.votes),
        "checks": [(id_, title, spoke.get(id_, "")) for id_, title in tested],
        "thresholds": thresholds(record.get("thresholds") or {}),
        "versions": sorted((record.get("versions") or {}).items()),
    }
    return render(request, "workbench/one_release.html", context)


THRESHOLDS = {
    "threshold": "最少主体数",
    "nk": "前几家占比（n，k）",
    "p": "占比可推算（p）",
    "reviewers": "最少审核人数",
    "rounding": "取整基数",
}


def thresholds(found: Any) -> list[tuple[str, str]]:
    """The thresholds of a record in words; nested ones are laid flat."""
    rows = []
    for key, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, dict):
            rows += thresholds(value)
        else:
            shown = "、".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((THRESHOLDS.get(str(key), str(key)), shown))
    return rows
