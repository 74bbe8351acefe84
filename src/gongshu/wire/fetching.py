"""Answers of the office, read with a limit: a taken-over office may answer without end, or with a page that
unpacks to a thousand times its size."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import httpx

from gongshu.wire.errors import WireError

# Seconds one answer may take as a whole, however steadily its bytes come.
WITHIN = 20.0


class Answer(NamedTuple):
    """HTTP status and body."""

    status: int
    content: bytes


def ask(client: httpx.Client, method: str, url: str, *, largest: int, **more: Any) -> Answer:
    """One request; its answer of at most `largest` bytes, never unpacked.

    `httpx.HTTPError` when the line fails or the body takes longer than `WITHIN` seconds, `WireError` when the
    answer is larger or compressed.
    """
    headers = {**more.pop("headers", {}), "accept-encoding": "identity"}
    ends = time.monotonic() + WITHIN
    with client.stream(method, url, headers=headers, **more) as answer:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise WireError("shape", "办公域的回答是压缩过的，不予接受。")
        content = bytearray()
        for piece in answer.iter_raw():
            content += piece
            if len(content) > largest:
                raise WireError("shape", "办公域的回答过大，不予接受。")
            if time.monotonic() > ends:
                raise httpx.ReadTimeout("the answer takes too long", request=answer.request)
        return Answer(answer.status_code, bytes(content))
