"""The gateway's evidence: what the office refuses stays and is shown, what it leaves out is not co-signed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry, proof
from gongshu.evidence.log import Log
from gongshu.evidence.witness import Witness
from gongshu.gateway.calls import Ledger
from gongshu.gateway.watch import Own
from gongshu.wire import envelope as wire
from gongshu.wire import inbox, witnessing
from gongshu.wire.witnessing import Watch

ZONE = "huangshi"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass
class Office:
    """An office with a real log; it may refuse journals, leave entries out, write them anew or show too few."""

    folder: Path
    refuses: bool = False
    swallows: bool = False
    kept: list[dict[str, Any]] = field(default_factory=list)
    asked: list[wire.Envelope] = field(default_factory=list)
    shows: Any = None

    def __post_init__(self) -> None:
        self.keys = [PrivateKey.generate("ed25519"), PrivateKey.generate("sm2")]
        self.log = Log(self.folder, f"gongshu/{ZONE}", {key.alg: key for key in self.keys})
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = urlsplit(self.path)
                start = int(parse_qs(place.query)["from"][0])
                self.answer(office.entries(start) if place.path.endswith("entries") else office.newest(start))

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                self.answer(office.take(inbox.loads(data)).data())

            def answer(self, value: Mapping[str, Any]) -> None:
                body = canonical.dumps(dict(value))
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, messages: list[Any]) -> inbox.Receipt:
        accepted, refused = [], []
        for one in messages:
            self.asked.append(one)
            if one.kind == "journal" and self.refuses:
                refused.append({"id": one.id, "code": "replay", "sentence": "不予接受。"})
                continue
            accepted.append(one.id)
            if one.kind == "journal" and not self.swallows:
                self.kept += one.body["entries"]
        return inbox.Receipt(tuple(accepted), (), tuple(refused))

    def sequence(self, *others: dict[str, Any]) -> dict[str, Any]:
        """Log what was taken and `others`; the checkpoint as the feed shows it."""
        before = self.log.size
        self.log.append([*self.kept, *others], NOW)
        self.kept = []
        return self.newest(before)

    def newest(self, before: int) -> dict[str, Any]:
        return {
            "checkpoint": self.log.checkpoint().decode(),
            "proof": proof.consistency(self.folder, before, self.log.size),
        }

    def entries(self, start: int) -> dict[str, Any]:
        found = [canonical.dumps(self.log.entry(n)).decode() for n in range(start, self.log.size)]
        return {"v": 1, "entries": self.shows(found) if self.shows else found}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.log.close()


def foreign(number: int, source: str = "office") -> dict[str, Any]:
    return entry.make(source, number, NOW, ZONE, source, f"s-{number}", source, "x.y", "", (), {})


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "log")
    yield made
    made.close()


@dataclass
class Side:
    ledger: Ledger
    watch: Watch

    def close(self) -> None:
        for one in self.ledger.journals:
            one.close()


def open_side(
    tmp_path: Path, office: Office, key: PrivateKey, source: str = "gateway", first: int = 1
) -> Side:
    ledger = Ledger(tmp_path / "journal", key, {}, source, first)
    witness = Witness("gateway", tmp_path / "state" / "witness", [key], [k.public() for k in office.keys])
    (tmp_path / "state").mkdir(exist_ok=True)
    return Side(ledger, Watch(witness, Own(ledger), tmp_path / "state", office.url))


@pytest.fixture
def key() -> PrivateKey:
    return PrivateKey.generate("ed25519")


@pytest.fixture
def side(tmp_path: Path, office: Office, key: PrivateKey) -> Iterator[Side]:
    made = open_side(tmp_path, office, key)
    yield made
    made.close()


def written(side: Side, office: Office, now: datetime = NOW, count: int = 1) -> None:
    for number in range(count):
        side.ledger.note("test.act", ZONE, f"s-{number}", now)
    side.ledger.wrap(ZONE, now)
    side.ledger.post(office.url, now)


def test_refused_evidence_is_posted_again_and_holds_up_nothing(side: Side, office: Office) -> None:
    office.refuses = True
    side.ledger.note("test.act", ZONE, "s-1", NOW)
    side.ledger.wrap(ZONE, NOW)
    side.ledger.say("cosign", ZONE, {"size": 1, "line": "x"}, NOW)
    assert side.ledger.post(office.url, NOW) == 1  # the message behind it went
    row = side.ledger.place.aside["1"]
    assert (row["code"], row["sentence"], row["tries"]) == ("replay", "不予接受。", 1)
    assert side.ledger.post(office.url, NOW) == 0 and len(office.asked) == 2  # not before the pause is over
    assert side.ledger.post(office.url, NOW + timedelta(seconds=2)) == 0
    assert side.ledger.place.aside["1"]["tries"] == 2
    assert side.ledger.place.aside["1"]["since"] == row["since"]
    office.refuses = False
    assert side.ledger.post(office.url, NOW + timedelta(seconds=10)) == 1
    assert side.ledger.place.aside == {} and office.kept[0]["subject"] == "s-1"


def test_a_refusal_is_remembered_over_a_restart(
    side: Side, office: Office, tmp_path: Path, key: PrivateKey
) -> None:
    office.refuses = True
    written(side, office)
    side.close()
    again = open_side(tmp_path, office, key)
    assert again.ledger.oldest_unaccepted() == NOW
    assert again.ledger.wrap(ZONE, NOW) == 0
    office.refuses = False
    assert again.ledger.post(office.url, NOW + timedelta(minutes=1)) == 1
    assert again.ledger.oldest_unaccepted() is None
    again.close()


def test_after_a_restore_the_journal_begins_anew_and_the_log_keeps_both(
    side: Side, office: Office, tmp_path: Path, key: PrivateKey
) -> None:
    written(side, office, count=3)
    side.close()
    name = "gateway.r0123456789ab"
    again = open_side(tmp_path, office, key, name, 1_000)
    written(again, office, count=2)
    office.sequence()
    assert office.log.last("gateway") == 3 and office.log.last(name) == 2
    assert [one.seq for one in office.asked] == [1, 1_001]
    again.close()
    third = open_side(tmp_path, office, key, name, 1_000)
    written(third, office)
    assert office.kept[0]["seq"] == 3
    third.close()


def test_a_witness_signs_a_log_that_holds_its_own(side: Side, office: Office) -> None:
    written(side, office, count=3)
    body = side.watch.look(office.sequence(foreign(1), foreign(2)), NOW)
    assert body["size"] == 5 and not side.watch.why
    written(side, office)
    body = side.watch.look(office.sequence(foreign(3)), NOW + timedelta(minutes=10))
    assert body["size"] == 7


def test_a_refused_entry_of_its_own_withholds_the_signature(side: Side, office: Office) -> None:
    office.refuses = True
    written(side, office)
    shown = office.sequence(foreign(1))
    assert side.watch.look(shown, NOW + timedelta(seconds=90))["size"] == 1
    shown = office.sequence(foreign(2))
    assert side.watch.look(shown, NOW + timedelta(seconds=121)) == {}
    assert side.watch.why == "unposted"
    said = json.loads((side.watch.folder / witnessing.SAID).read_bytes())
    assert said["why"] == "unposted" and said["witness"] == "gateway"
    office.refuses = False
    later = NOW + timedelta(minutes=5)
    side.ledger.post(office.url, later)
    assert side.watch.look_again(later) == {} and side.watch.why == "missing"  # taken, not yet logged
    assert side.watch.look(office.sequence(), later)["size"] == 3


def test_an_entry_taken_and_never_logged_withholds_the_signature(side: Side, office: Office) -> None:
    office.swallows = True
    written(side, office)
    assert side.ledger.oldest_unaccepted() is None
    shown = office.sequence(foreign(1))
    late = NOW + timedelta(minutes=3)
    # An older checkpoint cannot be expected to hold what came later; the newest must.
    assert side.watch.look(shown, late, newest=False)["size"] == 1
    assert side.watch.look(office.sequence(foreign(2)), late) == {}
    assert side.watch.why == "missing"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda own: [{**own[0], "subject": "s-9"}, own[1]], "differs"),
        (lambda own: [*own, {**own[1], "seq": 3}], "stranger"),
    ],
)
def test_an_own_entry_changed_or_invented_withholds_the_signature(
    side: Side, office: Office, change: Any, why: str
) -> None:
    written(side, office, count=2)
    own, office.kept = office.kept, []
    assert side.watch.look(office.sequence(*change(own)), NOW) == {}
    assert side.watch.why == why


@pytest.mark.parametrize(
    ("shows", "why"),
    [
        (lambda rows: [rows[0], *rows[2:]], "gap"),
        (lambda rows: rows[:-1] if len(rows) > 1 else [], "root"),
        (lambda rows: [rows[0].replace("s-0", "s-8"), *rows[1:]], "differs"),
        (lambda rows: [*rows[:-1], rows[-1].replace("s-1", "s-7")], "root"),
        (lambda _rows: [], "root"),
        (lambda _rows: ["x"], "entry"),
    ],
)
def test_entries_that_are_not_what_was_signed_withhold_the_signature(
    side: Side, office: Office, shows: Any, why: str
) -> None:
    written(side, office, count=3)
    shown = office.sequence(foreign(1))
    office.shows = shows
    assert side.watch.look(shown, NOW) == {}
    assert side.watch.why == why
    office.shows = None
    assert side.watch.look_again(NOW + timedelta(seconds=30))["size"] == 4


def test_a_gap_of_its_own_numbers_in_the_log_withholds_the_signature(side: Side, office: Office) -> None:
    """The log refuses to write a gap; a taken-over office has its own program."""
    written(side, office, count=2)
    shown = office.sequence()
    side.watch.look(shown, NOW)
    (side.watch.folder / witnessing.READ).write_bytes(
        (side.watch.folder / witnessing.READ).read_bytes().replace(b'"gateway":2', b'"gateway":1')
    )
    written(side, office)
    assert side.watch.look(office.sequence(), NOW) == {}
    assert side.watch.why == "gap"


def test_a_fork_is_named_before_anything_is_read(side: Side, office: Office, tmp_path: Path) -> None:
    side.watch.look(office.sequence(foreign(1)), NOW)
    other = Log(tmp_path / "other", f"gongshu/{ZONE}", {key.alg: key for key in office.keys})
    other.append([foreign(1, "airlock"), foreign(2, "airlock")], NOW)
    shown = {"checkpoint": other.checkpoint().decode(), "proof": proof.consistency(tmp_path / "other", 1, 2)}
    other.close()
    assert side.watch.look(shown, NOW) == {}
    assert side.watch.why == "fork" and list(side.watch.folder.glob("witness.fork-*"))


def test_a_long_log_is_read_in_parts(side: Side, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "MOST", 3)
    office.shows = lambda rows: rows[:2]
    shown = office.sequence(*(foreign(n) for n in range(1, 8)))
    assert side.watch.look(shown, NOW) == {} and side.watch.why == "reading"
    assert side.watch.look_again(NOW + timedelta(seconds=1)) == {}  # not before the pause is over
    assert side.watch.look_again(NOW + timedelta(seconds=6))["size"] == 7


def test_a_withheld_signature_leaves_one_line_of_evidence(side: Side, office: Office) -> None:
    office.refuses = True
    written(side, office)
    shown = office.sequence(foreign(1))
    lines: list[str] = []
    for minutes in (3, 4):
        late = NOW + timedelta(minutes=minutes)
        witnessing.journalled(side.watch, lambda late=late: side.watch.look(shown, late), lines.append)
    assert lines == ["witness.unposted"]
