"""Calls answered: each is durable before its answer leaves; a batch of them is one line of evidence.

journal/calls      one record a call
journal/evidence   one record a batch: the gateway's journal in the sense of evidence
journal/outgoing   signed envelopes for the office, kept until taken
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry
from gongshu.evidence.journal import FileJournal, JournalError, Record
from gongshu.evidence.tree import merkle_root
from gongshu.wire import envelope as wire
from gongshu.wire import inbox, journal
from gongshu.wire.errors import WireError
from gongshu.wire.store import write_file
from gongshu.wire.times import stamp

log = logging.getLogger(__name__)
SOURCE = ROLE = "gateway"
ARTICLES = ("hubei-operation:27",)
BATCH = 10_000


@dataclass(frozen=True)
class Call:
    """One answered call. No subject, no condition, no value: the answer only as its digest."""

    id: str
    zone: str
    contract: str
    product: str
    version: str
    at: datetime
    answer: str

    def data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "zone": self.zone,
            "contract": self.contract,
            "product": self.product,
            "version": self.version,
            "at": stamp(self.at),
            "answer": self.answer,
        }


def root_of(records: list[bytes]) -> str:
    """The Merkle root (RFC 9162, SHA-256) over records in canonical JSON."""
    return f"sha256:{merkle_root('sha256', records).hex()}"


class Ledger:
    """The gateway's durable memory. One loop writes calls; another thread makes batches and posts."""

    def __init__(self, directory: Path, key: PrivateKey, clocks: Mapping[str, int]) -> None:
        self.calls = FileJournal(directory / "calls")
        self.evidence = FileJournal(directory / "evidence")
        self.outgoing = FileJournal(directory / "outgoing")
        self._key = key
        self._clocks = clocks
        self._place = directory / "posted.json"
        self._posted = int(canonical.loads(self._place.read_bytes())) if self._place.exists() else 0
        self._flush: asyncio.Task[None] | None = None

    async def write(self, call: Call) -> None:
        """Durable when this returns; calls that come together share one fsync. `OSError` when it fails."""
        try:
            number = self.calls.put(call.data())
            while self.calls.durable < number:
                if self._flush is None or self._flush.done():
                    self._flush = asyncio.create_task(self._flush_once())
                await asyncio.shield(self._flush)
        except JournalError as error:
            raise OSError(str(error)) from error

    async def _flush_once(self) -> None:
        await asyncio.to_thread(self.calls.flush)

    def today(self, day_of: Any, day: str) -> list[dict[str, Any]]:
        """The calls kept of a wall-clock day, for the counts after a restart."""
        found = (record.data for record in self.calls.read())
        return [call for call in found if day_of(call) == day]

    def batched(self) -> int:
        """The number of the last call that stands in a batch."""
        last = self.evidence.read(max(0, self.evidence.last - 1))
        return int(last[-1].data["numbers"]["last"]) if last else 0

    def batch(self, now: datetime) -> int:
        """Make evidence of calls not yet in a batch: a line a run of one contract's calls. How many lines."""
        waiting = self.calls.read(self.batched(), BATCH)
        made = 0
        for contract, run in groupby(waiting, key=lambda record: str(record.data["contract"])):
            self._batch_one(contract, list(run), now)
            made += 1
        return made

    def _batch_one(self, contract: str, run: list[Record], now: datetime) -> None:
        zone, product = str(run[0].data["zone"]), str(run[0].data["product"])
        root = root_of([canonical.dumps(record.data) for record in run])
        line = entry.make(
            SOURCE,
            self.evidence.last + 1,
            now,
            zone,
            SOURCE,
            product,
            ROLE,
            "calls.batch",
            contract,
            ARTICLES,
            {"root": root},
            moved=self._clocks.get(zone) or None,
            numbers={"count": len(run), "first": run[0].number, "last": run[-1].number},
        )
        self.evidence.append(line)

    def wrap(self, zone: str, now: datetime) -> int:
        """Sign evidence lines that have not left into envelopes for the office; how many envelopes."""
        lines = self.evidence.read(self._wrapped(), journal.LARGEST)
        if not lines:
            return 0
        entries = [line.data for line in lines]
        self.outgoing.append(
            journal.wrap(SOURCE, ROLE, zone, self.outgoing.last + 1, entries, now, self._key).data()
        )
        for line in entries:
            body = {
                "product": line["subject"],
                "contract": line["case"],
                "count": line["numbers"]["count"],
                "root": line["digests"]["root"],
            }
            self.say("calls", line["zone"], body, now)
        return 1 + len(entries)

    def say(self, kind: str, zone: str, body: Mapping[str, Any], now: datetime) -> None:
        """Keep one signed envelope for the office's inbox."""
        made = wire.make(kind, zone, self.outgoing.last + 1, body, now)
        self.outgoing.append(wire.sign(made, ROLE, self._key).data())

    def _wrapped(self) -> int:
        """The number of the last evidence line that stands in an envelope."""
        for record in reversed(self.outgoing.read()):
            if record.data["kind"] == "journal":
                return int(record.data["body"]["entries"][-1]["seq"])
        return 0

    def post(self, url: str) -> int:
        """Send what the office has not taken; what is not taken stays. How many were settled."""
        waiting = self.outgoing.read(self._posted, inbox.BATCH)
        if not waiting:
            return 0
        try:
            receipt = inbox.post(url, [wire.parse(record.data) for record in waiting], pauses=())
        except WireError as error:
            log.debug("inbox: %s", error)
            return 0
        for refused in receipt.refused:
            log.error("inbox refused %s: %s", refused["code"], refused["sentence"])
        settled = 0
        for record in waiting:
            if wire.parse(record.data).id not in receipt.settled:
                break
            settled, self._posted = settled + 1, record.number
        write_file(self._place, canonical.dumps(self._posted))
        return settled
