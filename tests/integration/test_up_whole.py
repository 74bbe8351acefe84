"""The real processes together: founded, started, seen from outside, cut off and healed."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gongshu.host.processes import BY_NAME
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.feed import FeedClient
from gongshu.wire.lease import fresh
from gongshu.wire.store import FileFeedState, TrustStore
from support.founding import found, gongshu
from support.homes import place, until

pytestmark = pytest.mark.skipif(
    not all(process.installed() for process in BY_NAME.values()), reason="不是每个部件都已安装"
)
ROWS = {
    "organisations": [{"id": "org-bus", "name": "公交集团"}],
    "people": [{"id": "p-1", "name": "张三", "organisation": "org-bus"}],
    "accounts": [{"user": "zhangsan", "person": "p-1"}],
    "keys": [],
}


@dataclass
class Installation:
    home: Path
    base: Path
    urls: dict[str, str]

    def state(self) -> dict[str, Any]:
        found_: dict[str, Any] = json.loads((self.home / "run" / "processes.json").read_bytes())
        return found_

    def client(self, name: str) -> FeedClient:
        """A reader of our own that believes the same administrators."""
        store = TrustStore(self.base / name)
        store.install(wire.loads((self.base / "ceremony" / "list.json").read_bytes()), datetime.now(UTC))
        state = FileFeedState(self.base / f"{name}.json")
        return FeedClient(self.urls["link"], "huangshi", store, state, mark="test")


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with place() as base:
        home = base / "h"
        gongshu(home, "init", "--mark", "test", "--zone", "huangshi")
        found(home, base / "ceremony", ROWS)
        urls = gongshu(home, "up", "--port", "0", "--detach")["urls"]
        yield Installation(home, base, urls)
        gongshu(home, "down")


def test_every_process_of_the_table_is_up(running: Installation) -> None:
    state = running.state()
    assert state["ready"] and set(state["processes"]) == set(BY_NAME)
    assert gongshu(running.home, "doctor")["ok"]


def test_the_offices_line_gives_a_lease_that_the_trust_list_carries(running: Installation) -> None:
    batch = running.client("reader").poll()
    assert batch.lease is not None and fresh(batch.lease, "consent", datetime.now(UTC))
    assert not fresh(batch.lease, "consent", datetime.now(UTC) + timedelta(seconds=6))


def test_a_cut_line_lets_the_lease_run_out_and_heals_by_itself(running: Installation) -> None:
    client = running.client("cut")
    seq = client.poll().seq
    worker = running.state()["processes"]["worker"]["pid"]
    # Killed at once it would hardly be missed: callers wait at the door until the next one answers.
    os.kill(worker, signal.SIGSTOP)
    with pytest.raises(WireError) as caught:
        until(lambda: client.poll() and None, 10)
    assert caught.value.code == "line"
    os.kill(worker, signal.SIGKILL)

    def back() -> bool:
        row = running.state()["processes"]["worker"]
        return bool(row["healthy"] and row["pid"] != worker)

    until(back, 60)
    assert client.poll().seq >= seq


def test_the_line_answers_a_stranger_with_a_sentence(running: Installation) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(running.urls["link"] + "/link/feed?zone=atlantis", timeout=10)
    assert caught.value.code == 400
    assert json.load(caught.value)["error"]["sentence"]


def test_an_account_of_the_list_can_be_enrolled_and_no_other(
    running: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    from gongshu.cli.main import main

    answer = gongshu(running.home, "airlock", "enrol", "zhangsan")
    assert len(answer["password"]) >= 12 and len(answer["totp"]) >= 16
    assert main(["airlock", "enrol", "lisi", "--json", "--home", str(running.home)]) == 2
    assert not json.loads(capsys.readouterr().out)["ok"]
