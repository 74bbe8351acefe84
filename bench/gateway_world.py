"""A home with one gateway, 100,000 subjects, their consents, and prepared signed requests: for the bench."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from gongshu.crypto import canonical
from gongshu.gateway import requests
from gongshu.gateway.meter import Days
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from support.gateways import ZONE
from support.singles import PURPOSE, Singles, answers, number

SUBJECTS = 100_000


class World(Singles):
    """The street of the tests with many subjects; its gateway runs in a process of its own."""

    portal_alg = "sm2"

    def __init__(self, folder: Path, subjects_: int = SUBJECTS) -> None:
        self.size = subjects_
        super().__init__(folder)
        for journal in self.gateway.ledger.journals:
            journal.close()
        for kind in ("standing", "each_call"):
            self.agree(kind)
        self._consents()
        self.say()
        self._ended = threading.Event()
        threading.Thread(target=self._renew, daemon=True).start()

    def _renew(self) -> None:
        """The data domain's word stays fresh."""
        while not self._ended.wait(2.0):
            self.say()

    def _consents(self) -> None:
        """Standing consents of all subjects as the gateway keeps them once they came by the feed. Two are
        left out: subject 0 gave none, subject 1 withdrew."""
        days = Days(self.gateway.keyring.keys.secret("subjects"))
        rows = []
        for one in range(1, self.size):
            body = self.consent_body(f"cs-{one}", "standing", "sm2:kept-sealed")
            who = days.who(subjects.name("person", number(one)))
            rows.append((body["id"], ZONE, who, json.dumps(body, ensure_ascii=False)))
        with sqlite3.connect(self.home / "gateway" / "state" / "consents.db") as line:
            line.executemany("insert into consent values (?, ?, ?, ?)", rows)
            line.execute("insert into withdrawn values ('cs-1', 'w-1')")

    # ------------------------------------------------------------ requests

    def question(self, subject: int, consent: bytes = b"") -> bytes:
        state, months = answers(subject)
        values = json.dumps({"缴存状态": state, "连续缴存月数": months}, ensure_ascii=False).encode()
        tail = b',"consent":' + consent if consent else b""
        return b'{"purpose":"%s","items":[{"subject":"%s","values":%s%s}]}' % (
            PURPOSE.encode(), number(subject).encode(), values, tail,
        )  # fmt: skip

    def request(self, kind: str, body: bytes, secret: bytes, *, idempotent: bool = True) -> bytes:
        """One signed verification, HMAC-SHA256, with an idempotency key of its own."""
        target, nonce = f"/v1/products/pd-{kind}/verify", secrets.token_hex(8)
        time_ms, idem = int(time.time() * 1000), nonce + "-i" if idempotent else ""
        given = requests.Authorization("GS1-HMAC-SHA256", f"cred-{kind}", time_ms, nonce, b"")
        mac = hmac.digest(secret, requests.message("POST", target, given, body, idem), "sha256")
        header = requests.header("GS1-HMAC-SHA256", f"cred-{kind}", time_ms, nonce, mac)["authorization"]
        more = f"idempotency-key: {idem}\r\n" if idem else ""
        head = f"POST {target} HTTP/1.1\r\nhost: gateway\r\nauthorization: {header}\r\n{more}"
        return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    def fresh_consents(self, count: int) -> Iterable[tuple[int, bytes]]:
        """(subject, envelope) of consents good for one call, each signed anew by the consent service, SM2."""
        key = self.world.keys["portal"]
        for place in range(count):
            subject = 2 + place % (self.size - 2)
            salt = hashlib.sha256(b"%d" % place).hexdigest()[:32]
            said = subjects.digest(subjects.name("person", number(subject)), salt)
            body = self.consent_body(f"co-{secrets.token_hex(6)}", "once", said, salt=salt)
            made = wire.make("consent", ZONE, 0, body, datetime.now(UTC))
            signed = wire.attach(made, [wire.consent("consent", ZONE, body, "portal", key)])
            yield subject, canonical.dumps(signed.data())

    def end(self) -> None:
        self._ended.set()
        self.office.close()


def save(path: Path, prepared: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for one in prepared:
            file.write(len(one).to_bytes(4, "little") + one)
