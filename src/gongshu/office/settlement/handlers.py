"""What money adds to its three procedures: facts for the guards, forms with tables, what follows an act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gongshu.law.history import local_day
from gongshu.law.shapes import Act
from gongshu.money.bill import BadUsage
from gongshu.money.tariff import UNITS
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.office.settlement import billing, kept, pricing
from gongshu.office.settlement.models import Bill, Cap, Maximum
from gongshu.ui.inputs import build
from gongshu.ui.widgets import RowsWidget

ITEMS = (("name", "项目"), ("amount", "金额（元）"))
CAPS = (("unit", "计价单位"), ("fen", "最多多少分"), ("per", "每几个单位"))


def tabled(act: Act, field: str, widget: RowsWidget) -> type[Any]:
    """The act's form with one of its inputs as a table."""
    made: type[Any] = build(act.asks)
    made.base_fields[field].widget = widget
    return made


class MaximumHandler(Handler):
    """Handler of `price.maximum`."""

    panel = "settlement/maximum_panel.html"

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        return tabled(act, "items", RowsWidget(ITEMS)) if act.id == "assess" else None

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:
        row = maximum_of(case)
        if row is None:
            return
        rules = lawbook.rules_of(case)
        if event.act == "assess":
            pricing.assess(row, rules, event.data)
        elif event.act == "fix":
            row.fixed_on = local_day(now)
            row.save(update_fields=["fixed_on"])
        elif event.act == "check":
            pricing.yearly(row, rules, event.data, actor, now)

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        return {"maximum": maximum_of(case)}

    def subject_url(self, case: Case) -> str:
        return reverse("settlement:maximum", args=[case.subject])


class CapHandler(Handler):
    """Handler of `price.cap`."""

    panel = "settlement/cap_panel.html"

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        if act.id != "set":
            return None
        return tabled(act, "caps", RowsWidget(CAPS, choices={"unit": tuple(UNITS.items())}))

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        row = Cap.objects.select_related("product").filter(case=case).first()
        if row is None:
            return
        if event.act == "set":
            pricing.set_cap(row, lawbook.rules_of(case), event.data)
        elif event.act == "end":
            ended = local_day(now) - timedelta(days=1)
            row.until = min(row.until or ended, ended)  # 已经被新的上限接替的，不因此延长
            row.save(update_fields=["until"])

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        row = Cap.objects.select_related("product").filter(case=case).first()
        shown = pricing.cap_lines(row) if row else []
        return {"cap": row, "lines": shown}

    def subject_url(self, case: Case) -> str:  # noqa: ARG002
        return reverse("settlement:prices")


class BillHandler(Handler):
    """Handler of `bill.settlement`."""

    panel = "settlement/bill_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        row = bill_of(case)
        if row is None:
            return {}
        try:
            digest = kept.read(row.data).id
        except BadUsage:
            digest = ""  # 保存的账单被改过：与出账时的摘要不同，不能确认
        return {"bill_digest": digest or "changed", "nothing_due": row.total == 0}

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:
        row = bill_of(case)
        if row is None:
            return
        if event.act == "correct":
            billing.drop(row, event.data.get("dropped") or (), actor=actor, now=now)
        elif event.act == "pay":
            row.receipt = {key: event.data[key] for key in ("number", "paid_on") if key in event.data}
            row.save(update_fields=["receipt"])

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        return {"bill": bill_of(case)}

    def subject_url(self, case: Case) -> str:
        return reverse("settlement:bill", args=[case.subject])


def maximum_of(case: Case) -> Maximum | None:
    return Maximum.objects.select_related("operator", "case").filter(case=case).first()


def bill_of(case: Case) -> Bill | None:
    return (
        Bill.objects.select_related("agreement__product", "agreement__buyer", "case")
        .filter(case=case)
        .first()
    )
