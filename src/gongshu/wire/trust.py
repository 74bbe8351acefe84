"""The trust list: whose keys speak for which role, signed by two security administrators.

The administrators' public keys are *anchors*: they come only with `gongshu trust init` on the data
domain's own machine, never by the feed, and no service's home holds their private keys. A list of a
newer number, signed by two of them, replaces the older one wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gongshu.crypto.sign import PublicKey
from gongshu.wire.envelope import Envelope, verify
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import ADMINISTRATORS, KINDS, check_body
from gongshu.wire.times import instant

# Roles a key can hold. `log` keys sign checkpoints and `certificate` keys certificates, not envelopes; to a
# gateway's `sealing` key others seal what only the gateway may read.
ROLES = (
    "office",
    "log",
    "portal",
    "certificate",
    "enclave",
    "airlock",
    "gateway",
    "sealing",
    "operator",
    "buyer",
    "subject",
)
ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class KeyEntry:
    """One key of the list: for which role and zones, from when until when (wall time, either may be open)."""

    id: str
    public: PublicKey
    role: str
    zones: tuple[str, ...] = ()
    organisation: str | None = None
    person: str | None = None
    from_: datetime | None = None
    until: datetime | None = None

    def holds(self, zone: str, now: datetime) -> bool:
        """True when the key speaks for `zone` at `now`; no zones listed means all of the list's."""
        if self.zones and zone not in self.zones:
            return False
        return (self.from_ is None or self.from_ <= now) and (self.until is None or now <= self.until)


@dataclass(frozen=True)
class TrustList:
    """A verified list. `people`, `organisations` and `accounts` are the bodies' rows by id."""

    number: int
    zones: tuple[str, ...]
    entries: Mapping[tuple[str, str], KeyEntry]
    administrators: Mapping[str, KeyEntry]
    organisations: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Mapping[str, Any]]
    accounts: Mapping[str, Mapping[str, Any]]
    envelope: Envelope = field(repr=False)

    @classmethod
    def load(
        cls,
        envelope: Envelope,
        anchors: Mapping[str, PublicKey],
        now: datetime,
        current: TrustList | None = None,
    ) -> TrustList:
        """The list in `envelope`, if two anchors signed it and its number is newer than `current`'s."""
        if envelope.kind != "trust":
            raise WireError("kind", "这份文件不是信任名单。")
        check_body("trust", KINDS["trust"], envelope.body)
        made = _read(envelope, anchors)
        signed = {one.key for one in verify(envelope, made, now) if one.role == ADMINISTRATOR}
        if len(signed) < ADMINISTRATORS.at_least:
            raise WireError("signer", "信任名单须由数据域的两名安全管理员签署，不予接受。")
        if current is not None and made.number <= current.number:
            raise WireError("order", "信任名单的编号不比现有的新，不予接受。")
        return made

    def find(self, key: str, role: str) -> KeyEntry | None:
        """The entry of a key under a role, or None."""
        if role == ADMINISTRATOR:
            return self.administrators.get(key)
        return self.entries.get((key, role))

    def key(self, id: str) -> KeyEntry | None:  # noqa: A002
        """The first entry of a key under any role."""
        for (key, _), entry in self.entries.items():
            if key == id:
                return entry
        return self.administrators.get(id)

    def keys(self, role: str) -> tuple[KeyEntry, ...]:
        """Every entry of a role, in the list's order."""
        if role == ADMINISTRATOR:
            return tuple(self.administrators.values())
        return tuple(entry for entry in self.entries.values() if entry.role == role)

    def person(self, id: str) -> Mapping[str, Any] | None:  # noqa: A002
        return self.people.get(id)

    def organisation(self, id: str) -> Mapping[str, Any] | None:  # noqa: A002
        return self.organisations.get(id)


def anchors_of(body: Mapping[str, Any]) -> dict[str, PublicKey]:
    """The administrators' public keys a list names, by key id. Only `trust init` may believe them."""
    found: dict[str, PublicKey] = {}
    for row in body.get("administrators", []):
        public = _public(row, "安全管理员")
        found[public.id] = public
    return found


def _read(envelope: Envelope, anchors: Mapping[str, PublicKey]) -> TrustList:
    body = envelope.body
    if not body["zones"]:
        raise WireError("body", "信任名单没有写明区域。")
    entries: dict[tuple[str, str], KeyEntry] = {}
    for row in body["keys"]:
        entry = _entry(row)
        if (entry.id, entry.role) in entries:
            raise WireError("body", "信任名单里同一把钥匙重复列入同一角色。")
        entries[(entry.id, entry.role)] = entry
    organisations = _by_id(body["organisations"], "id", "机构")
    people = _by_id(body["people"], "id", "人员")
    accounts = _by_id(body["accounts"], "user", "闸口账号")
    _check_references(organisations, people, accounts)
    return TrustList(
        body["number"],
        tuple(body["zones"]),
        MappingProxyType(entries),
        MappingProxyType({id_: KeyEntry(id_, public, ADMINISTRATOR) for id_, public in anchors.items()}),
        organisations,
        people,
        accounts,
        envelope,
    )


def _public(row: Any, what: str) -> PublicKey:
    if not isinstance(row, dict) or not isinstance(row.get("key"), str):
        raise WireError("body", f"信任名单里{what}的钥匙写法不对。")
    try:
        return PublicKey.decode(row["key"])
    except (ValueError, KeyError) as error:
        raise WireError("body", f"信任名单里{what}的钥匙写法不对。") from error


def _entry(row: Any) -> KeyEntry:
    public = _public(row, "服务")
    role = row.get("role")
    if role not in ROLES:
        raise WireError("body", "信任名单里有不认识的角色。")
    zones = row.get("zones") or []
    if not isinstance(zones, list) or not all(isinstance(zone, str) for zone in zones):
        raise WireError("body", "信任名单里钥匙的区域写法不对。")
    bounds = [instant(row[name], name) if row.get(name) else None for name in ("from", "until")]
    return KeyEntry(
        public.id,
        public,
        role,
        tuple(zones),
        row.get("organisation"),
        row.get("person"),
        bounds[0],
        bounds[1],
    )


def _by_id(rows: Any, key: str, what: str) -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get(key), str) or row[key] in found:
            raise WireError("body", f"信任名单里有一条{what}写法不对或重复。")
        found[row[key]] = MappingProxyType(row)
    return MappingProxyType(found)


def _check_references(
    organisations: Mapping[str, Any],
    people: Mapping[str, Mapping[str, Any]],
    accounts: Mapping[str, Mapping[str, Any]],
) -> None:
    if any(row.get("organisation") not in organisations for row in people.values()):
        raise WireError("body", "信任名单里有人员不属于名单上的任何机构。")
    if any(row.get("person") not in people for row in accounts.values()):
        raise WireError("body", "信任名单里有闸口账号不属于名单上的任何人员。")
