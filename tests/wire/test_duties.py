"""The loop of a process: one failing duty stops no other, and what has a sentence is said once."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

import pytest

from gongshu.wire.duties import Duty, repeat
from gongshu.wire.errors import WireError


def test_a_failing_duty_stops_no_other_and_a_sentence_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    ran: list[datetime] = []

    def untrusted(_now: datetime) -> None:
        raise WireError("no_trust", "本域还没有信任名单。")

    def broken(_now: datetime) -> None:
        raise ZeroDivisionError

    def work(now: datetime) -> None:
        ran.append(now)
        if len(ran) == 3:
            stop.set()

    with caplog.at_level(logging.WARNING):
        repeat(stop, [Duty("untrusted", 0, untrusted), Duty("broken", 0, broken), Duty("work", 0, work)])
    assert len(ran) == 3
    assert [record.message for record in caplog.records].count("duty broken failed") == 3
    assert sum("本域还没有信任名单" in record.message for record in caplog.records) == 1


def test_a_sentence_is_said_again_after_things_went_well(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    turns = iter("失成失")

    def duty(_now: datetime) -> None:
        turn = next(turns, None)
        if turn is None:
            stop.set()
        if turn == "失":
            raise WireError("line", "线路断了。")

    with caplog.at_level(logging.WARNING):
        repeat(stop, [Duty("duty", 0, duty)])
    assert sum("线路断了" in record.message for record in caplog.records) == 2
