"""A data domain with two providers, an authority and a developer; the office is played by its key."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.crypto.sign import PrivateKey
from gongshu.enclave import consume, handin, intake, sources, trust
from gongshu.enclave.store.models import Intake
from gongshu.wire import envelope as wire
from gongshu.wire.admit import Admitted, admit
from gongshu.wire.trust import TrustList

ZONE = "huangshi"
BUS, AUTHORITY, OPERATOR = "org-bus", "org-authority", "org-operator"
PEOPLE = {
    "p-bus": (BUS, ["provider_officer", "reviewer"]),
    "p-bus2": (BUS, ["reviewer"]),
    "p-auth": (AUTHORITY, ["reviewer"]),
    "p-auth2": (AUTHORITY, ["provider_officer"]),
    "p-dev": (OPERATOR, ["developer"]),
}

OFFICERS = {BUS: "p-bus", AUTHORITY: "p-auth2"}


class Domain:
    """Keys, trust list, and short ways to hand things in."""

    def __init__(self, now: datetime, names: Mapping[str, str] | None = None) -> None:
        """`names`: what people and organisations are called; by default their ids."""
        self.now = now
        self.names = names or {}
        self.administrators = [PrivateKey.generate("ed25519") for _ in range(2)]
        self.office = PrivateKey.generate("ed25519")
        self.sealing = PrivateKey.generate("sm2")
        self.seq = 0

    def install(self) -> None:
        rows = [(self.office.public(), "office"), (self.sealing.public(), "sealing")]
        rows += [(settings.KEYS.public(name), name) for name in ("enclave", "airlock")]
        body = {
            "number": 1,
            "zones": [ZONE],
            "administrators": [
                {"id": f"adm-{n}", "name": f"安全管理员{n}", "key": key.public().encode()}
                for n, key in enumerate(self.administrators, 1)
            ],
            "keys": [{"key": key.encode(), "role": role} for key, role in rows],
            "organisations": [
                {"id": one, "name": self.names.get(one, one)} for one in (BUS, AUTHORITY, OPERATOR)
            ],
            "people": [
                {
                    "id": one,
                    "name": self.names.get(one, one),
                    "organisation": organisation,
                    "roles": roles,
                }
                for one, (organisation, roles) in PEOPLE.items()
            ],
            "accounts": [{"user": f"u-{one}", "person": one} for one in PEOPLE],
        }
        made = wire.attach(
            wire.make("trust", ZONE, 1, body, self.now),
            [wire.consent("trust", ZONE, body, "administrator", key) for key in self.administrators],
        )
        shutil.rmtree(settings.TRUST_DIR, ignore_errors=True)
        trust.store.cache_clear()
        settings.TRUST_DIR.parent.mkdir(parents=True, exist_ok=True)
        trust.store().install(made, self.now)
        trust.sync_accounts(self.trust)

    @property
    def trust(self) -> TrustList:
        return trust.current(self.now)

    def clear(self) -> None:
        for path in (settings.VAULT_DIR, settings.OUTPUTS_DIR, settings.RELEASES_DIR, settings.INTAKE_DIR):
            shutil.rmtree(path, ignore_errors=True)
        for made in (sources.vault, handin.drafts):
            made.cache_clear()

    def feed(self, kind: str, body: dict[str, Any], key: PrivateKey | None = None) -> Admitted | None:
        """Put one item of the office before the enclave as the feed would; None when it was not admitted."""
        self.seq += 1
        made = wire.sign(wire.make(kind, ZONE, self.seq, body, self.now), "office", key or self.office)
        item = admit(made, self.trust, now=self.now, mark="test", direction="feed", zone=ZONE)
        from django.db import transaction

        with transaction.atomic():
            consume.take(item, self.now)
        return item

    def hand_in(
        self,
        path: Path,
        resource: str,
        table: str,
        change: Callable[[intake.Decision], intake.Decision] = lambda decision: decision,
        organisation: str = BUS,
    ) -> Intake:
        settings.INTAKE_DIR.mkdir(parents=True, exist_ok=True)
        copy = settings.INTAKE_DIR / path.name
        shutil.copyfile(path, copy)
        made = handin.begin(
            zone=ZONE,
            organisation=organisation,
            person=OFFICERS[organisation],
            resource=resource,
            title=resource,
            table=table,
            filename=path.name,
            path=copy,
            now=self.now,
        )
        made = handin.read(made, self.now)
        if made.state == "read":
            decision = change(intake.accept(handin.proposal_of(made)))
            handin.confirm(made, decision, person=OFFICERS[organisation], now=self.now)
            made.refresh_from_db()
        return made

    def grant(self, resource: str, table: str, **changes: Any) -> dict[str, Any]:
        source = sources.newest(ZONE, resource)
        assert source is not None
        return {
            "v": 1,
            "id": "g-1",
            "zone": ZONE,
            "project": "pr-1",
            "mode": "answer",
            "purpose": "公交客流指数",
            "from": "2020-01-01",
            "until": "2099-12-31",
            "tables": {
                table: {
                    "resource": resource,
                    "owner": source.organisation,
                    "subject": source.subject,
                    "columns": {name: dict(column) for name, column in source.columns.items()},
                }
            },
            "developing_org": OPERATOR,
            "developers": ["p-dev"],
            "reviewing_orgs": [AUTHORITY, BUS],
            "runs_per_day": 5,
            **changes,
        }
