"""Consent for tests: a product about persons with its agreement, an identity system, subjects at the door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.test import Client

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from standins.identity import Standin
from support.products import FIELDS, Market
from support.wires import World, key_row

PERSON = {"subject_type": "person", "name": "李小明", "number": "11010519491231002X"}
OTHER = {"subject_type": "person", "name": "王五", "number": "440524198801010011"}
ASKED: dict[str, Any] = {
    "title": "办理住房贷款，核验公积金缴存", "purpose": "transport", "fields": FIELDS[:2], "kind": "standing",
    "from": "2026-04-01", "until": "2026-09-30", "refusal": "可以改为自己提交缴存证明。", "hours": "72",
    "reference": "LOAN-2026-17",
}  # fmt: skip


def firm(market: Market) -> dict[str, str]:
    """The buyer's own organisation standing in for a firm as subject: it has a credit code and a key."""
    return {
        "subject_type": "firm", "name": market.provider.name, "number": market.provider.uscc,
        "capacity": "legal_representative",
    }  # fmt: skip


class Desk:
    """A market whose product touches persons, with keys on the trust list, and an agreement in force."""

    def __init__(self, monkeypatch: Any, folder: Any, consent: str = "standing") -> None:
        self.consent = consent
        self.market = Market()
        self.firm_key = PrivateKey.generate("sm2")
        self.world = self._trust(monkeypatch, folder)
        product = self.market.published(touches=True, head_consent="逐个请求本人同意。")
        self.agreement = self._agreement(product)
        self.now = datetime(2026, 4, 8, 10, 0, tzinfo=self.market.later.tzinfo)

    def _trust(self, monkeypatch: Any, folder: Any) -> World:
        from gongshu.office.link import trust

        world = World(zone=self.market.zone)
        world.keys["office"] = settings.KEYS.signer("office")
        world.keys["portal"] = settings.KEYS.signer("portal")
        monkeypatch.setattr(settings, "TRUST_DIR", folder)
        trust.store.cache_clear()
        rows = [
            *world.body()["keys"],
            *self.market.key_rows(),
            key_row(self.firm_key, "subject", organisation=self.market.provider.pk),
        ]
        trust.store().install(world.trust_envelope(keys=rows), datetime.now(UTC))
        return world

    def _agreement(self, product: Any) -> Any:
        market = self.market
        made = market.agreement(product, touches=True, terms={"consent": self.consent})
        market.confirm(made)
        market.sign(made)
        market.do(made, "submit", market.maker, market.later)
        market.do(made, "file", market.officer, market.later, number="黄数备〔2026〕1号")
        made.refresh_from_db()
        return made

    def world_now(self) -> Any:
        """The trust list as it is installed, with the buyer's and the firm's keys."""
        from gongshu.office.link import trust

        return trust.current(datetime.now(UTC))

    def ask(self, **more: Any) -> Any:
        from gongshu.office.consent import requests

        return requests.ask(self.agreement, actor=self.market.customer, now=self.now, typed={**ASKED, **more})

    def subject(self, person: dict[str, str] = PERSON) -> Any:
        from gongshu.office.consent import identity, services

        return services.enter(identity.read(person))

    def agreed(self, person: dict[str, str] = PERSON, **more: Any) -> Any:
        from gongshu.office.consent import services

        row, subject = self.ask(**more), self.subject(person)
        return services.agree(row.code, subject=subject, number=person["number"], now=self.now)

    def arrive(self, kind: str, body: dict[str, Any], number: int, key: str = "gateway") -> None:
        """A signed message of a gateway, verified, kept and handled by the inbox itself."""
        from gongshu.office.link import inbox

        wall = datetime.now(UTC)
        made = wire.sign(
            wire.make(kind, self.market.zone, number, body, wall), "gateway", self.world.keys[key]
        )
        inbox.accept(made, wall)
        inbox.handle_waiting(wall)


def prove(client: Client, standin: Standin, person: dict[str, str] = PERSON, then: str = "/consent/") -> Any:
    """Log a subject in as a browser does: off to the identity system, and back with a code."""
    off = client.get("/consent/enter/", {"next": then})
    query = {name: values[0] for name, values in parse_qs(urlsplit(off["Location"]).query).items()}
    back = urlsplit(standin.grant(query, person))
    return client.get(f"{back.path}?{back.query}")
