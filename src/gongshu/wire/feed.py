"""The feed 通知流: one append-only numbered list a zone, polled by enclave and gateway.

Two kinds of refusal. What breaks the *line* (a gap, a lower number, an unknown version or kind, an item
the office did not sign in its place or issued ahead of this machine's clock) stops the reader where it
stands: no lease, nothing taken. What is wrong with an *item* alone (a grant without a needed signature, an
expired task, a moved clock) is skipped, handed over as `Refused`, and the reader goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from gongshu.crypto import canonical
from gongshu.wire import fetching
from gongshu.wire.admit import Admitted, Refused, admit, check_zone
from gongshu.wire.envelope import Envelope, parse, verify
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import kind_of
from gongshu.wire.lease import Lease
from gongshu.wire.lease import check as check_lease
from gongshu.wire.lease import parse as parse_lease
from gongshu.wire.store import FeedState, TrustStore
from gongshu.wire.times import instant
from gongshu.wire.trust import TrustList

VERSION = 1
PATH = "/link/feed"
PAGE = 200
LARGEST = 16 * 1024 * 1024
CUT = "联系不上办公域，已收的租约到期后停止回答。"
Item = Admitted | Refused
# Passes with time: a stop or withdrawal skipped for two clocks that differ would never be taken again.
PASSING = frozenset({"future"})


def page(zone: str, envelopes: Sequence[Envelope], lease: Lease) -> bytes:
    """The office's answer to `GET /link/feed?zone=Z&after=N&limit=M`: items N+1… in order, and a lease."""
    rows = [envelope.data() for envelope in envelopes]
    return canonical.dumps({"v": VERSION, "zone": zone, "envelopes": rows, "lease": lease.data()})


@dataclass(frozen=True)
class Page:
    """A decoded answer; nothing in it has been believed yet."""

    zone: str
    envelopes: tuple[Envelope, ...]
    lease: Lease


def parse_page(data: bytes) -> Page:
    """Decodes an answer of the feed or raises `WireError`."""
    if len(data) > LARGEST:
        raise WireError("shape", "通知流的一页过大，不予接受。")
    try:
        value: Any = canonical.loads(data)
    except (canonical.CanonicalError, json.JSONDecodeError) as error:
        raise WireError("shape", "通知流的回答不是合格的 JSON。") from error
    if not isinstance(value, dict) or value.get("v") != VERSION:
        raise WireError("version", "通知流的版本不认识，请先升级本域的软件。")
    if not isinstance(value.get("envelopes"), list) or not isinstance(value.get("zone"), str):
        raise WireError("shape", "通知流的回答缺少字段。")
    envelopes = tuple(parse(item) for item in value["envelopes"])
    return Page(value["zone"], envelopes, parse_lease(value.get("lease")))


@dataclass(frozen=True)
class Batch:
    """One poll: what was taken in order, and the lease if the reader has now taken all it speaks of."""

    items: tuple[Item, ...]
    lease: Lease | None
    seq: int


