"""Real processes on a real home, and hands inside: the office's (with its whole database and all its keys)
and, played by the data domain's own code, those of its people."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from gongshu.crypto.sign import PrivateKey
from gongshu.gateway import requests
from gongshu.host import inside
from gongshu.host.home import Home
from gongshu.wire import envelope as wire
from support.founding import found, gongshu
from support.homes import place, until

ZONE = "huangshi"
BUS, AUTHORITY, OPERATOR, BUYER = "org-bus", "org-authority", "org-operator", "org-buyer"
PEOPLE = {"p-bus": BUS, "p-bus2": BUS, "p-auth": AUTHORITY, "p-dev": OPERATOR}
ROLES = {"p-bus": ["provider_officer", "reviewer"], "p-dev": ["developer"]}
PRODUCT, VERSION, COLUMNS = "pd-1", "rel-1", ["line", "trips"]
PRELUDE = """
import json, os, sys
from datetime import UTC, datetime, timedelta
os.environ["DJANGO_SETTINGS_MODULE"] = "{settings}"
import django
django.setup()
from django.conf import settings
from django.db import transaction
"""
# One piece of code after another, each with a connection of its own: the database may die in between.
HAND = """
import traceback
from django.db import connection
for line in sys.stdin:
    asked = json.loads(line)
    scope = {"given": asked["given"], "now": datetime.now(UTC), "answer": None, "settings": settings,
             "transaction": transaction, "json": json, "datetime": datetime, "timedelta": timedelta}
    try:
        exec(asked["code"], scope)
        said = {"answer": scope["answer"]}
    except Exception:
        said = {"error": traceback.format_exc()[-2000:]}
    finally:
        connection.close()
    print(json.dumps(said), flush=True)
