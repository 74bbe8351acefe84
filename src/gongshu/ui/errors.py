"""Error pages: one clear Chinese sentence, the right status, JSON when JSON was asked for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

SENTENCES: dict[int, tuple[str, str]] = {
    400: ("请求不对", "请求的内容读不懂，请返回上一页检查后重试。"),
    403: ("没有权限", "您的账号不能做这件事。"),
    404: ("找不到", "这个地址没有内容，或者您的账号看不到它。"),
    405: ("方法不对", "这个地址不接受这种请求。"),
    409: ("状态已变化", "这件事的状态已经变化，请刷新后再办。"),
    413: ("内容太大", "上传的内容超过了大小限制。"),
    429: ("太频繁", "操作太频繁，请稍后再试。"),
    500: ("系统出错", "系统出了错，已经记录；您填写的内容没有提交，请稍后重试。"),
    503: ("暂时不可用", "系统暂时不可用，请稍后重试。"),
}


def wants_json(request: HttpRequest) -> bool:
    """The client asked for JSON, or the address is an interface for programs."""
    accept = request.headers.get("Accept", "")
    return ("application/json" in accept and "text/html" not in accept) or request.path.startswith(
        ("/api/", "/link/")
    )


def page(
    request: HttpRequest,
    status: int,
    sentence: str = "",
    code: str = "",
    articles: tuple[str, ...] = (),
    why: str = "",
    cited: tuple[str, ...] = (),
) -> HttpResponse:
    """An error answer. `why`: the id of the stored refusal, if any; `cited`: the articles in words."""
    title, default = SENTENCES.get(status, SENTENCES[500])
    sentence = sentence or default
    if wants_json(request):
        error: dict[str, Any] = {"code": code or str(status), "sentence": sentence, "basis": list(articles)}
        if why:
            error["why"] = why
        return JsonResponse(
            {"ok": False, "error": error}, status=status, json_dumps_params={"ensure_ascii": False}
        )
    context = {
        "title": title,
        "sentence": sentence,
        "status": status,
        "articles": cited or articles,
        "why": why,
    }
    return render(request, "ui/errors/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 403, str(exception) if exception and str(exception) else "")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort: must not touch the database, so the frame is a plain page."""
    return _plain(request, 500)


def bad_address(request: HttpRequest) -> HttpResponse:
    """An address no page can have; answered before sessions and actors are looked at."""
    return _plain(request, 400)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database or another part is not there: a plain page that asks to come again."""
    answer = _plain(request, 503)
    answer["Retry-After"] = "10"
    return answer


def _plain(request: HttpRequest, status: int) -> HttpResponse:
    if wants_json(request):
        return page(request, status)
    title, sentence = SENTENCES[status]
    # 不经上下文处理器：它们要查数据库
    body = render_to_string("ui/errors/plain.html", {"title": title, "sentence": sentence, "status": status})
    return HttpResponse(body, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(request, 403, "页面停留太久或来自别的网站，为了安全没有提交。请刷新页面后重试。", "csrf")
