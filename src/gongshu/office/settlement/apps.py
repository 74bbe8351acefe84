"""The app: attaches itself to its procedures, to the inbox, to 为什么 and to the navigation."""

from __future__ import annotations

from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "gongshu.office.settlement"
    label = "settlement"
    verbose_name = "结算"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.products import standing
        from gongshu.office.settlement import billing, handlers, incoming, permissions, pricing, why

        registry.register(pricing.MAXIMUM, handlers.MaximumHandler())
        registry.register(pricing.CAP, handlers.CapHandler())
        registry.register(billing.PROCEDURE, handlers.BillHandler())
        registry.explain_with(why.BILL, why.of_bill)
        registry.explain_with(why.MAXIMUM, why.of_maximum)
        registry.explain_with(why.BATCH, why.of_batch)
        if pricing.caps not in standing.CAPS:
            standing.CAPS.append(pricing.caps)
        if pricing.listed not in standing.PRICES:
            standing.PRICES.append(pricing.listed)
        incoming.listen()
        frame.add("账单", "settlement:bills", 550, permissions.sees)
        frame.add("价格核定", "settlement:maxima", 560, permissions.sees_caps)
        frame.add("收费公示", "settlement:prices", 570, frame.everybody)
