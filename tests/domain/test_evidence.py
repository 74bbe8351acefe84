"""The data domain's evidence: refused it stays, after a restore it begins anew, left out it is not co-signed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from gongshu.enclave import journal, outgoing, posting, serve, stops, witness
from gongshu.enclave.store.models import JournalEntry, Outgoing
from gongshu.wire import hold, serving
from gongshu.wire.envelope import parse
from gongshu.wire.inbox import Receipt
from support.domainworld import ZONE, Domain


@pytest.fixture
def held() -> Iterator[None]:
    """A home that was restored and signed to go on."""
    path = settings.SITE.config / hold.HOLD
    path.write_text(json.dumps({"v": 1, "restore": "ab" * 16, "places": {}, "at": 1_800_000_000}))
    yield
    path.unlink()


def write(domain: Domain, source: str = "enclave", count: int = 1, now: datetime | None = None) -> None:
    for number in range(count):
        with transaction.atomic():
            journal.record(
                source=source,
                act="test.act",
                actor="p",
                role="r",
                subject=f"s-{number}",
                zone=ZONE,
                now=now or domain.now,
            )


def answer(code: str = "", kinds: tuple[str, ...] = ("journal",), now: datetime | None = None) -> None:
    """The office takes all but `kinds`, which it refuses with this code; '' takes all."""
    moment = now or datetime.now(UTC)
    rows = list(Outgoing.objects.filter(sent__isnull=True, not_before__lte=moment).order_by("number"))
    envelopes = [parse(row.envelope) for row in rows]
    refused = [one.id for one in envelopes if code and one.kind in kinds]
    taken = tuple(one.id for one in envelopes if one.id not in refused)
    words = tuple({"id": each, "code": code, "sentence": "不予接受。"} for each in refused)
    posting.settle(rows, envelopes, Receipt(accepted=taken, refused=words), moment)


def test_refused_evidence_stays_grows_its_pause_and_is_shown(domain: Domain) -> None:
    write(domain)
    journal.step(domain.now)
    answer("replay", now=domain.now)
    row = Outgoing.objects.get(kind="journal")
    assert row.sent is None and row.code == "replay" and row.refused == domain.now
    pauses = []
    for _ in range(8):
        row.refresh_from_db()
        pauses.append((row.not_before - max(domain.now, row.refused)).total_seconds())
        answer("replay", now=row.not_before)
    assert row.tries == 8 and pauses == sorted(pauses)
    (shown,) = posting.unsent()
    assert (shown.source, shown.since, shown.messages) == ("enclave", domain.now, 1)
    assert (shown.code, shown.sentence) == ("replay", "不予接受。")
    row.refresh_from_db()
    answer(now=row.not_before)
    assert posting.unsent() == [] and Outgoing.objects.get(pk=row.pk).sent is not None


def test_refused_evidence_holds_up_neither_other_sources_nor_other_messages(domain: Domain) -> None:
    write(domain)
    write(domain, "airlock")
    journal.step(domain.now)
    outgoing.post("cosign", {"size": 1, "line": "x"}, zone=ZONE, now=domain.now)
    rows = list(Outgoing.objects.filter(source="enclave").order_by("number"))
    envelopes = [parse(row.envelope) for row in rows]
    said = Receipt(
        accepted=tuple(one.id for one in envelopes if one.kind != "journal"),
        refused=tuple(
            {"id": one.id, "code": "conflict", "sentence": "不。"}
            for one in envelopes
            if one.kind == "journal"
        ),
    )
    posting.settle(rows, envelopes, said, domain.now)
    assert Outgoing.objects.get(kind="cosign").sent == domain.now
    due = Outgoing.objects.filter(sent__isnull=True, not_before__lte=domain.now)
    assert [row.source for row in due] == ["airlock"]


def test_another_kind_that_is_refused_is_settled_and_says_why(domain: Domain) -> None:
    outgoing.post("cosign", {"size": 1, "line": "x"}, zone=ZONE, now=domain.now)
    answer("body", ("cosign",), domain.now)
    row = Outgoing.objects.get()
    assert row.sent is not None and row.code == "body"
    assert posting.unsent() == []


def test_a_restored_domain_numbers_anew_under_its_own_name(domain: Domain, held: None) -> None:
    name = "enclave.r" + "ab" * 6
    JournalEntry.objects.create(
        source="enclave", number=7, fields={}, chain="00" * 32, written=domain.now, posted=domain.now
    )
    write(domain, count=2)
    journal.step(domain.now)
    assert list(JournalEntry.objects.filter(source=name).values_list("number", flat=True)) == [1, 2]
    made = parse(Outgoing.objects.get(kind="journal").envelope)
    assert made.body["source"] == name and [one["seq"] for one in made.body["entries"]] == [1, 2]
    assert made.seq > 1_800_000_000 * 1_000_000
    assert "enclave" in {one.role for one in made.signatures}
    write(domain)
    journal.step(domain.now)
    assert JournalEntry.objects.filter(source=name).count() == 3


def test_lines_numbered_before_a_restore_leave_under_their_old_name(domain: Domain, held: None) -> None:
    path = settings.SITE.config / hold.HOLD
    content = path.read_text()
    path.unlink()
    write(domain)
    journal.number_waiting("enclave", domain.now)
    path.write_text(content)
    write(domain)
    journal.step(domain.now)
    sources = [row["body"]["source"] for row in Outgoing.objects.values_list("envelope", flat=True)]
    assert sorted(sources) == ["enclave", "enclave.r" + "ab" * 6]


def test_the_outcome_of_a_run_is_in_no_line_before_its_full_ten_seconds(domain: Domain) -> None:
    heard = outgoing.next_full_ten(domain.now)
    write(domain, now=heard)
    write(domain, "airlock")
    assert journal.step(domain.now) == 1
    assert JournalEntry.objects.get(source="enclave").number is None
    assert journal.step(heard) == 1
    assert re.search(r":[0-5]0\.000Z$", JournalEntry.objects.get(source="enclave").fields["time"])


def test_the_witness_knows_its_own_lines_and_the_oldest_not_taken(domain: Domain) -> None:
    own = witness.Own()
    assert own.unaccepted() is None and list(own.names) == ["enclave", "airlock"]
    early = domain.now - timedelta(minutes=5)
    write(domain, now=early)
    assert own.unaccepted() == early
    journal.step(domain.now)
    assert own.unaccepted() is not None
    answer("replay", now=domain.now)
    assert own.unaccepted() is not None
    answer(now=domain.now + timedelta(minutes=5))
    assert own.unaccepted() is None
    row = JournalEntry.objects.get()
    assert own.held("enclave", [1, 2]) == {
        1: json.dumps(
            journal.line_of(row), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        ).encode()
    }
    assert own.unlogged({}) == early and own.unlogged({"enclave": 1}) is None
    assert own.mine("airlock.r0123456789ab") and not own.mine("gateway") and not own.mine("office")


def test_a_checkpoint_is_looked_at_once_and_a_withheld_signature_is_journalled(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint of the feed waits for the witness's own thread; here it is no checkpoint at all."""
    monkeypatch.setattr(witness, "LOOKED", {})
    domain.feed("checkpoint", {"checkpoint": "no note", "proof": {}})
    assert not Outgoing.objects.filter(kind="cosign").exists()
    later = domain.now + timedelta(seconds=1)
    assert witness.step(later) == 0 and witness.step(later) == 0
    acts = list(JournalEntry.objects.values_list("fields__act", flat=True))
    assert acts.count("witness.refused") == 1
    witness._watch.cache_clear()


def read_state(domain: Domain, now: datetime) -> dict:
    admitted, _ = serving.read(settings.SERVING_DIR, ZONE, domain.trust, now, "test")
    return admitted.envelope.data()


def test_an_unchanged_word_is_signed_seldom_and_a_stop_is_written_at_once(domain: Domain) -> None:
    serve.WRITTEN.clear()
    seconds = [domain.now + timedelta(seconds=number) for number in range(10)]
    written = [serve.renew_state(ZONE, now) for now in seconds]
    assert written == [number % 3 == 0 for number in range(10)]
    for now in seconds:
        assert now - datetime.fromisoformat(read_state(domain, seconds[-1])["issued"]) <= serving.FRESH
    assert serve.RENEWED + timedelta(seconds=2) < serving.FRESH
    now = seconds[-1] + timedelta(seconds=1)
    stops.stop(
        zone=ZONE, scope="product", target="pd-9", reason="x", origin="airlock", person="p-bus", now=now
    )
    assert serve.renew_state(ZONE, now)
    assert [one["target"] for one in read_state(domain, now)["body"]["stops"]] == ["pd-9"]
    Path(settings.SERVING_DIR / ZONE / serving.NAME).unlink()
