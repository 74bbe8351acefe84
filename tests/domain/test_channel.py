"""How much the office can be told of raw data: counted from the tables, and the threat model says the same."""

from __future__ import annotations

import itertools
import re
from datetime import date
from pathlib import Path

import pytest

from gongshu.enclave import channel, thresholds
from gongshu.enclave.attack.model import CHECKS
from gongshu.law import rules

PAGE = Path(__file__).parents[2] / "docs" / "threat-model.md"


def said(what: str) -> int:
    found = re.search(rf"{what}[^0-9\n]*([0-9]+) 比特", PAGE.read_text("utf-8"))
    assert found, f"威胁模型里没有“{what}…比特”"
    return int(found[1])


def limit(name: str) -> int:
    return int(rules.at("cn", date(2026, 6, 1)).limit(name).value)


def test_the_page_gives_the_width_that_the_tables_have() -> None:
    tries, releases = limit("runs.per_day"), limit("releases.per_day")
    assert releases == thresholds.releases("huangshi", date(2026, 6, 1))
    assert said("一次运行至多") == round(channel.bits_of_run())
    assert said("一次出域检验至多") == round(channel.bits_of_release())
    assert said("一个项目一天至多") == round(channel.bits_a_day(tries, releases))


def test_no_more_checks_are_told_than_counted() -> None:
    messages = set()
    for size in range(5):
        for spoke in itertools.combinations(CHECKS, size):
            for verdict in ("review", "block"):
                found = [{"check": each, "severity": verdict} for each in reversed(spoke)]
                messages.add((verdict if spoke else "pass", tuple(channel.told(verdict, found))))
    assert len(messages) == channel.verdicts()


def test_only_the_checks_that_made_the_verdict_are_told_in_their_order() -> None:
    found = [
        {"check": "total", "severity": "block"},
        {"check": "extreme", "severity": "review"},
        {"check": "threshold", "severity": "block"},
        {"check": "threshold", "severity": "block"},
    ]
    assert channel.told("block", found) == ["threshold", "total"]
    assert channel.told("pass", []) == []


@pytest.mark.parametrize(("tries", "releases"), [(50, 10), (5, 10), (1, 0)])
def test_more_requests_than_tries_count_for_no_more(tries: int, releases: int) -> None:
    most = max(channel.bits_of_run(), channel.bits_of_release())
    assert 0 < channel.bits_a_day(tries, releases) <= tries * most
