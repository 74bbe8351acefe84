"""The clock stories beside the packs, run twice: as written, and with every pack value changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gongshu.law import clocks, packs, rules, schema
from gongshu.law.schema import Value

STORIES = [
    (path.parent.parent.name, story)
    for path in sorted(packs.ROOT.glob("*/stories/clocks.yaml"))
    for story in schema.read_yaml(path.read_text("utf-8"))[0]
]
NAMES = [f"{zone}: {story['what']}" for zone, story in STORIES]


def reckon(library: packs.Library, zone: str, story: dict[str, Any]) -> date | None:
    start = story["from"]
    return clocks.deadline(rules.at(zone, start, library), story["clock"], start).due


def changed(value: Value) -> Value:
    """Another number, another day of the year, and a number where there was none."""
    if value.section != "clocks" or value.absent:
        return value
    data = dict(value.data)
    number = data.get("value")
    if isinstance(number, int):
        data["value"] = number + 11
    elif number:
        data["value"] = "06-30"
    else:
        data |= {"kind": "deadline", "value": 3, "unit": "working_days", "rolls": False}
    return replace(value, data=data)


OTHER = packs.library().changed(changed)


@pytest.mark.parametrize(("zone", "story"), STORIES, ids=NAMES)
def test_as_written(zone: str, story: dict[str, Any]) -> None:
    assert reckon(packs.library(), zone, story) == story["due"]


@pytest.mark.parametrize(("zone", "story"), STORIES, ids=NAMES)
def test_with_every_value_changed_the_answer_moves(zone: str, story: dict[str, Any]) -> None:
    assert reckon(OTHER, zone, story) not in (story["due"], None)


def test_every_numbered_clock_written_in_a_pack_has_a_story() -> None:
    library = packs.library()
    told = {
        (rules.at(zone, story["from"]).clock(story["clock"]).pack, story["clock"]) for zone, story in STORIES
    }
    again = {
        "registration.first",
        "registration.legacy",
        "registration.acceptance",
        "registration.examination",
    }
    again |= {"registration.publicity", "registration.cancellation", "certificate.renewal_window"}
    again |= {"certificate.renewal_length", "operation.term", "operator.lookback"}
    for pack in library.packs.values():
        for (section, name), versions in pack.values.items():
            if section == "clocks" and versions[-1].data.get("value") and name not in again:
                assert (pack.id, name) in told, f"{pack.id} {name}"


@pytest.mark.row("E21")
def test_the_other_reading_of_the_first_day_ends_a_certificate_one_day_sooner() -> None:
    def read_otherwise(value: Value) -> Value:
        if value.id != "certificate_first_day":
            return value
        return replace(value, data={**value.data, "takes": "a"})

    start = date(2026, 3, 2)
    other = packs.library().changed(read_otherwise)
    for zone in ("cn", "gansu", "hubei"):
        taken = clocks.deadline(rules.at(zone, start), "certificate.validity", start)
        left = clocks.deadline(rules.at(zone, start, other), "certificate.validity", start)
        assert (taken.due, left.due) == (date(2029, 3, 2), date(2029, 3, 1))
        assert taken.reading is not None
        assert str(taken.reading["b"]) in taken.sentence
        assert "另一读法" in taken.sentence


def test_a_clock_taken_from_another_pack_keeps_that_packs_reading() -> None:
    due = clocks.deadline(rules.at("huangshi", date(2026, 3, 2)), "retention.logs", date(2026, 3, 2))
    assert due.reading is not None
    assert due.reading["number"] == 10
