"""The first administrators of an installation, made from the command line as the office's user."""

from __future__ import annotations

import os
from typing import Any

FIRST = (("system_administrator", "系统管理员"), ("security_administrator", "安全管理员"))


class EnrolmentRefused(Exception):
    """What the command line shows: a code and a Chinese sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def enrol(_settings: Any, payload: dict[str, Any]) -> dict[str, Any]:
    """`{zone, organisation, code, prefix}` → `{accounts: [{username, password, totp, role, person}]}`.

    Both administrators are made, or none. Runs in a process of its own, so it sets Django up itself.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.office.settings")
    import django

    django.setup()
    from django.db import transaction

    from gongshu.office.accounts import services
    from gongshu.office.accounts.permissions import Refused
    from gongshu.office.link import clock

    zone = str(payload["zone"])
    try:
        with transaction.atomic():
            made = [
                services.enrol_first(
                    now=clock.business_now(),
                    zone=zone,
                    organisation=str(payload["organisation"]),
                    code=str(payload["code"]),
                    role=role,
                    name=title,
                    username=f"{payload.get('prefix') or zone}-{role.partition('_')[0]}",
                )
                for role, title in FIRST
            ]
    except Refused as refusal:
        raise EnrolmentRefused(refusal.code, refusal.sentence) from refusal
    return {"accounts": made}
