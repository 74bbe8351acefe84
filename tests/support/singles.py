"""A street with products about single persons and firms: snapshot, agreement, consents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gongshu.contract.body import TERMS
from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from gongshu.wire import snapshots, subjects
from gongshu.wire.snapshots import Build, Cell, Field
from support.gateways import ZONE, Street

PURPOSE = "loan-review"
FIELDS = (Field("缴存状态", "text"), Field("连续缴存月数", "integer"))
DIGEST = "sha256:" + "a" * 64
KINDS = ("none", "standing", "each_call")


def number(subject: int) -> str:
    """The subject's own number: of a division that was never assigned."""
    return f"000000{19500000 + subject // 1000}{subject % 1000:03d}X"


def answers(subject: int) -> tuple[str, int]:
    return ("正常" if subject % 3 else "封存", subject % 240)


def rows(count: int) -> Iterable[tuple[str, Sequence[Cell]]]:
    return ((number(one), answers(one)) for one in range(count))


class Singles(Street):
    """One product, agreement and credential a kind of consent: `pd-KIND`, `ct-KIND`, `cred-KIND`."""

    size = 20

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ceilings = [self.single_ceiling(kind) for kind in KINDS]
        for kind in KINDS:
            self.snapshot(f"pd-{kind}")
        self.say()

    def agree(self, kind: str, **changes: Any) -> None:
        """Contract and credential of a kind of consent over the feed."""
        contract = self.single_contract(kind, **changes)
        self.office.agree(contract, self.buyer)
        body = {"id": f"cred-{kind}", "contract": contract["id"], "buyer": "org-bank"}
        self.office.publish("credential", body, self.buyer)

    def single_ceiling(self, kind: str) -> dict[str, Any]:
        return self.ceiling(
            id=f"ce-{kind}",
            product=f"pd-{kind}",
            purposes=[PURPOSE],
            fields=[one.name for one in FIELDS],
            calls_per_day=10_000_000,
            subjects_per_day=1_000_000,
            consent="none" if kind == "none" else "standing",
        )

    def single_contract(self, kind: str, **changes: Any) -> dict[str, Any]:
        names = tuple(TERMS)
        return {
            "v": 2,
            "id": f"ct-{kind}",
            "product": f"pd-{kind}",
            "operator": "org-op",
            "operator_key": self.world.keys["operator"].public().id,
            "buyer": "org-bank",
            "key": self.buyer.public().id,
            "from": "2020-01-01",
            "until": "2099-12-31",
            "purposes": [PURPOSE],
            "public_benefit": [],
            "fields": [one.name for one in FIELDS],
            "consent": kind,
            "quota": {
                "calls_per_day": 10_000_000,
                "calls_per_month": 100_000_000,
                "calls_total": None,
                "subjects_per_day": 1_000_000,
            },
            "rate": {"per_second": 100_000, "burst": 100_000},
            "over_scope": {"tries": 5, "seconds": 600},
            "prohibitions": ["resell", "reidentify"],
            "tariff": {
                "lines": [{"id": "call", "unit": "hit", "bands": [{"up_to": None, "fen": 20, "per": 1}]}],
                "discounts": [],
                "minimum": 0,
                "maximum": None,
            },
            "split": [{"role": "operator", "organisation": "org-op", "parts": 100}],
            "clauses": {name: name for name in names},
            **changes,
        }

    def snapshot(self, product: str, version: str = "v1", number_: int = 1, **changes: Any) -> None:
        def vote(person: str) -> dict[str, Any]:
            body = {
                "output": "out-1", "digest": DIGEST, "findings": DIGEST, "product": product, "title": "核验",
                "person": person, "organisation": "org-bank", "answer": "confirmed",
            }  # fmt: skip
            made = wire.make("vote", ZONE, 0, body, datetime.now(UTC))
            return wire.sign(made, "airlock", self.world.keys["airlock"]).data()

        build = Build(
            ZONE, product, version, number_, "person", FIELDS, "out-1", DIGEST, [vote("p-1"), vote("p-2")],
            ["snap-1"], changes.get("grant", "g-1"), DIGEST,
        )  # fmt: skip
        snapshots.write(
            self.home / "serving",
            build,
            changes.get("rows") or rows(self.size),
            now=datetime.now(UTC),
            key=self.world.keys["enclave"],
            sealing=self.world.keys["sealing"].public(),
        )

    def consent_body(self, id_: str, kind: str, subject: str, **more: Any) -> dict[str, Any]:
        contract = "each_call" if kind == "once" else "standing"
        return {
            "id": id_,
            "subject": subject,
            "product": f"pd-{contract}",
            "buyer": "org-bank",
            "contract": f"ct-{contract}",
            "purpose": PURPOSE,
            "fields": [one.name for one in FIELDS],
            "from": "2020-01-01",
            "until": "2099-12-31",
            "kind": kind,
            **more,
        }

    # ------------------------------------------------------------ consents and calls

    def give(self, id_: str, subject: int, **changes: Any) -> dict[str, Any]:
        """A standing consent given on the portal, sealed to the gateway, over the feed; its body."""
        name = subjects.name("person", number(subject))
        sealed = subjects.sealed(name, id_, self.world.keys["sealing"].public())
        body = self.consent_body(id_, "standing", sealed, **changes)
        self.office.publish("consent", body, self.world.keys["portal"], "portal")
        return body

    def once(
        self, id_: str, subject: int, key: PrivateKey | None = None, role: str = "portal", **changes: Any
    ) -> dict[str, Any]:
        """A consent good for one call, as it comes with the call."""
        salt = "ab" * 16
        said = subjects.digest(subjects.name("person", number(subject)), salt)
        body = self.consent_body(id_, "once", said, salt=salt, **changes)
        made = wire.make("consent", ZONE, 0, body, datetime.now(UTC))
        signer = key or self.world.keys[role]
        return wire.attach(made, [wire.consent("consent", ZONE, body, role, signer)]).data()

    def withdraw(self, consent: str) -> None:
        body = {"id": f"w-{consent}", "consent": consent}
        self.office.publish("withdrawal", body, self.world.keys["portal"], "portal")
        self.poll()

    def ask(
        self, kind: str, items: list[dict[str, Any]], operation: str = "verify", **more: Any
    ) -> httpx.Response:
        purpose = more.pop("purpose", PURPOSE)
        body = json.dumps({"purpose": purpose, "items": items}, ensure_ascii=False).encode()
        target = f"/v1/products/pd-{kind}/{operation}"
        return self.call(target, "POST", credential=f"cred-{kind}", body=body, **more)

    def verify(self, kind: str, subject: int, **more: Any) -> httpx.Response:
        """Asks whether a subject's true values hold (`months` other than them: whether those do)."""
        state, months = answers(subject)
        item: dict[str, Any] = {
            "subject": number(subject),
            "values": {"缴存状态": state, "连续缴存月数": more.pop("months", months)},
        }
        if "consent" in more:
            item["consent"] = more.pop("consent")
        return self.ask(kind, [item], **more)
