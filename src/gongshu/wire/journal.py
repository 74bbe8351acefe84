"""Journal entries of another domain as messages: consecutive numbers of one source, signed by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gongshu.crypto.sign import PrivateKey
from gongshu.wire.admit import Admitted
from gongshu.wire.envelope import Envelope, make, sign
from gongshu.wire.errors import WireError

LARGEST = 500
# `enclave`, and after a restore `enclave.r0123456789ab` (wire.hold): the part before the dot is the signer's.
_SOURCE = re.compile(r"(?P<role>[a-z]+)(\.r[0-9a-f]{12})?\Z")


def role_of(source: str) -> str:
    """Whose journal a source is: the role that must have signed it; '' when it is no journal's name."""
    found = _SOURCE.match(source)
    return found["role"] if found else ""


def named(role: str, incarnation: str) -> str:
    """The source of a role's journal in an incarnation ('' before any restore)."""
    return f"{role}.{incarnation}" if incarnation else role


def wrap(
    source: str,
    role: str,
    zone: str,
    seq: int,
    entries: Sequence[Mapping[str, Any]],
    now: datetime,
    key: PrivateKey,
) -> Envelope:
    """A signed message with consecutive entries of `source` (`role`: enclave, airlock or gateway).

    `seq` is the message's own number among all the sender posts: the sender keeps the signed message
    until the office answered, and never signs another under the same number. The sequencer takes each
    entry (source, seq) once.
    """
    if not entries:
        raise ValueError("no entries")
    body = {"source": source, "entries": [dict(entry) for entry in entries]}
    return sign(make("journal", zone, seq, body, now), role, key)


def unwrap(admitted: Admitted) -> list[dict[str, Any]]:
    """The entries of an admitted message, if they are what the signer may say: its own, without a gap."""
    envelope = admitted.envelope
    entries = envelope.body["entries"]
    source = envelope.body["source"]
    if role_of(source) not in {one.role for one in admitted.verified}:
        raise WireError("signer", "流水的来源与签名的进程不一致，不予接受。")
    if not 0 < len(entries) <= LARGEST or not all(isinstance(entry, dict) for entry in entries):
        raise WireError("body", "流水为空、过长或写法不对。")
    first = entries[0].get("seq")
    if type(first) is not int or [entry.get("seq") for entry in entries] != list(
        range(first, first + len(entries))
    ):
        raise WireError("gap", "流水的编号不连续，不予接受。")
    if any(entry.get("source") != source for entry in entries):
        raise WireError("body", "流水里有别的来源的记录。")
    return [dict(entry) for entry in entries]
