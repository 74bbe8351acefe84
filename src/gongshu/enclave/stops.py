"""Stops: nobody can refuse one, and one key suffices. They act here at once, whatever the office does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from gongshu.enclave import acting, confirm, journal, outgoing, tasks
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
    """Make a stop and everything it does in this domain, in one transaction. Twice is harmless.

    It waits for the short transactions that ask for stops and then let something go on, and they for it.
    """
    if origin == "airlock":
        acting.check("stop", person, now)
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [confirm.STOPS])
    made, new = note(
        zone=zone, scope=scope, target=target, reason=reason, origin=origin, now=now, person=person, id=id
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


def note(
    *,
    zone: str,
    scope: str,
    target: str,
    reason: str,
    origin: str,
    now: datetime,
    person: str = "",
    id: str = "",  # noqa: A002
) -> tuple[Stop, bool]:
    """Keep a stop and whether it is new. From here on nothing it hits begins, leaves or is answered."""
    return Stop.objects.get_or_create(
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


def _here(made: Stop) -> dict[str, str]:
    """The zone a stop is for, as a filter; one without a zone is for all."""
    return {"zone": made.zone} if made.zone else {}


def _grants(made: Stop) -> QuerySet[Grant]:
    """The grants a stop means, whatever became of them."""
    here = Grant.objects.filter(**_here(made))
    if made.scope == "all":
        return here
    field = {"grant": "id", "project": "project"}.get(made.scope)
    return here.filter(**{field: made.target}) if field else here.none()


def _act(made: Stop, now: datetime) -> None:
    ceilings = Ceiling.objects.filter(state__in=("awaiting", "live"), **_here(made))
    outputs = Output.objects.filter(state__in=("kept", "attacking", "reviewing"), **_here(made))
    if made.scope == "product":
        outputs.filter(product=made.target).update(state="stopped")
        ceilings.filter(product=made.target).update(state="withdrawn")
        return
    meant = list(_grants(made).values_list("id", flat=True))
    # What is answered under a grant ends with it: an ended grant must not go on at the gateway.
    ceilings.filter(body__grant__in=meant).update(state="withdrawn")
    Grant.objects.filter(id__in=meant, state__in=("awaiting", "live")).update(state="stopped")
    # To destroy copies one key is enough, so a task that does is not stopped.
    asked = Task.objects.filter(grant__in=meant).exclude(kind="drop")
    for task in asked.select_for_update().filter(state="waiting").order_by("received"):
        tasks.end(task, "refused_stop", now)
    for task in asked.filter(state="running"):
        for cancel in CANCEL:
            cancel(task)
    outputs.filter(grant__in=meant).update(state="stopped")
    samples = Sample.objects.filter(grant__in=meant, state__in=("awaiting", "agreed"))
    samples.update(state="stopped", decided=now)
