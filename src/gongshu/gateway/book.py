"""What the gateway holds of the feed: contracts, credentials, stops, its place; one file replaced whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.gateway.consents import Consents
from gongshu.wire.admit import Admitted
from gongshu.wire.feed import Item
from gongshu.wire.store import write_file
from gongshu.wire.times import stamp
from gongshu.wire.trust import TrustList

log = logging.getLogger(__name__)
TABLES = ("contracts", "credentials", "stops", "clocks", "trips", "effects")
# What other threads write too: never rolled back with a feed item, whose effect on them is idempotent.
OWN = ("trips", "effects")


@dataclass
class Book:
    """Implements `wire.store.FeedState`: an item's effect and its number are written together."""

    path: Path
    places: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """contract id → {zone, body, key}: `key` signed it for the buyer"""
    credentials: dict[str, dict[str, Any]] = field(default_factory=dict)
    stops: dict[str, dict[str, Any]] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    """zone → business minus wall time in seconds"""
    trips: dict[str, dict[str, Any]] = field(default_factory=dict)
    """contract id → {id, zone, at, product, tries, seconds}: stopped by this gateway itself (熔断), at the
    n-th over-scope try within so many seconds, until a `lift` names that id"""
    effects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """stop, withdrawal or lift id → {zone, at}: took effect here and is still to be told"""
    checkpoints: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """checkpoints the feed brought and the witness has not looked at; not kept, the feed has them"""
    consents: Consents | None = None
    trust: Callable[[], TrustList] | None = None
    _paging: bool = False
    _guard: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def load(cls, path: Path) -> Book:
        if not path.exists():
            return cls(path)
        kept = canonical.loads(path.read_bytes())
        return cls(path, kept["places"], **{name: kept.get(name, {}) for name in TABLES})

    def get(self, zone: str) -> int:
        return self.places.get(zone, 0)

    def put(self, zone: str, seq: int) -> None:
        self.places[zone] = seq

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it once the item is taken; a failure inside leaves file and memory as they were.

        Inside `page` the writing waits for the page's end: what a crash loses is taken from the feed again.
        """
        before = self._data()
        try:
            yield
            if not self._paging:
                self._write()
        except BaseException:
            self._restore(before)
            raise

    @contextmanager
    def page(self) -> Iterator[None]:
        """One flush for a whole page of the feed: consents first, then the book with its place.

        Where either cannot be written, the place goes back and the page is taken from the feed again.
        """
        with self._guard:
            if self.consents is not None:
                self.consents.begin()
            before, self._paging = self._data(), True
        try:
            yield
        finally:
            self._keep(before)

    def _keep(self, before: dict[str, Any]) -> None:
        with self._guard:
            try:
                if self.consents is not None:
                    self.consents.commit()
                self._paging = False
                if self._data() != before:
                    self._write()
            except BaseException:
                if self.consents is not None:
                    self.consents.roll_back()
                self._restore(before)
                raise
            finally:
                self._paging = False

    def change(self, table: str, key: str, row: Any) -> None:
        """One row of the gateway's own (a trip, an effect told), durable when this returns. None removes."""
        with self._guard:
            rows = dict(getattr(self, table))
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
            setattr(self, table, rows)
            self._write()

    def _write(self) -> None:
        """The place never says more than is durable: while a page is taken, what its consents and withdrawals
        changed up to the place written here is committed first."""
        with self._guard:
            data = self._data()
            if self._paging and self.consents is not None:
                self.consents.commit()
                self.consents.begin()
            write_file(self.path, canonical.dumps(data))

    def _data(self) -> dict[str, Any]:
        return {"places": dict(self.places), **{name: dict(getattr(self, name)) for name in TABLES}}

    def _restore(self, kept: dict[str, Any]) -> None:
        self.places = kept["places"]
        for name in TABLES:
            if name not in OWN:
                setattr(self, name, kept[name])

    def take(self, item: Item) -> None:
        """The effect of one feed item; what is refused or of no concern here changes nothing."""
        handler = HANDLERS.get(item.envelope.kind)
        if isinstance(item, Admitted) and handler is not None:
            with self._guard:
                handler(self, item)

    def stopped(self, product: str, contract: str) -> dict[str, Any] | None:
        """The stop that hits a product or contract, if any."""
        hit = {("all", ""), ("product", product), ("contract", contract)}
        for stop in list(self.stops.values()):
            target = "" if stop["scope"] == "all" else stop["target"]
            if (stop["scope"], target) in hit:
                return stop
        return None


