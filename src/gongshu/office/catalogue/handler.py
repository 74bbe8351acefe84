"""What the catalogue adds to its cases, and to the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.office.catalogue import content, deleting, services
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import inbox
from gongshu.wire import envelope as wire


class CatalogueHandler(Handler):
    """Handler of `catalogue.publication`."""

    panel = "catalogue/panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        row = of(case)
        if row is None:
            return {}
        rules = lawbook.rules_of(case)
        wrong = content.problems(rules, row.typed)
        return {
            "form_problems": [each.sentence for each in wrong],
            "form_digest": content.digest(rules, row.typed),
        }

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        changed: dict[str, str] = {"state": event.state}
        if event.act == "flag":
            changed["authorisation"] = str(event.data.get("authorisation", ""))
        Resource.objects.filter(case=case).update(**changed)

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        return {"resource": of(case)}

    def subject_url(self, case: Case) -> str:
        row = of(case)
        return reverse("catalogue:detail", args=[row.pk]) if row else ""


def of(case: Case) -> Resource | None:
    return Resource.objects.select_related("provider").filter(case=case).first()


@inbox.on("resource")
def _resource(made: wire.Envelope, _verified: list[wire.Verified], now: datetime) -> None:
    """What a provider confirmed at the airlock belongs to its item of the catalogue."""
    services.take_facts(made.body["id"], made.zone, made.body, now)


@inbox.on("deleted")
def _deleted(made: wire.Envelope, _verified: list[wire.Verified], now: datetime) -> None:
    """A snapshot its provider agreed to delete is gone."""
    deleting.deleted(made.body, made.zone, now)
