"""A witness asks the office for the proof from where it stands, and for the entries it has not read."""

from __future__ import annotations

import json
from typing import Any

import httpx

from gongshu.crypto import canonical
from gongshu.wire import fetching
from gongshu.wire.errors import WireError

PATH, ENTRIES = "/link/checkpoint", "/link/entries"
LARGEST = 1024 * 1024
CUT = "联系不上办公域，见证等连线恢复后继续。"
# One page of entries: so many at most, and as bytes (the last one may go beyond).
PAGE, LARGEST_PAGE = 1000, 4 * 1024 * 1024


def fetch(url: str, size: int, client: httpx.Client | None = None) -> dict[str, Any]:
    """`{checkpoint, proof}`: the newest checkpoint and the proof that it continues the log of `size`.

    Nothing in it is believed: the witness checks it. Raises `WireError`.
    """
    value = _get(url, PATH, size, LARGEST, client)
    if not isinstance(value, dict) or not isinstance(value.get("checkpoint"), str):
        raise WireError("shape", "检查点的回答缺少字段。")
    return {"checkpoint": value["checkpoint"], "proof": value.get("proof") or {}}


def entries(url: str, start: int, client: httpx.Client | None = None) -> list[bytes]:
    """Entries of the log from number `start` (from 0), at most a page; empty when there are no more.

    Nothing in them is believed: the witness hashes them. Raises `WireError`.
    """
    value = _get(url, ENTRIES, start, 8 * LARGEST_PAGE, client)
    rows = value.get("entries") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise WireError("shape", "存证条目的回答缺少字段。")
    return [row.encode() for row in rows]


def _get(url: str, path: str, number: int, largest: int, client: httpx.Client | None) -> Any:
    own = client or httpx.Client(timeout=httpx.Timeout(5.0), trust_env=False)
    try:
        asked = {"from": str(number)}
        answer = fetching.ask(own, "GET", url.rstrip("/") + path, largest=largest, params=asked)
        if answer.status != httpx.codes.OK:
            raise WireError("line", CUT)
        return canonical.loads(answer.content)
    except httpx.HTTPError as error:
        raise WireError("line", CUT) from error
    except (canonical.CanonicalError, json.JSONDecodeError) as error:
        raise WireError("shape", "办公域的回答不是合格的 JSON。") from error
    finally:
        if client is None:
            own.close()
