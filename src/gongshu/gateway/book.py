"""What the gateway holds of the feed: contracts, credentials, stops, its place; one file replaced whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.wire.admit import Admitted
from gongshu.wire.feed import Item
from gongshu.wire.store import write_file

TABLES = ("contracts", "credentials", "stops", "clocks")


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
    checkpoints: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """checkpoints the feed brought and the witness has not looked at; not kept, the feed has them"""

    @classmethod
    def load(cls, path: Path) -> Book:
        if not path.exists():
            return cls(path)
        kept = canonical.loads(path.read_bytes())
        return cls(path, kept["places"], **{name: kept[name] for name in TABLES})

    def get(self, zone: str) -> int:
        return self.places.get(zone, 0)

    def put(self, zone: str, seq: int) -> None:
        self.places[zone] = seq

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it once the item is taken; a failure inside leaves file and memory as they were."""
        before = self._data()
        try:
            yield
            write_file(self.path, canonical.dumps(self._data()))
        except BaseException:
            self._restore(before)
            raise

    def _data(self) -> dict[str, Any]:
        return {"places": dict(self.places), **{name: dict(getattr(self, name)) for name in TABLES}}

    def _restore(self, kept: dict[str, Any]) -> None:
        self.places = kept["places"]
        for name in TABLES:
            setattr(self, name, kept[name])

    def take(self, item: Item) -> None:
        """The effect of one feed item; what is refused or of no concern here changes nothing."""
        handler = HANDLERS.get(item.envelope.kind)
        if isinstance(item, Admitted) and handler is not None:
            handler(self, item)

    def stopped(self, product: str, contract: str) -> dict[str, Any] | None:
        """The stop that hits a product or contract, if any."""
        hit = {("all", ""), ("product", product), ("contract", contract)}
        for stop in self.stops.values():
            target = "" if stop["scope"] == "all" else stop["target"]
            if (stop["scope"], target) in hit:
                return stop
        return None


def _contract(book: Book, item: Admitted) -> None:
    buyer = item.signed_by("buyer")[0]
    body = item.envelope.body
    known = book.contracts.get(body["id"])
    if known is not None and known["body"] != body:
        return  # an agreement is not rewritten under its number
    if buyer.organisation != body["buyer"] or buyer.key != body.get("key"):
        return  # signed by a key that is not this buyer's
    book.contracts[body["id"]] = {"zone": item.envelope.zone, "body": body, "key": buyer.key}


def _credential(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    contract = book.contracts.get(body["contract"])
    buyer = item.signed_by("buyer")[0]
    if contract is None or contract["key"] != buyer.key or contract["body"]["buyer"] != body["buyer"]:
        return
    book.credentials.setdefault(body["id"], {"contract": body["contract"], "key": buyer.key})


def _stop(book: Book, item: Admitted) -> None:
    body = item.envelope.body
    book.stops[body["id"]] = {"scope": body["scope"], "target": body["target"], "reason": body["reason"]}


def _clock(book: Book, item: Admitted) -> None:
    book.clocks[item.envelope.zone] = int(item.envelope.body["offset_seconds"])


def _checkpoint(book: Book, item: Admitted) -> None:
    book.checkpoints.append((item.envelope.zone, dict(item.envelope.body)))


HANDLERS = {
    "contract": _contract,
    "credential": _credential,
    "stop": _stop,
    "clock": _clock,
    "checkpoint": _checkpoint,
}
