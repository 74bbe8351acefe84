"""Writers that stand outside the processes they trouble: each prints what was acknowledged to it."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from textwrap import dedent

from gongshu.host import inside
from gongshu.host.home import Home
from support.scene import PRELUDE, SETTINGS, Scene

# An act in its own transaction, over and over. A name is printed only after its commit returned.
RECORD = {
    "office": """
from gongshu.office.link import evidence
def write(name):
    evidence.record(act="case.opened", actor="p-1", role="registrant", subject=name, zone="huangshi",
                    now=datetime.now(UTC))
""",
    "domain": """
from gongshu.enclave import journal
def write(name):
    journal.record(source="airlock", act="vote.cast", actor="p-bus", role="reviewer", subject=name,
                   zone="huangshi", now=datetime.now(UTC))
""",
}
LOOP = """
import time
given = json.load(sys.stdin)
from django.db import connection
number = 0
while True:
    number += 1
    name = f"{given['name']}-{number}"
    try:
        with transaction.atomic():
            write(name)
    except Exception:
        connection.close()
        time.sleep(0.05)
        continue
    print(name, flush=True)
    time.sleep(0.004)
"""


@dataclass
class Writers:
    """One writer for each database and one buyer at the gateway; `acknowledged` by source."""

    scene: Scene
    acknowledged: dict[str, set[str]] = field(default_factory=lambda: {"office": set(), "domain": set()})
    calls: set[str] = field(default_factory=set)
    _running: list[subprocess.Popen[str]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._stop.clear()
        for service in RECORD:
            self._begin(service)
        thread = threading.Thread(target=self._call, name="buyer")
        thread.start()
        self._threads.append(thread)

    def _begin(self, service: str) -> None:
        home = Home.open(self.scene.path)
        code = PRELUDE.format(settings=SETTINGS[service]) + dedent(RECORD[service]) + LOOP
        writer = subprocess.Popen(
            inside.python("-c", code),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
            env=inside.environment(home, service),
            **home.account(service).popen(),
        )
        assert writer.stdin is not None
        writer.stdin.write(json.dumps({"name": f"w{secrets.token_hex(4)}"}))
        writer.stdin.close()
        thread = threading.Thread(target=self._read, args=(service, writer), name=service)
        thread.start()
        self._running.append(writer)
        self._threads.append(thread)

    def _read(self, service: str, writer: subprocess.Popen[str]) -> None:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.endswith("\n"):
                self.acknowledged[service].add(line.strip())

    def _call(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, ValueError):
                status, answer = self.scene.call()
                if status == 200:
                    self.calls.add(answer["call"])
            self._stop.wait(0.01)

    def stop(self) -> None:
        self._stop.set()
        for writer in self._running:
            writer.kill()
        for thread in self._threads:
            thread.join(30)
        for writer in self._running:
            writer.wait()
        self._running, self._threads = [], []
