"""The main job on real processes: three products of a small synthetic city go the whole lawful way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import homes

pytestmark = [pytest.mark.root, homes.needs_root, pytest.mark.timeout(900)]
REFUSALS = {
    "refuse_certificate",
    "forged_grant",
    "refuse_raw",
    "refuse_small",
    "refuse_model",
    "refuse_hidden",
    "refuse_no_consent",
    "refuse_withdrawn",
    "refuse_firm",
    "refuse_trip",
    "refuse_ended",
}
PRODUCTS = {
    "release_index",
    "release_report",
    "release_fund",
    "release_credit",
    "call",
    "verified",
    "looked_up",
}
ENDS = {"bill", "bill_confirmed", "audit", "totals", "portal", "verify"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with homes.place() as place:
        yield place / "home"
        command("down", "--home", str(place / "home"))


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gongshu.cli.main", *words],
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )


def play(home: Path) -> dict[str, Any]:
    done = command("demo", "--home", str(home), "--no-serve", "--size", "small", "--json")
    assert done.stdout.strip(), done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert told.get("ok"), done.stderr[-3000:]
    assert done.returncode == 0
    return told


def test_three_products_go_the_whole_way_and_a_second_run_does_nothing_twice(home: Path) -> None:
    told = play(home)
    assert set(told) >= {"ok", "steps", "urls", "accounts"}
    steps = {step["id"]: step for step in told["steps"]}
    assert set(steps) >= REFUSALS | PRODUCTS | ENDS
    assert all(step["ok"] and set(step) >= {"id", "title", "seconds", "evidence"} for step in steps.values())
    founding = ("administrators", "first_day")  # 还没有审计人员
    assert all(step["evidence"] for id_, step in steps.items() if id_ not in founding)
    assert {"office", "airlock"} == {account["site"] for account in told["accounts"]}
    log = json.loads(command("evidence", "verify", "--home", str(home), "--json").stdout)
    assert (
        log["ok"] and not log["gaps"] and {one["name"] for one in log["witnesses"]} == {"enclave", "gateway"}
    )
    again = play(home)
    assert [step["seconds"] for step in again["steps"]] == [step["seconds"] for step in told["steps"]]
    later = json.loads(command("evidence", "verify", "--home", str(home), "--json").stdout)
    assert later["ok"] and later["size"] >= log["size"]


def test_a_home_of_another_mark_is_left_alone() -> None:
    with homes.place() as folder:
        place = str(folder / "home")
        made = command("init", "--home", place, "--mark", "production", "--zone", "huangshi", "--json")
        assert made.returncode == 0, made.stderr
        refused = command("demo", "--home", place, "--json")
        assert refused.returncode == 2
        assert json.loads(refused.stdout)["error"]["code"] == "mark"
