"""运行记录: what ran on the own organisation's data, with its log; the office hears only the code."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from gongshu.airlock import access, seeing, waiting, words
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock, confirm
from gongshu.enclave import waiting as why
from gongshu.enclave.runner import CODES
from gongshu.enclave.store.models import Grant, Task
from gongshu.wire import hold

SHOWN = 200


def provided(visitor: access.Visitor) -> dict[str, Grant]:
    """id → grant, of grants that name tables the own organisation provides."""
    mine = [one for one in waiting.visible_grants(visitor) if visitor.organisation in confirm.required(one)]
    return {grant.id: grant for grant in mine}


def _held() -> bool:
    return (settings.SITE.config / hold.HOLD).exists()


def because(task: Task) -> str:
    """Why a waiting task has not begun, in one sentence."""
    return why.reason(task, _held())[1]


@require_GET
@access.needs("confirm")
def index(request: HttpRequest) -> HttpResponse:
    """Newest first; a waiting one says why."""
    grants = provided(access.visitor(request))
    found = Task.objects.filter(grant__in=grants).order_by("-received")[:SHOWN]
    held = _held()
    rows = [
        (
            task,
            words.TASKS.get(task.kind, task.kind),
            grants[task.grant].body["purpose"],
            CODES.get(task.outcome, "") if task.outcome else why.reason(task, held)[1],
        )
        for task in found
    ]
    return render(request, "airlock/runs.html", {"title": "运行记录", "rows": rows})


@require_GET
@access.needs("confirm")
def one(request: HttpRequest, pk: str) -> HttpResponse:
    """One task: what was asked, how it ended, and its standard output and traceback.

    These only for who provided all that was read, or reviews: a program prints what it likes.
    """
    visitor = access.visitor(request)
    grants = provided(visitor)
    task = Task.objects.filter(pk=pk, grant__in=grants).first()
    if task is None:
        raise Http404
    _, organisation = names(clock.wall_now())
    body = task.body
    context = {
        "title": words.TASKS.get(task.kind, task.kind),
        "task": task,
        "purpose": grants[task.grant].body["purpose"],
        "sees": seeing.detail(visitor, task, grants[task.grant]),
        "others": seeing.OTHERS,
        "code": CODES.get(task.outcome, ""),
        "because": because(task),
        "text": body.get("sql") or body.get("program") or "",
        "reads": body.get("reads") or [],
        "made": task.tables.order_by("name"),
        "organisation": organisation,
    }
    return render(request, "airlock/run.html", context)
