"""Pages of projects: begin with agreed requests, follow the grant through the airlock, stop."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can
from gongshu.office.accounts.queries import person_names
from gongshu.office.link import clock, effects
from gongshu.office.link.models import FeedItem
from gongshu.office.scenarios import grants, permissions, queries, reviewing
from gongshu.office.scenarios import projects as services
from gongshu.office.scenarios.models import Grant, Project
from gongshu.office.scenarios.views import common
from gongshu.ui.inputs import whole_number
from gongshu.ui.tables import Column, Filter, Table

MOST_RUNS = 999_999

LOOK = {
    "awaiting": "awaiting",
    "live": "valid",
    "refused": "refused",
    "stopped": "stopped",
    "expired": "expired",
}


def visible(request: HttpRequest, pk: str) -> Project:
    found = queries.projects(actor_of(request))
    return get_object_or_404(found, pk=pk)


def state_of(row: Project) -> str:
    grant = queries.grant_of(row)
    return LOOK[grant.state_on(clock.business_today())] if grant else ""


def state_title(row: Project) -> str:
    grant = queries.grant_of(row)
    return dict(Grant.STATES)[grant.state_on(clock.business_today())] if grant else ""


def grant_id(row: Project) -> str | None:
    grant = queries.grant_of(row)
    return grant.pk if grant else None


def project_url(row: Project) -> str:
    return reverse("scenarios:project", args=[row.pk])


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The projects the actor may see."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.projects(actor),
        [
            Column("name", "项目", "name", order="name", href=project_url),
            Column("scenario", "应用场景", "scenario.name", order="scenario__name"),
            Column("operator", "运营机构", "operator.name", order="operator__name", narrow=False),
            Column("grant", "授权", state_of, kind="state", label_of=state_title, why=grant_id),
            Column(
                "until", "到期", lambda row: (queries.grant_of(row) or Grant(body={})).body.get("until", "")
            ),
            Column("opened", "建立日期", "opened_at", order="opened_at", kind="date", narrow=False),
        ],
        title="项目",
        filters=(Filter("q", "名称", lambda rows, value: rows.filter(name__icontains=value)),),
        empty="还没有项目。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "项目", "table": table, "can_begin": can(actor, "scenarios.project")}
    return render(request, "scenarios/projects.html", context)


@needs("scenarios.project")
def new(request: HttpRequest) -> HttpResponse:
    """Agreed requests, developers, days and reviewers become a project, and its grant is issued."""
    actor, refusal = actor_of(request), None
    given = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        made, refusal = common.try_to(request, "projects.begin", lambda: _begun(request))
        if made is not None:
            messages.success(request, "项目已建立，授权已发出，等提供单位在闸口确认。")
            return redirect("scenarios:project", pk=made.pk)
    agreed = list(queries.granted_requests(actor, actor.zone))
    seats, basis, missing = _seats(actor, sorted({each.provider_id for each in agreed}))
    context = {
        "title": "建立项目",
        "requests": agreed,
        "chosen": given.getlist("requests"),
        "people": queries.developers(actor.zone),
        "developers": given.getlist("developers"),
        "given": given,
        "modes": list(services.MODES.items()),
        "runs": given.get("runs_per_day") or services.most_runs(actor.zone, clock.business_today()).value,
        "seats": seats,
        "missing": missing,
        "basis": common.citations(actor.zone, basis),
        "refusal": refusal,
    }
    return render(
        request, "scenarios/new_project.html", context, status=status_of(refusal.code) if refusal else 200
    )


def _seats(actor: Any, owners: list[str]) -> tuple[Any, Any, str]:
    try:
        found, basis = reviewing.seats(actor.zone, clock.business_today(), owners)
    except Refused as refusal:
        return (), (), refusal.sentence
    return found, basis, ""


def _begun(request: HttpRequest) -> Project:
    given = request.POST
    runs = given.get("runs_per_day", "").strip()
    if runs and whole_number(runs, MOST_RUNS) is None:
        raise Refused("每日运行次数应是整数。", "input:runs_per_day")
    chosen = {
        key.removeprefix("reviewing-"): str(value)
        for key, value in given.items()
        if key.startswith("reviewing-")
    }
    return services.begin(
        actor=actor_of(request),
        now=clock.business_now(),
        name=given.get("name", ""),
        requests=given.getlist("requests"),
        developers=given.getlist("developers"),
        start=given.get("from", ""),
        until=given.get("until", ""),
        purpose=given.get("purpose", ""),
        mode=given.get("mode") or "answer",
        runs_per_day=whole_number(runs, MOST_RUNS) if runs else None,
        reviewing_orgs=chosen,
    )


def stops(project: Project) -> list[tuple[Any, effects.Effect | None]]:
    """The project's stops, each with when its receivers acted; None for one made at the airlock."""
    rows = list(queries.stops_of(project))
    items = FeedItem.objects.filter(kind="stop", subject__in=[each.pk for each in rows])
    told = {each.stop: each for each in effects.effects(items)}
    return [(each, told.get(each.pk)) for each in rows]


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A project: its grant and who has yet to confirm it, its tables, people, reviewers and stops."""
    found, actor = visible(request, pk), actor_of(request)
    today = clock.business_today()
    grant = queries.grant_of(found)
    state = grant.state_on(today) if grant else ""
    context = {
        "title": found.name,
        "project": found,
        "grant": grant,
        "state": state,
        "look": LOOK.get(state, ""),
        "state_title": dict(Grant.STATES).get(state, ""),
        "closed": grants.reason_closed(grant, today),
        "answers": answers(grant),
        "tables": tables(grant),
        "members": members(found),
        "people": developers(grant),
        "stops": stops(found),
        "can_stop": permissions.can_stop(actor, found) and state in ("awaiting", "live"),
        "can_reissue": can(actor, "scenarios.project", found.zone_id)
        and found.operator_id in actor.organisations
        and state in ("refused", "expired"),
        "works": bool(grant and actor.person in grant.body["developers"]),
        "basis": common.citations(found.zone_id, basis(found.zone_id, grants.GROUND, today)),
    }
    return render(request, "scenarios/project.html", context)


def answers(grant: Grant | None) -> list[dict[str, Any]]:
    """Each provider that must confirm, and what it answered at the airlock."""
    if grant is None:
        return []
    given = {row.organisation: row for row in grant.answers.all()}
    wanted = [*grant.owners, *(each for each in given if each not in grant.owners)]
    names = dict(queries.names_of(wanted)) | {grants.DATA_DOMAIN: "数据域（按入库清单核对）"}
    found = []
    for each in wanted:
        row = given.get(each)
        found.append(
            {
                "name": names.get(each, each),
                "state": row.answer if row else "awaiting",
                "label": {"confirmed": "已确认", "refused": "不同意"}.get(
                    row.answer if row else "", "等待确认"
                ),
                "at": row.at if row else None,
                "sentence": row.sentence if row else "",
            }
        )
    return found


def tables(grant: Grant | None) -> list[dict[str, Any]]:
    if grant is None:
        return []
    names = queries.names_of(table["owner"] for table in grant.body["tables"].values())
    return [
        {
            "name": name,
            "owner": names.get(table["owner"], table["owner"]),
            "subject": table.get("subject", ""),
            "columns": [{"name": column, **said} for column, said in sorted(table["columns"].items())],
        }
        for name, table in sorted(grant.body["tables"].items())
    ]


def members(project: Project) -> list[tuple[str, str]]:
    rows = project.members.select_related("organisation").order_by("role", "organisation__name")
    return [(row.get_role_display(), row.organisation.name) for row in rows]


def developers(grant: Grant | None) -> list[str]:
    wanted = list(grant.body["developers"]) if grant else []
    names = person_names(set(wanted))
    return [f"{names[each][0]}（{names[each][1]}）" for each in wanted if each in names]


@login_required
@require_POST
def stop(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop the project now."""
    found = visible(request, pk)
    made, refusal = common.try_to(
        request,
        "projects.stop",
        lambda: grants.stop_project(found, actor=actor_of(request), reason=request.POST.get("reason", "")),
    )
    if refusal is not None:
        if status_of(refusal.code) != 400:
            raise refusal
        messages.error(request, refusal.sentence)
    elif made is not None:
        messages.success(request, "停止已发出，数据域收到后立即生效，生效时间显示在下面。")
    return redirect("scenarios:project", pk=pk)


@login_required
@require_POST
def reissue(request: HttpRequest, pk: str) -> HttpResponse:
    """Issue the grant anew after a refusal."""
    found = visible(request, pk)
    services.reissue(found, actor=actor_of(request), now=clock.business_now())
    messages.success(request, "授权已重新发出，等提供单位在闸口确认。")
    return redirect("scenarios:project", pk=pk)
