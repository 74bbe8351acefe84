"""Calls answered: each is durable before its answer leaves; a batch of them is one line of evidence.

journal/calls      one record a request (gateway.receipts)
journal/batches    one record a batch: what bills are made of (gateway.batches)
journal/evidence   one record a batch: the gateway's journal in the sense of evidence
journal/outgoing   signed envelopes for the office, kept until taken
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx

from gongshu.contract.evaluate import AGREEMENT
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry
from gongshu.evidence.journal import FileJournal, JournalError, Record
from gongshu.gateway.batches import Batcher, Kept
from gongshu.gateway.group import GroupCommit, Waiting
from gongshu.gateway.line import business_day
from gongshu.gateway.receipts import Receipt
from gongshu.gateway.unsent import Place
from gongshu.law import grounds
from gongshu.wire import envelope as wire
from gongshu.wire import inbox, journal
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

log = logging.getLogger(__name__)
ROLE = "gateway"
BATCHED = "calls.batch"
BATCH = 20_000
# Seconds between messages about how often consents were used.
USES_EVERY = 60.0


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
        self.calls = FileJournal(directory / "calls", quick=True)
        self.evidence = FileJournal(directory / "evidence", quick=True)
        self.batched = FileJournal(directory / "batches", quick=True)
        self.outgoing = FileJournal(directory / "outgoing", quick=True)
        self.source = source
        self.place = Place.load(directory / "posted.json")
        self.batcher = Batcher()
        self._waiting: deque[Kept] = deque()
        self._unsettled: deque[tuple[list[dict[str, Any]], list[Kept]]] = deque()
        self._unsaid: deque[Mapping[str, Any]] = deque()
        self.group = GroupCommit(self.calls, self._keep)
        self.on_batched: Callable[[list[dict[str, Any]], list[Kept]], object] | None = None
        self.on_kept: Callable[[int, Receipt], object] | None = None
        self._key = key
        self._client = httpx.Client(timeout=httpx.Timeout(10.0), trust_env=False)
        self._clocks = clocks
        self._above = first - 1
        self._told = 0.0
        self._place()

    @property
    def journals(self) -> tuple[FileJournal, ...]:
        return (self.calls, self.evidence, self.batched, self.outgoing)

    def _place(self) -> None:
        """Where batching, evidence and wrapping stand, read from the ends of the files."""
        # The lines of the journal that goes on are the last ones; after a restore there are none yet.
        last = next(self.evidence.backwards(), None)
        self._seq = int(last.data["seq"]) if last and last.data["source"] == self.source else 0
        proved = next((one for one in self.evidence.backwards() if _is_batch(one)), None)
        self._evident = int(proved.data["numbers"].get("batch", 0)) if proved else 0
        made = next(self.batched.backwards(), None)
        self._upto = int(made.data["upto"]) if made else self._upto_before_batches()
        self._wrapped, self._unsaid = self._sent()

    def _upto_before_batches(self) -> int:
        """The last call in a line of evidence, as they were written before batches were kept."""
        lines = (one.data["numbers"] for one in self.evidence.read() if _is_batch(one))
        return max((int(one["last"]) for one in lines), default=0)

    def _sent(self) -> tuple[int, deque[Mapping[str, Any]]]:
        """The last line of evidence that stands in an envelope, and which batches of that envelope were not
        said: killed in between, they would never be billed. Those of earlier ones were said before it."""
        said = set()
        for record in self.outgoing.backwards():
            kind, body = record.data["kind"], record.data["body"]
            if kind == "calls":
                said.add(body.get("batch"))
            if kind == "journal":
                left = [one for one in body["entries"] if _is_billable(one) and _batch_id(one) not in said]
                return self._number(body["entries"][-1]), deque(left)
        return 0, deque()

    def _number(self, line: Mapping[str, Any]) -> int:
        """Where a line of evidence lies in the files; 0 when it does not."""
        wanted = (line["source"], line["seq"])
        lines = self.evidence.backwards()
        return next((one.number for one in lines if (one.data["source"], one.data["seq"]) == wanted), 0)

    @property
    def upto(self) -> int:
        """The number of the last call that stands in a batch."""
        return self._upto

    def recall(self, number: int, record: bytes, receipt: Receipt) -> None:
        """A record found on the disk at a start: in a batch already, or still to be batched."""
        if number <= self._upto:
            self.batcher.note(receipt)
        else:
            self._waiting.append(Kept(number, record, receipt))

    async def write(self, receipt: Receipt) -> None:
        """Durable when this returns; calls that come together share one fsync. `OSError` when it fails."""
        await self.group.write(receipt.dumps(), receipt)

    def _keep(self, one: Waiting) -> None:
        receipt: Receipt = one.made
        self._waiting.append(Kept(one.number, one.record, receipt))
        if receipt.idem and self.on_kept is not None:
            self.on_kept(one.number, receipt)

    def batch(self, now: datetime) -> int:
        """Make evidence of durable calls not yet in a batch; how many lines. A batch is one contract's, day's
        and purpose's; all batches of one turn become durable together."""
        self._mend()
        self._settle()
        taken: list[Kept] = []
        while self._waiting and len(taken) < BATCH:
            taken.append(self._waiting.popleft())
        if taken:
            self._batch(taken)
        return self._prove(now)

    def _batch(self, taken: list[Kept]) -> None:
        batches = self.batcher.batches(taken)
        try:
            for body in batches:
                self.batched.put({"v": 1, "upto": taken[-1].number, **body})
            self.batched.flush()
        except JournalError:
            self.batcher.forget(taken)
            self._waiting.extendleft(reversed(taken))
            raise
        self._upto = taken[-1].number
        self._unsettled.append((batches, taken))
        self._settle()

    def _settle(self) -> None:
        """Hand durable batches over. One that cannot be taken is handed over again before the next is made:
        what follows from it (consents used up, totals) may not be skipped."""
        while self._unsettled:
            if self.on_batched is not None:
                self.on_batched(*self._unsettled[0])
            self._unsettled.popleft()

    def _prove(self, now: datetime) -> int:
        """A line of evidence for every batch that has none yet."""
        if self._evident >= self.batched.durable:
            return 0
        made = 0
        for record in self.batched.read(self._evident):
            body = record.data
            zone = body["zone"]
            articles = grounds.basis(zone, AGREEMENT, business_day(now, self._clocks.get(zone, 0)))
            numbers = {name: body[name] for name in ("count", "first", "last", "hits", "subjects")}
            self._record(
                BATCHED,
                zone,
                body["product"],
                now,
                case=body["contract"],
                articles=articles,
                digests={"root": body["root"]},
                numbers={**numbers, "batch": record.number},
            )
            self._evident = record.number
            made += 1
        return made

    def _mend(self) -> None:
        """Go on after a full disk: open what broke anew and read where everything stands."""
        broken = [one for one in (self.evidence, self.batched, self.outgoing) if one.broken]
        for one in broken:
            one.reopen()
        if broken:
            self._place()

    def tell_uses(self, now: datetime, every: float = USES_EVERY) -> int:
        """Say how often consents were used, at most every so many seconds; how many messages."""
        if now.timestamp() - self._told < every:
            return 0
        messages = self.batcher.untold()
        for zone, body in messages:
            self.say("uses", zone, body, now)
        self.batcher.told()
        self._told = now.timestamp()
        return len(messages)

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
        made = self._say_calls(now)
        if self.evidence.durable <= self._wrapped:
            return made
        lines = self.evidence.read(self._wrapped, journal.LARGEST)
        source = lines[0].data["source"]
        lines = list(takewhile(lambda line: line.data["source"] == source, lines))
        self.say("journal", zone, {"source": source, "entries": [line.data for line in lines]}, now)
        self._wrapped = lines[-1].number
        self._unsaid.extend(line.data for line in lines if _is_batch(line))
        return made + 1 + self._say_calls(now)

    def _say_calls(self, now: datetime) -> int:
        """One envelope for every batch whose evidence is wrapped and that was not yet said; how many."""
        made = 0
        while self._unsaid:
            line = self._unsaid[0]
            self.say("calls", line["zone"], self._calls(line), now)
            self._unsaid.popleft()
            made += 1
        return made

    def _calls(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What a bill needs of a batch. `batch` is its id, the same however often it is said."""
        body = {
            "product": line["subject"],
            "contract": line["case"],
            "count": line["numbers"]["count"],
            "root": line["digests"]["root"],
        }
        number = line["numbers"].get("batch")
        if number is None:  # as lines were written before consents
            return body
        kept = self.batched.read(number - 1, 1)[0].data
        names = ("day", "purpose", "hits", "subjects", "answers", "first", "last")
        return {**body, "batch": _batch_id(line), **{name: kept[name] for name in names}}

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
            receipt = inbox.post(url, envelopes, client=self._client, pauses=())
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
            one.data["body"]["entries"][0]["time"] for one in records if one.data["kind"] in inbox.EVIDENCE
        ]
        return min((instant(one, "time") for one in moments), default=None)


def _is_batch(line: Record) -> bool:
    return bool(line.data["act"] == BATCHED)


def _is_billable(line: Mapping[str, Any]) -> bool:
    """Lines written before consents name no batch and can be counted, not billed."""
    return bool(line["act"] == BATCHED) and "batch" in line["numbers"]


def _batch_id(line: Mapping[str, Any]) -> str:
    return f"{line['source']}-{line['seq']}"
