"""The inbox, journals and the data domain's own word to the gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gongshu.wire import inbox, journal, serving
from gongshu.wire.admit import admit
from gongshu.wire.envelope import Envelope
from gongshu.wire.errors import WireError
from support.wires import NOW, STOP, World

OUTCOME = {"task": "t-1", "code": "done"}


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def office() -> Iterator[dict[str, Any]]:
    """An office that takes each message once and can be made to fail."""
    told: dict[str, Any] = {"taken": [], "fail": 0, "status": 503, "answer": None}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if told["fail"] > 0:
                told["fail"] -= 1
                self.send_response(told["status"])
                self.end_headers()
                return
            receipt = self.take(inbox.loads(body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told["answer"] or json.dumps(receipt.data()).encode())

        def take(self, messages: list[Envelope | WireError]) -> inbox.Receipt:
            new, old = [], []
            for message in messages:
                assert isinstance(message, Envelope)
                (old if message.id in told["taken"] else new).append(message.id)
            told["taken"] += new
            return inbox.Receipt(tuple(new), tuple(old))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told["url"] = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def messages(world: World, count: int) -> list[Envelope]:
    return [world.item(n, "outcome", OUTCOME, ("enclave",)) for n in range(1, count + 1)]


@pytest.mark.parametrize(("kind", "settled"), [
    ("journal", False), ("calls", False), ("uses", False), ("effect", False), ("outcome", True),
])  # fmt: skip
def test_what_bills_and_times_are_made_of_stays_until_it_is_taken(kind: str, settled: bool) -> None:
    refused = inbox.Receipt(refused=({"id": "m-1", "code": "signer", "sentence": "不予接受。"},))
    said = refused.answer("m-1", kind)
    assert said.settled is settled and said.code == "signer"
    assert inbox.Receipt(("m-1",)).answer("m-1", kind).settled


def test_messages_arrive_once_however_often_they_are_posted(world: World, office: dict[str, Any]) -> None:
    sent = messages(world, 250)
    first = inbox.post(office["url"], sent)
    assert len(first.accepted) == 250 and not first.duplicates
    again = inbox.post(office["url"], sent)
    assert len(again.duplicates) == 250 and not again.accepted
    assert again.taken == {message.id for message in sent}


def test_a_failing_office_is_tried_again(world: World, office: dict[str, Any]) -> None:
    office["fail"] = 2
    paused: list[float] = []
    receipt = inbox.post(office["url"], messages(world, 1), sleep=paused.append)
    assert len(receipt.accepted) == 1 and paused == [0.2, 0.5]


def test_a_silent_office_leaves_the_messages_with_the_sender(world: World) -> None:
    with pytest.raises(WireError) as caught:
        inbox.post("http://127.0.0.1:9", messages(world, 1), sleep=lambda _s: None)
    assert caught.value.code == "line"


@pytest.mark.parametrize(("kind", "settled"), [("journal", False), ("outcome", True), ("release", True)])
def test_refused_evidence_is_never_settled(kind: str, settled: bool) -> None:
    refused = ({"id": "m-1", "code": "replay", "sentence": "不予接受。"},)
    said = inbox.Receipt(refused=refused).answer("m-1", kind)
    assert (said.settled, said.code, said.sentence) == (settled, "replay", "不予接受。")


@pytest.mark.parametrize("kind", ["journal", "outcome"])
def test_a_message_the_receipt_does_not_mention_is_not_settled(kind: str) -> None:
    said = inbox.Receipt(accepted=("m-2",)).answer("m-1", kind)
    assert not said.settled and said.code == "unanswered"
    assert inbox.Receipt(accepted=("m-1",)).answer("m-1", kind) == inbox.Answer(True)


def test_the_pauses_between_attempts_grow_to_a_minute() -> None:
    pauses = [inbox.again(tries).total_seconds() for tries in range(1, 20)]
    assert pauses == sorted(pauses) and pauses[0] == 1 and set(pauses[5:]) == {60}


@pytest.mark.parametrize("refused", ["x", [{"id": "m"}], [1]])
def test_a_refusal_without_its_words_is_no_receipt(
    world: World, office: dict[str, Any], refused: Any
) -> None:
    office["answer"] = json.dumps({"accepted": [], "duplicates": [], "refused": refused}).encode()
    with pytest.raises(WireError) as caught:
        inbox.post(office["url"], messages(world, 1))
    assert caught.value.code == "inbox"


@pytest.mark.parametrize("status", [400, 404, 413])
def test_an_office_that_refuses_the_batch_is_not_pressed(
    world: World, office: dict[str, Any], status: int
) -> None:
    office["fail"], office["status"] = 1, status
    with pytest.raises(WireError) as caught:
        inbox.post(office["url"], messages(world, 1))
    assert caught.value.code == "inbox" and office["fail"] == 0


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b"[]"])
def test_a_receipt_that_is_none_is_not_believed(world: World, office: dict[str, Any], answer: bytes) -> None:
    office["answer"] = answer
    with pytest.raises(WireError) as caught:
        inbox.post(office["url"], messages(world, 1))
    assert caught.value.code == "inbox"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"v":1}', b'{"v":2,"envelopes":[]}', b"\xff"])
def test_a_body_that_is_none_is_refused_whole(body: bytes) -> None:
    with pytest.raises(WireError):
        inbox.loads(body)


def test_one_bad_message_does_not_take_the_others_with_it(world: World) -> None:
    good = world.item(1, "outcome", OUTCOME, ("enclave",)).data()
    found = inbox.loads(json.dumps({"v": 1, "envelopes": [good, {"v": 1}, {**good, "v": 9}, good]}).encode())
    assert [type(one).__name__ for one in found] == ["Envelope", "WireError", "WireError", "Envelope"]


def entries(*numbers: int, source: str = "enclave") -> list[dict[str, Any]]:
    return [{"source": source, "seq": number, "act": "run.done"} for number in numbers]


def unwrapped(world: World, made: Envelope) -> list[dict[str, Any]]:
    return journal.unwrap(admit(made, world.trust(), now=NOW, mark="test", direction="inbox"))


def test_journal_entries_travel_whole(world: World) -> None:
    lines = entries(4, 5, 6)
    made = journal.wrap("enclave", "enclave", world.zone, 9, lines, NOW, world.keys["enclave"])
    assert unwrapped(world, made) == lines


def test_a_journal_of_after_a_restore_is_its_signers_and_starts_at_one(world: World) -> None:
    source = journal.named("enclave", "r0123456789ab")
    lines = entries(1, 2, source=source)
    made = journal.wrap(source, "enclave", world.zone, 9, lines, NOW, world.keys["enclave"])
    assert unwrapped(world, made) == lines and journal.role_of(source) == "enclave"


@pytest.mark.parametrize(
    ("source", "role", "lines", "code"),
    [
        ("enclave", "enclave", entries(1, 3), "gap"),
        ("enclave", "enclave", entries(2, 1), "gap"),
        ("enclave", "enclave", entries(1, 1), "gap"),
        ("enclave", "enclave", [*entries(1), *entries(2, source="office")], "body"),
        ("enclave", "gateway", entries(1), "signer"),
        ("office", "enclave", entries(1, source="office"), "signer"),
        ("gateway.r0123456789ab", "enclave", entries(1, source="gateway.r0123456789ab"), "signer"),
        ("enclave.2", "enclave", entries(1, source="enclave.2"), "signer"),
        ("enclave.r0123456789ab.x", "enclave", entries(1, source="enclave.r0123456789ab.x"), "signer"),
        ("enclave", "enclave", entries(*range(1, 502)), "body"),
        ("enclave", "enclave", [{"source": "enclave", "seq": True}], "gap"),
    ],
)
def test_a_journal_says_only_its_own_without_a_gap(
    world: World, source: str, role: str, lines: list[dict[str, Any]], code: str
) -> None:
    made = journal.wrap(source, role, world.zone, 1, lines, NOW, world.keys[role])
    with pytest.raises(WireError) as caught:
        unwrapped(world, made)
    assert caught.value.code == code


def test_a_stop_of_the_airlock_reaches_the_gateway_without_the_office(world: World, tmp_path: Path) -> None:
    serving.write(tmp_path, world.zone, 1, [STOP], [], NOW, "airlock", world.keys["airlock"])
    said, place = serving.read(tmp_path, world.zone, world.trust(), NOW, "production")
    assert said.envelope.body["stops"] == [STOP] and place[0] == 1
    assert (tmp_path / world.zone / serving.NAME).stat().st_mode & 0o007 == 0


def refuse(code: str, tmp_path: Path, world: World, **more: Any) -> None:
    with pytest.raises(WireError) as caught:
        serving.read(tmp_path, world.zone, world.trust(), more.pop("now", NOW), "production", **more)
    assert caught.value.code == code


def test_an_old_missing_rolled_back_or_forged_word_stops_the_gateway(world: World, tmp_path: Path) -> None:
    refuse("no_state", tmp_path, world)
    key = world.keys["enclave"]
    serving.write(tmp_path, world.zone, 2, [STOP], [], NOW, "enclave", key)
    refuse("stale", tmp_path, world, now=NOW + serving.FRESH + timedelta(seconds=1))
    refuse("expired", tmp_path, world, now=NOW + timedelta(hours=1))
    _, place = serving.read(tmp_path, world.zone, world.trust(), NOW, "production")
    serving.write(tmp_path, world.zone, 1, [], [], NOW + timedelta(seconds=1), "enclave", key)
    refuse("order", tmp_path, world, last=place)
    serving.write(tmp_path, world.zone, 2, [], [], NOW - timedelta(seconds=1), "enclave", key)
    refuse("order", tmp_path, world, last=place)
    serving.write(tmp_path, world.zone, 3, [], [], NOW, "enclave", world.keys["office"])
    refuse("signer", tmp_path, world)
    serving.write(tmp_path, world.zone, 3, [], [], NOW, "office", world.keys["office"])
    refuse("signer", tmp_path, world)


def test_another_zones_word_is_not_taken(world: World, tmp_path: Path) -> None:
    serving.write(tmp_path, world.zone, 1, [], [], NOW, "enclave", world.keys["enclave"])
    (tmp_path / world.zone).rename(tmp_path / "hubei")
    with pytest.raises(WireError) as caught:
        serving.read(tmp_path, "hubei", world.trust(), NOW, "production")
    assert caught.value.code == "zone"


def test_a_word_of_another_kind_is_not_taken(world: World, tmp_path: Path) -> None:
    body = {"product": "p", "version": "1", "files": {}}
    made = world.item(1, "serving", body, ("enclave",))
    (tmp_path / world.zone).mkdir()
    (tmp_path / world.zone / serving.NAME).write_bytes(made.dumps())
    refuse("kind", tmp_path, world)
    (tmp_path / world.zone / serving.NAME).write_bytes(replace(made, zone="x").dumps())
    refuse("zone", tmp_path, world)
