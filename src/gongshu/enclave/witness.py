"""The enclave as witness of the log: it co-signs what continues the last checkpoint, and names a fork."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

from django.conf import settings

from gongshu.enclave import journal, outgoing, trust
from gongshu.evidence.checkpoint import read
from gongshu.evidence.note import NoteError
from gongshu.evidence.tree import ProofError
from gongshu.evidence.witness import ForkError, StaleProof, Witness
from gongshu.wire import envelope as wire

log = logging.getLogger(__name__)
NAME = "gongshu/enclave"


@lru_cache(maxsize=1)
def witness() -> Witness:
    """The witness with its small file of state; the log's keys come from the trust list."""
    keys = [entry.public for entry in trust.current(_now()).keys("log")]
    state = settings.DOMAIN_HOME / "state" / "witness"
    return Witness(NAME, state, [settings.KEYS.signer("enclave")], keys)


def _now() -> datetime:
    from gongshu.enclave import clock

    return clock.wall_now()


def see(envelope: wire.Envelope, now: datetime) -> None:
    """Check one published checkpoint and co-sign it; a fork is journalled and never signed."""
    signed = envelope.body["checkpoint"].encode()
    try:
        line = witness().cosign(signed, envelope.body["proof"], now)
    except (ForkError, StaleProof, NoteError, ProofError, ValueError, KeyError) as error:
        log.error("checkpoint %s/%s not co-signed: %s", envelope.zone, envelope.seq, error)
        journal.record(
            source="enclave",
            act=f"witness.{'fork' if isinstance(error, ForkError) else 'refused'}",
            actor="enclave",
            role="witness",
            subject=f"{envelope.zone}:{envelope.seq}",
            zone=envelope.zone,
            now=now,
        )
        return
    outgoing.post("cosign", {"size": read(signed)[0].size, "line": line}, zone=envelope.zone, now=now)
