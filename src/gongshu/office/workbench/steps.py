"""建设步骤: queries and programs whose tables and models stay in the data domain as the project's own.

A query reads granted tables and the project's own; a program the project's own alone. What the office checks
here it checks for the person who types; the data domain reads every word anew and decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.law.inputs import Input
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.scenarios.models import Grant, Project
from gongshu.office.workbench import lensing, permissions, services
from gongshu.office.workbench.models import Task
from gongshu.ui import inputs
from gongshu.ui.widgets import RowsWidget

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_PROGRAM = 200_000
TABLE = "table"
OUTPUTS = (
    (TABLE, "结果表"),
    ("lightgbm-text", "模型（LightGBM 文本）"),
    ("onnx", "模型（ONNX）"),
    ("json", "模型（JSON）"),
)
NAMED = "名称以小写字母开头，只用小写字母、数字和下划线。"

QUERY = (
    Input("name", "建成的项目表叫什么", help=NAMED + "同名的再建一次，用新的代替旧的。"),
    Input("sql", "一条 SELECT 查询（DuckDB 写法）", "long_text",
          help="主体的标识写成 pseudonym(字段)，得到本项目的假名；结果留在数据域，谁也看不到。"),
    Input("title", "这一步叫什么", required=False),
)  # fmt: skip
PROGRAM = (
    Input("reads", "读哪些项目表和模型", "names", help="一行一个；程序只能读本项目自己建的。"),
    Input("outputs", "产出", "rows",
          help="写明的才留下。结果表写明哪个字段是主体的假名，没有就空着；训练模型和计算结果表分成两步。"),
    Input("program", "Python 程序", "long_text",
          help="inputs[名称] 是读入文件的路径，outputs[文件名] 是要写的路径：结果表写成 名称.parquet，"
          "模型写成 名称.txt、名称.onnx 或者 名称.json。没有网络，环境固定。"),
    Input("title", "这一步叫什么", required=False),
)  # fmt: skip
COLUMNS = (("name", "名称"), ("kind", "种类"), ("subject", "主体假名的字段"))


def form(asked: Sequence[Input], which: str, data: Any = None) -> inputs.LawForm:
    """The page's form for a query or a program; `which` keeps the ids of the two apart."""
    made = inputs.build(asked)(data, auto_id=f"id_{which}_%s")
    if "outputs" in made.fields:
        made.fields["outputs"].widget = RowsWidget(COLUMNS, choices={"kind": OUTPUTS})
    for name in ("sql", "program"):
        if name in made.fields:
            made.fields[name].widget.attrs |= {"class": "form-control sql", "rows": 12, "spellcheck": "false"}
            made.fields[name].widget.attrs["maxlength"] = LONGEST_PROGRAM
    return made


def submit_query(
    project: Project, *, actor: Actor, now: datetime, name: str, sql: str, title: str = ""
) -> Task:
    """Publish a query whose result becomes the project's table `name`. `now` is business time.

    Raises `Refused`: not a developer, no live grant to build, the lens forbids, the day's tries are used.
    """
    _named(name, "name")
    if not sql.strip():
        raise Refused(lensing.NO_QUERY, "input:sql")
    if len(sql) > lensing.LONGEST:
        raise Refused(f"查询不能超过 {lensing.LONGEST} 个字。", "input:sql")
    grant = _allowed(project, actor, now)
    reads: dict[str, Any] = {}
    if not reads_own(project, sql):
        advice = lensing.advise(sql, grant, local_day(now), "build")
        services.check_lens(advice, grant, now)
        reads = {table: [column for column, _ in columns] for table, columns in advice.reads}
    body = {"language": "sql", "name": name, "sql": lines(sql)}
    return _submit(project, actor, now, title or name, body, reads)


