"""The pages of samples: ask for one, download its bundle."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.cases import deposits
from gongshu.office.link import clock
from gongshu.office.workbench import samples
from gongshu.office.workbench.views import project_of
from gongshu.ui import errors
from gongshu.ui.export import attachment


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
