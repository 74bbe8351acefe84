"""The app: attaches itself to the cases of both registration procedures and to the navigation."""

from __future__ import annotations

from django.apps import AppConfig


class RegistrationConfig(AppConfig):
    name = "gongshu.office.registration"
    label = "registration"
    verbose_name = "登记"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.registration import handler, permissions, queries, why

        for procedure in handler.PROCEDURES:
            registry.register(procedure, handler.RegistrationHandler())
        registry.explain_with(why.PREFIX, why.of_certificate)
        registry.explain_with(why.NOTICE, why.of_publicity)
        frame.add("登记申请", "registration:list", 300, permissions.applies)
        frame.add("登记工作台", "registration:desk", 310, permissions.registers, count=queries.desk_count)
        frame.add("登记公示", "registration:publicity", 320, frame.everybody)
        frame.add("凭证查验", "registration:check", 330, frame.everybody)
