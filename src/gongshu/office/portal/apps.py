"""The app: the public pages' entries in the navigation."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "gongshu.office.portal"
    label = "portal"
    verbose_name = "公开门户"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.accounts.actors import Actor

        import_module("gongshu.office.portal.approval")

        def visitor(actor: Actor) -> bool:
            return actor.anonymous

        frame.add("目录查询", "portal:catalogue", 210, visitor)
        frame.add("数据产品", "portal:products", 505, visitor)
        frame.add("运行公示", "portal:runs", 900, visitor)
        frame.add("信息披露", "portal:disclosure", 910, visitor)
        frame.add("所依据的文本", "portal:laws", 920, visitor)
        frame.add("存证日志", "portal:log", 930, visitor)
