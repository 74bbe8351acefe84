"""`enrol USER…`: a one-time password and TOTP secret each, printed once as one JSON line."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from gongshu.airlock import access
from gongshu.enclave import clock, trust


class Command(BaseCommand):
    help = "为信任名单上的闸口账号设置一次性口令和动态口令"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("users", nargs="+")

    def handle(self, *_: Any, **given: Any) -> None:
        now = clock.wall_now()
        try:
            trust.sync_accounts(trust.current(now))
            with transaction.atomic():
                made = [access.enrol(user, now) for user in given["users"]]
            data: dict[str, Any] = {"ok": True, **made[0], "accounts": made}
        except access.Refused as error:
            data = {"ok": False, "error": {"code": error.code, "sentence": error.sentence, "basis": []}}
        self.stdout.write(json.dumps(data, ensure_ascii=False))
