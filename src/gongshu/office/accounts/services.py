"""Every change of organisations, people, accounts, roles and ties: asked, done, proved in one transaction."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

import pyotp
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from gongshu.office.accounts import login, sealed, uscc
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import (
    Account,
    Organisation,
    Person,
    RoleAssignment,
)
from gongshu.office.accounts.permissions import Refused, check, check_zone
from gongshu.office.accounts.proof import prove
from gongshu.office.accounts.roles import ADMINISTRATORS
from gongshu.office.accounts.roles import role as role_class
from gongshu.office.link import clock, evidence

ACTIVATION = timedelta(days=7)
PASSWORD_LENGTH = 10

# 第一批管理员的角色没有起始日：演示时钟移到哪天都有效
FOUNDING = date(2000, 1, 1)


@transaction.atomic
def create_organisation(
    *, actor: Actor, now: datetime, zone: str, name: str, code: str, kind: str
) -> Organisation:
    """A new organisation of a zone. Raises `Refused` for a bad or taken credit code."""
    check_zone(actor, zone)
    check(actor, "accounts.people", zone)
    code = _code(code)
    name = name.strip()
    if not name:
        raise Refused("请填写机构名称。", "name")
    if Organisation.objects.filter(uscc=code).exists():
        raise Refused("这个统一社会信用代码已经建过机构。", "uscc_taken")
    made = Organisation.objects.create(zone_id=zone, name=name, uscc=code, kind=kind, created_at=now)
    digest, _ = evidence.digest_of({"name": name, "uscc": code})
    prove(actor, "accounts.organisation.create", made.id, zone, "accounts.people", {"organisation": digest})
    return made


def _code(code: str) -> str:
    if not uscc.is_valid(code):
        raise Refused(uscc.SENTENCE, "uscc")
    return uscc.normal(code)


@transaction.atomic
def create_person(
    *, actor: Actor, now: datetime, organisation: Organisation, name: str, username: str
) -> tuple[Person, str]:
    """A person with an account that is not yet active; returns the person and the one-time activation code.

    The code is shown once and stored as a hash: the person sets password and second factor alone, so the
    system administrator never knows either.
    """
    zone = organisation.zone_id
    check_zone(actor, zone)
    check(actor, "accounts.people", zone)
    name, username = name.strip(), username.strip().lower()
    if not name:
        raise Refused("请填写姓名。", "name")
    check_username(username)
    person = Person.objects.create(zone_id=zone, name=name, organisation=organisation, created_at=now)
    account = Account(person=person, username=username)
    account.set_password(None)
    code = _new_activation(account)
    account.save()
    prove(actor, "accounts.person.create", person.id, zone, "accounts.people")
    return person, code


def check_username(username: str) -> None:
    """Raise unless the name is 2–40 of lower-case letters, digits, Chinese, dot, hyphen, and free."""
    good = 2 <= len(username) <= 40 and all(c.isalnum() or c in "._-" for c in username)
    if not good:
        raise Refused("用户名要 2 到 40 个字，只用文字、数字、点、横线和下划线。", "username")
    if Account.objects.filter(username=username).exists():
        raise Refused("这个用户名已经有人用了。", "username_taken")


def _new_activation(account: Account) -> str:
    code = secrets.token_hex(8)
    account.activation = make_password(code)
    account.activation_until = clock.wall_now() + ACTIVATION
    return code


@transaction.atomic
def reset_account(*, actor: Actor, now: datetime, person: Person) -> str:
    """Take away password, second factor and sessions; a new activation code is returned, shown once."""
    check_zone(actor, person.zone_id)
    check(actor, "accounts.people", person.zone_id)
    if person.id == actor.person:
        raise Refused("不能重置自己的账号，请由另一名系统管理员办理。", "self")
    account = Account.objects.select_for_update().get(person=person)
    account.set_password(None)
    account.totp = None
    account.generation += 1
    code = _new_activation(account)
    account.save()
    prove(actor, "accounts.account.reset", person.id, person.zone_id, "accounts.people")
    return code


def account_to_activate(username: str, code: str, wall: datetime) -> Account:
    """The account whose activation code this is; attempts are limited by the name alone: nobody's failures
    keep another person from enrolling."""
    name = sealed.keyed("activate:" + username.strip().lower())
    login.check_limits(name, "", wall)
    account = Account.objects.select_related("person").filter(username=username.strip().lower()).first()
    good = bool(
        account
        and account.activation
        and account.activation_until
        and account.activation_until >= wall
        and check_password(code.strip(), account.activation)
    )
    if not good or account is None:
        login.LoginAttempt.objects.create(name=name, address="", at=wall, ok=False)
        raise Refused("用户名或激活码不对，或者激活码已过期。请找系统管理员重发。", "activation")
    return account


@transaction.atomic
def activate(*, account: Account, password: str, secret: str, code: str) -> None:
    """The person sets password and second factor and proves the latter once. The activation code is spent."""
    wall = clock.wall_now()
    check_new_password(account, password)
    totp = pyotp.TOTP(secret)
    if not totp.verify("".join(code.split()), for_time=wall, valid_window=login.WINDOW):
        raise Refused("动态口令不对：请确认手机时间准确，再输入当前的 6 位数字。", "totp")
    account.set_password(password)
    account.totp = sealed.seal(secret, account.id)
    account.activation, account.activation_until = "", None
    account.generation += 1
    account.save()
    person = account.person
    evidence.record(
        act="accounts.account.activate",
        actor=person.id,
        role="self",
        subject=person.id,
        zone=person.zone_id,
        now=wall,
    )


def check_new_password(account: Account, password: str) -> None:
    """Raise unless the password has ten characters of three kinds and does not hold the user name."""
    kinds = sum(
        any(test(c) for c in password)
        for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    if len(password) < PASSWORD_LENGTH or kinds < 3 or account.username in password.lower():
        raise Refused("口令至少 10 位，大写、小写、数字、符号中要有三种，并且不含用户名。", "password")


@transaction.atomic
def change_password(*, actor: Actor, old: str, new: str) -> Account:
    """The person changes the own password; every other session ends."""
    account = Account.objects.select_for_update().select_related("person").get(person_id=actor.person)
    if not account.check_password(old):
        raise Refused("原口令不对。", "password")
    check_new_password(account, new)
    account.set_password(new)
    account.generation += 1
    account.save()
    prove(actor, "accounts.password.change", actor.person, account.person.zone_id, "")
    return account


@transaction.atomic
def set_person_active(*, actor: Actor, now: datetime, person: Person, active: bool) -> None:
    """Stop or resume a person; stopping ends every session at once."""
    check_zone(actor, person.zone_id)
    check(actor, "accounts.people", person.zone_id)
    if person.id == actor.person:
        raise Refused("不能停用自己的账号。", "self")
    Person.objects.filter(pk=person.pk).update(active=active)
    prove(
        actor,
        "accounts.person.resume" if active else "accounts.person.stop",
        person.id,
        person.zone_id,
        "accounts.people",
    )


@transaction.atomic
def set_organisation_active(*, actor: Actor, now: datetime, organisation: Organisation, active: bool) -> None:
    """Stop or resume an organisation; while stopped nobody of it can log in."""
    check_zone(actor, organisation.zone_id)
    check(actor, "accounts.people", organisation.zone_id)
    if organisation.id == actor.organisation:
        raise Refused("不能停用自己的机构。", "self")
    Organisation.objects.filter(pk=organisation.pk).update(active=active)
    act = "accounts.organisation.resume" if active else "accounts.organisation.stop"
    prove(actor, act, organisation.id, organisation.zone_id, "accounts.people")


@transaction.atomic
def enrol_first(
    *, now: datetime, zone: str, organisation: str, code: str, role: str, name: str, username: str
) -> dict[str, str]:
    """Make one administrator of an installation that has none of this kind yet: for the command line only.

    Returns username, password and TOTP secret; they are stored nowhere in the clear.
    """
    if role not in ADMINISTRATORS:
        raise Refused("命令行只建系统管理员、安全管理员和审计管理员。", "role")
    if RoleAssignment.objects.filter(role=role, zone_id=zone, revoked_at=None).exists():
        raise Refused(f"{role_class(role).title}已经有了，请在页面上由管理员办理。", "enrolled")
    check_username(username)
    home, _ = Organisation.objects.get_or_create(
        uscc=_code(code), defaults={"name": organisation, "zone_id": zone, "created_at": now}
    )
    person = Person.objects.create(zone_id=zone, name=name, organisation=home, created_at=now)
    password, secret = secrets.token_urlsafe(15) + "Aa1!", pyotp.random_base32()
    account = Account(person=person, username=username)
    account.set_password(password)
    account.totp = sealed.seal(secret, account.id)
    account.save()
    RoleAssignment.objects.create(
        person=person,
        zone_id=zone,
        role=role,
        since=FOUNDING,
        granted_by="enrolment",
        granted_at=now,
    )
    evidence.record(
        act=f"accounts.enrol.{role}",
        actor=person.id,
        role="enrolment",
        subject=person.id,
        zone=zone,
        now=clock.wall_now(),
    )
    return {"username": username, "password": password, "totp": secret, "role": role, "person": person.id}
