"""What products add to their two procedures: facts for the guards, forms, what follows an act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gongshu.law.history import local_day
from gongshu.law.inputs import Input
from gongshu.law.shapes import Act
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import RoleAssignment
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook, parties
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.office.products import (
    agreements,
    content,
    permissions,
    services,
    signing,
    standing,
    supply,
    upstream,
)
from gongshu.office.products.models import Agreement, Product
from gongshu.office.registration.widgets import DefectsWidget
from gongshu.ui.inputs import build

COMPLIANCE, AGREEMENT = services.COMPLIANCE, agreements.PROCEDURE
# 运营终止以后仍可办的：退回、终止、作罢；别的步骤都会把已经停下的事再往前推
AFTER_ENDING = frozenset({"return", "end", "lapse", "fail", "withdraw", "provider_refuse"})
THIRD_PARTY = "third_party"


def defects_form(case: Case, act: Act, form: str) -> type[Any]:
    """The one-off list names items of the form."""
    fields = content.form_of(lawbook.rules_of(case), form).fields
    made: type[Any] = build(act.asks)
    made.base_fields["defects"].widget = DefectsWidget([(each.id, each.title) for each in fields])
    return made


class ComplianceHandler(Handler):
    """Handler of `product.compliance`."""

    panel = "products/panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        product = product_of(case)
        if product is None:
            return {}
        rules = lawbook.rules_of(case)
        releases = list(product.releases.values_list("digest", flat=True))
        return {
            "form_problems": [each.sentence for each in content.problems(rules, product.typed)],
            "form_digest": content.digest(rules, product.typed, releases),
            "released": bool(releases),
            "providers": sorted(standing.providers(product)),
        }

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        if act.id == "return":
            return defects_form(case, act, content.PRODUCT)
        if act.id == "commission":
            return commission_form(case, act)
        return None

    def cleaned(self, case: Case, act: Act, data: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        return data

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        Product.objects.filter(case=case).update(state=event.state)
        product = product_of(case)
        if product is None:
            return
        if event.act not in AFTER_ENDING:
            permissions.check_running(product.operator_id, case.zone_id)
        if event.act == "submit":
            known = upstream.organisation_names(set(standing.providers(product)))
            for organisation in known:
                parties.add(case, "provider_officer", organisation)
        if event.act == "commission" and event.data.get(THIRD_PARTY):
            parties.add(case, THIRD_PARTY, str(event.data[THIRD_PARTY]))

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        product = product_of(case)
        if product is None:
            return {}
        return {"product": product, "releases": list(product.releases.order_by("-received"))}

    def subject_url(self, case: Case) -> str:
        return reverse("products:detail", args=[case.subject])


def commission_form(case: Case, act: Act) -> type[Any] | None:
    """Who is commissioned: the third parties of the zone."""
    rows = RoleAssignment.objects.filter(zone=case.zone_id, role=THIRD_PARTY, revoked_at=None)
    options = rows.values_list("person__organisation_id", "person__organisation__name").distinct()
    named = tuple(sorted(options, key=lambda each: each[1]))
    if not named:
        return None
    asked = Input(THIRD_PARTY, "受托的第三方机构", "choice", options=named, basis=act.basis)
    made: type[Any] = build([asked, *act.asks])
    return made


def product_of(case: Case) -> Product | None:
    return Product.objects.select_related("case", "operator").filter(pk=case.subject).first()


class AgreementHandler(Handler):
    """Handler of `agreement.usage`."""

    panel = "products/agreement_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        row = agreement_of(case)
        if row is None:
            return {}
        over = permissions.ended(row.product.operator_id, case.zone_id)
        rules = lawbook.rules_of(case)
        # 起草之后才核对：已确认的协议不因上限后来调整而办不下去
        wrong = agreements.problems(row, local_day(now)) if act in ("agree", "submit") else []
        return {
            "form_problems": [each.sentence for each in wrong],
            "form_digest": content.agreement_digest(rules, row.typed, row.terms),
            "operation_ended": over,
            "product_published": standing.published(row.product, local_day(now)),
        }

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        return defects_form(case, act, content.AGREEMENT) if act.id == "return" else None

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        row = agreement_of(case)
        if row is None:
            return
        if event.act not in AFTER_ENDING:
            permissions.check_running(row.product.operator_id, case.zone_id)
        if event.act == "reopen" and row.signatures:
            row.signatures, row.signed, row.signed_at = {}, {}, None
            row.save(update_fields=["signatures", "signed", "signed_at"])
        elif event.act == "file":
            try:
                agreements.publish(row, actor, event.role)
            except Refused:
                return  # 备案不因钥匙暂不在名单上而不成立；名单更新后由任一方送往数据域
        elif event.act == "end" and row.sent:
            supply.order_stop(row.product, actor, "contract", row.pk, "使用协议终止")

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        row = agreement_of(case)
        if row is None:
            return {}
        left = [side.title for side in signing.waited_for(row)]
        return {"agreement": row, "called": content.called(row.typed), "unsigned": left}

    def subject_url(self, case: Case) -> str:
        return reverse("products:agreement", args=[case.subject])


def agreement_of(case: Case) -> Agreement | None:
    return Agreement.objects.select_related("case", "product__operator", "buyer").filter(case=case).first()
