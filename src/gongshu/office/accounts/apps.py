"""The app and what it does after a migration: the zones exist."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
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
