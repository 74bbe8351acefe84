"""A holiday paper has arrived: provisional deadlines are reckoned again, and the paper is named."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gongshu.law import packs
from gongshu.office.cases import notices, services
from gongshu.office.cases.models import Case, Deadline
from gongshu.office.cases.queries import calendar

HOME = "cn"
# 每个进程对同一版日历只查一遍；升级规则包后进程会重启
_DONE: set[str] = set()


def when_needed(now: datetime) -> int:
    """Recount once a version of the calendar; how many cases were reckoned again."""
    digest = packs.library().digest(HOME)
    if digest in _DONE:
        return 0
    done = provisional(now)
    _DONE.add(digest)
    return done


def provisional(now: datetime) -> int:
    """Reckon again every open provisional deadline whose days have been settled by a paper since."""
    rows = Deadline.objects.filter(met=None, provisional=True, due__isnull=False, case__closed=False)
    settled = [row for row in rows.select_related("case") if row.due and calendar().published(row.due)]
    by_case: dict[str, list[Deadline]] = {}
    for row in settled:
        by_case.setdefault(row.case_id, []).append(row)
    for before in by_case.values():
        case = before[0].case
        services.rebuild(case, now)
        after = {row.pk: row for row in Deadline.objects.filter(pk__in=[each.pk for each in before])}
        for row in before:
            if row.pk in after:
                _tell(case, row, after[row.pk], now)
    return len(by_case)


def _tell(case: Case, before: Deadline, after: Deadline, now: datetime) -> None:
    if before.due == after.due and after.provisional:
        return
    named = "、".join(_papers(after.fact) - _papers(before.fact)) or "新收录的放假安排"
    result = (
        f"仍是 {after.due}，不再是暂定" if before.due == after.due else f"由 {before.due} 改为 {after.due}"
    )
    sentence = f"{case.number}“{case.title}”的“{after.title}”按{named}重算，{result}。"
    key = f"moved:{after.ledger}:{after.started.isoformat()}:{after.due}"
    for role in after.owes:
        notices.send(case, "moved", key, role, sentence, now, after.pk)


def _papers(fact: dict[str, Any]) -> set[str]:
    return {str(each) for each in fact.get("papers", ())}
