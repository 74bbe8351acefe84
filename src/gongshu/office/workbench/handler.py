"""What the workbench adds to cases of `release.record`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from gongshu.office.accounts.actors import Actor
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.office.scenarios import grants
from gongshu.office.workbench import queries, served
from gongshu.office.workbench.models import Task


class ReleaseHandler(Handler):
    """Handler of the record of a release."""

    panel = "workbench/release_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        task = task_of(case)
        return {"run_done": bool(task and task.from_task and task.from_task.code == "done")}

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        """Stopping the supply of a released product stops it in the data domain too."""
        task = task_of(case)
        product = str(task.body.get("product") or "") if task else ""
        # 登载在前、产品不属本项目的，停不了别家的产品
        if task and event.act == "stop" and product in dict(served.products(task.project)):
            reason = str(event.data.get("reasons") or "停止提供")
            grants.stop(actor=actor, zone=case.zone_id, scope="product", target=product, reason=reason)

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        task = task_of(case)
        if task is None:
            return {}
        failed = queries.outcome(task) if case.state == "failed" else None
        return {"progress": queries.progress(task), "task": task, "failed": failed}

    def subject_url(self, case: Case) -> str:
        task = task_of(case)
        return reverse("workbench:task", args=[task.pk]) if task else ""


def task_of(case: Case) -> Task | None:
    found = Task.objects.filter(case=case).select_related("project", "grant", "from_task").first()
    if found is not None:
        found.case = case
    return found
