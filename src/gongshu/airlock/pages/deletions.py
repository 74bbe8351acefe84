"""删除快照: what the office ordered deleted of the own organisation's data, and the provider's word."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongshu.airlock import access, waiting
from gongshu.enclave import clock, deletions, sources
from gongshu.enclave.store.models import Snapshot

SHOWN = 100


def _row(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as its provider reads it before it goes, with all that goes with it."""
    made = deletions.derived(snapshot.id)
    return {
        "snapshot": snapshot,
        "title": sources.vault().manifest(snapshot.id).title,
        "with": [
            ("项目的表和模型", len(made.tables)),
            ("没有出域的成果", len(made.outputs)),
            ("没有送出的样例", len(made.samples)),
            ("正在供数的版本", len(made.versions)),
        ],
    }


@access.needs("confirm")
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    asked = waiting.deletions(visitor)
    if request.method == "POST":
        found = next((row for row in asked if row.id == request.POST.get("snapshot")), None)
        if found is None:
            raise access.Refused("办公域没有请贵单位删除这份数据，或者已经删除。", 409, "state")
        try:
            deletions.agree(
                found, organisation=visitor.organisation, person=visitor.person, now=clock.wall_now()
            )
        except deletions.DeletionError as error:
            raise access.Refused(str(error), 409, "state") from error
        messages.success(request, "已删除：密钥和文件已销毁，删除证明留在数据域。")
        return redirect("deletions")
    gone = Snapshot.objects.filter(organisation=visitor.organisation, deleted__isnull=False)
    context = {
        "title": "删除快照",
        "rows": [_row(row) for row in asked],
        "gone": gone.order_by("-deleted")[:SHOWN],
    }
    return render(request, "airlock/deletions.html", context)
