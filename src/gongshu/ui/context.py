"""The context processor: every template sees `site`, the frame its site has put on the request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


def site(request: HttpRequest) -> dict[str, Any]:
    """`request.frame` is a callable without arguments that gives a `Site`; absent outside a site."""
    frame = getattr(request, "frame", None)
    return {"site": SimpleLazyObject(frame) if callable(frame) else None}
