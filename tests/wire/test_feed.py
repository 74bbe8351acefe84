"""The feed: nothing is lost, doubled, reordered or forged, and a lease says no more than it may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire.admit import Admitted, Refused
from gongshu.wire.envelope import Envelope
from gongshu.wire.errors import WireError
from gongshu.wire.feed import Batch, FeedClient, Page, Reader, page, parse_page
from gongshu.wire.lease import Lease, fresh, issue
from gongshu.wire.store import FileFeedState
from support.wires import GRANT, NOW, STOP, TASK, World

CONTRACT = {
    "id": "c-1", "product": "bus", "operator": "org-op", "operator_key": "k-op", "buyer": "org-b", "key": "k-b",
    "from": "2026-03-01", "until": "2026-12-31",
}  # fmt: skip
CLOCK = {"offset_seconds": 86400}


@pytest.fixture
def world() -> World:
    return World()


def reader_of(world: World, path: Path, mark: str = "production") -> Reader:
    return Reader(world.zone, world.store(path / "trust"), FileFeedState(path / "feed.json"), mark)


def take(reader: Reader, world: World, items: list[Envelope], **more: Any) -> Batch:
    now: datetime = more.get("now", NOW)
    lease: Lease = more.get("lease") or world.lease(items[-1].seq if items else 0, now)
    return reader.take(parse_page(page(world.zone, items, lease)), now, more.get("handle"))


def broken(code: str, reader: Reader, world: World, items: list[Envelope], **more: Any) -> None:
    with pytest.raises(WireError) as caught:
        take(reader, world, items, **more)
    assert caught.value.code == code


def only(batch: Batch) -> Refused:
    (item,) = batch.items
    assert isinstance(item, Refused)
    return item


def test_items_come_in_order_once(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    batch = take(reader, world, [world.item(1, "grant", GRANT), world.item(2, "stop", STOP)])
    assert [item.envelope.seq for item in batch.items] == [1, 2]
    assert all(isinstance(item, Admitted) for item in batch.items)
    assert batch.lease is not None and batch.seq == 2
    again = Reader(world.zone, reader.trust, FileFeedState(tmp_path / "feed.json"), "production")
    broken("replay", again, world, [world.item(2, "stop", STOP)])
    assert take(again, world, [world.item(3, "stop", STOP)]).seq == 3


@pytest.mark.parametrize(
    ("numbers", "code"), [([2], "gap"), ([1, 3], "gap"), ([1, 1], "replay"), ([2, 1], "gap"), ([0], "replay")]
)
def test_a_gap_a_replay_and_a_reordering_stop_the_line(
    world: World, tmp_path: Path, numbers: list[int], code: str
) -> None:
    reader = reader_of(world, tmp_path)
    broken(code, reader, world, [world.item(number, "stop", STOP) for number in numbers])
    assert reader.state.get(world.zone) == (1 if numbers[0] == 1 else 0)
    assert reader.lease is None


def test_an_item_renumbered_on_the_line_is_not_the_offices(world: World, tmp_path: Path) -> None:
    moved = replace(world.item(5, "grant", GRANT), seq=1)
    broken("signature", reader_of(world, tmp_path), world, [moved])


def test_a_stop_cannot_be_swallowed_by_an_old_item_in_its_place(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    old_list = replace(world.trust_envelope(1), seq=1)
    broken("signature", reader, world, [old_list])
    assert reader.state.get(world.zone) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"zone": "hubei"}, "zone"),
        ({"kind": "vote"}, "kind"),
        ({"kind": "x"}, "kind"),
        ({"kind": "outcome"}, "kind"),
    ],
)
def test_what_this_line_does_not_carry_stops_it(
    world: World, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    made = wire.sign(
        replace(wire.make("stop", world.zone, 1, STOP, NOW), **change), "office", world.keys["office"]
    )
    broken(code, reader_of(world, tmp_path), world, [made])


def test_an_unknown_version_stops_the_line(world: World) -> None:
    text = page(world.zone, [world.item(1, "stop", STOP)], world.lease(1)).decode()
    for old, new in (('"seq":1,"signatures"', '"seq":1,"signatures"'), ('"v":1', '"v":2')):
        changed = text.replace(old, new)
        if changed == text:
            continue
        with pytest.raises(WireError) as caught:
            parse_page(changed.encode())
        assert caught.value.code == "version"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"v":1}', b'{"v":1,"zone":"h","envelopes":1}', b"\xff"]
)
def test_a_page_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse_page(data)


def test_a_forged_grant_is_skipped_and_named(world: World, tmp_path: Path) -> None:
    """The office's own keys make neither a buyer's signature nor an operator's."""
    reader = reader_of(world, tmp_path)
    forged = world.item(1, "contract", CONTRACT)
    assert only(take(reader, world, [forged])).code == "signer"
    for seq, whose in enumerate(
        ({"operator": "office", "buyer": "office"}, {"operator": "office"}, {"buyer": "office"}), 2
    ):
        assert only(take(reader, world, [agreed(world, seq, CONTRACT, **whose)])).code == "signer"
    assert isinstance(take(reader, world, [agreed(world, 5, CONTRACT)]).items[0], Admitted)


