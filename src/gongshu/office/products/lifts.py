"""熔断: what a gateway says of an agreement it stopped by itself, and the way back with two keys.

The operator asks with a reason; the product's providers confirm at the airlock, which signs; only then the
lift goes on the feed, for this one trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import notices
from gongshu.office.link import clock, evidence, feed, trust
from gongshu.office.products import permissions, standing
from gongshu.office.products.models import Agreement, Lift, Trip, lift_id
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant, stamp

GROUND = "operation.lift"
TRIPPED = "tripped"
LONGEST = 200


@transaction.atomic
def tripped(made: wire.Envelope, verified: Sequence[wire.Verified], now: datetime) -> Trip | None:
    """A gateway tripped an agreement; None when it is about something else. Twice is harmless."""
    body = made.body
    if body.get("code") != TRIPPED or not any(each.role == "gateway" for each in verified):
        return None
    agreement = Agreement.objects.filter(pk=str(body.get("contract") or ""), zone_id=made.zone).first()
    if agreement is None:
        return None
    row, new = Trip.objects.get_or_create(
        pk=body["stop"],
        defaults={
            "zone_id": made.zone,
            "agreement": agreement,
            "at": instant(body["at"], "at"),
            "tries": _count(body.get("tries")),
            "seconds": _count(body.get("seconds")),
        },
    )
    if new:
        _record("agreement.tripped", row, "gateway", "gateway", now)
        _tell(row, "网关发现多次越权调用，协议已熔断，不再回答；请查明原因。")
    return row


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def trips(agreement: Agreement) -> list[Trip]:
    """All trips of an agreement with the requests to lift each, the newest first. Two queries."""
    return list(Trip.objects.filter(agreement=agreement).order_by("-at", "pk").prefetch_related("lifts"))


def to_ask(found: Iterable[Trip]) -> Trip | None:
    """The first of these trips that is not lifted and for which no request is under way."""
    free = (trip for trip in found if trip.lifted is None)
    return next((trip for trip in free if all(each.state == "refused" for each in trip.lifts.all())), None)


@transaction.atomic
def ask(trip: Trip, *, actor: Actor, now: datetime, reason: str) -> Lift:
    """Ask the product's providers that the agreement go on. `now` is business time.

    The gateway goes on only after every provider confirmed it at the airlock.
    """
    row = Trip.objects.select_for_update(of=("self",)).select_related("agreement__product").get(pk=trip.pk)
    product = row.agreement.product
    permissions.check_operator(actor, product, "products.lift")
    cited = basis(row.zone_id, GROUND, local_day(now))
    if not reason.strip():
        raise Refused("请写明查到的原因和怎样改正。", "input:reason", cited)
    if row.lifted or row.agreement.case.state != "filed":
        raise Refused("这次熔断已经解除，或者协议已经终止，不用再请求。", "state", cited)
    if row.lifts.exclude(state="refused").exists():
        raise Refused("已经请求解除，请等提供单位在闸口答复。", "state", cited)
    if not standing.providers(product):
        raise Refused("产品还没有选定授权，不知道由哪些提供单位确认。", "input:grant", cited)
    wall = clock.wall_now()
    made = Lift(id=lift_id(), zone_id=row.zone_id, trip=row, reason=reason.strip()[:LONGEST])
    made.by, made.at, made.wall_at = actor.person, now, wall
    made.body = {"id": made.pk, "contract": row.agreement_id, "product": product.pk, "trip": row.pk}
    made.digest = wire.body_digest("lift", row.zone_id, made.body)
    made.save(force_insert=True)
    said = {"reason": made.reason, "at": stamp(row.at), "tries": row.tries, "seconds": row.seconds}
    feed.publish("lift_asked", {**made.body, **said}, zone=row.zone_id, now=wall)
    _record("lift.ask", row, actor.person, "operator", wall, made.digest)
    return made


@transaction.atomic
def answered(made: wire.Envelope, now: datetime) -> Lift | None:
    """A provider's answer at the airlock; None when it is about something else. Twice is harmless.

    The last one carries the airlock's signature over the lift; with it the lift goes on the feed.
    """
    body = made.body
    row = Lift.objects.select_for_update(of=("self",)).filter(pk=body["subject"], zone_id=made.zone).first()
    if row is None or body["digest"] != row.digest:
        return None
    row.answers = {**row.answers, body["organisation"]: body["answer"]}
    if row.state == "asked":
        if body["answer"] == "refused":
            row.state = "refused"
            _tell(row.trip, "提供单位在闸口没有同意解除熔断，协议仍然停着；可以补正后再请求。")
        elif body.get("signature"):
            _publish(row, wire.Signature(**body["signature"]))
        _record(f"lift.{body['answer']}", row.trip, "airlock", "airlock", now, row.digest)
    row.save(update_fields=["answers", "state", "sent"])
    return row


def _publish(row: Lift, signature: wire.Signature) -> None:
    """Put the lift on the feed with the airlock's signature; raises `WireError` when that does not hold."""
    wall = clock.wall_now()
    signed = wire.attach(wire.make("lift", row.zone_id, 0, row.body, wall), [signature])
    if not any(each.role == "airlock" for each in wire.verify(signed, trust.current(wall), wall)):
        raise WireError("signature", "闸口对解除熔断的签名不成立。")
    row.sent = feed.publish("lift", row.body, zone=row.zone_id, now=wall, signatures=[signature]).seq
    row.state = "confirmed"
    _tell(row.trip, "提供单位已在闸口同意解除熔断，网关收到后恢复回答。")


@transaction.atomic
def took_effect(made: wire.Envelope, verified: Sequence[wire.Verified]) -> Trip | None:
    """A gateway goes on after a lift; None when the message is about something else. Twice is harmless."""
    row = Lift.objects.select_related("trip").filter(pk=made.body["stop"], zone_id=made.zone).first()
    if row is None or not any(each.role == "gateway" for each in verified):
        return None
    trip = row.trip
    if trip.lifted is None:
        trip.lifted = instant(made.body["at"], "at")
        trip.save(update_fields=["lifted"])
        _record("agreement.lifted", trip, "gateway", "gateway", clock.wall_now(), row.digest)
        _tell(trip, "网关已经恢复回答。")
    return trip


def _tell(trip: Trip, sentence: str) -> None:
    """Both parties of the agreement are told, once each."""
    now = clock.business_now()
    for role in ("operator", "buyer"):
        key = f"{trip.pk}:{sentence[:20]}:{trip.lifts.count()}"
        notices.send(trip.agreement.case, "agreement", key, role, sentence, now)


def _record(act: str, trip: Trip, actor: str, role: str, now: datetime, digest: str = "") -> None:
    evidence.record(
        act=act,
        actor=actor,
        role=role,
        subject=trip.agreement_id,
        zone=trip.zone_id,
        now=now,
        case=trip.agreement.case_id,
        articles=basis(trip.zone_id, GROUND),
        digests={"body": digest} if digest else None,
    )
