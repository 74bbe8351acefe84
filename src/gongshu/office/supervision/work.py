"""Numbers about cases: where they stand, what is overdue, what is to be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse

from gongshu.law.errors import LawError
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import NEVER, Case, Deadline
from gongshu.office.cases.queries import left, running_only, settled_only
from gongshu.office.supervision.measures import Ask, Measure, Part, basis_of
from gongshu.office.supervision.models import Correction
from gongshu.ui.tables import Column, Filter

OWED = ("deadline", "date")


def case_url(row: Case) -> str:
    return reverse("cases:case", args=[row.pk])


# ------------------------------------------------------------ cases by stage


def cases(ask: Ask) -> Any:
    return Case.objects.for_actor(ask.actor).filter(zone_id=ask.zone).select_related("organisation")


def running(ask: Ask) -> Any:
    return running_only(cases(ask)).order_by("due", "pk")


def closed(ask: Ask) -> Any:
    return settled_only(cases(ask)).order_by("-since", "pk")


def states_of(rows: Any) -> list[tuple[str, str]]:
    """The states some cases stand in, once each; one name may stand for several words."""
    found: dict[str, list[str]] = {}
    for state, title in sorted(set(rows.select_related(None).order_by().values_list("state", "state_title"))):
        found.setdefault(state, []).append(title)
    return [(state, "、".join(titles)) for state, titles in found.items()]


def by_stage(rows: Any) -> list[Part]:
    fields = ("procedure", "procedure_title", "state", "state_title")
    counted = rows.select_related(None).order_by().values_list(*fields).annotate(Count("pk"))
    return [
        Part(title, number, {"procedure": procedure, "state": state}, group=heading, tone=state)
        for procedure, heading, state, title, number in sorted(counted)
    ]


def case_columns(ask: Ask) -> Sequence[Column]:
    def due(row: Case) -> str:
        if row.due == NEVER or row.closed:
            return ""
        days = left(row.due, ask.today)
        said = f"超期 {-days} 个工作日" if days < 0 else f"还剩 {days} 个工作日"
        return f"{row.due.isoformat()}（{said}）"

    return (
        Column("number", "案号", "number", order="number", href=case_url),
        Column("title", "事项", "title", order="title"),
        Column("procedure", "程序", "procedure_title", order="procedure"),
        Column("state", "状态", "state", order="state", kind="state", label_of=lambda row: row.state_title),
        Column("organisation", "申请机构", "organisation.name", order="organisation__name", narrow=False),
        Column("since", "进入状态", "since", order="since", kind="date", narrow=False),
        Column("due", "最近的期限", due, order="due"),
    )


def case_filters(ask: Ask) -> Sequence[Filter]:
    titles = sorted(lawbook.titles(ask.zone, ask.today).items(), key=lambda each: each[1])
    return (
        Filter("procedure", "程序", lambda rows, value: rows.filter(procedure=value), titles),
        Filter("state", "状态", lambda rows, value: rows.filter(state=value), states_of(cases(ask))),
        Filter(
            "q", "案号或事项", lambda rows, value: rows.filter(Q(number=value) | Q(title__icontains=value))
        ),
    )


# ------------------------------------------------------------ overdue


def overdue(ask: Ask) -> Any:
    """Deadlines that somebody owes, that have passed, in cases still open."""
    rows = Deadline.objects.filter(
        case__in=cases(ask).select_related(None).order_by(),
        case__closed=False,
        met=None,
        paused=None,
        due__lt=ask.today,
        kind__in=OWED,
        direction="after",
    )
    return rows.exclude(owes=[]).select_related("case").order_by("due", "pk")


def overdue_parts(ask: Ask) -> list[Part]:
    rows = overdue(ask).select_related(None).order_by()
    counted = rows.values_list("case__procedure", "case__procedure_title").annotate(Count("pk"))
    return [
        Part(title, number, {"procedure": procedure}, tone="overdue")
        for procedure, title, number in sorted(counted)
    ]


def overdue_columns(ask: Ask) -> Sequence[Column]:
    def articles(row: Deadline) -> str:
        try:
            return "；".join(ask.rules.cite(each) for each in row.fact.get("basis", ()))
        except LawError:
            return ""

    return (
        Column("number", "案号", "case.number", order="case__number", href=lambda row: case_url(row.case)),
        Column("title", "事项", "case.title", order="case__title"),
        Column("clock", "期限", "title", order="title", why=lambda row: row.pk),
        Column("due", "到期日", "due", order="due", kind="date"),
        Column("days", "超期（工作日）", lambda row: -left(row.due, ask.today), kind="number"),
        Column(
            "owes",
            "应办理",
            lambda row: "、".join(zone_title(each, ask.zone) for each in row.owes),
            narrow=False,
        ),
        Column("basis", "依据", articles, narrow=False),
    )


def overdue_filters(ask: Ask) -> Sequence[Filter]:
    titles = sorted(lawbook.titles(ask.zone, ask.today).items(), key=lambda each: each[1])
    return (Filter("procedure", "程序", lambda rows, value: rows.filter(case__procedure=value), titles),)


# ------------------------------------------------------------ corrections


def corrections(ask: Ask) -> Any:
    rows = Correction.objects.for_actor(ask.actor).filter(zone_id=ask.zone, case__closed=False)
    return rows.select_related("case", "addressee").order_by("case__due", "pk")


def correction_parts(ask: Ask) -> list[Part]:
    counted = corrections(ask).select_related(None).order_by()
    counted = counted.values_list("case__state", "case__state_title").annotate(Count("pk"))
    return [Part(title, number, {"state": state}, tone=state) for state, title, number in sorted(counted)]


def correction_columns(ask: Ask) -> Sequence[Column]:
    return (
        Column("number", "案号", "case.number", order="case__number", href=lambda row: case_url(row.case)),
        Column("title", "事项", "case.title", order="case__title"),
        Column("kind", "程序", "case.procedure_title", order="case__procedure"),
        Column("addressee", "被监督单位", "addressee.name", order="addressee__name"),
        Column(
            "state",
            "状态",
            "case.state",
            order="case__state",
            kind="state",
            label_of=lambda row: row.case.state_title,
        ),
        Column(
            "due",
            "期限",
            lambda row: None if row.case.due == NEVER else row.case.due,
            order="case__due",
            kind="date",
        ),
        Column(
            "left",
            "还剩（工作日）",
            lambda row: None if row.case.due == NEVER else left(row.case.due, ask.today),
            kind="number",
        ),
    )


def correction_filters(ask: Ask) -> Sequence[Filter]:
    found = states_of(cases(ask).filter(pk__in=corrections(ask).values("case_id")))
    return (Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), found),)


MEASURES = (
    Measure(
        "cases",
        "在办案件",
        "件",
        "数还有人要办的案件，按程序和现在的状态分开；状态由办理记录按规则包推出。",
        running,
        case_columns,
        lambda ask: by_stage(running(ask)),
        case_filters,
        order="due",
        empty="没有在办的案件。",
        changes=("案件办结以后不再计入。", "新立案的案件立即计入。"),
    ),
    Measure(
        "overdue",
        "超期的期限",
        "项",
        "数已经过了最后一日、还没有办、也没有中止的期限；只数有人应办的，公示等期间届满不算超期。",
        overdue,
        overdue_columns,
        overdue_parts,
        overdue_filters,
        order="due",
        empty="没有超期。",
        changes=("应办理的单位办了这一步，期限即了结，并记下是否超期。", "放假安排修改以后，期限重新计算。"),
    ),
    Measure(
        "closed",
        "已办结案件",
        "件",
        "数已经没有人要办的案件，按程序和结果分开：办成了正在生效的、没有办成的、已经终止的都在内。",
        closed,
        case_columns,
        lambda ask: by_stage(closed(ask)),
        case_filters,
        order="-since",
        empty="还没有办结的案件。",
        changes=("案件没有人要办了即计入；以后又有人提出事项的，转回在办。",),
    ),
    Measure(
        "corrections",
        "未销号的整改",
        "件",
        "数还没有销号或者撤回的整改通知和登记机构监管。",
        corrections,
        correction_columns,
        correction_parts,
        correction_filters,
        articles=basis_of("procedures", "supervision.correction", "supervision.registrar"),
        empty="没有未销号的整改。",
        changes=("复查合格即销号，不再计入。",),
    ),
)
