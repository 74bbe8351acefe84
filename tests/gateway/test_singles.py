"""Calls about single subjects over real HTTP: the five answers, consent, counts, idempotency, the trip."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gongshu.crypto.keystore import KeyStoreError
from gongshu.crypto.sign import PrivateKey
from gongshu.gateway import receipts
from gongshu.gateway.engine import encode
from gongshu.gateway.main import Chores, build
from gongshu.gateway.watch import Watching
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from gongshu.wire.settings import load
from support.gateways import FIRM, ZONE
from support.singles import Singles, answers, number, rows


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Singles]:
    made = Singles(tmp_path)
    made.open()
    yield made
    made.close()


def said(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one.get("code") or one["answer"] for one in answer.json()["results"]]


def restart(street: Singles) -> None:
    """The process ends and starts again over the same home."""
    street.shut()
    street.gateway = build(load(street.home))
    street.open()
    street.poll()


def chores(street: Singles) -> None:
    gateway = street.gateway
    state = street.home / "gateway" / "state"
    watching = Watching.open(gateway.line, gateway.ledger, state, street.world.keys["gateway"])
    Chores(gateway, watching, state).run(datetime.now(UTC))


def posted(street: Singles, kind: str) -> list[dict[str, Any]]:
    return [one.body for one in street.office.posted if one.kind == kind]


# ---------------------------------------------------------------- answers


def test_match_mismatch_and_not_found_are_told_apart(street: Singles) -> None:
    street.agree("none")
    street.poll()
    assert said(street.verify("none", 3)) == ["match"]
    assert said(street.verify("none", 3, months=7)) == ["mismatch"]
    assert said(street.verify("none", 500)) == ["not_found"]
    words = [one["word"] for one in street.verify("none", 3).json()["results"]]
    assert words == ["一致"]


def test_a_batch_is_answered_in_its_order_and_each_subject_counts(street: Singles) -> None:
    street.agree("none")
    street.poll()
    items = [{"subject": number(one), "values": {"缴存状态": "正常"}} for one in (1, 3, 99)]
    assert said(street.ask("none", items)) == ["match", "mismatch", "not_found"]
    tally = street.gateway.meter.contracts["ct-none"]
    assert (tally.today, len(tally.subjects)) == (3, 3)


def test_a_lookup_shows_only_what_the_agreement_names(street: Singles) -> None:
    street.agree("none", fields=["缴存状态"])
    street.poll()
    found = street.ask("none", [{"subject": number(4)}], "lookup")
    assert found.json()["results"] == [{"answer": "found", "word": "查到", "fields": {"缴存状态": "正常"}}]
    asked = street.ask("none", [{"subject": number(4), "fields": ["连续缴存月数"]}], "lookup")
    assert said(asked) == ["field"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"\xff", b'{"purpose":"p","items":[]}', b'{"purpose":"p","items":[{"subject":""}]}',
     b'{"purpose":"p","items":[{"subject":"1","consent":' + b"[" * 3000 + b"]" * 3000 + b"}]}",
     b'{"purpose":"p","items":[{"subject":"1","values":{}}]}', b'{"purpose":"p","items":[{"subject":"1","x":1}]}'],
)  # fmt: skip
def test_a_malformed_body_is_a_400_in_words(street: Singles, body: bytes) -> None:
    street.agree("none")
    street.poll()
    answer = street.call("/v1/products/pd-none/verify", "POST", credential="cred-none", body=body)
    assert answer.status_code == 400 and answer.json()["error"]["sentence"].endswith("。")


def test_a_hundred_subjects_and_no_more(street: Singles) -> None:
    street.agree("none")
    street.poll()
    items = [{"subject": number(1), "values": {"缴存状态": "正常"}}] * 101
    assert street.ask("none", items).json()["error"]["code"] == "too_many"


# ---------------------------------------------------------------- consent


def test_without_consent_a_known_and_an_unknown_subject_get_the_same_answer(street: Singles) -> None:
    street.agree("standing")
    street.poll()
    known, unknown = (street.verify("standing", one).json()["results"] for one in (3, 500))
    assert known == unknown
    assert known[0]["answer"] == "unauthorised" and known[0]["word"] == "未授权"
    assert street.gateway.meter.contracts["ct-standing"].today == 0


def test_a_standing_consent_carries_calls_until_it_is_withdrawn(street: Singles) -> None:
    street.agree("standing")
    street.give("cs-1", 3)
    street.poll()
    assert said(street.verify("standing", 3)) == ["match"]
    assert said(street.verify("standing", 4)) == ["no_consent"]
    street.withdraw("cs-1")
    assert said(street.verify("standing", 3)) == ["withdrawn"]
    chores(street)
    effects = posted(street, "effect")
    assert [one["stop"] for one in effects] == ["w-cs-1"]
    uses = posted(street, "uses")
    assert uses[0]["counts"] == {"cs-1": 1} and uses[0]["contract"] == "ct-standing"


def test_withdrawn_stays_withdrawn_over_a_restart_and_before_its_consent(street: Singles) -> None:
    street.agree("standing")
    street.withdraw("cs-9")
    street.give("cs-9", 3)
    street.poll()
    assert said(street.verify("standing", 3)) == ["withdrawn"]
    restart(street)
    assert said(street.verify("standing", 3)) == ["withdrawn"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"until": "2020-12-31"}, "consent_expired"),
        ({"purpose": "other"}, "consent_scope"),
        ({"fields": ["缴存状态"]}, "consent_scope"),
        ({"buyer": "org-firm"}, "no_consent"),
        ({"product": "pd-none"}, "no_consent"),
        ({"contract": "ct-9"}, "no_consent"),
    ],
)
def test_a_consent_to_something_else_carries_nothing(street: Singles, changes: Any, code: str) -> None:
    street.agree("standing")
    street.give("cs-1", 3, **changes)
    street.poll()
    assert said(street.verify("standing", 3)) == [code]


def test_a_consent_each_call_is_good_for_one(street: Singles) -> None:
    street.agree("each_call")
    street.poll()
    consent = street.once("co-1", 3)
    assert said(street.verify("each_call", 3, consent=consent)) == ["match"]
    assert said(street.verify("each_call", 3, consent=consent)) == ["consent_used"]
    restart(street)
    assert said(street.verify("each_call", 3, consent=consent)) == ["consent_used"]
    chores(street)
    restart(street)  # now the journal's part is behind the totals
    assert said(street.verify("each_call", 3, consent=consent)) == ["consent_used"]
    assert said(street.verify("each_call", 3)) == ["no_consent"]


def test_a_consent_of_another_is_none_and_a_forged_one_is_named(street: Singles) -> None:
    street.agree("each_call")
    street.poll()
    assert said(street.verify("each_call", 4, consent=street.once("co-1", 3))) == ["no_consent"]
    stranger = street.once("co-2", 3, PrivateKey.generate("sm2"))
    changed = street.once("co-3", 3)
    changed["body"]["id"] = "co-4"
    for bad in (stranger, changed, {"x": 1}):
        answer = street.verify("each_call", 3, consent=bad)
        assert said(answer) == ["consent_bad"]
        (one,) = answer.json()["results"]
        assert one["answer"] == "unauthorised" and one["sentence"].startswith("随请求带来的同意不成立：")
        # whoever stands behind the question, known or not, the words are the same
        assert street.verify("each_call", 500, consent=bad).json()["results"] == [one]


def test_a_verdict_over_a_consent_ends_with_the_envelope_and_its_keys(street: Singles) -> None:
    """One judged good is not good for ever, and one that came too early is not refused for ever."""
    gateway, now = street.gateway, datetime.now(UTC)
    street.poll()
    trust = gateway.line.trust.current(now)

    def made(issued: float, expires: float) -> bytes:
        times = (now + timedelta(seconds=issued), now + timedelta(seconds=expires))
        body = street.once("co-1", 3)["body"]
        one = wire.make("consent", ZONE, 0, body, *times)
        return wire.sign(one, "portal", street.world.keys["portal"]).dumps()

    def ask(raw: bytes, zone: str = ZONE) -> str:
        found = gateway.consents.presented(raw, zone, trust)
        return found if isinstance(found, str) else ""

    good, early, long = made(-5, 0.6), made(60.6, 90), made(-5, 3600)
    assert ask(good) == "" and ask(good, "hubei") and ask(good) == ""
    assert "当前时刻之后" in ask(early)
    time.sleep(0.7)
    assert "已过有效期" in ask(good) and ask(early) == ""
    portal = next(one for one in trust.entries.values() if one.role == "portal")
    ending = replace(portal, until=now + timedelta(minutes=1))
    shorter = replace(trust, entries={**trust.entries, (portal.id, portal.role): ending})
    verdict = gateway.consents._judge(long, ZONE, shorter, time.time())
    assert verdict.until == (now + timedelta(minutes=1)).timestamp()


def test_a_withdrawn_consent_does_not_come_back_with_a_call(street: Singles) -> None:
    street.agree("each_call")
    street.withdraw("co-1")
    assert said(street.verify("each_call", 3, consent=street.once("co-1", 3))) == ["withdrawn"]


def test_a_firms_own_key_speaks_for_that_firm_only(street: Singles) -> None:
    """The number comes from the trust list, not from the message."""
    salt, key = "cd" * 16, street.world.keys["subject"]
    for id_, code in (("cs-a", FIRM), ("cs-b", number(3))):
        kind = "firm" if code == FIRM else "person"
        said_ = subjects.digest(subjects.name(kind, code), salt)
        body = street.consent_body(id_, "standing", said_, salt=salt)
        street.office.publish("consent", body, key, "subject")
    street.agree("standing")
    street.poll()
    held = street.gateway.consents.by_subject[("pd-standing", "org-bank")]
    assert [one.id for rows_ in held.values() for one in rows_] == ["cs-a"]
    assert said(street.verify("standing", 3)) == ["no_consent"]


# ---------------------------------------------------------------- counts


def test_quota_of_calls_and_of_subjects_survive_a_restart(street: Singles) -> None:
    quota = {"calls_per_day": 4, "calls_per_month": None, "calls_total": None, "subjects_per_day": 2}
    street.agree("none", quota=quota)
    street.poll()
    assert said(street.verify("none", 1)) == ["match"]
    assert said(street.verify("none", 2)) == ["match"]
    assert said(street.verify("none", 3)) == ["subjects"]
    restart(street)
    assert said(street.verify("none", 3)) == ["subjects"]
    assert said(street.verify("none", 1)) == ["match"]
    chores(street)
    restart(street)
    assert said(street.verify("none", 1)) == ["match"]
    assert said(street.verify("none", 1)) == ["quota"]


def test_the_ceiling_counts_over_all_agreements_of_a_product(street: Singles) -> None:
    street.agree("none")
    street.agree("none", id="ct-other")
    street.ceilings = [street.ceiling(id="ce", product="pd-none", purposes=["loan-review"],
                                      fields=["缴存状态", "连续缴存月数"], subjects_per_day=1)]  # fmt: skip
    street.poll()
    assert said(street.verify("none", 1)) == ["match"]
    assert said(street.verify("none", 2)) == ["ceiling_subjects"]


def test_the_token_bucket_slows_a_buyer_down(street: Singles) -> None:
    street.agree("none", rate={"per_second": 1, "burst": 2})
    street.poll()
    items = [{"subject": number(1), "values": {"缴存状态": "正常"}}] * 4
    assert said(street.ask("none", items)) == ["match", "match", "rate", "rate"]


def test_batches_say_what_a_bill_needs(street: Singles) -> None:
    street.agree("none")
    street.poll()
    for subject in (1, 2, 2, 500):
        street.verify("none", subject)
    chores(street)
    (calls,) = posted(street, "calls")
    assert (calls["count"], calls["hits"], calls["subjects"]) == (4, 3, 3)
    assert calls["answers"] == {"match": 3, "not_found": 1} and calls["purpose"] == "loan-review"
    street.verify("none", 1)
    street.verify("none", 7)
    restart(street)  # the batcher's memory of the day comes back too
    chores(street)
    assert [one["subjects"] for one in posted(street, "calls")] == [3, 1]


# ---------------------------------------------------------------- idempotency


def test_the_same_key_and_body_is_answered_once_and_counted_once(street: Singles) -> None:
    street.agree("none")
    street.poll()
    first = street.verify("none", 1, idempotency="retry-0001")
    again = street.verify("none", 1, idempotency="retry-0001")
    assert first.content == again.content
    assert street.gateway.meter.contracts["ct-none"].today == 1
    restart(street)
    assert street.verify("none", 1, idempotency="retry-0001").content == first.content
    assert street.gateway.meter.contracts["ct-none"].today == 1
    other = street.verify("none", 2, idempotency="retry-0001")
    assert other.status_code == 422 and other.json()["error"]["code"] == "idempotency_conflict"


def test_a_kept_answer_is_sealed_and_its_key_is_destroyed_with_the_days(street: Singles) -> None:
    street.agree("none")
    street.poll()
    street.verify("none", 3, idempotency="retry-0002")
    (record,) = [record for _, record in street.gateway.ledger.calls.scan()]
    assert b"match" in record and number(3).encode() not in record
    assert "一致".encode() not in record
    kept = receipts.loads(record)
    assert "一致".encode() in street.gateway.answers.open(kept)
    street.gateway.answers.forget(kept.at + 3 * 86_400_000)
    assert not list((street.home / "gateway" / "keys").glob("answers.*"))


def test_whoever_reads_the_journal_cannot_try_out_who_was_asked_about(street: Singles) -> None:
    """Number, values and answer are few enough to be tried; the digests in the record must not confirm one."""
    street.agree("none")
    street.poll()
    first = street.verify("none", 3, idempotency="retry-0003")
    street.verify("none", 3, idempotency="retry-0004")
    one, two = (receipts.loads(record) for _, record in street.gateway.ledger.calls.scan())
    assert one.answer == hashlib.sha256(first.content).hexdigest()  # the buyer can check it
    assert one.body == two.body and one.answer != two.answer
    asked = first.request
    plain = asked.url.raw_path + b"\n" + asked.content
    assert hashlib.sha256(plain).hexdigest() != one.body
    known = {**first.json(), "call": one.id}
    del known["nonce"]
    assert hashlib.sha256(encode(known)).hexdigest() != one.answer
    street.gateway.answers.forget(one.at + 3 * 86_400_000)
    with pytest.raises(KeyStoreError):
        street.gateway.answers.same(receipts.known_of(1, one), "/v1", b"")


def test_a_request_kept_by_an_older_version_is_still_answered_once(street: Singles) -> None:
    street.agree("none")
    street.poll()
    first = street.verify("none", 1, idempotency="retry-0005")
    gateway = street.gateway
    ((number_, record),) = gateway.ledger.calls.scan()
    asked = first.request
    plain = hashlib.sha256(asked.url.raw_path + b"\n" + asked.content).hexdigest()
    older = msgspec.structs.replace(receipts.loads(record), v=2, body=plain)
    gateway.answers.keep(older.idem, receipts.known_of(number_, older), older.at)
    assert street.verify("none", 1, idempotency="retry-0005").content == first.content
    other = street.verify("none", 2, idempotency="retry-0005")
    assert other.json()["error"]["code"] == "idempotency_conflict"


# ---------------------------------------------------------------- trip


def test_over_scope_use_trips_and_only_both_keys_lift_it(street: Singles) -> None:
    street.agree("none", over_scope={"tries": 3, "seconds": 600})
    street.poll()
    wrong = [street.verify("none", 1, purpose="other").json()["error"]["code"] for _ in range(3)]
    assert wrong == ["purpose"] * 3
    assert street.verify("none", 1).json()["error"]["code"] == "tripped"
    restart(street)
    assert street.verify("none", 1).json()["error"]["code"] == "tripped"
    chores(street)
    (effect,) = posted(street, "effect")
    assert effect["code"] == "tripped" and effect["contract"] == "ct-none"
    assert (effect["product"], effect["tries"], effect["seconds"]) == ("pd-none", 3, 600)
    body = {"id": "l-1", "contract": "ct-none", "product": "pd-none", "trip": effect["stop"]}
    street.office.publish("lift", body)  # the office alone
    street.poll()
    assert street.verify("none", 1).json()["error"]["code"] == "tripped"
    # 别的熔断的解除；别的产品的提供单位同意的解除
    for other in ({"trip": "trip-else"}, {"product": "pd-other"}):
        street.office.publish("lift", {**body, **other}, street.world.keys["airlock"], "airlock")
        street.poll()
        assert street.verify("none", 1).json()["error"]["code"] == "tripped"
    chores(street)
    assert len(posted(street, "effect")) == 1
    street.office.publish("lift", body, street.world.keys["airlock"], "airlock")
    street.poll()
    assert said(street.verify("none", 1)) == ["match"]
    chores(street)
    assert [one["stop"] for one in posted(street, "effect")] == [effect["stop"], "l-1"]


# ---------------------------------------------------------------- versions, lease


def test_a_newer_version_swaps_in_and_one_act_rolls_back(street: Singles) -> None:
    street.agree("none")
    street.snapshot("pd-none", "v2", 2, rows=[(number(1), ("封存", 9))])
    street.poll()
    assert said(street.verify("none", 1)) == ["mismatch"]
    street.live = {"pd-none": "v1"}
    street.poll()
    assert said(street.verify("none", 1)) == ["match"]
    street.live = {"pd-none": ""}
    street.poll()
    assert street.verify("none", 1).json()["error"]["code"] == "no_release"


def test_a_field_the_version_lacks_is_nobodys_mismatch(street: Singles) -> None:
    street.agree("none", fields=["缴存状态", "连续缴存月数", "单位名称"])
    street.ceilings = [{**street.single_ceiling("none"), "fields": ["缴存状态", "连续缴存月数", "单位名称"]}]
    street.poll()
    for operation, asked in (
        ("verify", {"values": {"单位名称": "甲"}}),
        ("lookup", {"fields": ["单位名称"]}),
    ):
        answer = street.ask("none", [{"subject": number(1), **asked}], operation)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "no_release") and "单位名称" in error["sentence"]
    assert street.gateway.meter.contracts["ct-none"].today == 0
    assert said(street.verify("none", 1)) == ["match"]


def test_consents_used_up_are_kept_while_a_zone_lives_on_an_earlier_day(street: Singles) -> None:
    street.agree("each_call")
    street.office.publish("clock", {"offset_seconds": -400 * 86_400})
    street.poll()
    today = (datetime.now(UTC) - timedelta(days=400)).date()
    ends = (today + timedelta(days=30)).isoformat()
    consent = street.once("co-1", 3, until=ends)
    assert said(street.verify("each_call", 3, consent=consent)) == ["match"]
    chores(street)
    assert said(street.verify("each_call", 3, consent=consent)) == ["consent_used"]


def test_what_cannot_be_proved_keeps_no_other_chore_from_being_done(
    street: Singles, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.agree("none")
    street.poll()
    street.verify("none", 1)

    def fail(_now: datetime) -> int:
        raise ValueError

    monkeypatch.setattr(street.gateway.ledger, "batch", fail)
    street.gateway.line.book.change("effects", "s-1", {"zone": ZONE, "at": "2026-03-02T01:00:00Z"})
    with pytest.raises(ExceptionGroup):
        chores(street)
    assert [one["stop"] for one in posted(street, "effect")] == ["s-1"]


def test_a_snapshot_outside_the_ceiling_in_force_is_not_answered_from(street: Singles) -> None:
    street.agree("none")
    street.snapshot("pd-none", "v2", 2, grant="g-else", rows=rows(5))
    street.poll()
    assert street.verify("none", 1).json()["version"] == "v1"
    street.ceilings = [{**street.single_ceiling("none"), "fields": ["缴存状态"]}]
    street.poll()
    assert street.verify("none", 1).status_code in (403, 404)


def test_products_with_consent_stop_five_seconds_after_the_line_is_cut(street: Singles) -> None:
    street.agree("none")
    street.agree("standing")
    street.give("cs-1", 3)
    street.poll()
    street.office.deaf = True
    assert said(street.verify("standing", 3)) == ["match"]
    at = street.gateway.clock
    street.gateway.clock = lambda: at() + 5.5
    late = int((time.time() + 5.5) * 1000)
    assert street.verify("standing", 3, time_ms=late).json()["error"]["code"] == "lease"
    assert said(street.verify("none", 3, time_ms=late)) == ["match"]


def test_consents_over_the_feed_must_be_sealed_by_the_portal(street: Singles) -> None:
    """A digest that the office could search numbers for is not taken from the consent service."""
    salt = "ef" * 16
    body = street.consent_body(
        "cs-5", "standing", subjects.digest(subjects.name("person", number(3)), salt), salt=salt
    )
    made = wire.consent("consent", ZONE, body, "portal", street.world.keys["portal"])
    assert made.role == "portal"
    street.office.publish("consent", body, street.world.keys["portal"], "portal")
    street.agree("standing")
    street.poll()
    assert said(street.verify("standing", 3)) == ["no_consent"]
    assert answers(3)[0] == "封存"
