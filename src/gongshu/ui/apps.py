"""The Django app that both sites install."""

from __future__ import annotations

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "gongshu.ui"
    label = "ui"
    verbose_name = "界面"

    def ready(self) -> None:
        from gongshu.ui import voice

        voice.speak()
