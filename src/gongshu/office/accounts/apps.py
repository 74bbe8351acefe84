"""The app and what it does after a migration: the zones exist."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


def ensure_zones(using: str = "default", **_: Any) -> None:
    """Zones are given by the packs, so they are rows of every database, test databases included."""
    from gongshu.office.accounts.zones import sync

    sync(using)


class AccountsConfig(AppConfig):
    name = "gongshu.office.accounts"
    label = "accounts"
    verbose_name = "机构与账号"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(ensure_zones, sender=self)
        from gongshu.office.accounts import frame

        frame.add("机构", "accounts:organisations", 900, frame.holds("accounts.people"))
        frame.add("人员与账号", "accounts:people", 901, frame.holds("accounts.people"))
        frame.add("角色授予", "accounts:grants", 902, frame.holds("accounts.roles"))
        frame.add("关联关系", "accounts:affiliations", 903, frame.holds("accounts.affiliations"))
        frame.add("信任名单", "accounts:trust", 905, frame.holds("accounts.trust"))
        if settings.SITE.demo:
            frame.add("演示时钟", "accounts:clock", 906, frame.holds("accounts.clock"))
        frame.add("存证日志", "accounts:audit", 904, frame.holds("accounts.audit"))
