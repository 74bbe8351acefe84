"""What registration adds to its cases: facts for the guards, what follows an act, forms, the panel."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.shapes import Act
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Case, CaseEvent, Deadline
from gongshu.office.cases.registry import Handler
from gongshu.office.registration import (
    certificates,
    checklist,
    content,
    drafts,
    objections,
    permissions,
    queries,
)
from gongshu.office.registration.models import Certificate, Registration
from gongshu.office.registration.widgets import DefectsWidget
from gongshu.ui.inputs import build

PROCEDURES = tuple(drafts.PROCEDURES)
HANDED_IN = ("fill", "submit", "resubmit")
SETTLES = ("dismiss", "uphold", "settle_dismissed", "settle_upheld", "clear", "revoke_objection")


class RegistrationHandler(Handler):
    """Handler of both registration procedures."""

    panel = "registration/panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        """Everything the guards of registration ask; reads only, so that a page may ask it for every act."""
        found = of(case)
        if found is None:
            return {}
        return standing(found, now)

    def certain(self, case: Case, act: str, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        """Who objects with an account objects under the account's own name; 实名 rests on it."""
        if act not in objections.ACTS or actor.anonymous:
            return {}
        return {"objector": objections.account_name(actor)}

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        """The list of defects names items of the form; a decision on an objection names an open one."""
        if act.id in objections.ACTS:
            return build([each for each in act.asks if each.id != "objector"])
        if act.id == "return":
            return defects_form(case, act)
        if act.id in SETTLES:
            return settling_form(case, act)
        return None

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:
        if event.act in HANDED_IN:
            found = of(case)
            if found is not None:
                drafts.hand_in(found, event.act)
        elif event.act == "pass":
            publish(case, event)
        elif event.act == "certify":
            certificates.issue(case, event, actor, now)
        elif event.act in objections.ACTS:
            objections.enter(case, event, actor, now)

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:
        found = of(case)
        if found is None:
            return {}
        return {
            "registration": found,
            "certificate": Certificate.objects.filter(registration=found).first(),
            "objections": list(found.objections.order_by("at", "pk")),
            "sees_identity": permissions.sees_identity(actor, found),
            "notice_lines": found.notice or notice_of(found),
        }

    def subject_url(self, case: Case) -> str:
        found = of(case)
        return reverse("registration:detail", args=[found.pk]) if found else ""


def of(case: Case) -> Registration | None:
    """The application of a case, read once an object."""
    if not hasattr(case, "_registration_row"):
        row = Registration.objects.filter(case=case).first()
        if row is not None:
            row.case = case
        case._registration_row = row
    found: Registration | None = case._registration_row
    return found


def standing(found: Registration, now: datetime) -> dict[str, Any]:
    """The facts of an application on the day of `now` (business time)."""
    case, today = found.case, local_day(now)
    rules = lawbook.rules_of(case)
    facts: dict[str, Any] = {
        "form_problems": [each.sentence for each in content.problems(rules, found.filled, case.procedure)],
        "form_digest": content.digest(rules, found.filled),
        "papers": content.papers(rules, found.filled),
        "deposited": content.deposited(found.filled),
        "duplicate": queries.duplicate(found, today) is not None,
        "notice_digest": content.notice_digest(notice_of(found)),
    }
    if case.procedure == content.PRODUCT:
        facts["compliance_passed"] = queries.compliance_passed(found.product)
        facts["resource_registered"] = queries.registered_resource(found, today) is not None
    with suppress(LawError):  # 发放时再说明为什么定不出有效期
        facts["valid_until"] = certificates.validity(found, rules, today).until.isoformat()
    return facts


def notice_of(found: Registration) -> list[list[str]]:
    """The notice as it would be published today."""
    case = found.case
    return content.notice(
        lawbook.rules_of(case),
        found.filled,
        registrant=case.organisation.name if case.organisation else "",
        application_type=case.procedure_title,
    )


def publish(case: Case, event: CaseEvent) -> None:
    """Fix the notice and its days when publicity begins."""
    found = Registration.objects.select_for_update(of=("self",)).get(case=case)
    found.case = case
    found.notice = notice_of(found)
    found.notice_digest = content.notice_digest(found.notice)
    found.publicity_from = local_day(event.at)
    running = Deadline.objects.filter(case=case, ledger="publicity").order_by("-started").first()
    found.publicity_until = running.due if running else None
    found.save(update_fields=["notice", "notice_digest", "publicity_from", "publicity_until"])


def defects_form(case: Case, act: Act) -> type[Any]:
    """The one-off list: which item (by its id, which a later list is held against), what is wrong."""
    rules = lawbook.rules_of(case)
    form = content.form_of(rules)
    found = of(case)
    options = [(each.id, f"{each.id} {each.title}") for each in form.fields]
    if found is not None:
        options += [
            (each.id, f"材料 {each.title}") for each in checklist.items(rules, found.filled) if each.asked
        ]
    made = build(act.asks)
    field = made.base_fields["defects"]
    field.widget = DefectsWidget(options)
    return made


def settling_form(case: Case, act: Act) -> type[Any] | None:
    """The decision on an objection, with the open ones to choose from."""
    left = queries.open_objections(case)
    options = tuple((each.pk, f"{local_day(each.at).isoformat()} {each.objector}") for each in left)
    inputs = [
        replace(each, kind="choice", options=options) if each.id == "objection" and options else each
        for each in act.asks
    ]
    return build(inputs)
