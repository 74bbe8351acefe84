"""The gateway's end of the line: polls feeds, leases and the data domain's own list, and sums them up.

One thread polls every half second, another sums up while the first waits; the answering side reads `State`,
which is replaced whole.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gongshu.contract.model import BadContract, Ceiling, Contract, compile_ceiling, compile_contract
from gongshu.crypto.sign import PrivateKey
from gongshu.gateway import products
from gongshu.gateway.book import Book
from gongshu.law import grounds
from gongshu.wire import serving
from gongshu.wire.errors import WireError
from gongshu.wire.feed import FeedClient
from gongshu.wire.lease import Lease
from gongshu.wire.settings import Settings
from gongshu.wire.store import TrustStore
from gongshu.wire.trust import TrustList

log = logging.getLogger(__name__)
EVERY = 0.5
SHANGHAI_OFFSET = timedelta(hours=8)
UNREADABLE = "通知流里有一条消息本网关处理不了，停止回答；请系统管理员查看网关的日志。"


@dataclass(frozen=True)
class Zone:
    """What holds in one zone now."""

    products: Mapping[str, products.Version]
    ceilings: Mapping[str, Ceiling]
    stops: tuple[Mapping[str, Any], ...]
    lease: Lease | None
    broken: str = ""
    """Why nothing is answered: one sentence."""
    trust: TrustList | None = None
    said: datetime | None = None
    """When the data domain gave its word (wall time): what is worked out from it holds `serving.FRESH`."""


@dataclass(frozen=True)
class State:
    """Everything an answer needs besides the call itself."""

    zones: Mapping[str, Zone] = field(default_factory=dict)
    contracts: Mapping[str, Contract] = field(default_factory=dict)


def business_day(now: datetime, offset: int) -> date:
    """The business day in Asia/Shanghai at wall time `now`; `offset`: seconds business time is ahead."""
    return (now + timedelta(seconds=offset) + SHANGHAI_OFFSET).date()


@dataclass
class Line:
    """Polls; `state` is what the answering side reads."""

    site: Settings
    book: Book
    trust: TrustStore
    sealing: PrivateKey
    state: State = field(default_factory=State)
    places: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    clients: dict[str, FeedClient] = field(default_factory=dict)
    shelves: dict[str, products.Shelf] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    after_poll: Callable[[datetime], object] | None = None
    on_state: Callable[[State, datetime], object] | None = None
    """hears of every new state in the line's thread, before the answering side sees it"""
    heard: dict[str, tuple[Lease | None, str]] = field(default_factory=dict)
    """zone → the lease of its feed and, where the line is broken, why"""
    _compiled: dict[tuple[str, date], Contract | None] = field(default_factory=dict)
    _renewed: float = 0.0
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _own_loads: bool = True
    """snapshots are read by the line itself; `run_shelves` takes that over"""

    def client(self, zone: str) -> FeedClient:
        if zone not in self.clients:
            self.clients[zone] = FeedClient(
                self.site.urls["link"], zone, self.trust, self.book, mark=self.site.mark
            )
        return self.clients[zone]

    def shelf(self, zone: str) -> products.Shelf:
        if zone not in self.shelves:
            root = self.site.serving / zone / "products"
            self.shelves[zone] = products.Shelf(root, zone, self.site.mark, self.sealing)
        return self.shelves[zone]

    def poll(self) -> State:
        """One round over all zones; what fails closes its zone and says why."""
        for zone in self.site.zones:
            self.heard[zone] = self._listen(zone)
        return self.renew()

    def renew(self) -> State:
        """Sum up what was heard with the data domain's present word. Never waits for the office."""
        with self._guard:
            zones = {zone: self._zone(zone) for zone in self.site.zones}
            now = datetime.now(UTC)
            state = State(zones, self._contracts(now))
            if self.on_state is not None:
                self.on_state(state, now)
            self.state, self._renewed = state, time.monotonic()
            return state

    def _contracts(self, now: datetime) -> dict[str, Contract]:
        """The contracts of the book, each compiled once a business day (its articles are those of the day);
        a malformed one is as if it were not there."""
        made: dict[str, Contract] = {}
        compiled: dict[tuple[str, date], Contract | None] = {}
        for id_, row in list(self.book.contracts.items()):
            day = business_day(now, self.book.clocks.get(row["zone"], 0))
            key = (id_, day)
            contract = self._compiled[key] if key in self._compiled else self._compile(id_, row, day)
            compiled[key] = contract
            if contract is not None:
                made[id_] = contract
        self._compiled = compiled
        return made

    @staticmethod
    def _compile(id_: str, row: Mapping[str, Any], day: date) -> Contract | None:
        try:
            return compile_contract(row["zone"], row["body"], grounds.citing(row["zone"], day))
        except BadContract as error:
            log.warning("contract %s: %s", id_, error)
            return None

    def _listen(self, zone: str) -> tuple[Lease | None, str]:
        """Take what is new on a zone's feed: the lease, and why nothing is answered where the line broke."""
        client = self.client(zone)
        try:
            with self.book.page():
                client.poll(self.book.take)
        except WireError as error:
            # A cut line is bridged by the lease; a broken one ends it, and a cut does not bring it back.
            if error.code == "line":
                return client.lease, ""
            client.drop_lease()
            return None, error.sentence
        except Exception:
            log.exception("feed of %s", zone)
            client.drop_lease()
            return None, UNREADABLE
        return client.lease, ""

    def _zone(self, zone: str) -> Zone:
        lease, broken = self.heard.get(zone, (None, ""))
        now = datetime.now(UTC)
        try:
            trust = self.trust.current(now)
            admitted, place = serving.read(
                self.site.serving, zone, trust, now, self.site.mark, self.places.get(zone)
            )
            self.places[zone] = place
            body = admitted.envelope.body
            shelf = self.shelf(zone)
            if self._own_loads:
                shelf.look(trust, now)
            ceilings = self._ceilings(body["ceilings"])
            bodies = {str(row.get("product")): row for row in body["ceilings"]}
            found = shelf.live(body.get("live") or {}, bodies)
            return Zone(found, ceilings, tuple(body["stops"]), lease, broken, trust, place[1])
        except WireError as error:
            return Zone({}, {}, (), lease, broken or error.sentence)

    @staticmethod
    def _ceilings(rows: list[Mapping[str, Any]]) -> dict[str, Ceiling]:
        made = {}
        for row in rows:
            try:
                ceiling = compile_ceiling(row)
            except BadContract as error:
                log.warning("ceiling: %s", error)
                continue
            made[ceiling.product] = ceiling
        return made

    def run_shelves(self) -> None:
        """Read new versions until `stop` is set, in a thread of its own: a large snapshot must not keep the
        gateway from hearing a stop."""
        self._own_loads = False
        while not self.stop.is_set():
            for zone in self.site.zones:
                try:
                    now = datetime.now(UTC)
                    self.shelf(zone).look(self.trust.current(now), now)
                except WireError as error:
                    log.debug("serving: %s", error)  # the poll says it
                except Exception:
                    log.exception("serving")
            self.stop.wait(EVERY)

    def run(self) -> None:
        """Until `stop` is set."""
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.poll()
            except Exception:
                log.exception("poll failed")
            self.stop.wait(max(0.0, EVERY - (time.monotonic() - began)))

    def run_word(self) -> None:
        """Keep summing up while the line waits, until `stop` is set, in a thread of its own: an office that
        answers byte by byte must not keep the gateway from hearing a stop of the data domain."""
        while not self.stop.is_set():
            try:
                if time.monotonic() - self._renewed >= EVERY:
                    self.renew()
            except Exception:
                log.exception("word of the data domain")
            self.stop.wait(EVERY)

    def run_chores(self) -> None:
        """`after_poll` again and again until `stop` is set, in a thread of its own: an office that accepts
        a message and never answers must not keep the gateway from hearing a stop."""
        while not self.stop.is_set():
            try:
                if self.after_poll is not None:
                    self.after_poll(datetime.now(UTC))
            except Exception:
                log.exception("chores failed")
            self.stop.wait(EVERY)
