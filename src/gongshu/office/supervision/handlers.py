"""What orders to correct add to their cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from gongshu.office.accounts.actors import Actor
from gongshu.office.cases.models import Case
from gongshu.office.cases.registry import Handler
from gongshu.office.supervision.models import Correction


class CorrectionHandler(Handler):
    """Handler of `supervision.correction` and `supervision.registrar`."""

    panel = "supervision/correction_panel.html"

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002
        row = of(case)
        return {"addressees": [row.addressee_id] if row else []}

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:  # noqa: ARG002
        return {"correction": of(case)}

    def subject_url(self, case: Case) -> str:  # noqa: ARG002
        return reverse("supervision:corrections")


def of(case: Case) -> Correction | None:
    return Correction.objects.select_related("addressee").filter(case=case).first()
