"""Proof files of steps, and two people acting on one case at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from gongshu.evidence import proof
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import registry, services
from gongshu.office.cases.models import Case, Decision
from gongshu.office.link import clock, sequencer
from support import people
from support.people import NOW

pytestmark = pytest.mark.django_db(transaction=True)

DIGEST = "sha256:" + "a" * 64
GIVEN = {
    "form_problems": [],
    "form_digest": DIGEST,
    "shared_source": False,
    "not_excluded": True,
    "graded": True,
}


@pytest.fixture(autouse=True)
def plain_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "HANDLERS", {})


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty log of its own, and its keys."""
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    (tmp_path / "log").mkdir()
    for name, alg in (("log", "ed25519"), ("log-sm2", "sm2")):
        if name not in settings.KEYS:
            settings.KEYS.create(name, alg)
    sequencer.log.cache_clear()
    yield
    sequencer.log().close()
    sequencer.log.cache_clear()


def handed_in() -> tuple[Case, Any, Any]:
    home = people.organisation()
    officer, checker = people.person(home, "provider_officer"), people.person(home, "provider_checker")
    case = services.open_case("catalogue.publication", "r-1", people.actor(officer), NOW, title="公交数据")
    services.perform(case, "hand_in", people.actor(officer), GIVEN, NOW)
    return case, officer, checker


def test_a_step_gets_a_proof_anybody_can_check(client: Client, log: None) -> None:
    case, officer, _ = handed_in()
    people.log_in(client, officer)
    row = Decision.objects.get(case=case)
    waiting = client.get(f"/proof/{row.id}.json", headers={"accept": "application/json"})
    assert waiting.status_code == 503
    assert "正在写入" in client.get(f"/cases/{case.id}/").content.decode()
    while sequencer.step(clock.wall_now()):
        pass
    answer = client.get(f"/proof/{row.id}.json")
    assert answer.status_code == 200
    made = answer.json()
    proof.check_inclusion(made, [settings.KEYS.public(name) for name in ("log", "log-sm2")])
    assert made["entry"]["case"] == case.id
    assert made["entry"]["digests"]["decision"] == row.digest
    made["entry"]["role"] = "registrar"
    with pytest.raises(Exception, match=r"证明|检查点|根"):
        proof.check_inclusion(made, [settings.KEYS.public("log")])
    assert f"/proof/{row.id}.json" in client.get(f"/cases/{case.id}/").content.decode()
    stranger = Client()
    people.log_in(stranger, people.person(people.organisation(), "provider_officer"))
    assert stranger.get(f"/proof/{row.id}.json").status_code == 404


def test_two_clerks_at_once_and_only_one_wins() -> None:
    case, _, _ = handed_in()
    home = case.organisation
    checkers = [people.actor(people.person(home, "provider_checker")) for _ in range(4)]
    outcomes: list[str] = []
    start = threading.Barrier(len(checkers))

    def work(actor: Any) -> None:
        start.wait()
        try:
            services.perform(case.id, "check_pass", actor, GIVEN, NOW)
            outcomes.append("done")
        except Refused as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(each,)) for each in checkers]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sorted(outcomes) == ["done", "state", "state", "state"]
    assert case.events.count() == 2
    assert Decision.objects.filter(case=case, allowed=False).count() == 3


def test_numbers_drawn_at_once_are_different() -> None:
    home = people.organisation()
    actor = people.acting(home, "provider_officer")
    numbers: list[str] = []

    def work(n: int) -> None:
        try:
            made = services.open_case("catalogue.publication", f"r-{n}", actor, NOW, title="某")
            numbers.append(made.number)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(set(numbers)) == 8
    assert sorted(numbers)[-1].endswith("000008")
