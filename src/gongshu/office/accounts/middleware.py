"""Puts the actor and the page frame on every request, and turns a refusal into a page with its 为什么."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from gongshu.office.accounts import actors, frame, grounds, login
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.link import clock
from gongshu.ui import errors

STATUS: dict[str, int] = {
    "state": 409,
    "duplicate": 409,
    "version": 409,
    "conflict": 409,
    "too_large": 413,
    "locked": 429,
    "too_many": 429,
}


def status_of(code: str) -> int:
    """The HTTP status of a refusal: 400 for bad input, 409 for the wrong moment, else 403."""
    if code.startswith("input:"):
        return 400
    return STATUS.get(code, 403)


class ActorMiddleware:
    """`request.actor` (lazy), `request.zone`, `request.frame`; sessions are checked in wall time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(partial(actor_of, request))
        request.frame = partial(frame.of, request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        keep(exception, request.actor, request.path)
        return errors.page(
            request,
            status_of(exception.code),
            exception.sentence,
            exception.code,
            exception.articles,
            exception.decision or "",
            grounds.cited(request.actor.zone, exception.articles),
        )


def zone_of(request: HttpRequest) -> str:
    """The zone the visitor has chosen among those this installation serves."""
    chosen = request.COOKIES.get("gongshu_zone", "")
    return chosen if chosen in settings.SITE.zones else settings.SITE.zone


def actor_of(request: HttpRequest) -> Actor:
    """The actor of the session, or the public."""
    account = login.session_account(request, clock.wall_now())
    if account is None:
        return actors.public(zone_of(request))
    return actors.of(account.person, clock.business_today(), zone_of(request), account.pk)
