"""The office's end of the line: what is published, taken, numbered and logged, on a real database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, transaction
from django.test import Client

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import check, proof
from gongshu.office.accounts import line
from gongshu.office.accounts.permissions import Refused
from gongshu.office.link import clock, evidence, feed, inbox, proofs, sequencer, trust, witnesses
from gongshu.office.link.models import FeedItem, InboxMessage, JournalLine, OutboxEntry
from gongshu.wire import envelope as wire
from gongshu.wire import inbox as wire_inbox
from gongshu.wire.errors import WireError
from gongshu.wire.feed import Reader, parse_page
from gongshu.wire.store import FileFeedState, TrustStore
from support import people
from support.wires import World

ZONE = "huangshi"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def world(
    db: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A trust list whose office key is this home's."""
    made = World(zone=ZONE)
    made.keys["office"] = settings.KEYS.signer("office")
    monkeypatch.setattr(settings, "TRUST_DIR", tmp_path_factory.mktemp("trust"))
    trust.store.cache_clear()
    trust.store().install(made.trust_envelope(), datetime.now(UTC))
    yield made
    trust.store.cache_clear()


@pytest.fixture
def log(db: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path_factory.mktemp("log"))
    for name, alg in (("log", "ed25519"), ("log-sm2", "sm2")):
        if name not in settings.KEYS:
            settings.KEYS.create(name, alg)
    sequencer.log.cache_clear()
    monkeypatch.setattr(sequencer.PLACES, "known", False)
    yield sequencer.log()
    sequencer.log().close()
    sequencer.log.cache_clear()


def record(act: str = "test.act", subject: str = "s-1") -> OutboxEntry:
    with transaction.atomic():
        return evidence.record(
            act=act, actor="p-1", role="registrar", subject=subject, zone=ZONE, now=datetime.now(UTC)
        )


def message(world: World, seq: int, kind: str, body: dict[str, Any], role: str = "enclave") -> wire.Envelope:
    return wire.sign(wire.make(kind, ZONE, seq, body, datetime.now(UTC)), role, world.keys[role])


def journal(world: World, first: int, count: int, seq: int) -> wire.Envelope:
    from gongshu.evidence import entry

    entries = [
        entry.make(
            "enclave", n, datetime.now(UTC), ZONE, "enclave", f"t-{n}", "enclave", "run.done", "", (), {}
        )
        for n in range(first, first + count)
    ]
    return message(world, seq, "journal", {"source": "enclave", "entries": entries})


def test_feed_numbers_have_no_gap_and_the_page_is_what_a_reader_takes(
    world: World, client: Client, tmp_path: Any, now: datetime
) -> None:
    for n in range(3):
        feed.publish(
            "stop", {"id": f"st-{n}", "scope": "all", "target": "", "reason": "x"}, zone=ZONE, now=now
        )
    answer = client.get(f"/link/feed?zone={ZONE}&after=1", headers={"accept": "application/json"})
    assert answer.status_code == 404  # the office's site does not serve the line
    page = _line(client).get(f"/link/feed?zone={ZONE}&after=0")
    store = TrustStore(tmp_path / "trust")
    store.install(world.trust_envelope(), now)
    reader = Reader(ZONE, store, FileFeedState(tmp_path / "place.json"), "test")
    taken = reader.take(parse_page(page.content), datetime.now(UTC))
    assert [item.envelope.seq for item in taken.items] == [1, 2, 3]
    assert taken.lease is not None and taken.lease.seq == 3


def _line(client: Client) -> Client:
    from django.test import override_settings

    class OnLine(Client):
        def generic(self, *args: Any, **kwargs: Any) -> Any:
            with override_settings(ROOT_URLCONF="gongshu.office.link.urls"):
                return super().generic(*args, **kwargs)

    return OnLine()


