"""Why a task has not begun: one code and one fixed sentence, for the airlock."""

from __future__ import annotations

from collections.abc import Mapping

from gongshu.enclave.store.models import Task

REASONS: Mapping[str, str] = {
    "held": "等待：数据域从备份恢复，两名安全管理员签署起点之前不工作。",
    "computing": "等待：另一项任务正在计算，一次只算一项。",
    "queued": "等待：前面还有先收到的任务。",
    "next": "即将开始。",
}


def reason(task: Task, held: bool) -> tuple[str, str]:
    """(code, sentence) of a waiting task; ('', '') of any other. `held`: after a restore."""
    if task.state != "waiting":
        return "", ""
    code = "next"
    if held:
        code = "held"
    elif Task.objects.filter(state="running").exists():
        code = "computing"
    elif Task.objects.filter(state="waiting", received__lt=task.received).exists():
        code = "queued"
    return code, REASONS[code]