@dataclass
class Reader:
    """Takes pages of one zone's feed: checks, hands each item to `handle`, moves its place.

    `handle(item)` runs inside `state.transaction()` together with the move, so that a database-backed
    state makes an item's effect and its number one; with a file it may see the same item again after a
    crash and must be idempotent. Pure but for `trust` and `state`; wall time is passed in.
    """

    zone: str
    trust: TrustStore
    state: FeedState
    mark: str
    lease: Lease | None = field(default=None, init=False)

    def take(self, answer: Page, now: datetime, handle: Callable[[Item], object] | None = None) -> Batch:
        """Takes one page; `WireError` when the line is broken (items before the break stay taken)."""
        if answer.zone != self.zone:
            raise WireError("zone", "通知流属于别的区域。")
        taken: list[Item] = []
        for envelope in answer.envelopes:
            self._check_place(envelope)
            item = self._judge(envelope, now)
            with self.state.transaction():
                if handle is not None:
                    handle(item)
                self.state.put(self.zone, envelope.seq)
            taken.append(item)
        return Batch(tuple(taken), self._renew(answer.lease, now), self.state.get(self.zone))

    def _check_place(self, envelope: Envelope) -> None:
        place = self.state.get(self.zone)
        if envelope.seq <= place:
            raise WireError("replay", "通知流送来了已经收过的编号，本域停在原处。")
        if envelope.seq != place + 1:
            raise WireError("gap", "通知流的编号有缺口，本域停在原处。")

    def _judge(self, envelope: Envelope, now: datetime) -> Item:
        """The item admitted or refused. Raises when the office did not put it at this place."""
        kind_of(envelope.kind, "feed")
        current = self.trust.current(now)
        if envelope.zone != self.zone:
            raise WireError("zone", "通知流里有别的区域的消息。")
        check_zone(envelope, current, self.zone)
        try:
            if envelope.kind == "trust":
                return self._judge_trust(envelope, current, now)
            _check_place_signed(envelope, current, now)
            return admit(envelope, current, now=now, mark=self.mark, direction="feed", zone=self.zone)
        except _Unplaced:
            raise WireError("signature", "通知流的消息没有办公域的有效签名，本域停在原处。") from None
        except WireError as error:
            if error.code in PASSING:
                raise
            return Refused(envelope, error.code, error.sentence)

    def _judge_trust(self, envelope: Envelope, current: TrustList, now: datetime) -> Item:
        try:
            newer = TrustList.load(envelope, self.trust.anchors(), now, current)
        except WireError:
            _check_place_signed(envelope, current, now)
            raise
        # The list may bring the office's next key: the place may be signed by the old one or the new.
        if not _placed(envelope, current, now) and not _placed(envelope, newer, now):
            raise _Unplaced
        admitted = admit(envelope, newer, now=now, mark=self.mark, direction="feed", zone=self.zone)
        self.trust.accept(envelope, now)
        return admitted

    def _renew(self, offered: Lease, now: datetime) -> Lease | None:
        lease = check_lease(offered, self.trust.current(now), self.zone, now)
        if lease.seq < self.state.get(self.zone):
            raise WireError("order", "租约的编号比已收的消息旧，不予接受。")
        older = self.lease is not None and instant(lease.at, "at") < instant(self.lease.at, "at")
        if older:
            raise WireError("order", "租约比已有的更旧，不予接受。")
        # Behind the office's last number: there may be a stop or a withdrawal not yet seen.
        if lease.seq == self.state.get(self.zone):
            self.lease = lease
        return self.lease


class _Unplaced(Exception):
    """The office has not signed the item together with its number."""


def _placed(envelope: Envelope, trust: TrustList, now: datetime) -> bool:
    return any(one.role == "office" and one.over == "envelope" for one in verify(envelope, trust, now))


def _check_place_signed(envelope: Envelope, trust: TrustList, now: datetime) -> None:
    if not _placed(envelope, trust, now):
        raise _Unplaced


class FeedClient:
    """Polls one zone's feed over HTTP. One instance a zone; not shared between threads."""

    def __init__(
        self,
        url: str,
        zone: str,
        trust: TrustStore,
        state: FeedState,
        *,
        mark: str,
        client: httpx.Client | None = None,
    ) -> None:
        self.url = url.rstrip("/") + PATH
        self.reader = Reader(zone, trust, state, mark)
        self._client = client or httpx.Client(timeout=httpx.Timeout(5.0), trust_env=False)

    def params(self) -> dict[str, str]:
        reader = self.reader
        return {"zone": reader.zone, "after": str(reader.state.get(reader.zone)), "limit": str(PAGE)}

    def poll(
        self,
        handle: Callable[[Item], object] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Batch:
        """One request and what it brought. `WireError("line")` when the office cannot be reached.

        `now` is read after the answer arrived, so that a slow line ages the lease.
        """
        try:
            answer = fetching.ask(self._client, "GET", self.url, largest=LARGEST, params=self.params())
        except httpx.HTTPError as error:
            raise WireError("line", CUT) from error
        if answer.status != httpx.codes.OK:
            raise WireError("line", CUT)
        return self.reader.take(parse_page(answer.content), now(), handle)

    @property
    def lease(self) -> Lease | None:
        return self.reader.lease

    def drop_lease(self) -> None:
        """The line broke: the next lease counts, not the last one."""
        self.reader.lease = None

    def close(self) -> None:
        self._client.close()
