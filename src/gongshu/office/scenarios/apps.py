"""The app: attaches itself to reviews of scenarios and data requests, to the inbox and the navigation."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ScenariosConfig(AppConfig):
    name = "gongshu.office.scenarios"
    label = "scenarios"
    verbose_name = "场景"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.scenarios import drafts, handlers, permissions, why

        import_module("gongshu.office.scenarios.inbox")
        registry.register(drafts.REVIEW, handlers.ScenarioHandler())
        registry.register(drafts.REQUEST, handlers.RequestHandler())
        registry.explain_with(why.GRANT, why.of_grant)
        for prefix in why.STOPS:
            registry.explain_with(prefix, why.of_stop)
        frame.add("应用场景", "scenarios:list", 400, permissions.works)
        frame.add("数据申请", "scenarios:requests", 410, permissions.works)
        frame.add("项目", "scenarios:projects", 420, permissions.works)
        frame.add("已发布场景", "scenarios:published", 430, frame.everybody)
