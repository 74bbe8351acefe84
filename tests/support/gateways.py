"""A gateway over real HTTP: a small office serving a signed feed, and the data domain's files."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvloop

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest, hmac_of
from gongshu.crypto.keystore import FileKeyStore
from gongshu.crypto.sign import PrivateKey
from gongshu.gateway import requests
from gongshu.gateway.app import App, fault
from gongshu.gateway.engine import Gateway
from gongshu.gateway.http import Server
from gongshu.gateway.main import build
from gongshu.wire import envelope as wire
from gongshu.wire import feed, inbox, lease, serving
from gongshu.wire.doors import bind
from gongshu.wire.settings import load
from gongshu.wire.store import TrustStore
from support.wires import World, key_row

ZONE = "huangshi"
ROWS = [
    {"月份": f"2026-0{month}", "线路": line, "客流": str(month * 100)}
    for month in (1, 2)
    for line in ("1路", "2路")
]
COLUMNS = ["月份", "线路", "客流"]
FIRM = "91420200MA00000000"


class Office:
    """Serves `items` as the feed and keeps what is posted; `deaf` cuts the line."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.items: list[wire.Envelope] = []
        self.posted: list[wire.Envelope] = []
        self.deaf = False
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if office.deaf:
                    self.send_error(503)
                    return
                after = int(parse_qs(urlsplit(self.path).query)["after"][0])
                now = datetime.now(UTC)
                made = lease.issue(ZONE, len(office.items), now, world.keys["office"])
                self.answer(feed.page(ZONE, office.items[after:], made))

            def do_POST(self) -> None:
                if office.deaf:
                    self.send_error(503)
                    return
                data = self.rfile.read(int(self.headers["content-length"]))
                taken = [one for one in inbox.loads(data) if isinstance(one, wire.Envelope)]
                office.posted += taken
                self.answer(canonical.dumps(inbox.Receipt(tuple(one.id for one in taken)).data()))

            def answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(
        self, kind: str, body: dict[str, Any], buyer: PrivateKey | None = None, role: str = "buyer"
    ) -> None:
        self.send(kind, body, () if buyer is None else ((role, buyer),))

    def agree(self, body: dict[str, Any], buyer: PrivateKey) -> None:
        """A contract that the operator signed, and the buyer with this key."""
        self.send("contract", body, (("operator", self.world.keys["operator"]), ("buyer", buyer)))

    def send(self, kind: str, body: dict[str, Any], signers: Iterable[tuple[str, PrivateKey]]) -> None:
        """The office publishes what these signed: (role they claim, key)."""
        self.put(kind, body, [wire.consent(kind, ZONE, body, role, key) for role, key in signers])

    def put(self, kind: str, body: dict[str, Any], signatures: Iterable[wire.Signature]) -> None:
        """The next item of the feed, whatever these signatures were made over."""
        made = wire.attach(wire.make(kind, ZONE, len(self.items) + 1, body, datetime.now(UTC)), signatures)
        self.items.append(wire.sign(made, "office", self.world.keys["office"]))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Street:
    """Everything around one gateway, and the gateway itself on a real port."""

    portal_alg = "ed25519"
    others: tuple[dict[str, Any], ...] = ()
    """More rows of keys for the trust list."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.world = World(zone=ZONE)
        self.buyer = PrivateKey.generate("sm2")
        self.world.keys["buyer"] = self.buyer
        if self.portal_alg != "ed25519":
            self.world.keys["portal"] = PrivateKey.generate(self.portal_alg)
        self.office = Office(self.world)
        self._home()
        self.stops: list[dict[str, Any]] = []
        self.ceilings: list[dict[str, Any]] = [self.ceiling()]
        self.number = 0
        self.live = {}
        self.say()
        self.product("rel-1")
        self.gateway: Gateway = build(load(self.home))

    def _home(self) -> None:
        for name in ("config", "gateway", "serving"):
            (self.home / name).mkdir(mode=0o700)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        ports = {"office": 1, "link": self.office.server.server_port, "airlock": 3, "gateway": self.port}
        config = {"v": 1, "mode": "single", "zones": [ZONE], "zone": ZONE, "ports": ports}
        (self.home / "config" / "config.json").write_text(json.dumps(config))
        (self.home / "config" / "mark").write_text("test\n")
        (self.home / "config" / "mark").chmod(0o444)
        keys = FileKeyStore(self.home / "gateway" / "keys")
        keys.add("gateway", self.world.keys["gateway"])
        keys.add("sealing", self.world.keys["sealing"])
        rows = [
            key_row(key, role) for role, key in self.world.keys.items() if role not in ("operator", "buyer")
        ]
        rows += self.others
        rows.append(key_row(self.world.keys["operator"], "operator", organisation="org-op"))
        rows.append(key_row(self.buyer, "buyer", organisation="org-bank"))
        rows = [row for row in rows if row["role"] != "subject"]
        rows.append(key_row(self.world.keys["subject"], "subject", organisation="org-firm"))
        body = self.world.body(
            keys=rows,
            organisations=[
                {"id": "org-op", "name": "运营机构"},
                {"id": "org-bank", "name": "银行"},
                {"id": "org-firm", "name": "企业", "uscc": FIRM},
            ],
            people=[{"id": f"p-{n}", "name": "审核人", "organisation": "org-bank"} for n in (1, 2)],
            accounts=[],
        )
        made = wire.attach(
            wire.make("trust", ZONE, 0, body, datetime.now(UTC)),
            [wire.consent("trust", ZONE, body, "administrator", key) for key in self.world.administrators],
        )
        TrustStore(load(self.home).trust("gateway")).install(made, datetime.now(UTC))

    def ceiling(self, **changes: Any) -> dict[str, Any]:
        return {
            "id": "ce-1",
            "product": "pd-1",
            "buyers": [{"organisation": "org-bank", "key": self.buyer.public().id}],
            "purposes": ["产业发展"],
            "fields": COLUMNS,
            "calls_per_day": 50,
            "consent": "none",
            "grant": "g-1",
            "subjects_per_day": 40,
            **changes,
        }

    def contract(self, **changes: Any) -> dict[str, Any]:
        return {
            "v": 1,
            "id": "ct-1",
            "product": "pd-1",
            "operator": "org-op",
            "operator_key": self.world.keys["operator"].public().id,
            "buyer": "org-bank",
            "key": self.buyer.public().id,
            "from": "2020-01-01",
            "until": "2099-12-31",
            "purposes": ["产业发展"],
            "fields": COLUMNS,
            "calls_per_day": 20,
            **changes,
        }

    live: dict[str, str]

    def say(self, age: timedelta = timedelta()) -> None:
        """The data domain renews its word to the gateway."""
        self.number += 1
        now = datetime.now(UTC) - age
        key = self.world.keys["enclave"]
        serving.write(
            self.home / "serving",
            ZONE,
            self.number,
            self.stops,
            self.ceilings,
            now,
            "enclave",
            key,
            self.live,
        )

    def product(self, version: str, number: int = 1, rows: Any = ROWS, key: PrivateKey | None = None) -> Path:
        place = self.home / "serving" / ZONE / "products" / "pd-1" / version
        place.mkdir(parents=True)
        data = json.dumps({"columns": COLUMNS, "rows": rows}, ensure_ascii=False).encode()
        body = {
            "product": "pd-1",
            "version": version,
            "release": version,
            "files": {"rows.json": digest(data)},
        }
        made = wire.make("serving", ZONE, number, body, datetime.now(UTC))
        (place / "rows.json").write_bytes(data)
        (place / "manifest.json").write_bytes(
            wire.sign(made, "enclave", key or self.world.keys["enclave"]).dumps()
        )
        return place

    def sign_up(self, **changes: Any) -> None:
        """Contract and credential over the feed, signed by office, operator and buyer."""
        self.office.agree(self.contract(**changes), self.buyer)
        self.office.publish(
            "credential", {"id": "cred-1", "contract": "ct-1", "buyer": "org-bank"}, self.buyer
        )
        self.poll()

    def poll(self) -> None:
        self.say()
        self.gateway.line.poll()

    def open(self) -> None:
        """Serve in a thread of its own, as the process does."""
        door = bind("127.0.0.1", self.port)
        opened = threading.Event()

        async def run() -> None:
            self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
            opened.set()
            await Server(App(self.gateway), fault).serve(door, self.stopped)

        self.server = threading.Thread(target=uvloop.run, args=(run(),), daemon=True)
        self.server.start()
        assert opened.wait(10), "the gateway did not start"

    def call(
        self,
        target: str,
        method: str = "GET",
        secret: bytes | None = None,
        body: bytes = b"",
        idempotency: str = "",
        credential: str = "cred-1",
        **changes: Any,
    ) -> httpx.Response:
        """A signed request: with the buyer's key, or by HMAC with `secret`."""
        time_ms = changes.pop("time_ms", int(time.time() * 1000))
        nonce = changes.pop("nonce", secrets.token_hex(8))
        scheme = "GS1-HMAC-SM3" if secret else requests.KEY_SCHEME
        given = requests.Authorization(scheme, credential, time_ms, nonce, b"")
        data = requests.message(method, target, given, body, idempotency)
        signature = hmac_of(secret, "sm3")(data) if secret else self.buyer.sign(data)
        headers = dict(requests.header(scheme, credential, time_ms, nonce, signature))
        if idempotency:
            headers["idempotency-key"] = idempotency
        url = f"http://127.0.0.1:{self.port}{target}"
        return httpx.request(
            method, url, headers={**headers, **changes}, content=body or None, trust_env=False
        )

    def shut(self) -> None:
        """The process ends: calls under way first, then its files."""
        if hasattr(self, "server") and self.server.is_alive():
            self.loop.call_soon_threadsafe(self.stopped.set)
            self.server.join(15)
        for journal in self.gateway.ledger.journals:
            journal.close()

    def close(self) -> None:
        self.shut()
        self.office.close()
