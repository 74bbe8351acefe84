"""What this app adds to reviews of scenarios and to data requests: facts, forms, what follows an act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from gongshu.law import forms as law_forms
from gongshu.law.history import local_day
from gongshu.law.shapes import Act
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook, parties, services
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.office.registration import queries as registration
from gongshu.office.scenarios import content, grants, pages, queries, resources
from gongshu.office.scenarios.models import DataRequest, Scenario
from gongshu.office.scenarios.widgets import DecisionsWidget
from gongshu.ui.inputs import build

PROVIDER = "provider_officer"
AGREED, DECLINED = "同意", "不同意"


class ScenarioHandler(Handler):
    """Handler of `scenario.review`."""

    panel = "scenarios/scenario_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        found = scenario_of(case)
        if found is None:
            return {}
        rules = lawbook.rules_of(case)
        known = queries.providers(case.zone_id)
        form = content.scenario_form(rules)
        return {
            "form_problems": content.sentences(content.scenario_problems(rules, found.typed, known)),
            "form_digest": law_forms.form_digest(form, found.typed),
            "providers": sorted(named_providers(found)),
        }

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        found = scenario_of(case)
        if found is None:
            return
        if event.act == "submit":
            _enter(case, named_providers(found), now)
        procedure = lawbook.procedure_of(case)
        publishes = "publish" if "publish" in procedure.acts else "approve"
        if event.act == publishes:
            rules = lawbook.rules_of(case)
            lines = content.public_lines(rules, found.typed)
            Scenario.objects.filter(pk=found.pk).update(published=local_day(event.at), public=lines)
        elif event.act == "revise":
            Scenario.objects.filter(pk=found.pk).update(published=None, public=[])

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        found = scenario_of(case)
        return {"scenario": found, "sections": pages.scenario_sections(found)} if found else {}

    def subject_url(self, case: Case) -> str:
        found = scenario_of(case)
        return reverse("scenarios:scenario", args=[found.pk]) if found else ""


class RequestHandler(Handler):
    """Handler of `data.request`."""

    panel = "scenarios/request_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        found = request_of(case)
        if found is None:
            return {}
        rules = lawbook.rules_of(case)
        outline = resources.find(case.zone_id, found.resource)
        rows = law_forms.rows_of(found.typed.get(content.FIELDS))
        return {
            "form_problems": content.sentences(content.request_problems(rules, found.typed, outline)),
            "form_digest": law_forms.form_digest(content.request_form(rules), found.typed),
            "providers": [found.provider_id],
            "fields": [dict(row) for row in rows],
            "scenario_approved": queries.approved(found.scenario),
            "resource_registered": registered(found, local_day(now)),
        }

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        """Submitting asks nothing: the draft says it all. Deciding shows every field with its reason."""
        found = request_of(case)
        if found is None:
            return None
        if act.id == "submit":
            return build(())
        if act.id == "grant":
            made = build(act.asks)
            made.base_fields["decisions"].widget = DecisionsWidget(pages.asked_fields(found))
            return made
        return None

    def cleaned(self, case: Case, act: Act, data: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """A field that is declined needs its reason; declining every field is a refusal, not a grant."""
        if act.id != "grant":
            return data
        rows = [row for row in data.get("decisions") or () if isinstance(row, Mapping)]
        bare = [row.get("field") for row in rows if row.get("decision") == DECLINED and not row.get("reason")]
        if bare:
            raise Refused(f"“{bare[0]}”不同意提供，请写明理由。", "input:decisions", act.basis)
        if rows and all(row.get("decision") == DECLINED for row in rows):
            raise Refused(
                "每个字段都不同意的，请办理“不同意”，写明理由和依据。", "input:decisions", act.basis
            )
        return data

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:
        found = request_of(case)
        if found is None:
            return
        if event.act == "submit":
            _enter(case, {found.provider_id}, now)
        elif event.act == "grant":
            rows = [dict(row) for row in event.data.get("decisions") or ()]
            agreed = [str(row["field"]) for row in rows if row.get("decision") == AGREED]
            DataRequest.objects.filter(pk=found.pk).update(decisions=rows, granted=agreed)
        elif event.act == "withdraw":
            grants.withdraw(found, actor=actor, reason=str(event.data.get("reasons") or "收回授权"))

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        found = request_of(case)
        return {"data_request": found, "fields": pages.field_lines(found)} if found else {}

    def subject_url(self, case: Case) -> str:
        found = request_of(case)
        return reverse("scenarios:request", args=[found.pk]) if found else ""


def scenario_of(case: Case) -> Scenario | None:
    found = Scenario.objects.filter(case=case).first()
    if found is not None:
        found.case = case
    return found


def request_of(case: Case) -> DataRequest | None:
    found = DataRequest.objects.filter(case=case).select_related("scenario", "provider").first()
    if found is not None:
        found.case = case
    return found


def named_providers(found: Scenario) -> set[str]:
    """The organisations a scenario names as providers, those that are known."""
    known = queries.providers(found.zone_id)
    return {known[name] for name in content.provider_names(found.typed) if name in known}


def registered(found: DataRequest, today: Any) -> bool:
    """The resource has a live registration certificate."""
    return any(
        registration.status(row.certificate, today) in ("valid", "flagged")
        for row in registration.of_resource(found.resource)
        if hasattr(row, "certificate")
    )


@transaction.atomic
def _enter(case: Case, organisations: set[str], now: datetime) -> None:
    """Give the providers their part in the case from the moment it is submitted."""
    for each in sorted(organisations):
        parties.add(case, PROVIDER, each)
    case.__dict__.pop("_parties", None)
    services.rebuild(case, now)
