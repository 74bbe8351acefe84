"""Asking the gateway. A request that may have been lost is sent again with its key: billed once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from gongshu_client.reconcile import Reconciliation
from gongshu_client.signing import HmacKey, Signer, headers

# Seconds before the second, third … try; the gateway's Retry-After is kept to where it is longer.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
LONGEST_PAUSE = 30.0
Value = str | int | bool | None


@dataclass(frozen=True)
class Answer:
    """What was said of one subject. `answer`: match, mismatch, found, not_found, unauthorised, over_quota;
    `word`: 一致 不一致 查到 查无 未授权 超额; `code`, `sentence`: why, where it was not answered."""

    answer: str
    word: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    code: str = ""
    sentence: str = ""
    call: str = ""

    @property
    def answered(self) -> bool:
        """Was it answered, and so counted?"""
        return self.answer not in ("unauthorised", "over_quota")


class Refused(Exception):
    """The gateway refused the request as a whole. `retry`: never, same, later, new (docs/gateway-api.md)."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error.get('code')}：{error.get('sentence')}")
        self.status = status
        self.code = str(error.get("code", ""))
        self.sentence = str(error.get("sentence", ""))
        self.basis = tuple(error.get("basis", ()))
        self.clause = str(error.get("clause", ""))
        self.retry = str(error.get("retry", "never"))


class Unavailable(Exception):
    """No answer after all tries. Ask again later with the same `idempotency` key: nothing is billed twice."""

    def __init__(self, idempotency: str) -> None:
        super().__init__("网关没有回答；请稍后用同一幂等键再试。")
        self.idempotency = idempotency


class Client:
    """One credential at one gateway. Safe to use from one thread; close it or use `with`."""

    def __init__(
        self,
        url: str,
        credential: str,
        signer: Signer,
        *,
        timeout: float = 10.0,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout, transport=transport)
        self._credential = credential
        self._signer = signer
        self._pauses = pauses
        self._sleep = sleep
        self._prefix = "/v1"

    @classmethod
    def test(cls, url: str, **more: Any) -> Client:
        """A client of the test environment: fixed subjects, never billed, no data touched."""
        secret = hashlib.sha256(b"gongshu test credential").digest()
        made = cls(url, "test", HmacKey(secret), **more)
        made._prefix = "/v1/test"
        return made

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def verify(
        self,
        product: str,
        purpose: str,
        items: Sequence[tuple[str, Mapping[str, Value]]],
        *,
        consents: Sequence[Mapping[str, Any]] = (),
        idempotency: str = "",
    ) -> list[Answer]:
        """核验: (subject's number, values) each → whether they agree, in order. `consents`: one signed
        envelope a subject, where the agreement needs one at each call."""
        asked = [{"subject": number, "values": dict(values)} for number, values in items]
        return self._single(product, "verify", purpose, asked, consents, idempotency)

    def lookup(
        self,
        product: str,
        purpose: str,
        subjects: Sequence[str],
        *,
        fields: Sequence[str] | None = None,
        consents: Sequence[Mapping[str, Any]] = (),
        idempotency: str = "",
    ) -> list[Answer]:
        """查询: the agreement's fields (or some of them) of each subject, in order."""
        more = {} if fields is None else {"fields": list(fields)}
        asked = [{"subject": number, **more} for number in subjects]
        return self._single(product, "lookup", purpose, asked, consents, idempotency)

    def rows(self, product: str, purpose: str, **query: str | int) -> dict[str, Any]:
        """Rows of a released table; conditions and `limit`, `offset` as keywords. Each call counts."""
        text = urlencode({"purpose": purpose, **query}, quote_via=quote)
        answer = self._once("GET", f"{self._prefix}/products/{product}/rows?{text}", b"", "")
        made: dict[str, Any] = _decoded(answer)
        return made

    def draw_secret(self, *, keep_old_seconds: int | None = None) -> bytes:
        """A new HMAC secret, asked for with one's own key; the one before counts on for the time given."""
        body = (
            b"" if keep_old_seconds is None else json.dumps({"keep_old_seconds": keep_old_seconds}).encode()
        )
        target = f"{self._prefix}/credentials/{self._credential}/secret"
        return base64.b64decode(_decoded(self._once("POST", target, body, ""))["secret"])

    def reconciliation(self, day: str) -> Reconciliation:
        """The reconciliation file 对账文件 of a day (`YYYY-MM-DD`, Asia/Shanghai), signed."""
        target = f"{self._prefix}/credentials/{self._credential}/reconciliation/{day}"
        answer = self._once("GET", target, b"", "")
        if answer.status_code != 200:
            _decoded(answer)
        said = answer.headers
        return Reconciliation(
            self._credential,
            day,
            answer.content,
            said["x-gongshu-digest"],
            said["x-gongshu-signature"],
            said["x-gongshu-key"],
            said["x-gongshu-complete"] == "true",
        )

    def _single(
        self,
        product: str,
        operation: str,
        purpose: str,
        asked: list[dict[str, Any]],
        consents: Sequence[Mapping[str, Any]],
        idempotency: str,
    ) -> list[Answer]:
        if consents:
            asked = [{**one, "consent": given} for one, given in zip(asked, consents, strict=True)]
        body = json.dumps({"purpose": purpose, "items": asked}, ensure_ascii=False).encode()
        target = f"{self._prefix}/products/{product}/{operation}"
        made = self._retried(target, body, idempotency or secrets.token_hex(16))
        call = str(made["call"])
        return [
            Answer(
                one["answer"],
                one["word"],
                one.get("fields", {}),
                one.get("code", ""),
                one.get("sentence", ""),
                call,
            )
            for one in made["results"]
        ]

    def _retried(self, target: str, body: bytes, idempotency: str) -> dict[str, Any]:
        for pause in (*self._pauses, None):
            wait = pause
            try:
                answer = self._once("POST", target, body, idempotency)
            except httpx.TransportError:
                pass  # it may have been answered and counted: the key finds that out
            else:
                if answer.status_code not in (409, 503) and answer.status_code < 500:
                    made: dict[str, Any] = _decoded(answer)
                    return made
                if pause is not None:
                    wait = min(LONGEST_PAUSE, max(pause, float(answer.headers.get("retry-after", 0))))
            if wait is not None:
                self._sleep(wait)
        raise Unavailable(idempotency)

    def _once(self, method: str, target: str, body: bytes, idempotency: str) -> httpx.Response:
        signed = headers(self._signer, self._credential, method, target, body, idempotency)
        return self._http.request(
            method, target, content=body or None, headers={**signed, "content-type": "application/json"}
        )


def _decoded(answer: httpx.Response) -> Any:
    try:
        made = answer.json()
        if answer.status_code == 200:
            return made
        error = made["error"]
    except (ValueError, KeyError, TypeError):
        error = {"code": "answer", "sentence": f"网关的回答读不懂（HTTP {answer.status_code}）。"}
    raise Refused(answer.status_code, error)
