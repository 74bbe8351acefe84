"""A witness that fell behind asks the office for the proof from where it stands."""

from __future__ import annotations

import json
from typing import Any

import httpx

from gongshu.crypto import canonical
from gongshu.wire.errors import WireError

PATH = "/link/checkpoint"
LARGEST = 1024 * 1024


def fetch(url: str, size: int, client: httpx.Client | None = None) -> dict[str, Any]:
    """`{checkpoint, proof}`: the newest checkpoint and the proof that it continues the log of `size`.

    Nothing in it is believed: the witness checks it. Raises `WireError`.
    """
    own = client or httpx.Client(timeout=httpx.Timeout(5.0), trust_env=False)
    try:
        answer = own.get(url.rstrip("/") + PATH, params={"from": str(size)})
        answer.raise_for_status()
        value = canonical.loads(answer.content) if len(answer.content) <= LARGEST else None
    except httpx.HTTPError as error:
        raise WireError("line", "联系不上办公域，见证等连线恢复后继续。") from error
    except (canonical.CanonicalError, json.JSONDecodeError) as error:
        raise WireError("shape", "检查点的回答不是合格的 JSON。") from error
    finally:
        if client is None:
            own.close()
    if not isinstance(value, dict) or not isinstance(value.get("checkpoint"), str):
        raise WireError("shape", "检查点的回答缺少字段。")
    return {"checkpoint": value["checkpoint"], "proof": value.get("proof") or {}}