"""
SETTINGS = {"office": "gongshu.office.link.settings", "domain": "gongshu.enclave.settings"}


def rows(operator: PrivateKey, buyer: PrivateKey) -> dict[str, Any]:
    """What the trust list says besides the services."""
    return {
        "organisations": [{"id": one, "name": one} for one in (BUS, AUTHORITY, OPERATOR, BUYER)],
        "people": [
            {"id": one, "name": one, "organisation": organisation, "roles": ROLES.get(one, ["reviewer"])}
            for one, organisation in PEOPLE.items()
        ],
        "accounts": [{"user": one.replace("-", ""), "person": one} for one in PEOPLE],
        "keys": [
            {"key": operator.public().encode(), "role": "operator", "organisation": OPERATOR},
            {"key": buyer.public().encode(), "role": "buyer", "organisation": BUYER},
        ],
    }


@dataclass
class Scene:
    """One installation. `folder` holds the administrators' ceremony."""

    path: Path
    base: Path
    operator: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))
    buyer: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))
    urls: dict[str, str] = field(default_factory=dict)
    hands: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.base / "ceremony"

    def up(self) -> None:
        self.urls = gongshu(self.path, "up", "--port", "0", "--detach")["urls"]

    def down(self) -> None:
        gongshu(self.path, "down")

    def state(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.path / "run" / "processes.json").read_bytes())
        return made

    def pid(self, process: str) -> int:
        """Its pid; a process that ended with another's death is waited for."""
        until(lambda: self.state()["processes"][process]["pid"] is not None, 60)
        return int(self.state()["processes"][process]["pid"])

    def hand(self, service: str, code: str, **given: Any) -> Any:
        """Runs code as a service's user with its database and keys; its `answer`."""
        hand = self.hands.get(service)
        if hand is None or hand.poll() is not None:
            hand = self.hands[service] = self._reach_in(service)
        assert hand.stdin is not None and hand.stdout is not None
        hand.stdin.write(json.dumps({"code": dedent(code), "given": {"zone": ZONE, **given}}) + "\n")
        hand.stdin.flush()
        said = json.loads(hand.stdout.readline() or '{"error": "the hand is gone"}')
        assert "error" not in said, said["error"]
        return said["answer"]

    def _reach_in(self, service: str) -> subprocess.Popen[str]:
        home = Home.open(self.path)
        return subprocess.Popen(
            inside.python("-c", PRELUDE.format(settings=SETTINGS[service]) + HAND),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
            umask=0o077,
            env=inside.environment(home, service),
            **home.account(service).popen(),
        )

    def close(self) -> None:
        """Takes the hands out again."""
        for hand in self.hands.values():
            hand.communicate(timeout=30)
        self.hands = {}

    def office(self, code: str, **given: Any) -> Any:
        return self.hand("office", code, **given)

    def domain(self, code: str, **given: Any) -> Any:
        return self.hand("domain", code, **given)

    def publish(
        self,
        kind: str,
        body: dict[str, Any],
        *,
        operator: PrivateKey | None = None,
        buyer: PrivateKey | None = None,
    ) -> int:
        """The office puts a message of its own making on the feed, signed by these too; its number."""
        sides = {"operator": operator, "buyer": buyer}
        signatures = [vars(wire.consent(kind, ZONE, body, role, key)) for role, key in sides.items() if key]
        seq: int = self.office(
            """
            from gongshu.office.link import feed
            from gongshu.wire.envelope import Signature
            signatures = [Signature(**row) for row in given["signatures"]]
            answer = feed.publish(given["kind"], given["body"], zone=given["zone"], now=now,
                                  signatures=signatures).seq
            """,
            kind=kind,
            body=body,
            signatures=signatures,
        )
        return seq

    def place(self) -> int:
        """The last feed number the enclave has taken."""
        return int(
            self.domain(
                "from gongshu.enclave.consume import DatabaseState\n"
                "answer = DatabaseState().get(given['zone'])"
            )
        )

    def record(self, many: int = 1) -> None:
        """Evidence of the office, acknowledged when this returns."""
        self.office(
            """
            from gongshu.office.link import evidence
            for _ in range(given["many"]):
                with transaction.atomic():
                    evidence.record(act="case.opened", actor="p-1", role="registrant", subject="c-1",
                                    zone=given["zone"], now=now)
            """,
            many=many,
        )

    def log_size(self) -> int:
        found_ = gongshu(self.path, "evidence", "verify")
        assert found_["ok"], found_["problems"]
        return int(found_["size"])

    # ---- a product that is served

    def serve(self, calls_per_day: int = 1000) -> None:
        """A released product with a confirmed ceiling and the buyer's contract, as the lawful way leaves it."""
        self.domain(SERVE, product=PRODUCT, version=VERSION, columns=COLUMNS, owner=BUS)
        ceiling = {
            "id": "ce-1",
            "product": PRODUCT,
            "grant": "g-1",
            "buyers": [{"organisation": BUYER, "key": self.buyer.public().id}],
            "purposes": ["调度"],
            "fields": COLUMNS,
            "calls_per_day": calls_per_day,
            "subjects_per_day": 0,
            "consent": "none",
        }
        self.publish("ceiling", ceiling)
        self.wait_place()
        self.domain(CONFIRM, ceiling="ce-1", organisation=BUS, person="p-bus")
        self.contract("co-1", calls_per_day=max(calls_per_day, 1000))
        self.wait_place()

    def contract_body(self, id_: str, **changes: Any) -> dict[str, Any]:
        return {
            "id": id_,
            "product": PRODUCT,
            "operator": OPERATOR,
            "operator_key": self.operator.public().id,
            "buyer": BUYER,
            "key": self.buyer.public().id,
            "from": "2020-01-01",
            "until": "2099-12-31",
            "purposes": ["调度"],
            "fields": COLUMNS,
            "calls_per_day": 1000,
            **changes,
        }

    def contract(self, id_: str, **changes: Any) -> None:
        """An agreement office, operator and buyer signed, and a credential `cr-…` for it."""
        body = self.contract_body(id_, **changes)
        self.publish("contract", body, operator=self.operator, buyer=self.buyer)
        credential = {"id": f"cr-{id_}", "contract": id_, "buyer": BUYER}
        self.publish("credential", credential, buyer=self.buyer)

    def wait_place(self, seconds: float = 60) -> None:
        """Until the enclave has taken what the office published."""
        head = self.office("from gongshu.office.link import feed\nanswer = feed.head(given['zone'])")
        ends = time.monotonic() + seconds
        while self.place() < head:
            assert time.monotonic() < ends, "the enclave does not follow the feed"

    def call(self, contract: str = "co-1", purpose: str = "%E8%B0%83%E5%BA%A6") -> tuple[int, dict[str, Any]]:
        """One signed call of the buyer: (status, answer)."""
        target = f"/v1/products/{PRODUCT}/rows?purpose={purpose}"
        given = requests.Authorization(
            requests.KEY_SCHEME, f"cr-{contract}", int(time.time() * 1000), secrets.token_hex(16), b""
        )
        signature = self.buyer.sign(requests.message("GET", target, given, b""))
        headers = requests.header(
            requests.KEY_SCHEME, given.credential, given.time_ms, given.nonce, signature
        )
        asked = urllib.request.Request(self.urls["gateway"] + target, headers=dict(headers))
        try:
            with urllib.request.urlopen(asked, timeout=10) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def answers(self) -> bool:
        try:
            return self.call()[0] == 200
        except OSError:
            return False


