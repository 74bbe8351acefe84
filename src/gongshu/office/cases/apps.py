"""The app; refusals of every app are kept as decisions from here on."""

from __future__ import annotations

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "gongshu.office.cases"
    label = "cases"
    verbose_name = "案件"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts.permissions import KEEPERS
        from gongshu.office.cases.decisions import keep_refusal

        if keep_refusal not in KEEPERS:
            KEEPERS.append(keep_refusal)
