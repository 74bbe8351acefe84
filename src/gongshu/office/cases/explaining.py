"""`gongshu explain ID`: the screen of 为什么 as data, for the operator of the machine."""

from __future__ import annotations

import json
import os
from typing import Any


class NothingToExplain(Exception):
    """No decision, deadline or refusal has this id."""

    def __init__(self, identifier: str) -> None:
        self.code = "unknown_id"
        self.sentence = f"没有编号是“{identifier[:40]}”的决定、期限或拒绝。"
        super().__init__(self.sentence)


def explain(_settings: Any, payload: dict[str, Any]) -> dict[str, Any]:
    """`{id}` → the screen. Runs as the office's user, who may read everything anyway."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.office.settings")
    import django

    django.setup()
    from django.core.serializers.json import DjangoJSONEncoder

    from gongshu.office.accounts.actors import Actor
    from gongshu.office.cases import why

    reader = Actor("operator", "运维", None, "", "cn", {"cn": frozenset({"auditor"})})
    found = why.screen(str(payload["id"]), reader)
    if found is None:
        raise NothingToExplain(str(payload["id"]))
    plain: dict[str, Any] = json.loads(json.dumps(found, cls=DjangoJSONEncoder))
    return plain
