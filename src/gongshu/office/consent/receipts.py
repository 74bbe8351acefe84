"""Receipts: signed files that verify offline, and the bodies and signatures that go to the data domain.

A receipt is `{v, kind, zone, body, said, salt, signatures}`: `body` as the data domain has it, `said` that
in plain words. The consent service signs it with its Ed25519 and its SM2 key; the log holds the salted digest
of exactly this file, so that the proof added later speaks of it.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from gongshu.crypto import canonical
from gongshu.crypto.hashes import salted
from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.evidence import note
from gongshu.office.accounts.permissions import Refused
from gongshu.office.link import proofs, trust
from gongshu.office.link.models import OutboxEntry
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError

KEYS = ("portal", "portal-sm2")
ROLE = "portal"
FEED_KEY = "portal"
LOG_KEYS = ("log", "log-sm2")


def signers() -> list[PrivateKey]:
    """The consent service's own keys, those this home has."""
    present = set(settings.KEYS.names())
    return [settings.KEYS.signer(name) for name in KEYS if name in present]


def feed_signature(kind: str, zone: str, body: Mapping[str, Any]) -> wire.Signature:
    """The consent service's signature over a body that goes to the data domain."""
    return wire.consent(kind, zone, body, ROLE, settings.KEYS.signer(FEED_KEY))


def sealing_key(zone: str, wall: datetime) -> PublicKey:
    """The gateway's key that subjects' numbers are sealed to; `Refused` while the trust list has none."""
    try:
        found = next((each for each in trust.current(wall).keys("sealing") if each.holds(zone, wall)), None)
    except WireError:
        found = None
    if found is None:
        raise Refused("网关的封装公钥还没有列入信任名单，暂时不能办理同意；请联系数据管理部门。", "sealing")
    return found.public


def document(kind: str, zone: str, body: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The signed file, without its proof."""
    made: dict[str, Any] = {
        "v": 1,
        "kind": kind,
        "zone": zone,
        "body": dict(body),
        "said": dict(said),
        "salt": secrets.token_hex(16),
    }
    message = canonical.dumps(made)
    signatures = []
    for key in signers():
        sig = base64.b64encode(key.sign(message)).decode()
        signatures.append(
            {"role": ROLE, "key": key.public().id, "alg": key.alg, "sig": sig, "over": "envelope"}
        )
    return made | {"signatures": signatures}


def digest_of(made: Mapping[str, Any]) -> str:
    """The salted digest of a receipt, as its entry in the log has it."""
    covered = {name: made[name] for name in made if name not in ("signatures", "proof")}
    return salted(canonical.dumps(covered), bytes.fromhex(made["salt"]))


def with_proof(made: Mapping[str, Any], entry: OutboxEntry) -> dict[str, Any]:
    """The file as handed out: with the proof once the log's checkpoint covers it."""
    proof = proofs.of(entry)
    return dict(made) if proof is None else dict(made) | {"proof": proof}


def public_keys() -> Sequence[str]:
    """The keys a receipt and its proof are checked with, as `gongshu-verify --key` reads them, one a line."""
    present, origin = set(settings.KEYS.names()), settings.SITE.origin
    log = [note.verifier_line(origin, settings.KEYS.public(name)) for name in LOG_KEYS if name in present]
    return [*(key.public().encode() for key in signers()), *log]