# A snapshot in the vault, a grant its provider confirmed, and a released table laid into `serving/`.
SERVE = """
import csv
from gongshu.enclave import confirm, handin, intake, sources
from gongshu.enclave.store.models import Grant
from gongshu.wire import envelope as wire
from gongshu.wire import serving
from gongshu.wire.store import write_file
from gongshu.crypto.hashes import digest
import dataclasses
settings.INTAKE_DIR.mkdir(parents=True, exist_ok=True)
path = settings.INTAKE_DIR / "trips.csv"
with path.open("w", newline="") as out:
    made = csv.writer(out)
    made.writerow(["card", "line", "fare"])
    for n in range(400):
        made.writerow([f"HS{n % 150:08d}", f"{n % 3 + 1}路", n % 2 + 1])
taken = handin.begin(zone=given["zone"], organisation=given["owner"], person="p-bus", resource="res-1",
                     title="刷卡", table="trips", filename="trips.csv", path=path, now=now)
taken = handin.read(taken, now)
decision = intake.accept(handin.proposal_of(taken))
grades = {"card": "L4", "line": "L1", "fare": "L2"}
fields = tuple(dataclasses.replace(one, grade=grades[one.name], reason="线路和票价不指向个人")
               for one in decision.fields)
handin.confirm(taken, dataclasses.replace(decision, fields=fields, subject="card"), person="p-bus", now=now)
source = sources.newest(given["zone"], "res-1")
body = {"v": 1, "id": "g-1", "zone": given["zone"], "project": "pr-1", "mode": "answer", "purpose": "指数",
        "from": "2020-01-01", "until": "2099-12-31", "developing_org": "org-operator",
        "developers": ["p-dev"], "reviewing_orgs": ["org-authority", "org-bus"], "runs_per_day": 5,
        "tables": {"trips": {"resource": "res-1", "owner": source.organisation, "subject": source.subject,
                             "columns": {name: dict(one) for name, one in source.columns.items()}}}}
grant = confirm.receive_grant(wire.make("grant", given["zone"], 0, body, now), now)
confirm.answer(grant, organisation=given["owner"], person="p-bus", agreed=True, reason="", now=now)
root = settings.SERVING_DIR / given["zone"]
place = root / "products" / given["product"] / given["version"]
for folder in (root, root / "products", place.parent, place):
    serving.make_folder(folder)
content = json.dumps({"columns": given["columns"],
                      "rows": [{"line": "1路", "trips": "120"}, {"line": "2路", "trips": "88"}]}).encode()
body = {"product": given["product"], "version": given["version"], "release": given["version"],
        "files": {"rows.json": digest(content)}}
signed = wire.sign(wire.make("serving", given["zone"], 1, body, now), "enclave",
                   settings.KEYS.signer("enclave"))
write_file(place / "rows.json", content, 0o640)
write_file(place / "manifest.json", signed.dumps(), 0o640)
"""
CONFIRM = """
from gongshu.enclave import confirm
from gongshu.enclave.store.models import Ceiling
confirm.answer(Ceiling.objects.get(id=given["ceiling"]), organisation=given["organisation"],
               person=given["person"], agreed=True, reason="", now=now)
"""


@contextmanager
def installed(mark: str = "test", *, start: bool = True) -> Iterator[Scene]:
    """A founded home of this mark, running if `start`; stopped and removed at the end."""
    with place() as base:
        scene = Scene(base / "h", base)
        gongshu(scene.path, "init", "--mark", mark, "--zone", ZONE)
        found(scene.path, scene.folder, rows(scene.operator, scene.buyer))
        try:
            if start:
                scene.up()
            yield scene
        finally:
            scene.close()
            scene.down()
