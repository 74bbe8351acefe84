"""Calls answered: each is durable before its answer leaves; a batch of them is one line of evidence.

journal/calls      one record a call
journal/evidence   one record a batch: the gateway's journal in the sense of evidence
journal/outgoing   signed envelopes for the office, kept until taken
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from gongshu.contract.evaluate import AGREEMENT
from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry
from gongshu.evidence.journal import FileJournal, JournalError, Record
from gongshu.evidence.tree import merkle_root
from gongshu.gateway.line import business_day
from gongshu.gateway.unsent import Place
from gongshu.law import grounds
from gongshu.wire import envelope as wire
from gongshu.wire import inbox, journal
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant, stamp

log = logging.getLogger(__name__)
ROLE = "gateway"
BATCHED = "calls.batch"
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
    """The gateway's durable memory. One loop writes calls; another thread makes batches and posts.

    `source` names its journal: after a restore a new name, whose entries start again at 1; `first` is the
    least number of a message (wire.hold). The files go on, so what had not left before leaves as it was.
    """

    def __init__(
        self,
        directory: Path,
        key: PrivateKey,
        clocks: Mapping[str, int],
        source: str = ROLE,
        first: int = 1,
    ) -> None:
        self.calls = FileJournal(directory / "calls")
        self.evidence = FileJournal(directory / "evidence")
        self.outgoing = FileJournal(directory / "outgoing")
        self.source = source
        self.place = Place.load(directory / "posted.json")
        self._key = key
        self._clocks = clocks
        self._above = first - 1
        self._flush: asyncio.Task[None] | None = None
        lines = self.evidence.read()
        self._seq = next((int(one.data["seq"]) for one in reversed(lines) if one.data["source"] == source), 0)
        batches = [int(one.data["numbers"]["last"]) for one in lines if _is_batch(one)]
        self._batched = batches[-1] if batches else 0
        self._wrapped = self._last_wrapped(lines)

    def _last_wrapped(self, lines: list[Record]) -> int:
        """The number of the last evidence line that stands in an envelope."""
        numbers = {(one.data["source"], one.data["seq"]): one.number for one in lines}
        for record in reversed(self.outgoing.read()):
            if record.data["kind"] == "journal":
                last = record.data["body"]["entries"][-1]
                return numbers.get((last["source"], last["seq"]), 0)
        return 0

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

    def batch(self, now: datetime) -> int:
        """Make evidence of calls not yet in a batch: a line a run of one contract's calls. How many lines."""
        if self.calls.durable <= self._batched:
            return 0
        waiting = self.calls.read(self._batched, BATCH)
        made = 0
        for contract, run in groupby(waiting, key=lambda record: str(record.data["contract"])):
            self._batch_one(contract, list(run), now)
            made += 1
        return made

    def _batch_one(self, contract: str, run: list[Record], now: datetime) -> None:
        zone, product = str(run[0].data["zone"]), str(run[0].data["product"])
        root = root_of([canonical.dumps(record.data) for record in run])
        articles = grounds.basis(zone, AGREEMENT, business_day(now, self._clocks.get(zone, 0)))
        numbers = {"count": len(run), "first": run[0].number, "last": run[-1].number}
        self._record(
            BATCHED,
            zone,
            product,
            now,
            case=contract,
            articles=articles,
            digests={"root": root},
            numbers=numbers,
        )
        self._batched = run[-1].number

    def note(self, act: str, zone: str, subject: str, now: datetime) -> None:
        """One line of evidence about what the gateway itself did, for example as a witness."""
        self._record(act, zone, subject, now)

    def _record(
        self,
        act: str,
        zone: str,
        subject: str,
        now: datetime,
        case: str = "",
        articles: Sequence[str] = (),
        digests: Mapping[str, str] | None = None,
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        line = entry.make(
            self.source,
            self._seq + 1,
            now,
            zone,
            ROLE,
            subject,
            ROLE,
            act,
            case,
            articles,
            dict(digests or {}),
            moved=self._clocks.get(zone) or None,
            numbers=numbers,
        )
        self.evidence.append(line)
        self._seq += 1

    def lines(self, source: str, first: int, last: int) -> dict[int, Record]:
        """The evidence lines of a journal numbered `first` to `last` that are kept, by number."""
        if source == self.source:
            # Its lines are the last ones of the files, so a number says where they lie.
            before = self.evidence.last - self._seq + first - 1
            found = self.evidence.read(before, last - first + 1)
        else:
            found = [one for one in self.evidence.read() if one.data["source"] == source]
        return {int(one.data["seq"]): one for one in found if first <= int(one.data["seq"]) <= last}

    def wrap(self, zone: str, now: datetime) -> int:
        """Sign evidence lines that have not left into envelopes for the office; how many envelopes.

        One envelope holds lines of one journal: those of before a restore leave under their old name.
        """
        if self.evidence.durable <= self._wrapped:
            return 0
        lines = self.evidence.read(self._wrapped, journal.LARGEST)
        source = lines[0].data["source"]
        lines = list(takewhile(lambda line: line.data["source"] == source, lines))
        self.say("journal", zone, {"source": source, "entries": [line.data for line in lines]}, now)
        self._wrapped = lines[-1].number
        batches = [line.data for line in lines if _is_batch(line)]
        for line in batches:
            body = {
                "product": line["subject"],
                "contract": line["case"],
                "count": line["numbers"]["count"],
                "root": line["digests"]["root"],
            }
            self.say("calls", line["zone"], body, now)
        return 1 + len(batches)

    def say(self, kind: str, zone: str, body: Mapping[str, Any], now: datetime) -> None:
        """Keep one signed envelope for the office's inbox."""
        made = wire.make(kind, zone, self._above + self.outgoing.last + 1, body, now)
        self.outgoing.append(wire.sign(made, ROLE, self._key).data())

    def post(self, url: str, now: datetime) -> int:
        """Send what the office has not taken and what is due again; how many were settled.

        Evidence that is refused is set aside and tried again; it holds up nothing behind it.
        """
        waiting = self._due(now)
        if not waiting:
            return 0
        envelopes = [wire.parse(record.data) for record in waiting]
        try:
            receipt = inbox.post(url, envelopes, pauses=())
        except WireError as error:
            log.log(logging.DEBUG if error.code == "line" else logging.ERROR, "inbox: %s", error)
            return 0
        settled = 0
        for record, one in zip(waiting, envelopes, strict=True):
            settled += self.place.put(record.number, receipt.answer(one.id, one.kind), now)
        self.place.save()
        return settled

    def _due(self, now: datetime) -> list[Record]:
        """What to send now, oldest first: set aside and due again, then what was never sent."""
        found: list[Record] = []
        for number in self.place.due(now)[: inbox.BATCH // 2]:
            found += self.outgoing.read(number - 1, 1)
        if self.place.posted < self.outgoing.durable:
            found += self.outgoing.read(self.place.posted, inbox.BATCH - len(found))
        return found

    def oldest_unaccepted(self) -> datetime | None:
        """When the oldest own entry was made that the office has not taken; None when it took all."""
        moments = [line.data["time"] for line in self.evidence.read(self._wrapped, 1)]
        records = [one for number in self.place.aside for one in self.outgoing.read(int(number) - 1, 1)]
        if self.place.posted < self.outgoing.durable:
            records += self.outgoing.read(self.place.posted)
        moments += [
            one.data["body"]["entries"][0]["time"] for one in records if one.data["kind"] in inbox.KEPT
        ]
        return min((instant(one, "time") for one in moments), default=None)


def _is_batch(line: Record) -> bool:
    return bool(line.data["act"] == BATCHED)
