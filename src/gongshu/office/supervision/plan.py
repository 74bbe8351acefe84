"""Numbers about the plan: yearly reports and disclosures that fall due, and targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from gongshu.law import clocks
from gongshu.law.rules import Rule, Rules
from gongshu.office.authorisation import queries as authorisation
from gongshu.office.cases.queries import left
from gongshu.office.products import queries as products
from gongshu.office.scenarios import queries as scenarios
from gongshu.office.supervision.measures import Ask, Measure, Part, basis_of, choices
from gongshu.office.supervision.watch import keeping
from gongshu.ui.tables import Column, Filter

# ------------------------------------------------------------ yearly reports

# 哪个应用办哪项报告，在启动时登记：期限编号 → (专区, 报告的年度) → 报送的日子
REPORTED: dict[str, Callable[[str, int], date | None]] = {}
SOON = 20
REPORT_STATES = {
    "overdue": ("已过期限，没有报送记录", "overdue"),
    "soon": ("快到期", "returned"),
    "later": ("未到期", "open"),
    "done": ("已报送", "valid"),
}


@dataclass(frozen=True)
class ReportRow:
    """One report that is due: `year` it is about, the last day, and whether this platform saw it."""

    clock: str
    title: str
    year: int
    about: str
    due: date
    left: int
    reported: date | None
    basis: tuple[str, ...]
    caution: str
    state: str

    @property
    def said(self) -> str:
        return REPORT_STATES[self.state][0]

    @property
    def tone(self) -> str:
        return REPORT_STATES[self.state][1]


def report_rows(ask: Ask) -> list[ReportRow]:
    """The reports of the zone's packs on last year and this one; those that count from an operation
    agreement once for each that is filed. One query."""
    names = [each for each in ask.rules.ids("clocks") if each.startswith(("report.", "disclosure."))]
    agreements = authorisation.filed(ask.zone, "operation_agreement")
    found: list[ReportRow] = []
    for name in names:
        rule = ask.rules.clock(name)
        if rule.get("kind") == "date":
            years = (ask.today.year - 1, ask.today.year)
            found += [_report(ask, rule, date(year, 12, 31), year, "") for year in years]
        elif rule.get("unit") == "years":
            found += [
                _report(ask, rule, start, start.year, each.name)
                for each in agreements
                if each.term_from
                for start in _full_years(each.term_from, each.term_until, ask.today)
            ]
    return sorted(found, key=lambda each: (each.due, each.clock))


def _full_years(since: date, until: date | None, today: date) -> list[date]:
    """The beginnings of the last full year of operation and of the running one."""
    starts = [clocks.add_months(since, 12 * number) for number in range(max(0, today.year - since.year) + 1)]
    begun = [each for each in starts if each <= today and (until is None or each <= until)]
    return begun[-2:]


def _report(ask: Ask, rule: Rule, start: date, year: int, about: str) -> ReportRow:
    due = clocks.deadline(ask.rules, rule.id, start)
    assert due.due is not None
    reported = REPORTED[rule.id](ask.zone, year) if rule.id in REPORTED else None
    days = left(due.due, ask.today)
    state = "done" if reported else "overdue" if days < 0 else "soon" if days <= SOON else "later"
    cited = tuple(ask.rules.cite(each) for each in due.basis)
    return ReportRow(rule.id, rule.title, year, about, due.due, days, reported, cited, rule.caution, state)


def report_parts(ask: Ask) -> list[Part]:
    rows = report_rows(ask)
    return [
        Part(title, number, {"state": state}, tone=tone)
        for state, (title, tone) in REPORT_STATES.items()
        if (number := sum(row.state == state for row in rows))
    ]


def report_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("title", "报告或者披露", "title", order="title"),
        Column("year", "年度", "year", order="year", kind="number"),
        Column("about", "协议", "about", narrow=False),
        Column("due", "最后一日", "due", order="due", kind="date"),
        Column("left", "还剩（工作日）", "left", order="left", kind="number"),
        Column("state", "状态", "tone", order="state", kind="state", label_of=lambda row: row.said),
        Column("basis", "依据", lambda row: "；".join(row.basis), narrow=False),
        Column("caution", "说明", "caution", narrow=False),
    )


def report_filters(_ask: Ask) -> Sequence[Filter]:
    states = [(name, each[0]) for name, each in REPORT_STATES.items()]
    return (Filter("state", "状态", keeping("state"), states),)


# ------------------------------------------------------------ targets of the plan

TARGET = "target."


def _products(ask: Ask) -> int:
    return len(products.published(ask.zone, ask.today))


def _scenes(ask: Ask) -> int:
    return int(scenarios.published(ask.zone).count())


COUNTED: dict[str, tuple[Callable[[Ask], int], str]] = {
    "products": (_products, "products:list"),
    "scenes": (_scenes, "scenarios:published"),
}


@dataclass(frozen=True)
class TargetRow:
    """One target of the plan: `value` wanted by the end of `year`, `reached` now."""

    id: str
    title: str
    kind: str
    year: int
    value: int
    reached: int
    unit: str
    basis: tuple[str, ...]
    url: str = ""

    @property
    def percent(self) -> int:
        return min(100, 100 * self.reached // self.value) if self.value else 100

    @property
    def state(self) -> str:
        return "reached" if self.reached >= self.value else "open"


def target_rows(ask: Ask) -> list[TargetRow]:
    """The targets the zone's packs name and how many there are by the platform's own lists."""
    reached = {kind: count(ask) for kind, (count, _) in COUNTED.items()} if target_ids(ask.rules) else {}
    found = []
    for name in target_ids(ask.rules):
        rule = ask.rules.limit(name)
        kind, _, year = name.removeprefix(TARGET).partition(".")
        cited = tuple(ask.rules.cite(each) for each in rule.basis)
        url = reverse(COUNTED[kind][1])
        found.append(
            TargetRow(
                name,
                rule.title,
                kind,
                int(year),
                int(rule.value),
                reached[kind],
                rule.get("unit", ""),
                cited,
                url,
            )
        )
    return sorted(found, key=lambda each: (each.year, each.kind))


def target_ids(rules: Rules) -> list[str]:
    return [
        each
        for each in rules.ids("limits")
        if each.startswith(TARGET) and each.removeprefix(TARGET).partition(".")[0] in COUNTED
    ]


def target_parts(ask: Ask) -> list[Part]:
    return [
        Part(
            row.title,
            1,
            {"id": row.id},
            tone="valid" if row.state == "reached" else "open",
            text=f"{row.reached} / {row.value}",
            note=f"{row.unit}，完成 {row.percent}%",
            percent=row.percent,
        )
        for row in target_rows(ask)
    ]


def target_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("title", "目标", "title", order="title", href=lambda row: row.url),
        Column("year", "年度", "year", order="year", kind="number"),
        Column("reached", "现在", "reached", order="reached", kind="number", href=lambda row: row.url),
        Column("value", "目标数", "value", order="value", kind="number"),
        Column("percent", "完成（%）", "percent", order="percent", kind="number"),
        Column("basis", "依据", lambda row: "；".join(row.basis), narrow=False),
    )


def target_filters(ask: Ask) -> Sequence[Filter]:
    return (Filter("id", "目标", keeping("id"), choices(target_parts(ask), "id")),)


def cited_reports(rules: Rules) -> Sequence[str]:
    names = [each for each in rules.ids("clocks") if each.startswith(("report.", "disclosure."))]
    return basis_of("clocks", *names)(rules)


def cited_targets(rules: Rules) -> Sequence[str]:
    return basis_of("limits", *target_ids(rules))(rules)


MEASURES = (
    Measure(
        "reports",
        "年度报告和披露的期限",
        "项",
        "按规则包里的期限，算上一年度和本年度的报告、披露应当在哪一天以前完成；从运营协议起算的，每份已建档的协议各算一次。",
        report_rows,
        report_columns,
        report_parts,
        report_filters,
        articles=cited_reports,
        order="due",
        empty="本专区的规则包里没有年度报告的期限。",
        changes=("在本平台报送以后显示已报送；在别处报送的，本平台不知道。",),
    ),
    Measure(
        "targets",
        "方案的目标",
        "项",
        "目标数取自规则包；现在的数，产品数本平台已经登记发布的，场景数本平台已经发布的。",
        target_rows,
        target_columns,
        target_parts,
        target_filters,
        articles=cited_targets,
        order="year",
        empty="本专区的文本没有写目标数。",
        changes=("多登记发布一个产品、多发布一个场景，就加一。",),
        picture=True,
    ),
)
