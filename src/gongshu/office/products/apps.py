"""The app: attaches itself to its procedures, to the inbox and to the navigation."""

from __future__ import annotations

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "gongshu.office.products"
    label = "products"
    verbose_name = "产品"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.products import handlers, incoming, permissions, standing, why
        from gongshu.office.workbench import served

        registry.register(handlers.COMPLIANCE, handlers.ComplianceHandler())
        registry.register(handlers.AGREEMENT, handlers.AgreementHandler())
        registry.check_beginning(permissions.check_beginning)
        served.find_with(standing.of_project)
        registry.explain_with(why.TRIP, why.of_trip)
        incoming.listen()
        frame.add("产品", "products:list", 500, frame.works)
        frame.add("使用协议", "products:agreements", 510, permissions.deals)
        frame.add("终止运营", "products:endings", 590, permissions.ends)
        frame.add("签署钥匙", "products:keys", 520, permissions.holds_keys)
