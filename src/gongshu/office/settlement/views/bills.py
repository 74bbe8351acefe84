"""Pages of bills: the list, the monthly run, one bill with every line's 为什么, the parts, files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.law.history import local_day
from gongshu.money.amounts import yuan
from gongshu.money.bill import BadUsage
from gongshu.money.split import ROLES
from gongshu.money.tariff import UNITS
from gongshu.money.why import KINDS, clause_title
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.cases import casepage, lawbook
from gongshu.office.link import clock
from gongshu.office.products.upstream import organisation_names
from gongshu.office.settlement import billing, conflicts, kept, queries
from gongshu.office.settlement.models import Bill
from gongshu.ui import errors
from gongshu.ui.export import attachment, workbook_response
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table

STATES = (
    ("issued", "待使用单位确认"),
    ("disputed", "有异议"),
    ("confirmed", "已确认，待收款"),
    ("paid", "已登记收款"),
    ("nothing_due", "没有应付金额"),
)
HEADINGS = (
    "行",
    "种类",
    "用途",
    "计价单位",
    "阶梯",
    "数量",
    "单价（分）",
    "每",
    "金额（分）",
    "协议条款",
    "依据",
    "说明",
)


def url_of(row: Bill) -> str:
    return reverse("settlement:bill", args=[row.pk])


@needs("settlement.see")
def listing(request: HttpRequest) -> HttpResponse:
    """The bills the actor may see; an operator also runs a month here."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.bills(actor),
        [
            Column("month", "月份", "month", order="month", href=url_of, why=lambda row: row.pk),
            Column(
                "product", "产品", "agreement.product.name", order="agreement__product__name", href=url_of
            ),
            Column("buyer", "使用单位", "agreement.buyer.name", order="agreement__buyer__name", narrow=False),
            Column("kind", "种类", lambda row: "更正账单" if row.place else "账单", narrow=False),
            Column("calls", "调用次数", "calls", order="calls", kind="number", narrow=False),
            Column(
                "total",
                "合计（元）",
                lambda row: yuan(row.total).removesuffix(" 元"),
                order="total",
                kind="number",
            ),
            Column(
                "state",
                "状态",
                "case.state",
                order="case__state",
                kind="state",
                label_of=lambda row: row.case.state_title,
            ),
        ],
        title="账单",
        filters=[
            Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), STATES),
            Filter("month", "月份", lambda rows, value: rows.filter(month=value), placeholder="2026-05"),
            Filter("q", "产品", lambda rows, value: rows.filter(agreement__product__name__icontains=value)),
        ],
        empty="还没有账单。",
    )
    if table.wants_export:
        return table.export()
    first = local_day(clock.business_now()).replace(day=1)
    context = {
        "title": "账单",
        "table": table,
        "runs": can(actor, "settlement.bill"),
        "month": (first - timedelta(days=1)).strftime("%Y-%m"),
    }
    return render(request, "settlement/bills.html", context)


@require_POST
@needs("settlement.bill")
def run(request: HttpRequest) -> HttpResponse:
    """The monthly run. Running it again is harmless."""
    actor = actor_of(request)
    month = plain(request.POST.get("month", "")).strip()
    try:
        made = billing.run(actor=actor, now=clock.business_now(), month=month)
    except Refused as refusal:
        keep(refusal, actor, "bill.run")
        messages.error(request, refusal.sentence)
        return redirect("settlement:bills")
    for row, sentence in made.problems:
        messages.warning(request, f"{row.product.name} · {row.buyer.name}：{sentence}")
    words = f"{month} 出了 {len(made.made)} 份账单。" if made.made else f"{month} 没有新的账单：都已出过。"
    messages.success(request, words)
    return redirect(f"{reverse('settlement:bills')}?month={month}")


def visible(request: HttpRequest, pk: str) -> Bill:
    found: Bill = get_object_or_404(queries.bills(actor_of(request)), pk=pk)
    return found


