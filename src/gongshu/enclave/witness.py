"""The enclave as witness of the log: it co-signs what continues the last checkpoint, and names a fork."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.conf import settings

from gongshu.enclave import clock, journal, outgoing, trust
from gongshu.evidence.witness import Witness
from gongshu.wire import envelope as wire
from gongshu.wire.witnessing import look

NAME = "enclave"


@lru_cache(maxsize=1)
def witness() -> Witness:
    """The witness with its small file of state; the log's keys come from the trust list."""
    keys = [entry.public for entry in trust.current(clock.wall_now()).keys("log")]
    state = settings.DOMAIN_HOME / "state" / "witness"
    return Witness(NAME, state, [settings.KEYS.signer("enclave")], keys)


def see(envelope: wire.Envelope, now: datetime) -> None:
    """Check one published checkpoint and co-sign it; a fork is journalled and never signed."""
    body, why = look(witness(), envelope.body, settings.SITE.urls["link"], now)
    if body:
        outgoing.post("cosign", body, zone=envelope.zone, now=now)
        return
    journal.record(
        source="enclave",
        act=f"witness.{why}",
        actor="enclave",
        role="witness",
        subject=f"{envelope.zone}:{envelope.seq}",
        zone=envelope.zone,
        now=now,
    )
