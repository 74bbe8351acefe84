"""The gateway's process: HTTP in front, threads on the line, the shelves and the chores behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import uvloop

from gongshu.crypto.keystore import FileKeyStore
from gongshu.gateway import receipts, requests
from gongshu.gateway.app import App, fault
from gongshu.gateway.book import Book
from gongshu.gateway.calls import Ledger
from gongshu.gateway.consents import Consents
from gongshu.gateway.engine import Gateway
from gongshu.gateway.http import Server
from gongshu.gateway.keyring import Keyring
from gongshu.gateway.line import Line, business_day
from gongshu.gateway.meter import Days, Meter, Totals, wall_day
from gongshu.gateway.receipts import Answers, known_of
from gongshu.gateway.routes import Routes
from gongshu.gateway.watch import Watching
from gongshu.wire import doors, hold
from gongshu.wire import settings as wire_settings
from gongshu.wire.journal import named
from gongshu.wire.settings import Settings
from gongshu.wire.store import TrustStore
from gongshu.wire.times import stamp

KEY, SEALING, SUBJECTS = "gateway", "sealing", "subjects"
TOTALS = "totals.json"
# Seconds between writings of the totals: so much of the journal is read again at a start, no more.
SAVE_EVERY = 10.0
# How long a thread may keep the interpreter while others wait, in seconds: the flushing thread must get
# back in quickly, the answers of its group wait for it.
SWITCH = 0.001


def build(site: Settings) -> Gateway:
    """The gateway of a home, its counts restored from its own journal."""
    keys = FileKeyStore(site.gateway / "keys")
    state = site.gateway / "state"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if SEALING not in keys:
        keys.create(SEALING, "sm2")
    sealing = keys.signer(SEALING)
    trust = TrustStore(site.trust("gateway"))
    days = Days(keys.create_secret(SUBJECTS))
    consents = Consents(state / "consents.db", days.who, sealing, site.mark)
    book = Book.load(state / "book.json")
    book.consents = consents
    book.trust = lambda: trust.current(datetime.now(UTC))
    incarnation = named(KEY, hold.incarnation(site))
    ledger = Ledger(
        site.gateway / "journal", keys.signer(KEY), book.clocks, incarnation, hold.first_number(site)
    )
    line = Line(site, book, trust, sealing)
    now_ms = int(time.time() * 1000)
    gateway = Gateway(
        line,
        Keyring.load(keys, state / "rotation.json"),
        ledger,
        requests.Replays(started_ms=now_ms),
        Meter(days),
        consents,
        Routes(book),
        Answers(keys, site.cipher),
        Totals.load(state / TOTALS),
        keys.signer(KEY),
    )
    restore(gateway, now_ms)
    line.after_poll = Chores(gateway, Watching.open(line, ledger, state, keys.signer(KEY)), state).run
    return gateway


def restore(gateway: Gateway, now_ms: int) -> None:
    """Count again what the journal holds beyond the totals, and all of today and yesterday."""
    today, meter, totals, ledger = wall_day(now_ms), gateway.meter, gateway.totals, gateway.ledger
    for contract, row in totals.contracts.items():
        tally = meter.of(meter.contracts, contract, today)
        tally.total = row["total"]
        if row["month"] == tally.month:
            tally.this_month = row["this_month"]
    late: list[tuple[int, bytes, receipts.Receipt]] = []
    for number, record in ledger.calls.scan(totals.read_from(today)):
        receipt = receipts.loads(record)
        _recount(gateway, number, receipt, today)
        if receipt.idem:
            gateway.answers.keep(receipt.idem, known_of(number, receipt), receipt.at)
        if wall_day(receipt.at) >= today - 1 or number > ledger.upto:
            ledger.recall(number, record, receipt)
        if totals.upto < number <= ledger.upto:
            late.append((number, record, receipt))
    # Batches that became durable just before the process died, and the totals did not.
    if late:
        newest = (one.data for one in ledger.batched.backwards())
        after = list(takewhile(lambda one: one["upto"] > totals.upto, newest))
        bodies = [one for one in reversed(after) if one["last"] > totals.upto]
        gateway.consents.keep_used((i.consent, i.once) for *_, r in late for i in r.items if i.once)
        totals.add(bodies, late[-1][0], meter.days)


def _recount(gateway: Gateway, number: int, receipt: receipts.Receipt, today: int) -> None:
    meter = gateway.meter
    day = wall_day(receipt.at)
    mine = meter.of(meter.contracts, receipt.contract, today)
    all_ = meter.of(meter.products, receipt.product, today)
    count = len(receipt.items)
    if number > gateway.totals.upto:
        mine.total += count
        if meter.days.month(day) == mine.month:
            mine.this_month += count
    if day == today:
        mine.today += count
        all_.today += count
        marks = {item.mark for item in receipt.items if item.mark}
        mine.subjects |= marks
        all_.subjects |= marks
    gateway.consents.used.update(item.consent for item in receipt.items if item.once)


@dataclass
class Chores:
    """What is done beside answering, again and again in one thread."""

    gateway: Gateway
    watching: Watching
    state: Path
    _saved: float = 0.0
    _upto: int = -1
    _stops: set[str] = field(default_factory=set)

    def run(self, now: datetime) -> None:
        """Each chore for itself: one that cannot be done keeps no other from being done. What failed is
        raised together at the end, and all of it is tried again the next time."""
        ledger, site = self.gateway.ledger, self.gateway.line.site
        failed: list[Exception] = []
        for chore in (
            lambda: self.watching.see(now),
            lambda: self._batch(now),
            lambda: self._effects(now),
            lambda: ledger.tell_uses(now),
            lambda: ledger.wrap(site.zone, now),
            lambda: ledger.post(site.urls["link"], now),
            lambda: self._save(now),
        ):
            try:
                chore()
            except Exception as error:  # noqa: BLE001  raised below
                failed.append(error)
        if failed:
            raise ExceptionGroup("chores", failed)

    def _batch(self, now: datetime) -> None:
        while self.gateway.ledger.batch(now):
            pass

    def _effects(self, now: datetime) -> None:
        """Tell the office what took effect here: stops, withdrawals, trips, lifts. Once, or again after a
        crash."""
        gateway = self.gateway
        book, ledger = gateway.line.book, gateway.ledger
        for id_, row in list(book.effects.items()):
            ledger.say("effect", row["zone"], {"stop": id_, "at": row["at"]}, now)
            book.change("effects", id_, None)
        for name, zone in gateway.line.state.zones.items():
            for stop in zone.stops:
                if stop["id"] not in self._stops:
                    self._stops.add(stop["id"])
                    body = {"stop": stop["id"], "at": stamp(now)}
                    body |= {key: stop[key] for key in ("scope", "target") if key in stop}
                    ledger.say("effect", name, body, now)
        for contract, trip in list(book.trips.items()):
            if not trip["said"]:
                ledger.note("contract.tripped", trip["zone"], contract, now)
                body = {"stop": trip["id"], "at": trip["at"], "contract": contract, "code": "tripped"}
                body |= {key: trip[key] for key in ("product", "tries", "seconds") if key in trip}
                ledger.say("effect", trip["zone"], body, now)
                if book.trips.get(contract) == trip:
                    book.change("trips", contract, {**trip, "said": True})

    def _save(self, now: datetime) -> None:
        if time.monotonic() - self._saved < SAVE_EVERY:
            return
        self._saved = time.monotonic()
        gateway = self.gateway
        if gateway.totals.upto != self._upto:
            gateway.totals.save(self.state / TOTALS)
            self._upto = gateway.totals.upto
        gateway.answers.forget(int(now.timestamp() * 1000))
        # The earliest day of any zone: a consent that has ended in one may still run in another.
        offsets = (0, *tuple(gateway.line.book.clocks.values()))
        gateway.consents.forget_used(min(business_day(now, one) for one in offsets).isoformat())


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    site = wire_settings.load(home)
    door = doors.listener(site, "gateway")
    gateway = build(site)
    sys.setswitchinterval(SWITCH)
    line = gateway.line
    for work in (line.run, line.run_word, line.run_shelves, line.run_chores):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    # What is loaded stays: the collector need not walk consents and snapshots again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(serve(gateway, door))
    line.stop.set()
    return 0


async def serve(gateway: Gateway, door: socket.socket) -> None:
    """Answer behind a door until SIGTERM or SIGINT; calls under way end first."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopped.set)
    await Server(App(gateway), fault).serve(door, stopped)