def _contract(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    known = book.contracts.get(body["id"])
    if known is not None and known["body"] != body:
        return  # an agreement is not rewritten under its number
    if body["operator"] == body["buyer"] or body["operator_key"] == body["key"]:
        return  # one side is not both
    sides = (("operator", body["operator"], body["operator_key"]), ("buyer", body["buyer"], body["key"]))
    if not all(_signed(item, *side) for side in sides):
        log.warning("contract %s: not signed by both sides it names", body["id"])
        return
    book.contracts[body["id"]] = {"zone": item.envelope.zone, "body": body, "key": body["key"]}


def _signed(item: Admitted, role: str, organisation: str, key: str) -> bool:
    """Did the organisation sign with the key the body names, the list giving it that key in that role?"""
    return any(one.organisation == organisation and one.key == key for one in item.signed_by(role))


def _credential(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    contract = book.contracts.get(body["contract"])
    if contract is None or contract["body"]["buyer"] != body["buyer"]:
        return
    if not _signed(item, "buyer", body["buyer"], contract["key"]):
        return
    book.credentials.setdefault(body["id"], {"contract": body["contract"], "key": contract["key"]})


def _stop(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    # Nothing undoes a stop, least of all another one under its number: that one is a second stop.
    key = "\n".join((body["id"], body["scope"], body["target"]))
    stop = {"scope": body["scope"], "target": body["target"], "reason": body["reason"]}
    book.stops.setdefault(key, stop)
    _took_effect(book, body["id"], item)


def _consent(book: Book, item: Admitted) -> None:
    if book.consents is None or book.trust is None:
        return
    refused = book.consents.take(item, book.trust())
    if refused:
        log.warning("consent %s: %s", item.envelope.body["id"], refused)


def _withdrawal(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    if book.consents is not None and book.consents.withdraw(body["id"], body["consent"]):
        _took_effect(book, body["id"], item)


def _lift(book: Book, item: Admitted) -> None:
    """Office and airlock (for the provider) let a contract go on after a trip; for exactly that trip.

    The product is part of what was confirmed: the providers asked were those of the product named, which
    must be the one this contract is about.
    """
    body = item.envelope.body
    known = book.contracts.get(body["contract"])
    if known is None or known["body"]["product"] != body["product"]:
        return
    trip = book.trips.get(body["contract"])
    if trip is not None and trip["id"] == body["trip"]:
        book.trips = {one: row for one, row in book.trips.items() if one != body["contract"]}
        _took_effect(book, body["id"], item)


def _took_effect(book: Book, id_: str, item: Admitted) -> None:
    book.effects = {**book.effects, id_: {"zone": item.envelope.zone, "at": stamp(datetime.now(UTC))}}


def _clock(book: Book, item: Admitted) -> None:
    book.clocks[item.envelope.zone] = int(item.envelope.body["offset_seconds"])


def _checkpoint(book: Book, item: Admitted) -> None:
    book.checkpoints.append((item.envelope.zone, dict(item.envelope.body)))


HANDLERS = {
    "contract": _contract,
    "credential": _credential,
    "stop": _stop,
    "consent": _consent,
    "withdrawal": _withdrawal,
    "lift": _lift,
    "clock": _clock,
    "checkpoint": _checkpoint,
}
