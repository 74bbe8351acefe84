"""Every code a page of the airlock may show has a Chinese name, and every state its colour."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import pytest

from gongshu.airlock import words
from gongshu.airlock.forms import STOPPABLE
from gongshu.enclave import release
from gongshu.enclave.attack.model import CHECKS, SEVERITIES
from gongshu.enclave.store.models import Ceiling, Grant, Intake, Output
from gongshu.enclave.vault.manifest import GRADES
from gongshu.law import packs, rules
from gongshu.recognise.column import Defects
from gongshu.recognise.types import TYPES
from gongshu.ui.states import LOOKS
from gongshu.wire.kinds import SCOPES


def test_the_tables_cover_every_code() -> None:
    assert set(CHECKS) <= set(words.CHECKS)
    assert set(TYPES) <= set(words.TYPES)
    assert set(GRADES) <= set(words.GRADES)
    assert set(SCOPES) | set(STOPPABLE) <= set(words.SCOPES)
    assert set(release.KINDS) <= set(words.FORMS)
    assert {each.name for each in fields(Defects)} <= set(words.DEFECTS)


@pytest.mark.parametrize("model", [Intake, Grant, Ceiling, Output])
def test_every_state_has_a_look(model: type) -> None:
    assert {code for code, _ in model.STATES} | {"pass", *SEVERITIES} <= set(LOOKS)


def test_a_zone_is_called_by_its_name_and_a_strange_one_by_its_id() -> None:
    assert words.zone_title("huangshi") == "黄石市"
    assert words.zone_title("elsewhere") == "elsewhere"
    assert not [zone for zone in packs.library().zones if words.zone_title(zone) == zone]


def test_a_reviewer_reads_the_articles_of_the_own_zone() -> None:
    basis = ["gansu-operation:26", "hubei-operation:22", "hubei-operation:26"]
    law = rules.at("huangshi", date(2026, 3, 2))
    said = words.cited(law, "huangshi", basis)
    assert "甘肃" not in said and said.count("《") == 1 and "第22条、第26条" in said
    assert "甘肃" in words.cited(law, "huangshi", basis[:1])
    assert words.cited(law, "huangshi", ["nosuch:1"]) == "nosuch:1"


def test_thresholds_are_read_as_percentages() -> None:
    said = words.limits_text({"threshold": 10, "nk": [2, "0.90"], "p": "0.125"})
    assert said[0] == "每格至少 10 个主体" and "90%" in said[1] and "12.5%" in said[2]
