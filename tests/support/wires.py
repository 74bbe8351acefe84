"""A small world for tests of the wire: two administrators, one key a service, a signed trust list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire.envelope import Envelope
from gongshu.wire.lease import Lease, issue
from gongshu.wire.store import TrustStore
from gongshu.wire.trust import TrustList, anchors_of

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ROLES = ("office", "portal", "enclave", "airlock", "gateway", "operator", "buyer", "subject")


def key_row(key: PrivateKey, role: str, **more: Any) -> dict[str, Any]:
    return {"key": key.public().encode(), "role": role, **more}


@dataclass
class World:
    """Keys of every role in one zone, and the trust list that names them."""

    zone: str = "huangshi"
    alg: str = "ed25519"
    administrators: list[PrivateKey] = field(default_factory=list)
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.administrators = [PrivateKey.generate(self.alg) for _ in range(2)]
        self.keys = {role: PrivateKey.generate(self.alg) for role in ROLES}
        self.keys["sealing"] = PrivateKey.generate("sm2")

    def body(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        rows = [key_row(key, role) for role, key in self.keys.items()]
        return {
            "number": number,
            "zones": [self.zone],
            "administrators": [
                {"id": f"adm-{index}", "name": f"安全管理员{index}", "key": key.public().encode()}
                for index, key in enumerate(self.administrators, 1)
            ],
            "keys": rows,
            "organisations": [{"id": "org-bus", "name": "公交集团"}],
            "people": [{"id": "p-1", "name": "张三", "organisation": "org-bus"}],
            "accounts": [{"user": "zhangsan", "person": "p-1"}],
            **changes,
        }

    def trust_envelope(self, number: int = 1, signers: int = 2, seq: int = 0, **changes: Any) -> Envelope:
        body = self.body(number, **changes)
        made = wire.make("trust", self.zone, seq, body, NOW)
        return wire.attach(
            made,
            [
                wire.consent("trust", self.zone, body, "administrator", key)
                for key in self.administrators[:signers]
            ],
        )

    def trust(self, number: int = 1) -> TrustList:
        made = self.trust_envelope(number)
        return TrustList.load(made, anchors_of(made.body), NOW)

    def store(self, directory: Path) -> TrustStore:
        store = TrustStore(directory)
        store.install(self.trust_envelope(), NOW)
        return store

    def item(
        self,
        seq: int,
        kind: str,
        body: Mapping[str, Any],
        roles: tuple[str, ...] = ("office",),
        now: datetime = NOW,
        lasts: timedelta | None = timedelta(hours=1),
    ) -> Envelope:
        made = wire.make(kind, self.zone, seq, body, now, now + lasts if lasts else None)
        for role in roles:
            made = wire.sign(made, role, self.keys[role])
        return made

    def lease(self, seq: int, now: datetime = NOW) -> Lease:
        return issue(self.zone, seq, now, self.keys["office"])


GRANT: dict[str, Any] = {
    "id": "g-1",
    "zone": "huangshi",
    "project": "pr-1",
    "mode": "answer",
    "purpose": "公交客流指数",
    "from": "2026-03-01",
    "until": "2026-12-31",
    "tables": {},
    "developing_org": "org-dev",
    "developers": ["p-9"],
    "reviewing_orgs": ["org-bus"],
    "runs_per_day": 50,
    "v": 1,
}
STOP: dict[str, Any] = {"id": "s-1", "scope": "all", "target": "", "reason": "演练"}
TASK: dict[str, Any] = {"id": "t-1", "kind": "run", "grant": "g-1", "sql": "select 1"}
