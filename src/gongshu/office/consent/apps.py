"""The app: attaches itself to the inbox, to 为什么 and to the navigation."""

from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "gongshu.office.consent"
    label = "consent"
    verbose_name = "同意"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.accounts.actors import Actor
        from gongshu.office.cases import registry
        from gongshu.office.consent import incoming, permissions, why

        incoming.listen()
        for prefix in why.PREFIXES:
            registry.explain_with(prefix, why.for_staff)

        def visitor(actor: Actor) -> bool:
            return actor.anonymous

        frame.add("我的数据", "consent:home", 600, visitor)
        frame.add("同意请求", "consent:requests", 530, permissions.asks)
        frame.add("主体投诉", "consent:complaints", 540, permissions.sees_complaints)
