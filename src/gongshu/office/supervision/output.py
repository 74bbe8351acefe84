"""Numbers about data: runs on raw data, what left and what was held back, calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum
from django.urls import reverse

from gongshu.office.accounts.models import Organisation
from gongshu.office.link.feed import RAW_TASKS
from gongshu.office.products.models import Agreement, Product
from gongshu.office.settlement.models import CallBatch
from gongshu.office.supervision.measures import Ask, Measure, Part, basis_of, choices
from gongshu.office.workbench import words
from gongshu.office.workbench.models import Output, Release, Task
from gongshu.ui.tables import Column, Filter

WAITING = "waiting"


# ------------------------------------------------------------ runs on raw data


def runs(ask: Ask) -> Any:
    rows = Task.objects.for_actor(ask.actor).filter(zone_id=ask.zone, kind__in=RAW_TASKS)
    return rows.select_related("project").order_by("-asked_at", "pk")


def outcome(code: str) -> str:
    return words.OUTCOMES[code].title if code in words.OUTCOMES else code or "等待结果"


def tone(code: str) -> str:
    return words.OUTCOMES[code].tone if code in words.OUTCOMES else WAITING


def run_parts(ask: Ask) -> list[Part]:
    counted = runs(ask).select_related(None).order_by().values_list("code").annotate(Count("pk"))
    return [
        Part(outcome(code), number, {"code": code or WAITING}, tone=tone(code))
        for code, number in sorted(counted)
    ]


def run_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("asked", "提交", "asked_at", order="asked_at", kind="time"),
        Column("project", "项目", "project.name", order="project__name"),
        Column("title", "名称", "title", order="title", narrow=False),
        Column("kind", "种类", lambda row: row.get_kind_display(), order="kind"),
        Column(
            "code",
            "结果",
            lambda row: tone(row.code),
            order="code",
            kind="state",
            label_of=lambda row: outcome(row.code),
            why=lambda row: row.pk,
        ),
    )


def run_filters(_ask: Ask) -> Sequence[Filter]:
    known = [(WAITING, "等待结果"), *((code, each.title) for code, each in words.OUTCOMES.items())]
    return (
        Filter(
            "code", "结果", lambda rows, value: rows.filter(code="" if value == WAITING else value), known
        ),
        Filter("q", "项目", lambda rows, value: rows.filter(project__name__icontains=value)),
    )


# ------------------------------------------------------------ what left, what was held back


def releases(ask: Ask) -> Any:
    rows = Release.objects.for_actor(ask.actor).filter(zone_id=ask.zone)
    return rows.select_related("project", "task__case").order_by("-at", "pk")


def release_parts(ask: Ask) -> list[Part]:
    counted = releases(ask).select_related(None).order_by().values_list("kind").annotate(Count("pk"))
    return [
        Part(words.KINDS.get(kind, kind or "未写明形式"), number, {"kind": kind or "-"}, tone="released")
        for kind, number in sorted(counted)
    ]


def release_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("day", "出域日期", "day", order="day", kind="date"),
        Column("title", "名称", "title", order="title"),
        Column("kind", "形式", lambda row: words.KINDS.get(row.kind, row.kind), order="kind"),
        Column("project", "项目", "project.name", order="project__name"),
        Column(
            "case",
            "案号",
            "task.case.number",
            href=lambda row: reverse("cases:case", args=[row.task.case_id]),
        ),
        Column("votes", "审核票", lambda row: len(row.votes), kind="number", narrow=False),
        Column("digest", "摘要", "digest", kind="code", narrow=False),
    )


def release_filters(ask: Ask) -> Sequence[Filter]:
    return (
        Filter(
            "kind",
            "形式",
            lambda rows, value: rows.filter(kind="" if value == "-" else value),
            choices(release_parts(ask), "kind"),
        ),
    )


def held_back(ask: Ask) -> Any:
    """Outputs in which a check of the attack found something."""
    rows = Output.objects.for_actor(ask.actor).filter(zone_id=ask.zone).exclude(verdict="pass")
    return rows.select_related("task__project", "task__case").order_by("-at", "pk")


def check_title(check: str) -> str:
    return words.CHECKS[check].title if check in words.CHECKS else check


def held_parts(ask: Ask) -> list[Part]:
    counted: Counter[tuple[str, str]] = Counter()
    for verdict, checks in held_back(ask).select_related(None).order_by().values_list("verdict", "checks"):
        counted.update((verdict, check) for check in set(checks))
    return [
        Part(
            check_title(check),
            number,
            {"verdict": verdict, "check": check},
            group=words.VERDICTS.get(verdict, (verdict, ""))[0],
            tone=verdict,
        )
        for (verdict, check), number in sorted(counted.items())
    ]


def held_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("at", "时间", "at", order="at", kind="wall"),
        Column("project", "项目", "task.project.name", order="task__project__name"),
        Column(
            "verdict",
            "结论",
            "verdict",
            order="verdict",
            kind="state",
            label_of=lambda row: words.VERDICTS.get(row.verdict, (row.verdict, ""))[0],
            why=lambda row: row.task_id,
        ),
        Column("checks", "哪些检查", lambda row: "、".join(map(check_title, row.checks))),
        Column(
            "case",
            "案号",
            lambda row: row.task.case.number if row.task.case else "",
            href=lambda row: reverse("cases:case", args=[row.task.case_id]) if row.task.case_id else "",
        ),
    )


def held_filters(_ask: Ask) -> Sequence[Filter]:
    verdicts = [(name, words.VERDICTS[name][0]) for name in ("block", "review")]
    checks = [(name, each.title) for name, each in words.CHECKS.items()]
    return (
        Filter("verdict", "结论", lambda rows, value: rows.filter(verdict=value), verdicts),
        Filter("check", "检查", lambda rows, value: rows.filter(checks__contains=[value]), checks),
    )


# ------------------------------------------------------------ calls


def calls(ask: Ask) -> Any:
    """Batches of calls, each once however often a gateway reported it; `calls` is the count of a batch."""
    return CallBatch.objects.filter(zone_id=ask.zone).order_by("-pk")


def call_names(ask: Ask) -> tuple[dict[str, str], dict[str, str]]:
    """(product → name, contract → buyer's name) of a zone."""
    products = dict(Product.objects.filter(zone_id=ask.zone).values_list("pk", "name"))
    buyers = dict(Agreement.objects.filter(zone_id=ask.zone).values_list("pk", "buyer_id"))
    names = dict(Organisation.objects.filter(pk__in=set(buyers.values())).values_list("pk", "name"))
    return products, {contract: names.get(buyer, "") for contract, buyer in buyers.items()}


def call_parts(ask: Ask) -> list[Part]:
    summed = calls(ask).order_by().values("product", "contract").annotate(total=Sum("calls"))
    products, buyers = call_names(ask)
    rows = [(row["product"], row["contract"], row["total"] or 0) for row in summed]
    rows.sort(key=lambda row: (row[0], -row[2], row[1]))
    return [
        Part(
            buyers.get(contract) or contract,
            total,
            {"product": product, "contract": contract},
            group=products.get(product, product),
        )
        for product, contract, total in rows
    ]


def call_columns(ask: Ask) -> Sequence[Column]:
    products, buyers = call_names(ask)
    return (
        Column("received", "收到", "received", order="received", kind="wall"),
        Column(
            "product",
            "产品",
            lambda row: products.get(row.product, row.product),
            order="product",
            href=lambda row: (
                reverse("products:detail", args=[row.product]) if row.product in products else ""
            ),
        ),
        Column("buyer", "使用单位", lambda row: buyers.get(row.contract, ""), order="contract"),
        Column("calls", "调用次数", "calls", order="calls", kind="number"),
        Column("root", "批次的默克尔根", "root", kind="code", narrow=False),
    )


def call_filters(ask: Ask) -> Sequence[Filter]:
    parts = call_parts(ask)  # 没有在本平台建档的编号也要能点开
    products = {each.query["product"]: each.group for each in parts}
    return (
        Filter("product", "产品", lambda rows, value: rows.filter(product=value), list(products.items())),
        Filter(
            "contract",
            "使用单位",
            lambda rows, value: rows.filter(contract=value),
            choices(parts, "contract"),
        ),
    )


REVIEWED = basis_of("procedures", "release.review")
MEASURES = (
    Measure(
        "runs",
        "在原始数据上的运行",
        "次",
        "数发往数据域、要读原始数据的任务，按数据域回报的固定结果代码分开。",
        runs,
        run_columns,
        run_parts,
        run_filters,
        articles=basis_of("procedures", "data.request"),
        order="-asked",
        empty="还没有在原始数据上运行过。",
        changes=("数据域在整十秒回报结果代码，等待的任务随之改变。",),
    ),
    Measure(
        "releases",
        "出域的成果",
        "份",
        "数数据域签名送来、逐字节存下的出域成果，按形式分开。",
        releases,
        release_columns,
        release_parts,
        release_filters,
        articles=REVIEWED,
        order="-day",
        empty="还没有成果出域。",
        changes=("两名审核人表决通过、数据域送出文件以后计入。",),
    ),
    Measure(
        "held",
        "攻击测试有发现的输出",
        "份",
        "数攻击测试结论是“阻断”或者“需要人来判断”的输出，按发现问题的检查分开；一份输出可能有几项检查发现问题。",
        held_back,
        held_columns,
        held_parts,
        held_filters,
        articles=REVIEWED,
        order="-at",
        empty="没有输出被检查拦下。",
        changes=("改了以后重新申请出域的，另算一份输出。",),
        overlapping=True,
    ),
    Measure(
        "calls",
        "产品被调用",
        "次",
        "把网关签名报来的调用批次里的次数相加，一批报来几次也只数一次，按产品和使用单位分开；每批有自己的默克尔根，记在存证里。",
        calls,
        call_columns,
        call_parts,
        call_filters,
        articles=basis_of("procedures", "agreement.usage"),
        sum_of="calls",
        order="-received",
        empty="还没有调用。",
        changes=("网关每报一批就增加。",),
        picture=True,
    ),
)
