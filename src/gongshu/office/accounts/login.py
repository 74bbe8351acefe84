"""Logging in: password, then TOTP, counted and slowed in wall time. A changed password ends all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.http import HttpRequest

from gongshu.office.accounts import sealed
from gongshu.office.accounts.models import Account, LoginAttempt

ISSUER = "公枢"
STEP = 30
WINDOW = 1  # 前后各一个时间步
PER_NAME = 5
PER_ADDRESS = 50
COUNTED = timedelta(minutes=15)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
BAD = "用户名、口令或动态口令不对。"
LOCKED = "连续输错次数太多，请 15 分钟后再试。"
USED = "这个动态口令刚刚用过，请等下一个再登录。"


@dataclass
class LoginRefused(Exception):
    """The login is refused; the sentence never says which part was wrong."""

    sentence: str
    code: str = "login"

    def __str__(self) -> str:
        return self.sentence


def authenticate(username: str, password: str, code: str, address: str, wall: datetime) -> Account:
    """The account, or `LoginRefused`. Every attempt is counted by name and by address."""
    name = sealed.keyed(username.strip().lower())
    check_limits(name, address, wall)
    account = (
        Account.objects.select_related("person__organisation")
        .filter(username=username.strip().lower())
        .first()
    )
    # 没有这个用户也算一次散列，响应时间不泄露用户名是否存在
    good = check_password(password, account.password if account else _unknown())
    refusal = BAD
    if good and account and usable(account):
        outcome = take_code(account, code, wall)
        if outcome == "ok":
            LoginAttempt.objects.create(name=name, address=address, at=wall, ok=True)
            return account
        refusal = USED if outcome == "used" else BAD
    if refusal != USED:
        LoginAttempt.objects.create(name=name, address=address, at=wall, ok=False)
    raise LoginRefused(refusal, "totp_used" if refusal == USED else "login")


def usable(account: Account) -> bool:
    """The account, its person and its organisation are in use and the person has enrolled."""
    return (
        account.active and account.enrolled and account.person.active and account.person.organisation.active
    )


def check_limits(name: str, address: str, wall: datetime) -> None:
    """Raise when this name or this address ("": asked by name alone) has failed too often lately."""
    failed = LoginAttempt.objects.filter(ok=False, at__gt=wall - COUNTED)
    last = (
        LoginAttempt.objects.filter(name=name, ok=True).order_by("-at").values_list("at", flat=True).first()
    )
    of_name = failed.filter(name=name)
    if last:
        of_name = of_name.filter(at__gt=last)
    of_address = failed.filter(address=address).count() if address else 0
    if of_name.count() >= PER_NAME or of_address >= PER_ADDRESS:
        raise LoginRefused(LOCKED, "locked")


def take_code(account: Account, code: str, wall: datetime) -> str:
    """`ok`, `bad` or `used`: a TOTP step is good once (RFC 6238 section 5.2)."""
    digits = "".join(code.split())
    totp = pyotp.TOTP(sealed.unseal(bytes(account.totp or b""), account.id))
    now = int(wall.timestamp()) // STEP
    for step in range(now - WINDOW, now + WINDOW + 1):
        if pyotp.utils.strings_equal(totp.at(step * STEP), digits):
            taken = Account.objects.filter(pk=account.pk, totp_step__lt=step).update(totp_step=step)
            return "ok" if taken else "used"
    return "bad"


def provisioning_uri(account: Account, secret: str) -> str:
    """What the authenticator app scans."""
    return pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=ISSUER)


def start_session(request: HttpRequest, account: Account, wall: datetime) -> None:
    """A new session for the account; whatever the browser held before is thrown away."""
    request.session.flush()
    request.session["account"] = account.pk
    request.session["generation"] = account.generation
    request.session["began"] = wall.timestamp()
    request.session["seen"] = wall.timestamp()
    request.session.set_expiry(int(LONGEST.total_seconds()))


def session_account(request: HttpRequest, wall: datetime) -> Account | None:
    """The account of a live session; an idle, too old or superseded one is ended."""
    if "account" not in request.session:
        return None
    seen = datetime.fromtimestamp(request.session.get("seen", 0), tz=wall.tzinfo)
    began = datetime.fromtimestamp(request.session.get("began", 0), tz=wall.tzinfo)
    account = (
        Account.objects.select_related("person__organisation").filter(pk=request.session["account"]).first()
    )
    live = (
        account is not None
        and usable(account)
        and account.generation == request.session.get("generation")
        and wall - seen <= IDLE
        and wall - began <= LONGEST
    )
    if not live:
        request.session.flush()
        return None
    if wall - seen > timedelta(minutes=1):  # 每分钟至多写一次会话表
        request.session["seen"] = wall.timestamp()
    return account


@transaction.atomic
def forget_attempts(wall: datetime) -> int:
    """Attempts older than half a year are no longer needed for any limit."""
    return LoginAttempt.objects.filter(at__lt=wall - timedelta(days=183)).delete()[0]


_UNKNOWN: list[str] = []


def _unknown() -> str:
    if not _UNKNOWN:
        _UNKNOWN.append(make_password("nobody has this password"))
    return _UNKNOWN[0]