def agreed(
    world: World, seq: int, body: dict[str, str], signed: dict[str, str] = CONTRACT, **whose: str
) -> Envelope:
    """A contract both sides signed over `signed`; `whose`: role → another's key."""
    made = wire.make("contract", world.zone, seq, body, NOW)
    for role in ("operator", "buyer"):
        key = world.keys[whose.get(role, role)]
        made = wire.attach(made, [wire.consent("contract", world.zone, signed, role, key)])
    return wire.sign(made, "office", world.keys["office"])


def test_a_contract_changed_after_the_buyer_agreed_is_refused(world: World, tmp_path: Path) -> None:
    made = agreed(world, 1, {**CONTRACT, "until": "2036-12-31"})
    assert only(take(reader_of(world, tmp_path), world, [made])).code == "signer"


@pytest.mark.parametrize(("mark", "taken"), [("production", False), ("demo", True), ("test", True)])
def test_the_clock_moves_only_in_demo_and_test_homes(
    world: World, tmp_path: Path, mark: str, taken: bool
) -> None:
    item = take(reader_of(world, tmp_path, mark), world, [world.item(1, "clock", CLOCK)]).items[0]
    assert isinstance(item, Admitted) is taken
    if isinstance(item, Refused):
        assert item.code == "clock"


def test_an_expired_task_is_refused_and_an_old_stop_still_stops(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    later = NOW + timedelta(days=3)
    items = [world.item(1, "task", TASK), world.item(2, "stop", STOP)]
    first, second = take(reader, world, items, now=later, lease=world.lease(2, later)).items
    assert isinstance(first, Refused) and first.code == "expired"
    assert isinstance(second, Admitted)


@pytest.mark.parametrize(("kind", "body"), [("task", TASK), ("stop", STOP)])
def test_a_message_from_the_future_waits_until_the_clocks_agree(
    world: World, tmp_path: Path, kind: str, body: dict[str, Any]
) -> None:
    """Skipped, a stop of an office whose clock is two minutes ahead would never be taken."""
    reader, ahead = reader_of(world, tmp_path), NOW + timedelta(minutes=2)
    made = world.item(1, kind, body, now=ahead)
    broken("future", reader, world, [made])
    assert reader.state.get(world.zone) == 0
    (item,) = take(reader, world, [made], now=ahead).items
    assert isinstance(item, Admitted)


@pytest.mark.parametrize(
    "body",
    [{**GRANT, "zone": "hubei"}, {**GRANT, "from": "soon"}, {k: v for k, v in GRANT.items() if k != "v"}],
)
def test_a_body_that_lacks_or_contradicts_is_refused(
    world: World, tmp_path: Path, body: dict[str, Any]
) -> None:
    assert only(take(reader_of(world, tmp_path), world, [world.item(1, "grant", body)])).code in {
        "zone",
        "body",
    }


def test_a_new_list_is_taken_from_the_feed_with_two_signatures(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    body = world.body(2)
    item = wire.attach(
        wire.make("trust", world.zone, 1, body, NOW),
        [wire.consent("trust", world.zone, body, "administrator", key) for key in world.administrators],
    )
    item = wire.sign(item, "office", world.keys["office"])
    assert isinstance(take(reader, world, [item]).items[0], Admitted)
    assert reader.trust.current(NOW).number == 2
    forged = world.item(2, "trust", world.body(3))
    assert only(take(reader, world, [forged])).code == "signer"
    assert reader.trust.current(NOW).number == 2


def test_a_new_list_can_bring_the_offices_next_key(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    world.keys["office"] = PrivateKey.generate("ed25519")
    body = world.body(2)
    item = wire.attach(
        wire.make("trust", world.zone, 1, body, NOW),
        [wire.consent("trust", world.zone, body, "administrator", key) for key in world.administrators],
    )
    item = wire.sign(item, "office", world.keys["office"])
    assert take(reader, world, [item]).lease is not None


def test_an_effect_that_fails_leaves_the_place(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)

    def fail(item: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        take(reader, world, [world.item(1, "stop", STOP)], handle=fail)
    assert reader.state.get(world.zone) == 0


def test_a_lease_lives_five_seconds_for_consent_and_ten_minutes_otherwise(world: World) -> None:
    lease = world.lease(0)
    for kind, seconds in (("consent", 5), ("other", 600)):
        assert fresh(lease, kind, NOW + timedelta(seconds=seconds))
        assert not fresh(lease, kind, NOW + timedelta(seconds=seconds, milliseconds=1))
        assert not fresh(lease, kind, NOW - timedelta(seconds=3))
        assert not fresh(None, kind, NOW)
    assert not fresh(lease, "anything", NOW)


def test_an_office_cannot_lengthen_a_lease(world: World) -> None:
    long = issue(world.zone, 0, NOW, world.keys["office"], {"consent": 86400, "other": 86400})
    assert not fresh(long, "consent", NOW + timedelta(seconds=6))
    assert not fresh(long, "other", NOW + timedelta(seconds=601))


def test_a_reader_behind_the_office_gets_no_lease(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    assert take(reader, world, [world.item(1, "stop", STOP)], lease=world.lease(2)).lease is None
    assert take(reader, world, [world.item(2, "stop", STOP)]).lease is not None


def test_old_foreign_and_forged_leases_are_refused(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    take(reader, world, [world.item(1, "stop", STOP)])
    broken("order", reader, world, [], lease=world.lease(0))
    broken("order", reader, world, [], lease=world.lease(1, NOW - timedelta(seconds=1)))
    broken("future", reader, world, [], lease=world.lease(1, NOW + timedelta(minutes=1)))
    broken("zone", reader, world, [], lease=issue("hubei", 1, NOW, world.keys["office"]))
    broken("signer", reader, world, [], lease=issue(world.zone, 1, NOW, world.keys["gateway"]))
    broken("signature", reader, world, [], lease=replace(world.lease(1), seq=9))


@pytest.fixture
def office(world: World) -> Iterator[dict[str, Any]]:
    """A small office that answers polls from a list of items."""
    told: dict[str, Any] = {"items": [], "asked": [], "status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            told["asked"].append(asked)
            items = [item for item in told["items"] if item.seq > int(asked["after"][0])]
            content = page(world.zone, items, world.lease(len(told["items"])))
            self.send_response(told["status"])
            self.end_headers()
            self.wfile.write(content)

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


def test_a_client_polls_from_its_place_and_heals_after_a_cut(
    world: World, tmp_path: Path, office: dict[str, Any]
) -> None:
    reader = reader_of(world, tmp_path)
    client = FeedClient(office["url"], world.zone, reader.trust, reader.state, mark="production")
    seen: list[int] = []

    def poll() -> Batch:
        return client.poll(lambda item: seen.append(item.envelope.seq), lambda: NOW)

    office["items"] = [world.item(n, "stop", STOP) for n in (1, 2)]
    assert poll().seq == 2
    office["status"] = 503
    office["items"].append(world.item(3, "stop", STOP))
    with pytest.raises(WireError) as caught:
        poll()
    assert caught.value.code == "line"
    assert not fresh(client.lease, "consent", NOW + timedelta(seconds=6))
    office["status"] = 200
    assert poll().seq == 3
    assert seen == [1, 2, 3]
    assert [asked["after"] for asked in office["asked"]] == [["0"], ["2"], ["2"]]
    client.close()


def test_a_page_of_another_zone_is_refused(world: World, tmp_path: Path) -> None:
    reader = reader_of(world, tmp_path)
    with pytest.raises(WireError) as caught:
        reader.take(Page("hubei", (), world.lease(0)), NOW)
    assert caught.value.code == "zone"
