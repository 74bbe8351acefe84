"""What a credential may ask, worked out at every poll: one dict access at a call finds all of it.

The line's thread makes a new table of routes and puts it in place whole; buckets and counts of tries live on
beside it, a contract each.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from gongshu.contract.model import Ceiling, Contract
from gongshu.contract.rate import Bucket, Tries
from gongshu.gateway.book import Book
from gongshu.gateway.errors import Refusal, refusal
from gongshu.gateway.line import State, Zone, business_day
from gongshu.gateway.products import Version
from gongshu.wire import lease as leases
from gongshu.wire import serving
from gongshu.wire.times import instant
from gongshu.wire.trust import TrustList

STALE = "数据域的停止与上限清单没有更新，网关停止回答。"


@dataclass(slots=True)
class Route:
    """One credential now. `until_ms`: wall time up to which the lease carries it, `fresh_ms`: up to which the
    data domain's word on stops and ceilings counts; `closed`: why nothing is answered whatever is asked;
    `halt`: `stopped` or `tripped` ('' otherwise); `day`: business day."""

    credential: str
    contract: Contract
    ceiling: Ceiling | None
    version: Version | None
    trust: TrustList | None
    day: date
    until_ms: int
    fresh_ms: int
    closed: Refusal | None
    halt: str
    bucket: Bucket | None
    tries: Tries | None

    def check(self, now_ms: int) -> None:
        """Raises while the gateway may not answer this credential at all (503)."""
        if self.closed is not None:
            raise self.closed
        if now_ms > self.fresh_ms:
            raise refusal("line", STALE, wait=1)
        if now_ms > self.until_ms:
            raise refusal("lease", wait=1)


@dataclass
class Routes:
    """The table in force, and what outlives a poll."""

    book: Book
    table: Mapping[str, Route] = field(default_factory=dict)
    _buckets: dict[str, tuple[Contract, Bucket | None, Tries | None]] = field(default_factory=dict)

    def renew(self, state: State, now: datetime) -> None:
        """Work out every credential's route; called by the line before the state counts."""
        made: dict[str, Route] = {}
        for credential, row in list(self.book.credentials.items()):
            contract = state.contracts.get(row["contract"])
            if contract is not None:
                made[credential] = self._route(credential, contract, state, now)
        self.table = made

    def _route(self, credential: str, contract: Contract, state: State, now: datetime) -> Route:
        zone = state.zones.get(contract.zone)
        bucket, tries = self._limits(contract)
        ceiling = zone.ceilings.get(contract.product) if zone else None
        return Route(
            credential,
            contract,
            ceiling,
            zone.products.get(contract.product) if zone else None,
            zone.trust if zone else None,
            business_day(now, self.book.clocks.get(contract.zone, 0)),
            _until(zone, contract, ceiling),
            _fresh(zone),
            _closed(zone),
            self._halt(zone, contract),
            bucket,
            tries,
        )

    def _limits(self, contract: Contract) -> tuple[Bucket | None, Tries | None]:
        kept = self._buckets.get(contract.id)
        if kept is None or (kept[0].rate, kept[0].over_scope) != (contract.rate, contract.over_scope):
            bucket = Bucket(contract.rate, time.monotonic()) if contract.rate else None
            kept = (contract, bucket, Tries(contract.over_scope) if contract.over_scope else None)
            self._buckets[contract.id] = kept
        return kept[1], kept[2]

    def _halt(self, zone: Zone | None, contract: Contract) -> str:
        if self.book.stopped(contract.product, contract.id) or _hit(zone.stops if zone else (), contract):
            return "stopped"
        if contract.id in self.book.trips:
            return "tripped"
        return ""

    def trip(self, contract: str) -> None:
        """Stop a contract at once on every credential of it; the count of tries begins anew after a lift."""
        self._buckets.pop(contract, None)
        for route in self.table.values():
            if route.contract.id == contract:
                route.halt = "tripped"


def _hit(stops: tuple[Mapping[str, Any], ...], contract: Contract) -> bool:
    hit = {("all", ""), ("product", contract.product), ("contract", contract.id)}
    return any((stop["scope"], "" if stop["scope"] == "all" else stop["target"]) in hit for stop in stops)


def _until(zone: Zone | None, contract: Contract, ceiling: Ceiling | None) -> int:
    """Wall time in ms up to which the lease carries the contract: 5 s where consent is needed by either the
    agreement or the ceiling, 10 minutes otherwise, and never longer than the office granted."""
    if zone is None or zone.lease is None:
        return 0
    free = contract.consent == "none" and ceiling is not None and ceiling.consent == "none"
    kind = "other" if free else "consent"
    seconds = min(zone.lease.ttl.get(kind, 0), leases.TTL[kind])
    ends = instant(zone.lease.at, "at") + timedelta(seconds=seconds)
    return int(ends.timestamp() * 1000)


def _fresh(zone: Zone | None) -> int:
    """Wall time in ms up to which the data domain's word counts, even where nobody sums up any more."""
    if zone is None or zone.said is None:
        return 0
    return int((zone.said + serving.FRESH).timestamp() * 1000)


def _closed(zone: Zone | None) -> Refusal | None:
    if zone is None:
        return refusal("starting", wait=1)
    return refusal("line", zone.broken, wait=5) if zone.broken else None
