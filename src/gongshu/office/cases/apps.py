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
        from gongshu.office.accounts import frame
        from gongshu.office.cases import queries, registry, why

        registry.explain_with("d", why.of_decision)
        registry.explain_with("t", why.of_deadline)
        registry.explain_with("c", why.of_case)
        frame.add("待办", "cases:inbox", 100, frame.works, queries.waiting_count)
        frame.add("案件", "cases:list", 110, frame.works)
        frame.add("委托代理", "cases:delegations", 890, frame.holds("accounts.delegations"))
        frame.add("通知", "cases:notices", 120, frame.works, queries.unread_count)
