"""Downloads of what left: the file, the signed release, and both together for `gongshu-verify`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.cases import deposits
from gongshu.office.link import zips
from gongshu.office.workbench import queries
from gongshu.office.workbench.models import Release
from gongshu.ui import errors
from gongshu.ui.export import attachment

SAFE = "sandbox; default-src 'none'"


def of_release(view: Callable[..., Any]) -> Any:
    """The release the actor may see, and a plain sentence when its bytes are gone or changed."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, pk: str, *args: Any, **kwargs: Any) -> Any:
        found = get_object_or_404(queries.releases(actor_of(request)), pk=pk)
        try:
            return view(request, found, *args, **kwargs)
        except deposits.DepositError as error:
            return errors.page(request, 500, str(error), "deposit")

    return guarded


@of_release
def file(request: HttpRequest, found: Release, number: int) -> FileResponse:  # noqa: ARG001
    """One released file, checked against its digest before it leaves."""
    if number >= len(found.files):
        raise Http404
    said = found.files[number]
    answer = FileResponse(deposits.open_checked(said["digest"]), content_type=said["media"])
    answer["Content-Disposition"] = attachment(said["name"])
    answer["Content-Security-Policy"] = SAFE
    return answer


@of_release
def envelope(request: HttpRequest, found: Release) -> HttpResponse:  # noqa: ARG001
    """The release as the enclave signed it."""
    answer = HttpResponse(deposits.read(found.envelope), content_type="application/json")
    answer["Content-Disposition"] = attachment(f"{found.pk}.release.json")
    return answer


@of_release
def bundle(request: HttpRequest, found: Release) -> HttpResponse:  # noqa: ARG001
    """A folder for `gongshu-verify`: `release.json` and the files, as a zip."""
    wanted = [("release.json", found.envelope), *((each["name"], each["digest"]) for each in found.files)]
    data = zips.packed((name, deposits.read(digest)) for name, digest in wanted)
    answer = HttpResponse(data, content_type="application/zip")
    answer["Content-Disposition"] = attachment(f"{found.pk}.zip")
    return answer
