"""The inbox: enclave, airlock and gateway post their signed messages to the office.

Posting the same message twice is harmless: its id is its digest. The sender keeps what was not answered
in its own durable store and posts it again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from gongshu.crypto import canonical
from gongshu.wire import fetching
from gongshu.wire.envelope import Envelope, parse
from gongshu.wire.errors import WireError

VERSION = 1
PATH = "/link/inbox"
BATCH = 100
LARGEST = 16 * 1024 * 1024
# Seconds between attempts; after the last one the caller keeps its messages and tries later.
PAUSES = (0.2, 0.5, 1.0)
# Journals: what they hold must be in the log before a witness signs.
EVIDENCE = frozenset({"journal"})
# Kinds that stay with the sender until they are taken, refused or not: evidence, what bills are made of, how
# often consents were used, and when a stop or withdrawal took effect.
KEPT = EVIDENCE | {"calls", "effect", "uses"}
# Seconds until a message that was refused is posted again; the last one again and again.
AGAIN = (1, 2, 5, 10, 30, 60)
LONGEST_CODE, LONGEST_SENTENCE = 40, 200


@dataclass(frozen=True)
class Answer:
    """What the office said of one message. `settled`: it need not be posted again; `code` '' when taken."""

    settled: bool
    code: str = ""
    sentence: str = ""


UNANSWERED = Answer(False, "unanswered", "办公域的回执里没有提到这条消息。")


def again(tries: int) -> timedelta:
    """The pause before the next attempt, after `tries` refusals (1 or more)."""
    return timedelta(seconds=AGAIN[min(tries, len(AGAIN)) - 1])


@dataclass(frozen=True)
class Receipt:
    """The office's answer: message ids taken now, taken before, and refused with code and sentence."""

    accepted: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    refused: tuple[dict[str, str], ...] = ()

    @property
    def taken(self) -> frozenset[str]:
        """Ids the office says it holds."""
        return frozenset((*self.accepted, *self.duplicates))

    def answer(self, id: str, kind: str) -> Answer:  # noqa: A002
        """What was said of one message. A refusal settles it unless its kind is `KEPT`."""
        if id in self.taken:
            return Answer(True)
        for row in self.refused:
            if row["id"] == id:
                return Answer(
                    kind not in KEPT, row["code"][:LONGEST_CODE], row["sentence"][:LONGEST_SENTENCE]
                )
        return UNANSWERED

    def data(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "accepted": list(self.accepted),
            "duplicates": list(self.duplicates),
            "refused": list(self.refused),
        }


def dumps(envelopes: Sequence[Envelope]) -> bytes:
    """The body of `POST /link/inbox`."""
    return canonical.dumps({"v": VERSION, "envelopes": [envelope.data() for envelope in envelopes]})


def loads(data: bytes) -> list[Envelope | WireError]:
    """The office's side: each message decoded, or why it is none; raises when the whole body is none."""
    if len(data) > LARGEST:
        raise WireError("too_large", "送来的一批消息过大，请分批。")
    try:
        value = canonical.loads(data)
    except (canonical.CanonicalError, json.JSONDecodeError) as error:
        raise WireError("shape", "送来的内容不是合格的 JSON。") from error
    if not isinstance(value, dict) or value.get("v") != VERSION:
        raise WireError("version", "送来的消息版本不认识。")
    if not isinstance(value.get("envelopes"), list):
        raise WireError("shape", "送来的内容缺少消息。")
    return [_each(item) for item in value["envelopes"]]


def _each(item: Any) -> Envelope | WireError:
    try:
        return parse(item)
    except WireError as error:
        return error


def post(
    url: str,
    envelopes: Sequence[Envelope],
    *,
    client: httpx.Client | None = None,
    pauses: Sequence[float] = PAUSES,
    sleep: Callable[[float], None] = time.sleep,
) -> Receipt:
    """Posts the messages in batches, retrying each; `WireError("line")` when the office stays silent."""
    own = client is None
    client = client or httpx.Client(timeout=httpx.Timeout(10.0), trust_env=False)
    try:
        receipts = [
            _post_batch(client, url, envelopes[start : start + BATCH], pauses, sleep)
            for start in range(0, len(envelopes), BATCH)
        ]
    finally:
        if own:
            client.close()
    return Receipt(
        tuple(one for receipt in receipts for one in receipt.accepted),
        tuple(one for receipt in receipts for one in receipt.duplicates),
        tuple(one for receipt in receipts for one in receipt.refused),
    )


def _post_batch(
    client: httpx.Client,
    url: str,
    batch: Sequence[Envelope],
    pauses: Sequence[float],
    sleep: Callable[[float], None],
) -> Receipt:
    content = dumps(batch)
    for pause in (*pauses, None):
        try:
            answer = fetching.ask(
                client,
                "POST",
                url.rstrip("/") + PATH,
                largest=LARGEST,
                content=content,
                headers={"content-type": "application/json"},
            )
        except httpx.HTTPError:
            answer = None
        if answer is not None and answer.status < 500:
            return _receipt(answer)
        if pause is not None:
            sleep(pause)
    raise WireError("line", "消息没有送到办公域，留在本域流水里稍后再送。")


def _receipt(answer: fetching.Answer) -> Receipt:
    if answer.status != httpx.codes.OK:
        raise WireError("inbox", f"办公域没有收下这批消息（HTTP {answer.status}）。")
    try:
        value = canonical.loads(answer.content)
        refused = tuple(
            {key: str(row[key]) for key in ("id", "code", "sentence")} for row in value["refused"]
        )
        return Receipt(tuple(value["accepted"]), tuple(value["duplicates"]), refused)
    except (canonical.CanonicalError, ValueError, KeyError, TypeError) as error:
        raise WireError("inbox", "办公域的回执写法不对。") from error
