"""The procedure stories beside the packs, run twice: as written, and with numbers and readings changed.

A story that gives the same answer under other packs tests nothing but itself, so it fails.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gongshu.law import engine, packs, schema
from gongshu.law.decisions import ActRefused
from gongshu.law.packs import Library
from gongshu.law.schema import Value
from support.histories import DIGEST, FILE, Walk, moment

Story = dict[str, Any]

STORIES = [
    (path.parent.parent.name, story)
    for path in sorted(packs.ROOT.glob("*/stories/procedures.yaml"))
    for story in schema.read_yaml(path.read_text("utf-8"))[0]
]
NAMES = [f"{zone}: {story['what']}" for zone, story in STORIES]
HEADS = dict.fromkeys(("no_raw", "not_reversible", "no_linkage"), "pass")
ALWAYS = {
    "recused": False, "actor_organisation": "org", "registrant_organisations": ["other"], "form_problems": [],
    "form_digest": DIGEST, "output_digest": DIGEST, "findings_digest": DIGEST, "answers": HEADS,
    "developing_organisations": ["dev"], "evidence": [FILE], "proof": [FILE],
}  # fmt: skip
"""What every step of a story is given beside its own facts: nothing a story is about."""


def plain(facts: Story) -> Story:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}


def tell(library: Library, zone: str, story: Story) -> Story:
    """What became of a story: state, clocks, timers, and for each act asked whether it is allowed."""
    walk = Walk(zone, story["procedure"], story["steps"][0]["day"].isoformat(), library)
    for step in story["steps"]:
        who = step.get("who", f"person:{step['role']}")
        facts = {**ALWAYS, **plain(step.get("facts", {}))}
        try:
            walk.do(step["act"], step["role"], step["day"].isoformat(), who, **facts)
        except ActRefused as refused:
            return {"refused at": step["act"], "code": refused.code}
    day = story["at"].isoformat()
    found = {item.id: item.due for item in walk.where(day).deadlines}
    answers = []
    for asked in [*story.get("allowed", ()), *story.get("refused", ())]:
        decision = engine.decide(
            walk.procedure, walk.rules, walk.history, asked["act"], asked["role"],
            {**ALWAYS, **plain(asked.get("facts", {}))}, moment(asked.get("day", story["at"])), actor_id="nobody",
        )  # fmt: skip
        answers.append((asked["act"], decision.code))
    return {
        "state": walk.state,
        "clocks": {name: found.get(name) for name in story.get("clocks", ())},
        "overdue": [item.id for item in walk.where(day).overdue] if "overdue" in story else None,
        "timers": [timer.id for timer in walk.tick(day)] if "timers" in story else None,
        "answers": answers,
    }


def expected(story: Story) -> Story:
    return {
        "state": story["state"],
        "clocks": story.get("clocks", {}),
        "overdue": story.get("overdue"),
        "timers": story.get("timers"),
        "answers": [
            *((asked["act"], "allowed") for asked in story.get("allowed", ())),
            *((asked["act"], asked["code"]) for asked in story.get("refused", ())),
        ],
    }


def numbers(value: Value) -> Value:
    """Every number of a clock or limit another one."""
    amount = value.data.get("value")
    if value.section not in ("clocks", "limits") or not isinstance(amount, int):
        return value
    return replace(value, data={**value.data, "value": amount + 4})


def readings(value: Value) -> Value:
    """Every passage read the other way."""
    if value.section != "readings":
        return value
    return replace(value, data={**value.data, "takes": "a" if value.data["takes"] == "b" else "b"})


NUMBERS, READINGS = packs.library().changed(numbers), packs.library().changed(readings)


@pytest.mark.parametrize(("zone", "story"), STORIES, ids=NAMES)
def test_as_written(zone: str, story: Story) -> None:
    assert tell(packs.library(), zone, story) == expected(story)


@pytest.mark.parametrize(("zone", "story"), STORIES, ids=NAMES)
def test_with_every_pack_value_changed_the_result_moves(zone: str, story: Story) -> None:
    changed = READINGS if "reading" in story else NUMBERS
    assert tell(changed, zone, story) != expected(story)


def test_every_zone_tells_stories_of_procedures() -> None:
    assert {zone for zone, _ in STORIES} == set(packs.library().zones)
