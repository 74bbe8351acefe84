"""Playing the demo: steps as a table, each timed, each with the evidence it left."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gongshu.demo.memory import Memory
from gongshu.demo.stage import Stage, command
from gongshu.demo.web import Unexpected


@dataclass(frozen=True)
class Step:
    """`run` does it and may return one line of what was seen. A step done before is not done again."""

    id: str
    title: str
    run: Callable[[Stage], str | None]


@dataclass
class Done:
    """How a step went. `evidence`: the newest entry of the log after it, as the auditor sees it."""

    id: str
    title: str
    ok: bool
    seconds: float
    evidence: str = ""
    seen: str = ""


@dataclass
class Outcome:
    """What the command prints."""

    ok: bool
    steps: list[Done] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    accounts: list[dict[str, str]] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        return asdict(self)


Say = Callable[[str], None]


def start(home: Path, zone: str, say: Say) -> tuple[dict[str, str], bool]:
    """Start the installation in the background unless it runs; (urls, whether it was started here)."""
    state = home / "run" / "processes.json"
    running = state.exists() and _healthy(json.loads(state.read_text()))
    if not running:
        say("启动公枢（办公域、数据域、网关和两个数据库）。")
        zones = ("--zone", zone)
        command(home, "up", "--mark", "demo", "--detach", *zones, timeout=240, say=say)
    told = json.loads(state.read_text())
    return dict(told["urls"]), not running


def _healthy(told: dict[str, Any]) -> bool:
    rows = told.get("processes", {})
    if not rows or not all(row.get("healthy") for row in rows.values()):
        return False
    return all(_alive(row.get("pid")) for row in rows.values())


def _alive(pid: Any) -> bool:
    return isinstance(pid, int) and Path(f"/proc/{pid}").exists()


def newest_evidence(stage: Stage) -> str:
    """The newest line of the office's journal with its place in the log, as the auditor's page shows it."""
    if "auditor" not in stage.memory.get("accounts", {}):
        return ""
    cells: list[str] = []
    for _ in range(30):  # a line has its number within a tenth of a second, on a busy machine within three
        page = stage.at_office("auditor").open("/admin/audit/")
        rows = page.tree.css("table tbody tr")
        cells = [" ".join(cell.text().split()) for cell in rows[0].css("td")] if rows else []
        cells[:1] = [cells[0].replace(",", "")] if cells else []
        if cells and cells[0].isdigit():
            break
        time.sleep(0.1)
    if not cells:
        return ""
    act = next((cell for cell in cells if re.fullmatch(r"[a-z]+(\.[a-z_0-9-]+)+", cell)), "")
    return f"{cells[0]} {act}".strip()


def play(stage: Stage, steps: Sequence[Step], say: Say) -> Outcome:
    """Do the steps not done yet; stops at the first that fails and says so."""
    outcome = Outcome(True, urls=dict(stage.urls))
    done: dict[str, Any] = stage.memory.get("done", {})
    for number, step in enumerate(steps, 1):
        if step.id in done:
            outcome.steps.append(Done(**done[step.id]))
            say(f"[{number:>2}/{len(steps)}] {step.title}：上一次已经做过。")
            continue
        began = time.monotonic()
        evidence = ""
        try:
            seen, ok = step.run(stage) or "", True
            seconds = round(time.monotonic() - began, 1)
            evidence = newest_evidence(stage)
        except Unexpected as error:
            seen, ok, seconds = str(error), False, round(time.monotonic() - began, 1)
        made = Done(step.id, step.title, ok, seconds, evidence, seen)
        if ok:
            done[step.id] = asdict(made)
            stage.memory.put("done", done)
        outcome.steps.append(made)
        mark = "成" if ok else "败"
        tail = f"　存证 {made.evidence}" if made.evidence else ""
        say(f"[{number:>2}/{len(steps)}] {mark} {step.title}（{made.seconds} 秒）{tail}")
        if seen:
            say(f"         {seen}")
        if not ok:
            outcome.ok = False
            break
    outcome.accounts = accounts(stage)
    return outcome


def accounts(stage: Stage) -> list[dict[str, str]]:
    """One account a role, with the site it belongs to."""
    found = []
    for site, key in (("office", "accounts"), ("airlock", "airlock")):
        for role, account in stage.memory.get(key, {}).items():
            found.append({"site": site, "role": role, **account})
    return found


def serve(home: Path, say: Say) -> None:
    """Keep serving until told to stop, then stop what runs."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    say("网站开着。按 Ctrl-C 停止。")
    stop.wait()
    end(home)
    say("已停止。再运行一次 make demo 会接着上一次的内容。")


def end(home: Path) -> None:
    """`gongshu down`."""
    subprocess.run(
        [sys.executable, "-m", "gongshu.cli.main", "down", "--home", str(home)],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )


def stage_of(home: Path, urls: dict[str, str]) -> Stage:
    return Stage(home, urls, Memory(home / "administrators" / "demo.json"))
