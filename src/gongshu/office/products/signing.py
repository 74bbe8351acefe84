"""The two sides of a usage agreement as signers: which of them signs what, with which key, and who has.

Each side signs with a tool of its own; here a signature is only taken in, checked and kept.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gongshu.office.accounts.permissions import Refused
from gongshu.office.link import clock, trust
from gongshu.office.products.models import Agreement, BuyerKey
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import KINDS as KIND_TITLES


@dataclass(frozen=True)
class Side:
    """`role`: of the account and of the key on the trust list; `term`: the term of the agreement that names
    its key; `kinds`: the messages it signs."""

    role: str
    title: str
    term: str
    kinds: tuple[str, ...]

    def organisation(self, row: Agreement) -> str:
        return str(row.product.operator_id if self.role == "operator" else row.buyer_id)


SIDES: Mapping[str, Side] = {
    "operator": Side("operator", "运营机构", "operator_key", ("contract",)),
    "buyer": Side("buyer", "使用单位", "key", ("contract", "credential")),
}


def waited_for(row: Agreement) -> list[Side]:
    """The sides that have not signed what the agreement says now."""
    return [side for side in SIDES.values() if side.role not in row.signatures]


def signatures_of(row: Agreement, kind: str) -> list[wire.Signature]:
    """The kept signatures over one message, every side's that signs it."""
    return [
        wire.Signature(**row.signatures[side.role][kind]) for side in SIDES.values() if kind in side.kinds
    ]


def kept(made: Mapping[str, wire.Signature], person: str, now: datetime) -> dict[str, Any]:
    """One side's signatures as the agreement keeps them; `now` is business time."""
    return {"by": person, "at": now.isoformat(), **{kind: each.data() for kind, each in made.items()}}


def named_key(row: Agreement, side: Side) -> BuyerKey | None:
    """The key the agreement names for a side, where that side handed it in."""
    wanted = str(row.terms.get(side.term) or "")
    found: BuyerKey | None = BuyerKey.objects.filter(
        organisation_id=side.organisation(row), key=wanted
    ).first()
    return found


def trusted_key(row: Agreement, side: Side) -> BuyerKey:
    """The same when the trust list has it for this side; `Refused` says what is missing."""
    key = named_key(row, side)
    if key is None:
        raise Refused(
            f"协议写明的公钥不是{side.title}提交过的，请{side.title}先在“签署钥匙”提交。",
            f"input:{side.term}",
        )
    if not on_list(key, row.zone_id, side.role):
        raise Refused(
            f"{side.title}的这把公钥还没有列入信任名单；请由数据域的两名安全管理员签署名单后再签。",
            "key_untrusted",
        )
    return key


def on_list(key: BuyerKey, zone: str, role: str) -> bool:
    """Is the key on the trust list in this role, as this organisation's, for the zone, now?"""
    wall = clock.wall_now()
    try:
        entry = trust.current(wall).find(key.key, role)
    except WireError:
        return False
    return entry is not None and entry.organisation == key.organisation_id and entry.holds(zone, wall)


def listed(key: BuyerKey, zone: str) -> list[str]:
    """The titles of the sides the trust list lets a key sign for."""
    return [side.title for side in SIDES.values() if on_list(key, zone, side.role)]


def newest_key(organisation: str, zone: str, role: str) -> str:
    """What a draft begins with: the organisation's newest key, one on the trust list before the others."""
    rows = list(BuyerKey.objects.filter(zone=zone, organisation=organisation).order_by("-at", "-pk"))
    first = next((each for each in rows if on_list(each, zone, role)), rows[0] if rows else None)
    return first.key if first else ""


def read(kind: str, text: str, side: Side, key: BuyerKey) -> wire.Signature:
    """A signature as handed in: base64, or the signature object as JSON."""
    text = text.strip()
    if not text:
        raise Refused(f"请填写{KIND_TITLES[kind].title}的签名。", f"input:{kind}")
    if text.startswith("{"):
        try:
            text = str(json.loads(text)["sig"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("签名不是合格的 JSON。", f"input:{kind}") from error
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("签名不是 base64。", f"input:{kind}") from error
    return wire.Signature(side.role, key.key, key.alg, text, "body")


def check(made: wire.Signature, kind: str, zone: str, body: Mapping[str, Any]) -> None:
    """Raise unless the signature holds over the body under the trust list as it is now."""
    wall = clock.wall_now()
    envelope = wire.attach(wire.make(kind, zone, 0, body, wall), [made])
    if not any(each.role == made.role for each in wire.verify(envelope, trust.current(wall), wall)):
        raise Refused(
            f"{KIND_TITLES[kind].title}的签名与协议的内容或公钥不符，请用最新的待签内容重新签署。",
            f"input:{kind}",
        )
