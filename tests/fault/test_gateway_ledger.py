"""The gateway's promise under kill -9 and a full disk: what was answered is in the journal, each once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gongshu.gateway import receipts
from gongshu.gateway.main import build
from gongshu.wire.settings import load
from support.singles import Singles, number

WORKERS = 4
# The gateway with a slow disk: what is answered before it is written down would be lost by a kill.
MAIN = """
import sys, time
from pathlib import Path
from gongshu.evidence.journal import FileJournal
from gongshu.gateway.main import main

def slow(journal, real=FileJournal.flush):
    time.sleep(0.03)
    return real(journal)

FileJournal.flush = slow
main(Path(sys.argv[1]))
"""


class Process:
    """The gateway as a process over the home of a street."""

    def __init__(self, street: Singles) -> None:
        self.street = street
        self.child = subprocess.Popen([sys.executable, "-c", MAIN, str(street.home)])
        url = f"http://127.0.0.1:{street.port}/healthz"
        for _ in range(300):
            try:
                if httpx.get(url, trust_env=False).json()["zones"].get("huangshi") == "ok":
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise RuntimeError("the gateway did not start")

    def kill(self) -> None:
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


def closed(street: Singles) -> Singles:
    """The street's own gateway gives its journals back to the process."""
    for journal in street.gateway.ledger.journals:
        journal.close()
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(1.0):
            street.say()

    threading.Thread(target=renew, daemon=True).start()
    street.renewing = ended  # type: ignore[attr-defined]
    return street


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Singles]:
    made = closed(Singles(tmp_path))
    made.agree("none")
    yield made
    made.renewing.set()  # type: ignore[attr-defined]
    made.office.close()


def ask(street: Singles, subject: int, key: str) -> str:
    """The id of the answered call, or '' when there was none (refused, cut off, not there)."""
    try:
        answer = street.verify("none", subject, idempotency=key)
    except httpx.HTTPError:
        return ""
    return str(answer.json()["call"]) if answer.status_code == 200 else ""


def journalled(home: Path) -> Counter[str]:
    """Call ids of the journal as it is read at a start."""
    gateway = build(load(home))
    found = Counter(receipts.loads(record).id for _, record in gateway.ledger.calls.scan())
    for journal in gateway.ledger.journals:
        journal.close()
    return found


def test_killed_at_random_nothing_answered_is_unbilled_or_billed_twice(street: Singles) -> None:
    """Buyers go on with the same idempotency key until they are answered; the process dies again and again."""
    answered: dict[str, str] = {}
    stop = threading.Event()
    drawn = random.Random(11)

    def buyer(place: int) -> None:
        count = 0
        while not stop.is_set():
            key = f"key-{place}-{count:06d}"
            call = ask(street, count % 20, key)
            if call:
                answered[key] = call
                count += 1

    process = Process(street)
    buyers = [threading.Thread(target=buyer, args=(place,)) for place in range(WORKERS)]
    for one in buyers:
        one.start()
    for _ in range(4):
        enough, until = len(answered) + 12, time.monotonic() + 30
        while len(answered) < enough and time.monotonic() < until:
            time.sleep(drawn.uniform(0.005, 0.05))
        process.kill()
        process = Process(street)
    stop.set()
    for one in buyers:
        one.join()
    process.kill()
    found = journalled(street.home)
    assert len(answered) >= 40
    assert len(set(answered.values())) == len(answered)
    assert all(found[call] == 1 for call in answered.values())
    # At most the request each buyer was waiting for when the end came stands in the journal unanswered.
    assert set(found.values()) == {1}
    assert found.total() - len(answered) <= WORKERS


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_answers_nothing_it_cannot_write_down_and_goes_on_when_there_is_room(
    street: Singles,
) -> None:
    journal = street.home / "gateway" / "journal"
    kept = [path for path in journal.rglob("*") if path.is_file()]
    saved = {path.relative_to(journal): path.read_bytes() for path in kept}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(journal)], check=True)
    try:
        for name, data in saved.items():
            (journal / name).parent.mkdir(parents=True, exist_ok=True)
            (journal / name).write_bytes(data)
        process = Process(street)
        answered, refused, place = [], 0, 0
        while refused < 3 and place < 3000:
            place += 1
            batch = [{"subject": number(n % 20), "values": {"缴存状态": "正常"}} for n in range(100)]
            answer = street.ask("none", batch, idempotency=f"full-{place:06d}")
            if answer.status_code == 200:
                answered.append(answer.json()["call"])
                continue
            assert answer.json()["error"]["code"] == "ledger", answer.text
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            refused += 1
        assert answered and refused == 3
        subprocess.run(["mount", "-o", "remount,size=16m", str(journal)], check=True)
        deadline = time.monotonic() + 20
        call = ""
        while not call and time.monotonic() < deadline:
            call = ask(street, 1, f"full-{place:06d}-after")
            time.sleep(0.2)
        assert call, "the gateway did not go on after the disk had room"
        process.kill()
        found = journalled(street.home)
        assert all(found[one] == 1 for one in [*answered, call])
        assert found.total() == len(answered) + 1
    finally:
        subprocess.run(["umount", "-l", str(journal)], check=True)
