"""The office taken over, on real processes of a production home: its whole database and all its keys against
the data domain. Every attack is refused, and nothing but the attacked thing stops."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.host.processes import BY_NAME
from support.homes import until
from support.scene import BUYER, COLUMNS, PRODUCT, Scene, installed

pytestmark = pytest.mark.skipif(
    not all(process.installed() for process in BY_NAME.values()), reason="不是每个部件都已安装"
)
CEILING = 6
GRANT_STATE = """
from gongshu.enclave.store.models import Grant, Task
answer = {"grant": Grant.objects.filter(id=given["grant"]).values_list("state", flat=True).first(),
          "outcome": Task.objects.filter(grant=given["grant"]).values_list("outcome", flat=True).first()}
"""
REFUSED = """
from gongshu.enclave.store.models import FeedItem
answer = FeedItem.objects.get(zone=given["zone"], seq=given["seq"]).problem
"""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with installed("production") as made:
        made.serve(calls_per_day=CEILING)
        yield made


@contextmanager
def swallowed(scene: Scene) -> Iterator[None]:
    """The office neither passes on nor takes in anything: the worker is frozen."""
    pid = scene.pid("worker")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_forged_grant_opens_nothing_on_real_processes(scene: Scene) -> None:
    """Signed by the office's true key, true in every word, and confirmed by nobody."""
    body = scene.domain(
        "from gongshu.enclave.store.models import Grant\nanswer = Grant.objects.get(id='g-1').body"
    )
    forged = {**body, "id": "g-forged", "project": "pr-forged", "runs_per_day": 5000}
    scene.publish("grant", forged)
    scene.publish(
        "task", {"id": "t-1", "kind": "run", "grant": "g-forged", "sql": "SELECT count(*) FROM trips"}
    )
    scene.wait_place()
    found = until(lambda: (got := scene.domain(GRANT_STATE, grant="g-forged"))["outcome"] and got, 60)
    assert found == {"grant": "awaiting", "outcome": "refused_grant"}


def test_a_grant_with_weaker_grades_is_not_even_asked_about(scene: Scene) -> None:
    body = scene.domain(
        "from gongshu.enclave.store.models import Grant\nanswer = Grant.objects.get(id='g-1').body"
    )
    body["tables"]["trips"]["columns"]["card"]["grade"] = "L1"
    scene.publish("grant", {**body, "id": "g-weak"})
    scene.wait_place()
    assert scene.domain(GRANT_STATE, grant="g-weak")["grant"] == "invalid"


def test_a_clock_moved_by_the_office_is_refused_in_a_production_home(scene: Scene) -> None:
    seq = scene.publish("clock", {"offset_seconds": 400 * 86400})
    scene.wait_place()
    assert scene.domain(REFUSED, seq=seq).startswith("clock")
    clock = "from gongshu.enclave import clock\nanswer = clock.business_today(given['zone'], now).isoformat()"
    assert scene.domain(clock) == time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    # The refusal is itself evidence, and reaches the log although the office would rather not keep it.
    lines = """
    from gongshu.office.link.models import JournalLine
    answer = JournalLine.objects.filter(fields__act="feed.refused.clock").count()
    """
    until(lambda: scene.office(lines), 60)


def test_a_contract_beyond_the_ceiling_gets_no_more_than_the_ceiling(scene: Scene) -> None:
    """Office and buyer agree on a million calls; the gateway counts to what the provider confirmed."""
    scene.contract("co-rich", calls_per_day=1_000_000)
    scene.contract("co-wide", fields=[*COLUMNS, "card"])
    scene.contract("co-else", purposes=["信贷"])
    scene.publish(
        "ceiling",
        {
            "id": "ce-2",
            "product": PRODUCT,
            "grant": "g-1",
            "buyers": [{"organisation": BUYER, "key": scene.buyer.public().id}],
            "purposes": ["调度", "信贷"],
            "fields": [*COLUMNS, "card"],
            "calls_per_day": 1_000_000,
            "subjects_per_day": 1_000_000,
            "consent": "none",
        },
    )
    scene.wait_place()
    until(lambda: scene.call("co-rich")[0] == 200, 60)
    assert scene.call("co-wide")[0] == 403
    assert scene.call("co-else", purpose="%E4%BF%A1%E8%B4%B7")[0] == 403
    codes = [scene.call("co-rich")[0] for _ in range(CEILING + 2)]
    assert codes.count(200) == CEILING - 1 and set(codes[CEILING:]) == {429}
    # A second agreement has no second ceiling: it is the product's.
    assert scene.call("co-1")[0] == 429


