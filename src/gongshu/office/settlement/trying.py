"""试一试: one request to the gateway's test environment, shown byte by byte beside what came back.

The request leaves over real HTTP, signed with the published test secret by the client package buyers get. It
reads no product, counts nothing and bills nothing, so it changes no state here either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gongshu_client import Client, Refused, Unavailable

OPERATIONS = (("verify", "核验：给出的值与数据是否一致"), ("lookup", "查询：协议约定的字段"))
SECONDS = 5.0
UNREACHABLE = "网关没有回答；请确认网关已启动、地址填写正确，稍后再试。"


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back; `status` None: nothing came. `said`: it in one sentence."""

    request: str
    status: int | None
    reply: str
    said: str


class _Recorder(httpx.BaseTransport):
    """Passes on, and keeps the last request and reply."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.request: httpx.Request | None = None
        self.response: httpx.Response | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.request, self.response = request, None
        self.response = self._inner.handle_request(request)
        self.response.read()
        return self.response

    def close(self) -> None:
        self._inner.close()


def subjects(gateway: str) -> Mapping[str, str]:
    """The fixed numbers, each with what is said of it; empty when the gateway is silent."""
    try:
        answer = httpx.get(f"{gateway}/v1/openapi.json", timeout=SECONDS, trust_env=False)
        described = answer.json()["paths"]["/v1/test/products/{product}/verify"]["post"]["x-test"]
        return {str(number): str(said) for number, said in described["subjects"].items()}
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def attempt(gateway: str, operation: str, subject: str, value: str) -> Exchange:
    """One request; whatever happens, an `Exchange` says it."""
    recorder = _Recorder()
    with Client.test(gateway, timeout=SECONDS, pauses=(), transport=recorder) as client:
        try:
            if operation == "lookup":
                (answer,) = client.lookup("test", "test", [subject])
            else:
                (answer,) = client.verify("test", "test", [(subject, {"状态": value})])
            said = f"{answer.word}。{answer.sentence}"
        except Refused as refused:
            said = f"整个请求没有回答（{refused.code}）：{refused.sentence}"
        except Unavailable:
            said = UNREACHABLE
        except (ValueError, KeyError, TypeError):
            said = "网关的回答读不懂，请核对网关的地址和版本。"
    return _told(recorder, said)


def _told(recorder: _Recorder, said: str) -> Exchange:
    request, response = recorder.request, recorder.response
    sent = ""
    if request is not None:
        lines = [f"{request.method} {request.url.raw_path.decode('ascii')} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        sent = "\n".join([*lines, "", request.content.decode("utf-8", "replace")])
    if response is None:
        return Exchange(sent, None, "", said)
    if response.status_code == 503:
        said = f"整个请求没有回答：{_sentence(response) or UNREACHABLE}"
    return Exchange(sent, response.status_code, _pretty(response), said)


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["sentence"])
    except (ValueError, KeyError, TypeError):
        return ""


def _pretty(response: httpx.Response) -> str:
    try:
        made: Any = response.json()
    except ValueError:
        return response.text[:4_000]
    return json.dumps(made, ensure_ascii=False, indent=2)
