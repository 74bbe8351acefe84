"""What a taken-over office gets by forging consents with the portal's own key: answers up to the ceiling, and a
line in the gateway's journal for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.gateway.main import Chores
from gongshu.gateway.watch import Watching
from support.singles import Singles

NAMED = 3


class Narrow(Singles):
    """A ceiling of three subjects a day, as the provider confirmed it."""

    def single_ceiling(self, kind: str) -> dict[str, Any]:
        return {**super().single_ceiling(kind), "subjects_per_day": NAMED}


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Narrow]:
    made = Narrow(tmp_path)
    made.open()
    made.agree("standing")
    made.poll()
    yield made
    made.close()


def told(street: Singles) -> dict[str, list[Any]]:
    """What the gateway posts after its chores: kind → bodies."""
    gateway, state = street.gateway, street.home / "gateway" / "state"
    watching = Watching.open(gateway.line, gateway.ledger, state, street.world.keys["gateway"])
    Chores(gateway, watching, state).run(datetime.now(UTC))
    found: dict[str, list[Any]] = {}
    for one in street.office.posted:
        found.setdefault(one.kind, []).append(one.body)
    return found


def word(street: Singles, subject: int) -> str:
    answer = street.verify("standing", subject)
    if answer.status_code != 200:
        return str(answer.json()["error"]["code"])
    (one,) = answer.json()["results"]
    return str(one.get("code") or one["answer"])


def test_forged_consents_answer_up_to_the_ceiling_and_each_shows_in_the_journal(street: Narrow) -> None:
    for subject in range(NAMED + 2):
        street.give(f"forged-{subject}", subject)
    street.poll()
    said = [word(street, subject) for subject in range(NAMED + 2)]
    assert said == ["match"] * NAMED + ["ceiling_subjects"] * 2
    posted = told(street)
    counts: dict[str, int] = {}
    for body in posted["uses"]:
        counts |= body["counts"]
    # 没有同意过的人，事后在网关自己的流水里找得到：每个被用过的同意编号、几次
    assert counts == {f"forged-{subject}": 1 for subject in range(NAMED)}
    assert sum(body["count"] for body in posted["calls"]) == NAMED


def test_a_withdrawal_sent_again_changes_nothing_and_a_new_consent_is_a_new_one(street: Narrow) -> None:
    street.give("cs-1", 1)
    street.poll()
    assert word(street, 1) == "match"
    street.withdraw("cs-1")
    street.withdraw("cs-1")
    assert word(street, 1) == "withdrawn"
    street.give("cs-1", 1)  # 撤回过的编号再发一次，不算
    street.poll()
    assert word(street, 1) == "withdrawn"
    street.give("cs-2", 1)
    street.poll()
    assert word(street, 1) == "match"
