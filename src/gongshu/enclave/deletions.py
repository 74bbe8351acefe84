"""Lawful deletion of a snapshot: ordered by the office and by its provider at the airlock, over its id."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu.enclave import acting, journal, outgoing, sources
from gongshu.enclave.project import tables
from gongshu.enclave.store.models import FeedItem, Output, ProjectTable, Sample, Served, Snapshot
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


@dataclass(frozen=True)
class Derived:
    """What was made of a snapshot and is still inside: it goes with it. What left stays where it is."""

    tables: list[ProjectTable]
    outputs: list[Output]
    samples: list[Sample]
    versions: list[Served]


def derived(snapshot: str) -> Derived:
    """Everything still inside that came of the snapshot, by the enclave's own records."""
    inside = Output.objects.exclude(state="released")
    return Derived(
        [
            row
            for row in ProjectTable.objects.filter(dropped__isnull=True)
            if snapshot in row.sources.values()
        ],
        list(inside.filter(sources__contains=[snapshot])),
        list(Sample.objects.exclude(state="sent").filter(snapshots__contains=[snapshot])),
        [
            row
            for row in Served.objects.order_by("number")
            if snapshot in row.sources.values() and place(row).exists()
        ],
    )


def place(row: Served) -> Path:
    """Where a version lies for the gateway."""
    return Path(settings.SERVING_DIR, row.zone, "products", row.product, row.version)


@transaction.atomic
def agree(snapshot: Snapshot, *, organisation: str, person: str, now: datetime) -> None:
    """The provider's half. Key, files and all that was made of them and is inside are destroyed as soon as
    that is on record (`finish`). Raises `DeletionError`, `acting.Forbidden`."""
    acting.check("confirm", person, now, organisation)
    snapshot = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
    if snapshot.deleted is not None:
        raise DeletionError("这份数据已经删除。")
    manifest = sources.vault().manifest(snapshot.id)
    if manifest.owner != organisation:
        raise DeletionError("只有提供该数据的单位可以确认删除。")
    if snapshot.id not in {row.id for row in ordered(snapshot.zone)}:
        raise DeletionError("办公域没有对该快照下达删除指令，不能单方删除。")
    snapshot.deleted = now
    snapshot.save(update_fields=["deleted"])
    made = derived(snapshot.id)
    Output.objects.filter(pk__in=[row.pk for row in made.outputs]).update(state="stopped")
    Sample.objects.filter(pk__in=[row.pk for row in made.samples]).update(state="stopped", decided=now)
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
    body = {"id": snapshot.resource, "organisation": organisation, "snapshot": snapshot.id}
    outgoing.post("deleted", body, zone=snapshot.zone, now=now, source=outgoing.AIRLOCK)
    articles = line.fields["articles"]
    transaction.on_commit(lambda: finish(snapshot.id, now, articles), robust=True)


def finish(snapshot: str, now: datetime, articles: Sequence[str] = ()) -> dict[str, Any]:
    """Destroy what is left of a snapshot that is on record as deleted; twice is harmless. The certificate."""
    for row in (made := derived(snapshot)).versions:
        shutil.rmtree(place(row), ignore_errors=True)  # the gateway forgets it at its next poll
    for table in made.tables:
        tables.erase(table, now, "deletion")
    for output in made.outputs:
        if output.path:
            shutil.rmtree(Path(output.path).parent, ignore_errors=True)
    for sample in made.samples:
        if sample.path:
            shutil.rmtree(sample.path, ignore_errors=True)
    return sources.vault().delete(snapshot, now, {"articles": list(articles)})


def sweep(now: datetime) -> int:
    """When the enclave starts: finish what a crash left of deletions; how many."""
    left = 0
    for row in Snapshot.objects.filter(deleted__isnull=False):
        if sources.vault().certificate(row.id) is None:
            finish(row.id, now)
            left += 1
    return left
