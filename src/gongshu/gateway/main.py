"""The gateway's process: uvicorn in front, one thread on the line behind."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from gongshu.crypto.keystore import FileKeyStore
from gongshu.gateway import requests
from gongshu.gateway.answers import Counts, wall_day
from gongshu.gateway.app import Gateway, make_app
from gongshu.gateway.book import Book
from gongshu.gateway.calls import Ledger
from gongshu.gateway.line import Line
from gongshu.gateway.watch import Watching
from gongshu.wire import doors, hold
from gongshu.wire import settings as wire_settings
from gongshu.wire.journal import named
from gongshu.wire.settings import Settings
from gongshu.wire.store import TrustStore
from gongshu.wire.times import instant

KEY = "gateway"


def build(site: Settings) -> Gateway:
    """The gateway of a home, its counts of the day restored from its own journal."""
    keys = FileKeyStore(site.gateway / "keys")
    state = site.gateway / "state"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    book = Book.load(state / "book.json")
    ledger = Ledger(
        site.gateway / "journal",
        keys.signer(KEY),
        book.clocks,
        named(KEY, hold.incarnation(site)),
        hold.first_number(site),
    )
    line = Line(site, book, TrustStore(site.trust("gateway")))
    now = datetime.now(UTC)
    counts = Counts()
    day = wall_day(now)
    for call in ledger.today(lambda call: wall_day(instant(call["at"], "at")), day):
        counts.add(day, call["contract"], call["product"])

    watching = Watching.open(line, ledger, state, keys.signer(KEY))

    def after_poll(at: datetime) -> None:
        watching.see(at)
        ledger.batch(at)
        ledger.wrap(site.zone, at)
        ledger.post(site.urls["link"], at)

    line.after_poll = after_poll
    return Gateway(line, keys, ledger, requests.Replays(started_ms=int(now.timestamp() * 1000)), counts)


def main(home: Path) -> int:
    """Run until SIGTERM or SIGINT."""
    site = wire_settings.load(home)
    door = doors.listener(site, "gateway")
    gateway = build(site)
    for work in (gateway.line.run, gateway.line.run_chores):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    config = uvicorn.Config(make_app(gateway), log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[door])
    gateway.line.stop.set()
    return 0
