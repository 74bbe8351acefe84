"""The test environment 测试环境: fixed subjects for every class of answer and every refusal.

`/v1/test/...` is signed like the real thing, with a credential and a secret that are printed in the docs. It
reads no product, no contract and no consent, counts nothing and bills nothing: a function of the request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from gongshu.gateway import requests
from gongshu.gateway.errors import ERRORS, WORDS, Refusal, Row, refusal
from gongshu.gateway.singles import Question, Request, read

CREDENTIAL = "test"
SECRET = hashlib.sha256(b"gongshu test credential").digest()
_MAC = requests.mac(SECRET)
PRODUCT, VERSION, PURPOSE, FIELD = "test", "test", "test", "状态"
# Numbers of a division that was never assigned, so that none can be anybody's.
_PREFIX = "000000"


def _subject(number: int) -> str:
    return f"{_PREFIX}19000101{number:03d}X"


ANSWERS: Mapping[str, str] = {_subject(1): "match", _subject(2): "mismatch", _subject(3): "not_found"}
"""Subject → what `verify` says of any values; `lookup` finds the first two."""
_OWN = tuple(code for code, row in ERRORS.items() if row.answer or row.status == 503)
REFUSALS: Mapping[str, str] = {_subject(100 + place): code for place, code in enumerate(_OWN)}
"""Subject → the code it is refused with: 未授权 and 超额 in the item's answer, 503 for the request."""


def described() -> dict[str, Any]:
    """What a caller must know to use it, for the OpenAPI file; `subjects`: number → what is said of it."""
    said = {subject: WORDS[kind] for subject, kind in ANSWERS.items()}
    for subject, code in REFUSALS.items():
        row = ERRORS[code]
        kind = WORDS[row.answer] if row.answer else f"HTTP {row.status}"
        said[subject] = f"{kind}：{row.sentence}"
    return {
        "credential": CREDENTIAL,
        "secret": SECRET.hex(),
        "product": PRODUCT,
        "purpose": PURPOSE,
        "field": FIELD,
        "subjects": said,
    }


def answer(operation: str, body: bytes) -> dict[str, Any]:
    """The fixed answers to a request of the test environment, or `Refusal` as the real one would."""
    asked: Request = read(body, operation)
    if asked.purpose != PURPOSE:
        raise refusal("purpose")
    results = [_one(operation, one) for one in asked.items]
    return {
        "ok": True,
        "test": True,
        "call": "test",
        "nonce": "test",
        "product": PRODUCT,
        "version": VERSION,
        "results": results,
    }


def _one(operation: str, one: Question) -> dict[str, Any]:
    code = REFUSALS.get(one.subject)
    if code is not None:
        return _refused(code, ERRORS[code])
    kind = ANSWERS.get(one.subject, "not_found")
    if kind == "not_found" or operation == "verify":
        return {"answer": kind, "word": WORDS[kind]}
    return {"answer": "found", "word": WORDS["found"], "fields": {FIELD: "正常"}}


def _refused(code: str, row: Row) -> dict[str, Any]:
    if row.status == 503:
        raise refusal(code, wait=1)
    said = {"answer": row.answer, "word": WORDS[row.answer], "code": code, "sentence": row.sentence}
    return {**said, "basis": [], "clause": "", "retry": row.retry}


# Nonces kept of callers whose secret everybody knows: they must not fill the memory the real ones need.
MOST = 20_000


class Replays(requests.Replays):
    """Replay protection of the test environment, bounded: when it is full the nonces are forgotten."""

    def remember(self, authorization: requests.Authorization, now_ms: int) -> None:
        if len(self) >= MOST:
            self.forget()
        super().remember(authorization, now_ms)


def replays(now_ms: int) -> Replays:
    """One of its own, apart from the one of real calls."""
    return Replays(now_ms)


def authenticate(
    replays: requests.Replays,
    method: str,
    target: str,
    header: str,
    body: bytes,
    now_ms: int,
    idempotency: str = "",
) -> None:
    """Raises `Refusal` 401 unless the request is signed with the published test secret."""
    try:
        given = requests.parse(header)
        replays.check(given, now_ms)
        if given.credential != CREDENTIAL or given.scheme not in requests.HMAC_SCHEMES:
            raise refusal("credential", "测试环境只用测试凭证和它公开的密钥（HMAC）签名。")
        signed = requests.message(method, target, given, body, idempotency)
        requests.check(given, signed, (_MAC,), _no_key)
        replays.remember(given, now_ms)
    except requests.Unauthorised as error:
        raise Refusal(401, error.code, error.sentence) from error


def _no_key() -> Any:
    raise refusal("key")