def test_a_contract_without_the_buyers_own_key_is_none(scene: Scene) -> None:
    """The office signs for the buyer with a key it made itself; the operator goes along."""
    forged = PrivateKey.generate("ed25519")
    body = scene.contract_body("co-forged", key=forged.public().id)
    seq = scene.publish("contract", body, operator=scene.operator, buyer=forged)
    scene.wait_place()
    assert scene.domain(REFUSED, seq=seq).startswith("signer")


def test_a_contract_without_the_operators_own_key_is_none(scene: Scene) -> None:
    """The office signs for the operator with a key it made itself; the buyer goes along."""
    forged = PrivateKey.generate("ed25519")
    body = scene.contract_body("co-alone", operator_key=forged.public().id)
    seqs = [
        scene.publish("contract", body, operator=forged, buyer=scene.buyer),
        scene.publish("contract", scene.contract_body("co-alone"), buyer=scene.buyer),
    ]
    scene.publish(
        "credential", {"id": "cr-co-alone", "contract": "co-alone", "buyer": BUYER}, buyer=scene.buyer
    )
    scene.wait_place()
    assert all(scene.domain(REFUSED, seq=seq).startswith("signer") for seq in seqs)
    assert scene.call("co-alone")[0] == 401


def test_a_stop_of_the_airlock_acts_within_seconds_although_the_office_swallows_it(scene: Scene) -> None:
    assert scene.call("co-rich")[0] == 429
    with swallowed(scene):
        scene.domain(
            """
            from gongshu.enclave import stops
            stops.stop(zone=given["zone"], scope="contract", target="co-rich", reason="演练",
                       origin="airlock", person="p-bus", now=now)
            """
        )
        began = time.monotonic()
        until(lambda: scene.call("co-rich")[0] == 403, 60)
        assert time.monotonic() - began < 10
        # Only what was stopped: the other agreement still meets its own limit.
        assert scene.call("co-1")[0] == 429


@pytest.mark.parametrize("trick", ["replay", "skip", "swap"])
def test_a_replayed_skipped_or_reordered_item_stops_the_line_and_it_heals(scene: Scene, trick: str) -> None:
    """The office rewrites rows of its own feed before anybody has read them."""
    with swallowed(scene):
        before = scene.office(
            """
            from gongshu.office.link import feed
            from gongshu.office.link.models import FeedItem
            body = {"scope": "project", "target": "nobody", "reason": "演练"}
            with transaction.atomic():
                made = [feed.publish("stop", {"id": f"s-{given['trick']}-{n}", **body}, zone=given["zone"],
                                     now=now) for n in range(2)]
                first, second = made
                keep = [one.envelope for one in made]
                if given["trick"] == "replay":
                    first.envelope = FeedItem.objects.get(zone=given["zone"], seq=first.seq - 1).envelope
                elif given["trick"] == "swap":
                    first.envelope, second.envelope = second.envelope, first.envelope
                else:
                    first.envelope = second.envelope
                for one in made:
                    one.save()
            answer = FeedItem.objects.get(pk=first.pk).seq - 1
            """,
            trick=trick,
        )
    until(lambda: scene.place() == before, 60)
    until(lambda: scene.call("co-1")[0] == 503, 60)
    time.sleep(1.5)
    assert scene.place() == before
    scene.office(
        """
        from gongshu.office.link.models import FeedItem
        wrong = (given["before"] + 1, given["before"] + 2)
        for row in FeedItem.objects.filter(zone=given["zone"], seq__in=wrong):
            body = {"id": f"s-{given['trick']}-{row.seq - given['before'] - 1}", "scope": "project",
                    "target": "nobody", "reason": "演练"}
            from gongshu.office.link import feed
            from gongshu.wire import envelope as wire
            row.envelope = wire.sign(wire.make("stop", given["zone"], row.seq, body, now), "office",
                                     feed.signer()).data()
            row.save()
        """,
        trick=trick,
        before=before,
    )
    scene.wait_place()
    assert scene.place() >= before + 2
    until(lambda: scene.call("co-1")[0] == 429, 60)


def test_a_cut_line_loses_nothing_and_heals(scene: Scene) -> None:
    many = 60
    with swallowed(scene):
        before = scene.log_size()
        scene.domain(
            """
            from gongshu.enclave import journal
            for n in range(given["many"]):
                with transaction.atomic():
                    journal.record(source="airlock", act="vote.cast", actor="p-bus", role="reviewer",
                                   subject=f"o-cut-{n}", zone=given["zone"], now=now)
            """,
            many=many,
        )
        scene.record(many)
        time.sleep(1)
        assert scene.log_size() == before
    arrived = """
    from gongshu.office.link.models import JournalLine
    answer = JournalLine.objects.filter(fields__subject__startswith="o-cut-", index__isnull=False).count()
    """
    until(lambda: scene.office(arrived) == many, 60)
    until(lambda: scene.log_size() >= before + 2 * many, 60)
