"""Outside demo and test homes nobody reaches a page without a TLS client certificate.

A taken-over office can imitate a login page; it cannot imitate a certificate. TLS ends in front of the
process (nginx or the like), which says what it verified in `X-SSL-Client-Verify` and proves itself with
the secret of this home in `X-Airlock-Proxy`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gongshu.ui import errors

SENTENCE = "闸口只接受持有本域客户端证书的访问；请插入证书后重试，或联系数据域的安全管理员。"


def certified(request: HttpRequest) -> bool:
    """Did the proxy of this home verify a client certificate?"""
    shown = request.headers.get("X-Airlock-Proxy", "")
    proven = hmac.compare_digest(shown.encode(), settings.PROXY_SECRET.encode())
    return proven and request.headers.get("X-SSL-Client-Verify") == "SUCCESS"


class ClientCertificateMiddleware:
    """Fails closed: without a verified certificate there is one sentence and nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.SITE.demo and request.path != "/healthz" and not certified(request):
            return errors.page(request, 403, SENTENCE, "certificate")
        return self.get_response(request)
