"""The app: attaches itself to the record of releases, to the inbox and the navigation."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class WorkbenchConfig(AppConfig):
    name = "gongshu.office.workbench"
    label = "workbench"
    verbose_name = "工作台"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.scenarios import permissions as scenarios
        from gongshu.office.workbench import handler, permissions, services, why

        import_module("gongshu.office.workbench.inbox")
        registry.register(services.PROCEDURE, handler.ReleaseHandler())
        registry.explain_with(why.PREFIX, why.of_task)
        frame.add("工作台", "workbench:home", 500, permissions.works)
        frame.add("出域成果", "workbench:released", 510, scenarios.works)
