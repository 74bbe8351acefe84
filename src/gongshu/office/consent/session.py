"""The session of a data subject: apart from staff accounts, short, and counted in wall time.

The number just proved is needed once more, when a consent is sealed to the gateway. It waits for that in the
browser, in a cookie encrypted under a secret of this home and bound to session and subject: it never lies in
the database.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from gongshu.crypto import aead
from gongshu.office.accounts.permissions import Refused
from gongshu.office.consent.models import Subject
from gongshu.office.link import clock

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=2)
LOGIN = timedelta(minutes=10)
KEY, PENDING = "subject", "subject_login"
COOKIE = "gongshu_subject"
ALG = "aes-256-gcm"
View = Callable[..., HttpResponseBase]


def start(request: HttpRequest, subject: Subject, capacity: str, wall: datetime) -> None:
    """A new session; whatever the browser held before, a staff account included, is thrown away."""
    request.session.flush()
    seconds = wall.timestamp()
    request.session[KEY] = {"id": subject.pk, "capacity": capacity, "began": seconds, "seen": seconds}
    request.session.set_expiry(int(LONGEST.total_seconds()))


def end(request: HttpRequest, answer: HttpResponse) -> None:
    request.session.flush()
    answer.delete_cookie(COOKIE, path="/consent/")


def _sealing() -> bytes:
    return bytes(settings.KEYS.create_secret("consent-cookie", aead.KEY_SIZE))


def _bound(request: HttpRequest, subject: Subject) -> bytes:
    return f"{request.session.session_key}\n{subject.pk}".encode()


def carry(request: HttpRequest, answer: HttpResponse, subject: Subject, number: str) -> None:
    """Have the browser carry the proved number, sealed, as long as the session may last."""
    if not request.session.session_key:
        request.session.save()
    sealed = aead.seal(ALG, _sealing(), number.encode(), _bound(request, subject))
    answer.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(sealed).decode(),
        max_age=int(LONGEST.total_seconds()),
        path="/consent/",
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def number_of(request: HttpRequest, subject: Subject) -> str:
    """The number the browser carries; `Refused` when it does not, or carries another session's."""
    try:
        sealed = base64.urlsafe_b64decode(request.COOKIES.get(COOKIE, ""))
        return aead.open_(ALG, _sealing(), sealed, _bound(request, subject)).decode()
    except (aead.AeadError, binascii.Error, ValueError) as error:
        raise Refused("实名认证已经过期，请重新登录后再办。", "identity") from error


def subject_of(request: HttpRequest) -> Subject | None:
    """The subject of a live session, None for everybody else."""
    if hasattr(request, "_subject"):
        found: Subject | None = request._subject
        return found
    request._subject = _live(request, clock.wall_now())
    return request._subject


def _live(request: HttpRequest, wall: datetime) -> Subject | None:
    kept = request.session.get(KEY)
    if not isinstance(kept, dict):
        return None
    now = wall.timestamp()
    if now - kept["seen"] > IDLE.total_seconds() or now - kept["began"] > LONGEST.total_seconds():
        del request.session[KEY]
        return None
    if now - kept["seen"] > 60:  # 每分钟至多写一次会话表
        request.session[KEY] = kept | {"seen": now}
    return Subject.objects.filter(pk=kept["id"]).first()


def capacity_of(request: HttpRequest) -> str:
    """In which capacity somebody acts for a firm: 法定代表人 or 授权经办人; empty for a person."""
    return str((request.session.get(KEY) or {}).get("capacity", ""))


def remember(request: HttpRequest, kept: dict[str, Any], then: str) -> None:
    """Keep what a login that has begun must be checked against, and where it leads."""
    request.session[PENDING] = kept | {"then": then}


def recall(request: HttpRequest, wall: datetime) -> dict[str, Any] | None:
    """What was kept, once; None when there is nothing or it is too old."""
    kept = request.session.pop(PENDING, None)
    if not isinstance(kept, dict) or wall.timestamp() - kept.get("at", 0) > LOGIN.total_seconds():
        return None
    return kept


def safe(request: HttpRequest, path: str) -> str:
    """An address of this site to go on to, or the subject's first page."""
    good = path.startswith("/consent/") and url_has_allowed_host_and_scheme(path, {request.get_host()})
    return path if good else reverse("consent:home")


def needs_subject(view: View) -> View:
    """Send a visitor to prove who they are, and back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if subject_of(request) is None:
            return redirect(f"{reverse('consent:enter')}?next={quote(request.get_full_path())}")
        return view(request, *args, **kwargs)

    return guarded
