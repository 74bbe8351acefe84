"""The pages of samples (ask for one, download its bundle) and of the steps that build."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import deposits
from gongshu.office.link import clock
from gongshu.office.scenarios import grants
from gongshu.office.scenarios import queries as scenarios
from gongshu.office.scenarios.models import Project
from gongshu.office.scenarios.views.projects import tables
from gongshu.office.workbench import permissions, samples, services, steps
from gongshu.office.workbench.models import Task
from gongshu.office.workbench.views import project_of
from gongshu.ui import errors, inputs
from gongshu.ui.export import attachment

# the button pressed → the form it sends, and what of the form the service takes
QUERY, PROGRAM = "query", "program"
ASKED = {QUERY: steps.QUERY, PROGRAM: steps.PROGRAM}


@login_required
def build(request: HttpRequest, pk: str) -> HttpResponse:
    """A query or a program whose tables and models stay in the data domain. `do`: query, program."""
    project, actor = project_of(request, pk), actor_of(request)
    grant = scenarios.grant_of(project)
    chosen = request.POST.get("do", "")
    forms = {
        each: steps.form(asked, each, request.POST if each == chosen else None)
        for each, asked in ASKED.items()
    }
    refusal = None
    if chosen in forms and forms[chosen].is_valid():
        try:
            made = _submit(chosen, forms[chosen], project, actor)
        except Refused as found:
            keep(found, actor, "workbench.build")
            refusal = found
        else:
            messages.success(request, "已送数据域；建成的表和模型留在数据域，这里只得到一个固定的代码。")
            return redirect("workbench:task", pk=made.pk)
    context = {
        "title": f"建设：{project.name}",
        "project": project,
        "grant": grant,
        "closed": grants.reason_closed(grant, clock.business_today()),
        "mine": permissions.develops(actor, grant),
        "builds": grant is not None and grant.body["mode"] == "build",
        "tables": tables(grant),
        "own": sorted(steps.made(project).items()),
        "query": forms[QUERY],
        "program": forms[PROGRAM],
        "used": services.used_today(project),
        "refusal": refusal,
    }
    wrong = chosen in forms and bool(forms[chosen].errors)
    status = status_of(refusal.code) if refusal else 400 if wrong else 200
    return render(request, "workbench/build.html", context, status=status)


def _submit(chosen: str, form: inputs.LawForm, project: Project, actor: Actor) -> Task:
    given, now = form.cleaned_data, clock.business_now()
    title = given.get("title") or ""
    if chosen == QUERY:
        return steps.submit_query(
            project, actor=actor, now=now, name=given["name"], sql=given["sql"], title=title
        )
    return steps.submit_program(
        project,
        actor=actor,
        now=now,
        program=given["program"],
        reads=given["reads"],
        outputs=given["outputs"],
        title=title,
    )


@login_required
@require_POST
def ask_sample(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask the data domain for a sample of the project's tables."""
    project = project_of(request, pk)
    samples.request(project, actor=actor_of(request), now=clock.business_now())
    messages.success(request, "已申请样例：数据域抽样和脱敏，提供单位在闸口确认以后送来。")
    return redirect("workbench:desk", pk=project.pk)


@login_required
@require_GET
def sample_bundle(request: HttpRequest, pk: str) -> HttpResponse:
    """The bundle for `gongshu sample open`, for the project's developers only."""
    actor = actor_of(request)
    found = get_object_or_404(samples.visible(actor), pk=pk)
    try:
        data = samples.bundle(found, actor=actor, now=clock.wall_now())
    except deposits.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")
    answer = HttpResponse(data, content_type="application/zip")
    answer["Content-Disposition"] = attachment(f"{found.pk}.zip")
    return answer
