"""Who may open a page: decorators for views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import check
from gongshu.ui import errors

View = Callable[..., HttpResponseBase]


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a request, typed."""
    found: Actor = request.actor
    return found


def login_required(view: View) -> View:
    """Send a visitor to the login page and back; programs get 401 as JSON."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if actor_of(request).anonymous:
            if errors.wants_json(request):
                answer = errors.page(request, 403, "请先登录。", "login")
                answer.status_code = 401
                return answer
            return redirect(f"{reverse('accounts:login')}?next={quote(request.get_full_path())}")
        return view(request, *args, **kwargs)

    return guarded


def needs(permission: str) -> Callable[[View], View]:
    """Logged in, and holding the permission in the working zone; else the refusal with its 为什么."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            check(actor_of(request), permission)
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return wrap