@pytest.mark.parametrize("query", ["zone=mars", f"zone={ZONE}&after=-1", f"zone={ZONE}&after=x", ""])
def test_a_bad_question_to_the_feed_is_answered_in_words(world: World, client: Client, query: str) -> None:
    answer = _line(client).get(f"/link/feed?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["sentence"].endswith("。")


def test_publishing_is_part_of_the_act(world: World, now: datetime) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        feed.publish("stop", {"id": "st", "scope": "all", "target": "", "reason": "x"}, zone=ZONE, now=now)
        raise RuntimeError
    assert not FeedItem.objects.exists()
    feed.publish("stop", {"id": "st", "scope": "all", "target": "", "reason": "x"}, zone=ZONE, now=now)
    assert FeedItem.objects.get().seq == 1


def test_a_body_that_lacks_a_field_is_not_published(world: World, now: datetime) -> None:
    with pytest.raises(WireError):
        feed.publish("stop", {"id": "st"}, zone=ZONE, now=now)
    with pytest.raises(WireError):
        feed.publish("vote", {"id": "st"}, zone=ZONE, now=now)


def test_the_inbox_takes_a_message_once(world: World, now: datetime) -> None:
    made = message(world, 1, "outcome", {"task": "t-1", "code": "done"})
    assert inbox.accept(made, now) is True
    assert inbox.accept(made, now) is False
    other = message(world, 1, "outcome", {"task": "t-1", "code": "failed"})
    with pytest.raises(WireError) as caught:
        inbox.accept(other, now)
    assert caught.value.code == "replay"
    assert InboxMessage.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "body", "role"),
    [
        ("outcome", {"task": "t-1", "code": "done"}, "office"),
        ("outcome", {"task": "t-1", "code": "17 rows"}, "enclave"),
        ("release", {"id": "r"}, "enclave"),
        ("grant", {"id": "g"}, "enclave"),
        ("nosuch", {}, "enclave"),
    ],
)
def test_what_the_table_of_kinds_does_not_allow_is_refused(
    world: World, now: datetime, kind: str, body: dict[str, Any], role: str
) -> None:
    with pytest.raises(WireError):
        inbox.accept(message(world, 1, kind, body, role), now)
    assert not InboxMessage.objects.exists()


def test_a_signature_that_only_claims_a_key_does_not_take_that_keys_number(
    world: World, now: datetime
) -> None:
    """Signatures stand outside what is signed: a borrowed key id before the true one changes nothing."""
    made = message(world, 1, "outcome", {"task": "t-1", "code": "done"})
    claim = replace(made.signatures[0], role="airlock", key=world.keys["airlock"].public().id)
    assert inbox.accept(replace(made, signatures=(claim, *made.signatures)), now) is True
    assert inbox.accept(made, now) is False
    assert InboxMessage.objects.get().source == made.signatures[0].key


def test_a_strangers_key_is_refused(world: World, now: datetime) -> None:
    made = wire.make("outcome", ZONE, 1, {"task": "t-1", "code": "done"}, now)
    with pytest.raises(WireError):
        inbox.accept(wire.sign(made, "enclave", PrivateKey.generate("ed25519")), now)


def test_a_batch_is_answered_message_by_message(world: World, client: Client) -> None:
    good = message(world, 1, "outcome", {"task": "t-1", "code": "done"})
    bad = message(world, 2, "outcome", {"task": "t-1", "code": "nosuch"})
    answer = _line(client).post("/link/inbox", wire_inbox.dumps([good, bad]), content_type="application/json")
    told = canonical.loads(answer.content)
    assert told["accepted"] == [good.id] and told["refused"][0]["id"] == bad.id
    assert _line(client).post("/link/inbox", b"{", content_type="application/json").status_code == 400


