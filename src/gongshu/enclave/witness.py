"""The enclave as witness of the log: it co-signs what holds the data domain's own evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial

from django.conf import settings
from django.db import transaction

from gongshu.crypto.canonical import dumps
from gongshu.enclave import journal, outgoing, posting, trust
from gongshu.enclave.store.models import FeedItem, JournalEntry
from gongshu.evidence.witness import Witness
from gongshu.wire.journal import role_of
from gongshu.wire.witnessing import Watch, journalled

NAME = "enclave"
# Checkpoints looked at in one pass; only the newest of them must hold what was written lately.
MOST = 50


class Own:
    """The data domain's journals (enclave and airlock) in its database."""

    @property
    def names(self) -> Sequence[str]:
        return [journal.name_of(role) for role in journal.SOURCES]

    def mine(self, source: str) -> bool:
        return role_of(source) in journal.SOURCES

    def held(self, source: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        rows = JournalEntry.objects.filter(source=source, number__in=numbers)
        return {int(row.number or 0): dumps(journal.line_of(row)) for row in rows}

    def unaccepted(self) -> datetime | None:
        return posting.oldest_unaccepted()

    def unlogged(self, last: Mapping[str, int]) -> datetime | None:
        moments = []
        for source in self.names:
            rows = JournalEntry.objects.filter(source=source, number__gt=last.get(source, 0))
            if (row := rows.order_by("number").first()) is not None:
                moments.append(row.written)
        return min(moments, default=None)


@lru_cache(maxsize=1)
def _watch() -> Watch:
    state = settings.DOMAIN_HOME / "state"
    made = Witness(NAME, state / "witness", [settings.KEYS.signer("enclave")], ())
    return Watch(made, Own(), state, settings.SITE.urls["link"])


def watch(now: datetime) -> Watch:
    """The witness at work; the log's keys come from the trust list as it stands."""
    made = _watch()
    made.witness.log_keys = [entry.public for entry in trust.current(now).keys("log")]
    return made


# The feed's number of the last checkpoint looked at by this process; the newest one is enough to begin.
LOOKED: dict[str, int] = {}


def step(now: datetime) -> int:
    """Look at the checkpoints the feed brought since the last step; how many were co-signed."""
    zone = settings.SITE.zone
    rows = FeedItem.objects.filter(zone=zone, kind="checkpoint", problem="").order_by("-seq")
    rows = rows.filter(seq__gt=LOOKED[zone])[:MOST] if zone in LOOKED else rows[:1]
    waiting = list(rows)[::-1]
    signed = 0
    for row in waiting:
        signed += see(row.envelope["body"], zone, row.seq, now, newest=row is waiting[-1])
        LOOKED[zone] = row.seq
    if not waiting:
        signed += _sign(zone, now, watch(now).look_again(now))
    return signed


def see(shown: Mapping[str, object], zone: str, seq: int, now: datetime, *, newest: bool = True) -> bool:
    """Check one published checkpoint and co-sign it; a withheld signature is journalled with its reason."""

    def record(act: str) -> None:
        with transaction.atomic():
            journal.record(
                source="enclave",
                act=act,
                actor="enclave",
                role="witness",
                subject=f"{zone}:{seq}",
                zone=zone,
                now=now,
            )

    made = watch(now)
    body = journalled(made, partial(made.look, shown, now, newest=newest), record)
    return _sign(zone, now, body)


def _sign(zone: str, now: datetime, body: Mapping[str, object]) -> bool:
    if body:
        outgoing.post("cosign", body, zone=zone, now=now)
    return bool(body)