def submit_program(
    project: Project,
    *,
    actor: Actor,
    now: datetime,
    program: str,
    reads: Sequence[str],
    outputs: Sequence[Mapping[str, str]],
    title: str = "",
) -> Task:
    """Publish a Python program over the project's own tables and models.

    `outputs`: {name, kind (of `OUTPUTS`), subject}. Raises `Refused`.
    """
    if not program.strip() or len(program) > LONGEST_PROGRAM:
        raise Refused(f"请写程序，不超过 {LONGEST_PROGRAM} 个字。", "input:program")
    if not reads:
        raise Refused("请写明程序读哪些项目表。", "input:reads")
    for name in reads:
        _named(name, "reads")
    told = [_output(each) for each in outputs]
    if not told:
        raise Refused("请写明程序产出什么。", "input:outputs")
    if len({each["name"] for each in told}) != len(told):
        raise Refused("产出有重名。", "input:outputs")
    if len({each["kind"] for each in told}) > 1:
        raise Refused("训练模型和计算结果表要分成两步：训练的一步看不到留出的主体。", "input:outputs")
    _allowed(project, actor, now)
    body = {"language": "python", "program": lines(program), "reads": list(reads), "outputs": told}
    return _submit(project, actor, now, title or told[0]["name"], body, {})


def lines(text: str) -> str:
    """The text as written: a browser sends every end of line as two characters."""
    return text.replace("\r\n", "\n")


def _named(name: str, field: str) -> None:
    if not NAME.fullmatch(name):
        raise Refused(NAMED, f"input:{field}")


def _output(row: Mapping[str, str]) -> dict[str, str]:
    name, kind = str(row.get("name") or ""), str(row.get("kind") or "")
    _named(name, "outputs")
    if kind not in dict(OUTPUTS):
        raise Refused("请选择产出的种类。", "input:outputs")
    if kind == TABLE:
        return {"name": name, "kind": TABLE, "subject": str(row.get("subject") or "").strip()}
    return {"name": name, "kind": "model", "format": kind}


def _allowed(project: Project, actor: Actor, now: datetime) -> Grant:
    grant = permissions.check_work(actor, project, local_day(now))
    if grant.body["mode"] != "build":
        articles = basis(project.zone_id, permissions.GROUND, local_day(now))
        raise Refused(
            "这项授权只许算汇总结果；要建项目表和模型，请另立结果留在数据域的项目。", "state", articles
        )
    return grant


@transaction.atomic
def _submit(
    project: Project,
    actor: Actor,
    now: datetime,
    title: str,
    body: Mapping[str, Any],
    reads: Mapping[str, Any],
) -> Task:
    Project.objects.select_for_update().get(pk=project.pk)  # 每日次数不因同时提交而超过
    grant = _allowed(project, actor, now)
    services.check_tries(project, grant, now)
    return services.publish(project, grant, "build", services.named(title), body, actor, now, reads=reads)


def made(project: Project) -> dict[str, str]:
    """Name → kind (`table` or `model`) of what the steps that ended well left, the newest of each name."""
    found: dict[str, str] = {}
    dropped = Task.objects.filter(project=project, kind="drop", code="done").order_by("-wall_at").first()
    rows = Task.objects.filter(project=project, kind="build", code="done").order_by("wall_at")
    if dropped is not None:
        rows = rows.filter(wall_at__gt=dropped.wall_at)
    for row in rows:
        for name, kind in outputs_of(row):
            found[name] = kind
    return found


def outputs_of(task: Task) -> list[tuple[str, str]]:
    """(name, kind) of what a step declares."""
    if task.body.get("language") == "python":
        return [(each["name"], each["kind"]) for each in task.body["outputs"]]
    return [(task.body["name"], TABLE)]


def reads_own(project: Project, sql: str) -> bool:
    """Whether a query names a table of the project's own, whose columns only the data domain knows."""
    words = set(re.findall(r"[a-z][a-z0-9_]*", sql.lower()))
    return any(kind == TABLE and name in words for name, kind in made(project).items())
