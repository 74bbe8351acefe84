"""Who is at the airlock: accounts of the trust list only, password and TOTP, counted in wall time."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote

import pyotp
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject

from gongshu.airlock import frame
from gongshu.airlock.acts import ACTS
from gongshu.enclave import acting, clock, journal, trust
from gongshu.enclave.store.models import Account
from gongshu.ui import errors
from gongshu.wire.errors import WireError

STEP = 30
FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
IDLE = timedelta(minutes=20)
LONGEST = timedelta(hours=8)
SHORTEST_PASSWORD = 12
BAD = "账号、口令或动态口令不对。"
LOCKED = "连续输错次数太多，请 15 分钟后再试。"


class Refused(Exception):
    """An act at the airlock is refused. `args[0]`: one Chinese sentence; `status`: HTTP; `why`: the id of
    its 为什么, where there is one."""

    def __init__(self, sentence: str, status: int = 403, code: str = "forbidden", why: str = "") -> None:
        super().__init__(sentence)
        self.why = why
        self.sentence = sentence
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Visitor:
    """A person of the trust list, as it stands now."""

    user: str
    person: str
    name: str
    organisation: str
    organisation_name: str
    roles: frozenset[str]
    zones: tuple[str, ...]


def can(visitor: Visitor, act: str) -> bool:
    return bool(visitor.roles & ACTS[act][0])


def check(visitor: Visitor, act: str) -> None:
    """Raise `Refused` unless the visitor's roles on the trust list allow the act."""
    if not can(visitor, act):
        raise Refused(ACTS[act][1], why=f"act.{act}")


def visitor_of(account: Account, now: datetime) -> Visitor | None:
    """The person behind an account, if the trust list still names both."""
    try:
        known = trust.current(now)
    except WireError:
        return None
    listed = known.accounts.get(account.user)
    person = known.person(account.person)
    if listed is None or listed["person"] != account.person or person is None:
        return None
    organisation = known.organisation(person["organisation"])
    if organisation is None:
        return None
    return Visitor(
        account.user,
        account.person,
        str(person.get("name", account.person)),
        str(person["organisation"]),
        str(organisation.get("name", person["organisation"])),
        frozenset(person.get("roles", ())),
        known.zones,
    )


@transaction.atomic
def enrol(user: str, now: datetime) -> dict[str, str]:
    """A one-time password and a new TOTP secret for an account of the trust list; only hashes are kept."""
    account = Account.objects.select_for_update().filter(user=user).first()
    if account is None or visitor_of(account, now) is None:
        raise Refused(f"信任名单上没有账号“{user}”。", 404, "unknown")
    password = secrets.token_urlsafe(12)
    account.password = make_password(password)
    account.totp = pyotp.random_base32()
    account.last_step = account.failures = 0
    account.locked_until = None
    account.enrolled = now
    account.must_change = True
    account.save()
    _journal("account.enrolled", account, now)
    uri = pyotp.TOTP(account.totp).provisioning_uri(name=user, issuer_name="公枢闸口")
    return {"username": user, "password": password, "totp": account.totp, "otpauth": uri}


def log_in(user: str, password: str, code: str, now: datetime) -> Account:
    """The account, or `Refused` with a sentence that never says which part was wrong."""
    with transaction.atomic():
        account = Account.objects.select_for_update().filter(user=user.strip().lower()).first()
        if account is not None and account.locked_until and account.locked_until > now:
            raise Refused(LOCKED, 429, "locked")
        kept = account.password if account and account.password else _nobody()
        good = check_password(password, kept) and account is not None
        if good and account is not None and visitor_of(account, now) and _take_code(account, code, now):
            account.failures = 0
            account.save()
            _journal("account.login", account, now)
            return account
        if account is not None:
            account.failures += 1
            if account.failures >= FAILURES:
                account.failures, account.locked_until = 0, now + LOCKED_FOR
                _journal("account.locked", account, now)
            account.save()
    raise Refused(BAD, 403, "login")


def _take_code(account: Account, code: str, now: datetime) -> bool:
    """A TOTP step is good once (RFC 6238 section 5.2)."""
    totp, step = pyotp.TOTP(account.totp), int(now.timestamp()) // STEP
    digits = "".join(code.split())
    for each in (step - 1, step, step + 1):
        if each > account.last_step and pyotp.utils.strings_equal(totp.at(each * STEP), digits):
            account.last_step = each
            return True
    return False


def change_password(account: Account, old: str, new: str, again: str, now: datetime) -> None:
    """Replace the password; raises `Refused`."""
    if not check_password(old, account.password):
        raise Refused("原口令不对。", 400, "input:old")
    if len(new) < SHORTEST_PASSWORD or new == old or new.isdigit():
        raise Refused(
            f"新口令至少 {SHORTEST_PASSWORD} 个字符，不能全是数字，也不能与原口令相同。", 400, "input:new"
        )
    if new != again:
        raise Refused("两次输入的新口令不一致。", 400, "input:again")
    with transaction.atomic():
        account.password, account.must_change = make_password(new), False
        account.save(update_fields=["password", "must_change"])
        _journal("account.password", account, now)


def _journal(act: str, account: Account, now: datetime) -> None:
    from django.conf import settings

    journal.record(
        source="airlock",
        act=act,
        actor=account.person,
        role="account",
        subject=account.person,
        zone=settings.SITE.zone,
        now=now,
    )


_NOBODY: list[str] = []


def _nobody() -> str:
    if not _NOBODY:
        _NOBODY.append(make_password(secrets.token_urlsafe(16)))
    return _NOBODY[0]


def session_visitor(request: HttpRequest) -> Visitor | None:
    """The visitor of a live session; an idle or too old one is ended, a delisted person is out at once."""
    user = request.session.get("user")
    if not user:
        return None
    now = clock.wall_now()
    seen, began = request.session.get("seen", 0.0), request.session.get("began", 0.0)
    account = Account.objects.filter(user=user).first()
    visitor = visitor_of(account, now) if account else None
    stale = now.timestamp() - seen > IDLE.total_seconds() or now.timestamp() - began > LONGEST.total_seconds()
    if visitor is None or stale or account is None or request.session.get("hash") != account.password[-16:]:
        request.session.flush()
        return None
    if now.timestamp() - seen > 60:
        request.session["seen"] = now.timestamp()
    return visitor


class VisitorMiddleware:
    """`request.visitor` and the page frame; a refusal becomes a page with its sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.visitor = SimpleLazyObject(lambda: session_visitor(request))
        request.frame = lambda: frame.of(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, acting.Forbidden):
            return errors.page(request, 403, str(exception), "forbidden")
        if not isinstance(exception, Refused):
            return None
        return errors.page(request, exception.status, exception.sentence, exception.code, why=exception.why)


def visitor(request: HttpRequest) -> Visitor:
    """The visitor of a page behind `logged_in`."""
    found: Visitor = request.visitor
    return found


View = Callable[..., HttpResponse]


def logged_in(view: View) -> View:
    """Send a stranger to the login page; who still has a one-time password changes it first."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.visitor:
            return redirect(f"/login/?next={quote(request.get_full_path())}")
        if request.session.get("must_change") and request.path != "/password/":
            return redirect("/password/")
        return view(request, *args, **kwargs)

    return guarded


def needs(act: str) -> Callable[[View], View]:
    """Logged in, with a role of the trust list that allows the act."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            check(visitor(request), act)
            return view(request, *args, **kwargs)

        return logged_in(guarded)

    return wrap
