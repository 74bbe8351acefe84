"""What the gateway keeps of the feed: a stop is not undone, a place never runs ahead of what is durable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.gateway.batches import Batcher, Kept
from gongshu.gateway.book import Book
from gongshu.gateway.calls import Ledger
from gongshu.gateway.consents import Consents
from gongshu.gateway.receipts import Item, Receipt
from gongshu.wire import envelope as wire
from gongshu.wire.admit import Admitted
from support.gateways import ZONE, Street
from support.wires import NOW

STOP = {"id": "s-1", "scope": "product", "target": "pd-1", "reason": "核查"}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path / "book.json")
    key = PrivateKey.generate("sm2")
    made.consents = Consents(tmp_path / "consents.db", lambda name: name, key, "test")
    return made


def take(book: Book, seq: int, kind: str, body: dict[str, Any]) -> None:
    with book.transaction():
        book.take(Admitted(wire.make(kind, ZONE, seq, body, NOW), ()))
        book.put(ZONE, seq)


def withdraw(book: Book, seq: int) -> None:
    take(book, seq, "withdrawal", {"id": f"w-{seq}", "consent": f"cs-{seq}"})


def on_disk(book: Book) -> tuple[int, set[str]]:
    """The place and the withdrawals a start would find now."""
    assert book.consents is not None
    with sqlite3.connect(book.consents.path) as other:
        withdrawn = {row[0] for row in other.execute("select id from withdrawn")}
    return Book.load(book.path).get(ZONE), withdrawn


@pytest.mark.parametrize("again", [{"scope": "contract", "target": "ct-9"}, {"target": "pd-9"}])
def test_a_stop_published_again_under_its_number_undoes_nothing(book: Book, again: dict[str, str]) -> None:
    take(book, 1, "stop", STOP)
    take(book, 2, "stop", {**STOP, **again})
    take(book, 3, "stop", {**STOP, "reason": "改写"})
    for held in (book, Book.load(book.path)):
        stop = held.stopped("pd-1", "ct-1")
        assert stop is not None and stop["reason"] == "核查"
        assert held.stopped("pd-9", "ct-9") is not None


def test_what_is_told_amid_a_page_does_not_write_its_place_before_its_withdrawals(book: Book) -> None:
    """A kill -9 right after would leave the office told and the withdrawal gone for good."""
    with book.page():
        withdraw(book, 1)
        book.change("effects", "w-1", None)
        assert on_disk(book) == (1, {"cs-1"})
        withdraw(book, 2)
        assert on_disk(book) == (1, {"cs-1"})
    assert on_disk(book) == (2, {"cs-1", "cs-2"})


def given_up(consents: Consents) -> None:
    """The database gives a transaction up by itself when the disk is full."""
    consents._line.execute("rollback")


def refused(consents: Consents) -> None:
    def fail() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    consents.commit = fail  # type: ignore[method-assign]


@pytest.mark.parametrize("fails", [given_up, refused])
def test_a_page_that_cannot_be_written_is_taken_again(book: Book, fails: Callable[[Consents], None]) -> None:
    consents = book.consents
    assert consents is not None
    with book.page():
        withdraw(book, 1)
    with pytest.raises(sqlite3.OperationalError), book.page():
        withdraw(book, 2)
        fails(consents)
    assert book.get(ZONE) == 1 and on_disk(book) == (1, {"cs-1"})
    vars(consents).pop("commit", None)
    with book.page():
        withdraw(book, 2)
    assert on_disk(book) == (2, {"cs-1", "cs-2"})


def test_consents_used_up_are_not_given_up_with_a_page(book: Book) -> None:
    consents = book.consents
    assert consents is not None
    with pytest.raises(sqlite3.OperationalError), book.page():
        consents.keep_used([("co-1", "2026-12-31")])
        given_up(consents)
    with sqlite3.connect(consents.path) as other:
        assert other.execute("select id from used").fetchall() == [("co-1",)]


def test_the_consent_that_is_not_used_up_is_chosen(book: Book) -> None:
    consents = book.consents
    assert consents is not None
    body = {
        "product": "pd-1", "buyer": "org-1", "purpose": "p", "fields": ["a"], "from": "2026-01-01",
        "until": "2026-12-31", "subject": "?", "kind": "once",
    }  # fmt: skip
    for id_ in ("cs-1", "cs-2"):
        consents._put("who", {**body, "id": id_})
    consents.used.add("cs-2")
    asked = ("pd-1", "org-1", "who", "ct-1", "p", frozenset({"a"}), date(2026, 3, 2))
    found = consents.standing(*asked)
    assert found is not None and found.id == "cs-1"
    consents.withdrawn.add("cs-1")
    found = consents.standing(*asked)
    assert found is not None and found.id == "cs-2"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.close()


def test_a_line_that_broke_and_is_then_cut_stays_closed(street: Street) -> None:
    street.sign_up()
    zones = street.gateway.line.state.zones
    assert zones[ZONE].lease is not None
    street.office.publish("stop", STOP)
    street.office.items[-1] = wire.make("stop", ZONE, 3, STOP, NOW)  # nobody signed it
    for deaf in (False, True):
        street.office.deaf = deaf
        street.poll()
        zone = street.gateway.line.state.zones[ZONE]
        assert zone.lease is None


def test_a_fault_of_ones_own_drops_the_lease_too(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    street.sign_up()

    def fail(_item: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(street.gateway.line.book, "take", fail)
    street.office.publish("stop", STOP)
    street.poll()
    assert street.gateway.line.state.zones[ZONE].broken
    street.office.deaf = True
    street.poll()
    assert street.gateway.line.state.zones[ZONE].lease is None


def test_what_follows_from_a_batch_is_not_skipped_when_it_fails_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next batch would move past: a consent good for one call would be good again after a restart."""
    ledger = Ledger(tmp_path, PrivateKey.generate("ed25519"), {})
    handed: list[int] = []
    full = [True]

    def take(_batches: object, taken: list[Kept]) -> None:
        if full.pop() if full else False:
            raise sqlite3.OperationalError
        handed.extend(one.number for one in taken)

    ledger.on_batched = take
    for number in (1, 2):
        ledger.recall(number, b"{}", receipt(f"ct-{number}", "mark-1", "cs-1"))
        if number == 1:
            with pytest.raises(sqlite3.OperationalError):
                ledger.batch(NOW)
    ledger.batch(NOW)
    assert handed == [1, 2]
    said = ledger.say
    monkeypatch.setattr(ledger, "say", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.tell_uses(NOW)
    monkeypatch.setattr(ledger, "say", said)
    assert ledger.tell_uses(NOW) == 2 and ledger.tell_uses(NOW + timedelta(hours=1)) == 0
    for journal in ledger.journals:
        journal.close()


def test_a_batch_that_was_not_kept_forgets_only_its_own_subjects() -> None:
    """The same mark stands under two agreements on a product; one was counted before."""
    batcher = Batcher()
    batcher.note(receipt("ct-1", "mark-1", "cs-1"))
    taken = [Kept(n, b"{}", receipt(f"ct-{n}", "mark-1", "cs-1")) for n in (1, 2)]
    assert [one["subjects"] for one in batcher.batches(taken)] == [0, 1]
    batcher.forget(taken)
    assert [one["subjects"] for one in batcher.batches(taken)] == [0, 1]
    assert [body["counts"] for _, body in batcher.untold()] == [{"cs-1": 2}, {"cs-1": 1}]


def receipt(contract: str, mark: str, consent: str) -> Receipt:
    at = int(NOW.timestamp() * 1000)
    return Receipt(
        3, "c", at, ZONE, contract, "cred", "pd", "v1", "verify", "p", "2026-03-02",
        (Item("match", mark, consent),), "0" * 64,
    )  # fmt: skip
