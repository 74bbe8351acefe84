"""Stops: nobody can refuse one, and one key suffices. They act here at once, whatever the office does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from gongshu.enclave import journal, outgoing
from gongshu.enclave.store.models import Ceiling, Grant, Output, Sample, Stop, Task
from gongshu.evidence.ids import fresh
from gongshu.wire.times import stamp

# How a running task is told; the enclave's process sets it, the airlock's has none and the loop finds out.
CANCEL: list[Callable[[Task], object]] = []


@transaction.atomic
def stop(
    *,
    zone: str,
    scope: str,
    target: str,
    reason: str,
    origin: str,
    now: datetime,
    person: str = "",
    id: str = "",  # noqa: A002
) -> Stop:
    """Make a stop and everything it does in this domain, in one transaction. Twice is harmless."""
    made, new = Stop.objects.get_or_create(
        id=id or fresh("stop"),
        defaults={
            "zone": zone,
            "scope": scope,
            "target": target,
            "reason": reason[:200],
            "origin": origin,
            "person": person,
            "made": now,
        },
    )
    if not new:
        return made
    _act(made, now)
    made.effective = now
    made.save(update_fields=["effective"])
    source = "airlock" if origin == "airlock" else "enclave"
    journal.record(
        source=source,
        act="stop.made" if origin == "airlock" else "stop.obeyed",
        actor=person or "office",
        role="provider" if person else "office",
        subject=made.id,
        zone=zone,
        now=now,
        ground="operation.stop",
    )
    body = {"stop": made.id, "at": stamp(now), "scope": scope, "target": target, "origin": origin}
    outgoing.post("effect", body, zone=zone, now=now, source=source)
    return made


def _grants(made: Stop) -> QuerySet[Grant]:
    """The grants a stop means, whatever became of them."""
    if made.scope == "all":
        return Grant.objects.filter(zone=made.zone) if made.zone else Grant.objects.all()
    field = {"grant": "id", "project": "project"}.get(made.scope)
    return Grant.objects.filter(**{field: made.target}) if field else Grant.objects.none()


def _act(made: Stop, now: datetime) -> None:
    meant = list(_grants(made).values_list("id", flat=True))
    # What is answered under a grant ends with it: an ended grant must not go on at the gateway.
    Ceiling.objects.filter(body__grant__in=meant, state="live").update(state="withdrawn")
    grants = Grant.objects.filter(id__in=meant, state__in=("awaiting", "live"))
    hit = list(grants.values_list("id", flat=True))
    grants.update(state="stopped")
    waiting = Task.objects.filter(grant__in=hit, state="waiting")
    waiting.update(state="ended", outcome="refused_stop", ended=now)
    for task in Task.objects.filter(grant__in=hit, state="running"):
        for cancel in CANCEL:
            cancel(task)
    outputs = Output.objects.filter(state__in=("kept", "attacking", "reviewing"))
    if made.scope == "product":
        outputs.filter(product=made.target).update(state="stopped")
        Ceiling.objects.filter(product=made.target, state="live").update(state="withdrawn")
    else:
        outputs.filter(grant__in=hit).update(state="stopped")
        samples = Sample.objects.filter(grant__in=hit, state__in=("awaiting", "agreed"))
        samples.update(state="stopped", decided=now)