@require_GET
@needs("settlement.see")
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One bill: its lines and parts, each opening its 为什么; what comes next; what corrects it."""
    row, actor = visible(request, pk), actor_of(request)
    try:
        bill = kept.read(row.data)
    except BadUsage as error:
        return errors.page(request, 500, str(error), "bill_changed")
    rules = lawbook.rules_now(row.zone_id, local_day(row.at))
    names = organisation_names({part.share.organisation for part in bill.parts})
    whole = sum(part.share.parts for part in bill.parts)
    acts = row.case_id in {each.pk for each in _own_cases(actor, row)}
    context = {
        "title": f"{row.agreement.product.name} {row.month} {'更正账单' if row.place else '账单'}",
        "row": row,
        "page": casepage.build(row.case, actor, clock.business_now()) if acts else None,
        "total": yuan(bill.total),
        "lines": [
            {
                "line": line,
                "kind": KINDS[line.kind],
                "unit": UNITS.get(line.unit, ""),
                "fen": yuan(line.fen),
                "clause": clause_title(line.clause, rules),
                "why": f"{row.pk}.{place}",
            }
            for place, line in enumerate(bill.lines)
        ],
        "parts": [
            {
                "role": ROLES[part.share.role],
                "name": names.get(part.share.organisation, part.share.organisation),
                "share": f"{part.share.parts}/{whole}",
                "fen": yuan(part.fen),
            }
            for part in bill.parts
        ],
        "others": [
            each
            for each in Bill.objects.filter(agreement=row.agreement, month=row.month).order_by("place")
            if each.pk != row.pk
        ],
        "batches": bill.batches,
    }
    return render(request, "settlement/bill.html", context)


def _own_cases(actor: Any, row: Bill) -> Any:
    from gongshu.office.cases.models import Case

    return Case.objects.for_actor(actor).filter(pk=row.case_id)


@require_GET
@needs("settlement.see")
def lines_file(request: HttpRequest, pk: str, kind: str) -> HttpResponse:
    """A bill's lines as Excel or CSV; amounts in fen, the last line the total."""
    row = visible(request, pk)
    lines = [_cells(number, each) for number, each in enumerate(row.data["lines"], 1)]
    lines.append(["合计", "", "", "", "", "", "", "", row.total, "", "", f"账单摘要 {row.digest}"])
    name = f"账单-{row.month}-{row.pk}"
    if kind == "xlsx":
        return workbook_response(name, HEADINGS, lines)
    if kind != "csv":
        raise Http404
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    writer.writerows([[_safe(cell) for cell in line] for line in lines])
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = attachment(f"{name}.csv")
    return answer


def _cells(number: int, line: dict[str, Any]) -> list[Any]:
    price = line["price"] or {}
    return [
        number,
        KINDS[line["kind"]],
        line["purpose"],
        UNITS.get(line["unit"], ""),
        line["band"],
        line["count"],
        price.get("fen", ""),
        price.get("per", ""),
        line["fen"],
        line["clause"],
        "；".join(line["basis"]),
        line["sentence"],
    ]


def _safe(value: Any) -> Any:
    """Text a spreadsheet would take for a formula begins with a quote."""
    risky = isinstance(value, str) and value.startswith(tuple("=+-@\t\r"))
    return f"'{value}" if risky else value


@require_GET
@needs("settlement.see")
def unbilled(request: HttpRequest) -> HttpResponse:
    """Batches of calls that stand in no bill: not yet billed, in conflict, taken back."""
    table = Table(
        request,
        queries.unbilled(actor_of(request)),
        [
            Column(
                "batch",
                "批次",
                "batch",
                href=lambda row: reverse("settlement:batch", args=[row.pk]),
                why=lambda row: f"{conflicts.PREFIX}-{row.pk}",
            ),
            Column("day", "业务日期", "day", order="day", kind="date"),
            Column("contract", "使用协议", "contract", kind="code", narrow=False),
            Column("purpose", "用途", "purpose", narrow=False),
            Column("calls", "回答", "calls", order="calls", kind="number"),
            Column("hits", "查到", "hits", kind="number", narrow=False),
            Column(
                "state",
                "状态",
                lambda row: _standing(row)[0],
                kind="state",
                label_of=lambda row: _standing(row)[1],
            ),
        ],
        title="还没有计费的调用",
        empty="没有还没计费的调用。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "settlement/plain.html", {"title": table.title, "table": table})


def _standing(row: Any) -> tuple[str, str]:
    if row.conflict:
        return "invalid", "计数冲突"
    return ("withdrawn", "已退回") if row.dropped else ("waiting", "待计费")


@require_GET
@needs("settlement.see")
def shares(request: HttpRequest) -> HttpResponse:
    """分成: what each bill brings the actor's own organisations."""
    actor = actor_of(request)
    own = [
        {"row": row, "role": ROLES[part["role"]], "fen": part["fen"], "parts": part["parts"]}
        for row in queries.bills(actor)[:2000]
        for part in row.data["parts"]
        if part["organisation"] in actor.organisations
    ]
    table = Table(
        request,
        own,
        [
            Column(
                "month",
                "月份",
                "row.month",
                order="month",
                href=lambda each: url_of(each["row"]),
                why=lambda each: each["row"].pk,
            ),
            Column("product", "产品", "row.agreement.product.name", order="product"),
            Column("role", "身份", "role", order="role"),
            Column("fen", "分得（元）", lambda each: yuan(each["fen"]).removesuffix(" 元"), kind="number"),
            Column(
                "state",
                "账单",
                "row.case.state",
                kind="state",
                label_of=lambda each: each["row"].case.state_title,
            ),
        ],
        title="本单位的分成",
        empty="还没有账单给本单位分成。",
    )
    if table.wants_export:
        return table.export()
    said = f"合计 {yuan(sum(each['fen'] for each in own))}。"
    return render(request, "settlement/plain.html", {"title": table.title, "table": table, "said": said})
