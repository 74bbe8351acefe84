"""The app: attaches itself to its procedures, to 为什么 and to the navigation."""

from __future__ import annotations

from django.apps import AppConfig


class SupervisionConfig(AppConfig):
    name = "gongshu.office.supervision"
    label = "supervision"
    verbose_name = "监管"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.settlement import reports
        from gongshu.office.supervision import handlers, money, permissions, plan, services, why  # noqa: F401

        for procedure in services.PROCEDURES:
            registry.register(procedure, handlers.CorrectionHandler())
        plan.REPORTED["report.price"] = reports.reported
        registry.explain_with(why.MEASURE, why.of_measure)
        registry.explain_with(why.DRAW, why.of_draw)
        registry.explain_with(why.TOTAL, why.of_total)
        frame.add("监管驾驶舱", "supervision:cockpit", 114, permissions.sees)
        frame.add("审计抽样", "supervision:draws", 116, permissions.draws)
        frame.add("我的数据", "supervision:mine", 210, permissions.provides)
