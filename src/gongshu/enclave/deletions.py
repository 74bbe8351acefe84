"""Lawful deletion of a snapshot: ordered by the office and by its provider at the airlock, over its id."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from gongshu.enclave import journal, sources
from gongshu.enclave.store.models import FeedItem, Snapshot
from gongshu.wire import envelope as wire

GROUND = "snapshot.deletion"


class DeletionError(Exception):
    """The deletion cannot be done. `args[0]`: one Chinese sentence."""


def receive(envelope: wire.Envelope, now: datetime) -> None:
    """The office's half of the order: noted, and nothing is deleted yet."""
    journal.record(
        source="enclave",
        act="deletion.ordered",
        actor="office",
        role="office",
        subject=envelope.body["snapshot"],
        zone=envelope.zone,
        now=now,
        ground=GROUND,
    )


def ordered(zone: str) -> list[Snapshot]:
    """Snapshots the office ordered deleted and that are still there."""
    rows = FeedItem.objects.filter(zone=zone, kind="delete", problem="").values_list("envelope", flat=True)
    wanted = {row["body"]["snapshot"] for row in rows}
    return list(Snapshot.objects.filter(zone=zone, id__in=wanted, deleted__isnull=True))


@transaction.atomic
def agree(snapshot: Snapshot, *, organisation: str, person: str, now: datetime) -> dict[str, object]:
    """The provider's half: key and files are destroyed. Returns the certificate of deletion."""
    manifest = sources.vault().manifest(snapshot.id)
    if manifest.owner != organisation:
        raise DeletionError("只有提供该数据的单位可以确认删除。")
    if snapshot.id not in {row.id for row in ordered(snapshot.zone)}:
        raise DeletionError("办公域没有对该快照下达删除指令，不能单方删除。")
    snapshot.deleted = now
    snapshot.save(update_fields=["deleted"])
    line = journal.record(
        source="airlock",
        act="deletion.done",
        actor=person,
        role="provider",
        subject=snapshot.id,
        zone=snapshot.zone,
        now=now,
        ground=GROUND,
        digests={"manifest": manifest.digest},
    )
    return sources.vault().delete(snapshot.id, now, {"articles": line.fields["articles"]})