def test_a_failing_handler_keeps_the_message_and_tries_again(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def handler(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not yet")

    monkeypatch.setitem(inbox.HANDLERS, "effect", [handler])
    inbox.accept(message(world, 1, "effect", {"stop": "s", "at": "x"}), now)
    inbox.handle_waiting(now)
    assert "not yet" in InboxMessage.objects.get().problem
    assert inbox.handle_waiting(now) == 0  # 不是马上再试
    assert inbox.handle_waiting(now + wire_inbox.again(1)) == 1
    assert InboxMessage.objects.get().handled is not None


def test_what_always_fails_does_not_hold_up_the_newer(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def handler(made: wire.Envelope, *_: Any) -> None:
        if made.body["stop"].startswith("bad"):
            raise ValueError("never")
        taken.append(made.body["stop"])

    monkeypatch.setitem(inbox.HANDLERS, "effect", [handler])
    for seq, stop in enumerate(("bad-1", "bad-2", "good"), 1):
        inbox.accept(message(world, seq, "effect", {"stop": stop, "at": "x"}), now)
    inbox.handle_waiting(now, limit=2)
    assert not taken
    inbox.handle_waiting(now, limit=2)
    assert taken == ["good"]
    for _ in range(3):
        now += timedelta(minutes=10)
        inbox.handle_waiting(now)
    row = InboxMessage.objects.get(number=1)
    assert row.tries == 4 and row.again == now + wire_inbox.again(4) and row.handled is None


def test_a_message_is_handled_once_whoever_else_is_at_it(
    transactional_db: None, world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's duty and the line's threads: evidence is not doubled, no old message acts after a newer."""
    calls: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def handler(made: wire.Envelope, *_: Any) -> None:
        calls.append(made.body["stop"])
        inside.set()
        assert go_on.wait(10)

    def first() -> None:
        try:
            inbox.handle_waiting(now)
        finally:
            connection.close()

    monkeypatch.setitem(inbox.HANDLERS, "effect", [handler])
    for seq in (1, 2):
        inbox.accept(message(world, seq, "effect", {"stop": f"s-{seq}", "at": "x"}), now)
    one, two = InboxMessage.objects.order_by("pk").values_list("pk", flat=True)
    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    assert inbox.handle_waiting(now) == 0  # neither the one under way nor, before it is done, the newer one
    assert inbox.handle(one, now) is False
    go_on.set()
    thread.join(10)
    assert calls == ["s-1", "s-2"]
    assert inbox.handle(two, now) is False
    assert InboxMessage.objects.filter(handled=None).count() == 0


def test_evidence_outside_the_acts_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(evidence.NoTransaction):
        evidence.record(act="x.y", actor="p", role="registrar", subject="s", zone=ZONE, now=datetime.now(UTC))


@pytest.mark.parametrize("field", ["actor", "subject", "role", "act"])
def test_evidence_holds_no_free_text(db: None, field: str) -> None:
    given = {
        "actor": "p-1",
        "subject": "s-1",
        "role": "registrar",
        "act": "x.y",
        field: "张三 110101199001011237",
    }
    with pytest.raises(ValueError), transaction.atomic():
        evidence.record(zone=ZONE, now=datetime.now(UTC), **given)


def test_the_sequencer_numbers_chains_and_logs_every_line_once(world: World, log: Any, now: datetime) -> None:
    rows = [record(subject=f"s-{n}") for n in range(7)]
    assert sequencer.step(now) == 7
    assert sequencer.step(now) == 0
    numbers = [OutboxEntry.objects.get(pk=row.pk).number for row in rows]
    assert numbers == list(range(1, 8))
    assert len({OutboxEntry.objects.get(pk=row.pk).chain for row in rows}) == 7
    made = proofs.of(rows[3])
    assert made is not None and made["entry"]["subject"] == "s-3"
    keys = [settings.KEYS.public("log"), settings.KEYS.public("log-sm2")]
    assert proof.check_inclusion(made, keys).size == 7
    report = check.verify(settings.LOG_DIR, keys)
    assert report.ok and report.size == 7


def test_a_crash_between_numbering_and_logging_is_mended(world: World, log: Any, now: datetime) -> None:
    record()
    sequencer.number_waiting()
    record()
    assert sequencer.step(now) == 2
    assert [log.entry(n)["seq"] for n in range(2)] == [1, 2]


def test_what_broke_between_log_and_database_finds_its_place_again(
    world: World, log: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the entries, the rows do not know where: proofs must not wait for ever, totals must agree."""
    assert sequencer.step(now) == 0
    rows = [record(subject=f"s-{n}") for n in range(3)]
    inbox.accept(journal(world, 1, 2, seq=1), now)
    inbox.handle_waiting(now)
    whole = sequencer._write_places

    def broken(_table: str, places: list[Any]) -> None:
        if places:
            raise OperationalError("the server closed the connection")

    monkeypatch.setattr(sequencer, "_write_places", broken)
    with pytest.raises(OperationalError):
        sequencer.step(now)
    monkeypatch.setattr(sequencer, "_write_places", whole)
    assert log.size == 5 and proofs.of(rows[0]) is None
    assert sequencer.step(now) == 0  # the same process goes on
    for row in rows:
        made = proofs.of(row)
        assert made is not None and made["entry"]["subject"] == row.fields["subject"]
    assert sorted(JournalLine.objects.values_list("index", flat=True)) == [3, 4]
    # 被强行结束后重新启动：以前写成 -1 的也找得回来，日志里另有内容的仍是 -1
    OutboxEntry.objects.filter(pk=rows[1].pk).update(index=None)
    JournalLine.objects.filter(number=1).update(index=-1)
    JournalLine.objects.filter(number=2).update(index=None, fields={"act": "else"})
    sequencer.PLACES.known = False
    assert sequencer.step(now) == 0
    assert OutboxEntry.objects.get(pk=rows[1].pk).index == 1
    assert list(JournalLine.objects.order_by("number").values_list("index", flat=True)) == [3, -1]


def test_other_domains_lines_wait_for_a_gap_to_fill(world: World, log: Any, now: datetime) -> None:
    inbox.accept(journal(world, 3, 2, seq=2), now)
    inbox.handle_waiting(now)
    assert sequencer.step(now) == 0
    inbox.accept(journal(world, 1, 2, seq=1), now)
    inbox.handle_waiting(now)
    assert sequencer.step(now) == 4
    assert not JournalLine.objects.filter(index__isnull=True).exists()
    assert [log.entry(n)["seq"] for n in range(4)] == [1, 2, 3, 4]


def test_a_line_sent_again_with_other_content_is_refused(world: World, log: Any, now: datetime) -> None:
    first = journal(world, 1, 2, seq=1)
    assert inbox.accept(first, now) is True
    inbox.handle_waiting(now)
    assert inbox.accept(first, now) is False
    changed = [{**line, "subject": "t-9"} for line in first.body["entries"]]
    with pytest.raises(WireError) as caught:
        inbox.accept(message(world, 2, "journal", {"source": "enclave", "entries": changed}), now)
    assert caught.value.code == "conflict"
    same = message(world, 2, "journal", {"source": "enclave", "entries": first.body["entries"]})
    assert inbox.accept(same, now) is True
    inbox.handle_waiting(now)
    assert sequencer.step(now) == 2 and log.entry(0)["subject"] == "t-1"


def test_a_journal_of_after_a_restore_is_logged_beside_the_old_one(
    world: World, log: Any, now: datetime
) -> None:
    inbox.accept(journal(world, 1, 3, seq=1), now)
    name = "enclave.r0123456789ab"
    lines = [{**line, "source": name} for line in journal(world, 1, 2, seq=9).body["entries"]]
    inbox.accept(message(world, 2, "journal", {"source": name, "entries": lines}), now)
    inbox.handle_waiting(now)
    assert sequencer.step(now) == 5
    assert (log.last("enclave"), log.last(name)) == (3, 2)
    keys = [settings.KEYS.public("log"), settings.KEYS.public("log-sm2")]
    report = check.verify(settings.LOG_DIR, keys)
    assert report.ok and not report.gaps


def test_the_witnesses_read_the_entries_the_checkpoint_covers(
    world: World, log: Any, client: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gongshu.evidence.audit import Audit
    from gongshu.evidence.checkpoint import read

    for number in range(600):
        record(subject=f"s-{number}")
    sequencer.step(now)
    monkeypatch.setattr(proofs, "PAGE", 250)
    audit = Audit()
    while audit.size < 600:
        answer = _line(client).get(f"/link/entries?from={audit.size}")
        page = [row.encode() for row in canonical.loads(answer.content)["entries"]]
        assert 0 < len(page) <= 512
        audit.take(page, lambda _source: False, (), lambda _source, _numbers: {})
    audit.check(read(log.checkpoint())[0])
    assert canonical.loads(_line(client).get("/link/entries?from=600").content)["entries"] == []
    assert _line(client).get("/link/entries?from=601").status_code == 400
    assert _line(client).get("/link/entries?from=x").status_code == 400


def test_a_checkpoint_goes_out_and_cosignatures_come_back(world: World, log: Any, now: datetime) -> None:
    from gongshu.evidence.witness import Witness

    record()
    sequencer.step(now)
    assert witnesses.publish_checkpoint(now) is True
    assert witnesses.publish_checkpoint(now) is False
    body = FeedItem.objects.get(kind="checkpoint").envelope["body"]
    keys = [settings.KEYS.public("log"), settings.KEYS.public("log-sm2")]
    witness = Witness("gongshu/enclave", settings.LOG_DIR.parent / "w", [world.keys["enclave"]], keys)
    line_ = witness.cosign(body["checkpoint"].encode(), body["proof"], now)
    inbox.accept(message(world, 1, "cosign", {"size": 1, "line": line_}), now)
    inbox.handle_waiting(now)
    assert witnesses.keep_cosignatures(now) == 1
    assert witnesses.keep_cosignatures(now) == 0
    record()
    sequencer.step(now)
    witnesses.step(now)
    newest = FeedItem.objects.filter(kind="checkpoint").order_by("-seq")[0].envelope["body"]
    assert newest["proof"]["from"] == 1 and newest["proof"]["to"] == 2
    assert proofs.newest(1)["proof"]["to"] == 2


def test_a_signed_list_is_published_and_a_broken_one_is_not(world: World, client: Client) -> None:
    officer = people.person(None, "security_administrator")
    people.log_in(client, officer)
    made = world.trust_envelope(number=2)
    file = SimpleUploadedFile("list.json", made.dumps())
    assert client.post("/admin/trust/", {"document": file}).status_code == 302
    assert trust.current(datetime.now(UTC)).number == 2
    assert FeedItem.objects.get(kind="trust").zone == ZONE
    for content in (b"{}", b"no json", world.trust_envelope(number=3, signers=1).dumps(), made.dumps()):
        answer = client.post("/admin/trust/", {"document": SimpleUploadedFile("l.json", content)})
        assert answer.status_code == 400, content[:20]
    assert FeedItem.objects.filter(kind="trust").count() == 1


def test_only_the_security_administrator_publishes(world: World, client: Client) -> None:
    people.log_in(client, people.person(None, "system_administrator"))
    assert client.get("/admin/trust/").status_code == 403


def test_the_clock_of_a_demo_moves_forward_only_and_says_so(world: World, client: Client) -> None:
    people.log_in(client, people.person(None, "system_administrator"))
    target = (clock.business_now() + timedelta(days=40)).date()
    assert client.post("/admin/clock/", {"day": target.isoformat(), "hour": "9"}).status_code == 302
    assert clock.business_today() == target
    assert FeedItem.objects.filter(kind="clock").count() == len(settings.SITE.zones)
    answer = client.post("/admin/clock/", {"day": "2020-01-01", "hour": "9"})
    assert answer.status_code == 400 and "不能倒退" in answer.content.decode()
    assert record().fields["moved"] > 0


def test_a_production_home_has_one_clock(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = people.acting(None, "system_administrator")
    monkeypatch.setattr(settings, "SITE", replace(settings.SITE, mark="production", hosts=("testserver",)))
    with pytest.raises(Refused):
        line.move_clock(actor=officer, now=datetime.now(UTC), target=clock.business_now() + timedelta(days=9))
    from gongshu.office.link.models import ClockOffset

    ClockOffset.objects.create(seconds=99_999, published=datetime.now(UTC))
    assert clock.offset_seconds() == 0


def test_json_of_the_feed_is_what_was_signed(world: World, now: datetime) -> None:
    item = feed.publish(
        "stop", {"id": "st", "scope": "all", "target": "", "reason": "停"}, zone=ZONE, now=now
    )
    item.refresh_from_db()
    verified = wire.verify(wire.parse(json.loads(json.dumps(item.envelope))), trust.current(now), now)
    assert [one.role for one in verified] == ["office"]
