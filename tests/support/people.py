"""People, organisations and roles for the office's tests, made by rows where the test is about something else."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from stdnum.cn import uscc

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=SHANGHAI)
TODAY = NOW.date()
SINCE = date(2020, 1, 1)
PASSWORD = "Correct-Horse-9"
_numbers = itertools.count(1)


def plausible(number: int) -> str:
    """A name as people have them; every number its own for the first three hundred."""
    return (
        "赵钱孙李周吴郑王冯陈"[number % 10]
        + "安博诚德恩方光海嘉建杰静立敏宁清若文晓雪宇哲正志卓云岚"[number // 10 % 27]
        + "之"[: number // 270]
    )


def credit_code(number: int | None = None) -> str:
    """A valid unified social credit code that nobody has."""
    base = f"11420200MB{(number or next(_numbers)) % 10**7:07d}"
    return base + uscc.calc_check_digit(base)


def organisation(name: str = "", zone: str = "huangshi", **more: Any) -> Any:
    from gongshu.office.accounts.models import Organisation

    number = next(_numbers)
    return Organisation.objects.create(
        zone_id=zone, name=name or f"单位{number}", uscc=credit_code(number), created_at=NOW, **more
    )


def person(home: Any = None, *roles: str, name: str = "", zone: str = "") -> Any:
    """A person with an enrolled account and these roles; its password is `PASSWORD`, its TOTP `secret_of`."""
    from gongshu.office.accounts import sealed
    from gongshu.office.accounts.models import Account, Person, RoleAssignment

    home = home or organisation(zone=zone or "huangshi")
    number = next(_numbers)
    made = Person.objects.create(
        zone_id=home.zone_id, name=name or plausible(number), organisation=home, created_at=NOW
    )
    account = Account(person=made, username=f"user{number}")
    account.password = _hashed()
    account.totp = sealed.seal(secret_of(made), account.id)
    account.save()
    for role in roles:
        RoleAssignment.objects.create(
            person=made,
            zone_id=zone or home.zone_id,
            role=role,
            since=SINCE,
            granted_by="test",
            granted_at=NOW,
        )
    return made


@cache
def _hashed() -> str:
    """One hash for everybody: hashing is slow on purpose."""
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


def secret_of(made: Any) -> str:
    """The TOTP secret of a person made here."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "".join(letters[(ord(c) * 7) % 32] for c in (made.id * 2)[:32])


def actor(made: Any, zone: str = "", today: date = TODAY) -> Any:
    from gongshu.office.accounts import actors

    return actors.of(made, today, zone or None, made.account.pk)


def acting(home: Any, *roles: str, zone: str = "") -> Any:
    """A fresh person of an organisation with these roles, as actor."""
    return actor(person(home, *roles, zone=zone), zone)


def log_in(client: Any, made: Any) -> Any:
    """A test client's session for a person, without spending a TOTP step."""
    from gongshu.office.link import clock

    wall = clock.wall_now().timestamp()
    session = client.session
    session.update(
        {"account": made.account.pk, "generation": made.account.generation, "began": wall, "seen": wall}
    )
    session.save()
    return client
