"""What filed documents add to their cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gongshu.law.shapes import Act
from gongshu.office.accounts.actors import Actor
from gongshu.office.authorisation import queries, services
from gongshu.office.authorisation.models import FiledDocument
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.cases.registry import Handler
from gongshu.ui.inputs import build


class FilingHandler(Handler):
    """Handler of `filing.document`."""

    panel = "authorisation/panel.html"

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Any] | None:  # noqa: ARG002
        """Entering again after a return begins from what was entered before, its file included."""
        row = of(case)
        if act.id != services.ENTER or row is None:
            return None
        made: type[Any] = build(act.asks)
        for name, value in held(row).items():
            made.base_fields[name].initial = value
        return made

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:  # noqa: ARG002
        if event.act == services.ENTER:
            services.keep_entered(case, event)
        else:
            services.keep_state(case, event)

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        row = of(case)
        return {"document": queries.shown(row) if row else None}

    def subject_url(self, case: Case) -> str:
        row = of(case)
        return reverse("authorisation:detail", args=[row.pk]) if row else ""


def of(case: Case) -> FiledDocument | None:
    return FiledDocument.objects.select_related("material", "zone", "case").filter(case=case).first()


def held(row: FiledDocument) -> dict[str, Any]:
    """The document as the form holds it."""
    days = {"from": row.term_from, "until": row.term_until}
    return {
        "kind": row.kind,
        "name": row.name,
        "number": row.number,
        "dated": row.dated,
        "file": [row.material_id] if row.material_id else [],
        "term": {key: each.isoformat() for key, each in days.items() if each},
        "parties": row.parties,
    }
