"""为什么 of a task: its outcome in words, the day it was asked, the grant it ran under."""

from __future__ import annotations

from typing import Any

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import why
from gongshu.office.workbench import permissions, queries
from gongshu.office.workbench.models import Task

PREFIX = "k"


def of_task(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`k-…`: why a task has the state it has."""
    row = Task.objects.for_actor(actor).select_related("project", "grant").filter(pk=identifier).first()
    if row is None:
        return None
    said = queries.outcome(row)
    sentence = f"{said.sentence}{said.next}" if said else queries.waiting_because(row)
    facts: dict[str, Any] = {
        "任务": row.pk,
        "种类": row.get_kind_display(),
        "项目": row.project.name,
        "授权": row.grant_id,
        "提交": local_day(row.asked_at).isoformat(),
        "结果代码": row.code or "还没有",
    }
    facts |= {f"读取 {table}": columns for table, columns in row.reads.items()}
    day = local_day(row.asked_at)
    articles = list(basis(row.zone_id, permissions.GROUND, day))
    tree = why.plain(sentence, articles, facts, row.zone_id, day)
    return tree | {
        "id": row.pk,
        "title": "任务的结果",
        "allowed": row.code in ("", "done"),
        "at": row.asked_at,
    }
