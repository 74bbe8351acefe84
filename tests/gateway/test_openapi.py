"""Requests made up from the gateway's own description: every answer is one it names, none is a 5xx."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gongshu.crypto.hashes import hmac_of
from gongshu.gateway import requests, testing
from gongshu.gateway.openapi import document
from support import fuzz
from support.singles import PURPOSE, Singles, number

DOCUMENT = document()
TODAY = datetime.now(UTC).date().isoformat()
ASKED = {"subject": number(3), "values": {"缴存状态": "正常"}}


def body(purpose: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"purpose": purpose, "items": list(items)}


# 问得到里面的请求：真的产品、凭证、用途；其余仍是造的
KNOWN: dict[str, list[dict[str, Any]]] = {
    "verify": [
        {"path_parameters": {"product": "pd-none"}},
        {"path_parameters": {"product": "pd-none"}, "body": body(PURPOSE, ASKED)},
    ],
    "lookup": [
        {"path_parameters": {"product": "pd-standing"}},
        {"path_parameters": {"product": "pd-standing"}, "body": body(PURPOSE, {"subject": number(3)})},
    ],
    "rows": [
        {"path_parameters": {"product": "pd-1"}},
        {"path_parameters": {"product": "pd-1"}, "query": {"purpose": "产业发展"}},
    ],
    "drawSecret": [{"path_parameters": {"credential": "cred-none"}}],
    "reconciliation": [{"path_parameters": {"credential": "cred-none", "day": TODAY}}],
    "testVerify": [
        {"body": body(testing.PURPOSE, {"subject": one, "values": {testing.FIELD: "正常"}})}
        for one in (*testing.ANSWERS, *testing.REFUSALS)
    ],
    "testLookup": [
        {"body": body(testing.PURPOSE, {"subject": one})} for one in (*testing.ANSWERS, *testing.REFUSALS)
    ],
}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Singles]:
    made = Singles(tmp_path_factory.mktemp("street"))
    made.open()
    made.ceilings.append(made.ceiling(calls_per_day=10**6))
    for kind in ("none", "standing"):
        made.agree(kind, over_scope={"tries": 100_000, "seconds": 1})
    made.give("cs-1", 3)
    made.sign_up(calls_per_day=10**6)
    yield made
    made.close()


@pytest.mark.parametrize("examples", fuzz.EXAMPLES)
@pytest.mark.parametrize("name", fuzz.names(DOCUMENT))
def test_every_answer_is_one_the_description_names(street: Singles, name: str, examples: int) -> None:
    street.poll()
    client = httpx.Client(base_url=f"http://127.0.0.1:{street.port}", trust_env=False)
    count = iter(range(10**9))

    def ask(request: Any) -> httpx.Response:
        place = next(count)
        if place % 200 == 199:
            street.poll()
        # 三次里两次带真签名，过得了门，才问得到里面
        about = {"/v1/test/": testing.CREDENTIAL, "pd-standing": "cred-standing", "pd-1/": "cred-1"}
        credential = next((one for name, one in about.items() if name in request.path_url), "cred-none")
        return send(client, street, request, credential if place % 3 else "")

    with client:
        seen = fuzz.drive(DOCUMENT, name, examples, ask, KNOWN.get(name, []))
    if name == "health":  # 没有参数，只有一种请求
        assert seen == {200: 1}
        return
    assert sum(seen.values()) >= examples * 0.9
    assert seen[200] and any(400 <= status < 500 for status in seen), seen


def send(client: httpx.Client, street: Singles, request: Any, credential: str) -> httpx.Response:
    """The request as it was made up; with a credential it is signed as the buyer would sign it."""
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    headers = {key: value for key, value in request.headers.items() if key.lower() != "content-length"}
    if credential:
        headers.pop("Authorization", None)  # 造出来的签名，换成真的
        test = credential == testing.CREDENTIAL
        scheme = "GS1-HMAC-SM3" if test else requests.KEY_SCHEME
        now, nonce = int(time.time() * 1000), secrets.token_hex(8)
        given = requests.Authorization(scheme, credential, now, nonce, b"")
        idempotency = headers.get("Idempotency-Key", "")
        data = requests.message(request.method, request.path_url, given, body, idempotency)
        signature = hmac_of(testing.SECRET, "sm3")(data) if test else street.buyer.sign(data)
        headers |= dict(requests.header(scheme, credential, now, nonce, signature))
    return client.request(request.method, request.path_url, content=body or None, headers=headers)
