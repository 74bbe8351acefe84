"""The two doors of the line, served by the worker: the feed is read here, the inbox posted to."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from gongshu.crypto import canonical
from gongshu.evidence.tiles import TileError
from gongshu.evidence.tree import ProofError
from gongshu.office.link import clock, feed, inbox, proofs
from gongshu.ui.inputs import whole_number
from gongshu.wire import envelope as wire
from gongshu.wire import feed as wire_feed
from gongshu.wire import inbox as wire_inbox
from gongshu.wire import lease
from gongshu.wire.errors import WireError


def _error(error: WireError, status: int) -> JsonResponse:
    body = {"ok": False, "error": {"code": error.code, "sentence": error.sentence, "basis": []}}
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, str(default))
    found = whole_number(text)
    if found is None:
        raise WireError("query", f"参数“{name}”应是非负整数。")
    return found


@require_GET
def health(_request: HttpRequest) -> JsonResponse:
    """For the supervisor: the process answers and its database is there."""
    feed.head("")
    return JsonResponse({"ok": True})


@require_GET
def feed_page(request: HttpRequest) -> HttpResponse:
    """`GET /link/feed?zone=Z&after=N&limit=M`: the next items and a lease.

    The lease's number is read before the items, so that it never speaks of an item the page left out.
    """
    zone = request.GET.get("zone", "")
    try:
        if zone not in settings.SITE.zones:
            raise WireError("zone", f"本站没有区域“{zone[:20]}”。")
        after = _number(request, "after", 0)
        limit = min(_number(request, "limit", wire_feed.PAGE), wire_feed.PAGE)
    except WireError as error:
        return _error(error, 400)
    head = feed.head(zone)
    rows = [wire.parse(row) for row in feed.page(zone, after, limit)]
    rows = [row for row in rows if row.seq <= head]
    made = lease.issue(zone, head, clock.wall_now(), feed.signer())
    return HttpResponse(wire_feed.page(zone, rows, made), content_type="application/json")


@require_GET
def checkpoint(request: HttpRequest) -> HttpResponse:
    """`GET /link/checkpoint?from=N`: the newest checkpoint with the proof that it continues the log of N."""
    try:
        before = _number(request, "from", 0)
        body = proofs.newest(before)
    except (WireError, ProofError) as error:
        said = error if isinstance(error, WireError) else WireError("from", str(error))
        return _error(said, 400)
    return HttpResponse(canonical.dumps(body), content_type="application/json")


@require_GET
def entries(request: HttpRequest) -> HttpResponse:
    """`GET /link/entries?from=N`: a page of the log's entries, for the witnesses. The log is public."""
    try:
        found = proofs.entries(_number(request, "from", 0))
    except (WireError, ProofError) as error:
        return _error(error if isinstance(error, WireError) else WireError("from", str(error)), 400)
    except TileError as error:
        return _error(WireError("log", error.sentence), 503)
    return HttpResponse(canonical.dumps({"v": 1, "entries": found}), content_type="application/json")


@csrf_exempt
@require_POST
def inbox_post(request: HttpRequest) -> HttpResponse:
    """`POST /link/inbox`: signed envelopes of data domain and gateway, each taken or refused for itself."""
    if int(request.headers.get("content-length") or 0) > wire_inbox.LARGEST:
        return _error(WireError("too_large", "送来的一批消息过大，请分批。"), 413)
    now = clock.wall_now()
    try:
        receipt = inbox.accept_all(wire_inbox.loads(request.body), now)
    except WireError as error:
        return _error(error, 400)
    inbox.handle_waiting(now)
    return HttpResponse(canonical.dumps(receipt.data()), content_type="application/json")
