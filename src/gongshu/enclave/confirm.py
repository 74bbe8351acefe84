"""The second key: grants, ceilings and lifts open only when each provider concerned confirmed them here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from gongshu.enclave import acting, clock, journal, outgoing, products, sources, trust
from gongshu.enclave.policy import PolicyError, check_grant, owners, within
from gongshu.enclave.store.models import Ceiling, Confirmation, Grant, Lift, Stop
from gongshu.wire import envelope as wire

Subject = Grant | Ceiling | Lift
NOUNS: Mapping[type, str] = {Grant: "grant", Ceiling: "ceiling", Lift: "lift"}
LIFT = ("id", "contract", "product", "trip")


class ConfirmError(Exception):
    """The answer cannot be taken. `args[0]`: one Chinese sentence."""


@transaction.atomic
def receive_grant(envelope: wire.Envelope, now: datetime) -> Grant:
    """A grant from the feed: kept, judged by the manifests, and then waiting for its providers.

    The same id with another content is not taken: what was confirmed is what was shown.
    """
    body = envelope.body
    known = Grant.objects.filter(id=body["id"]).first()
    if known is not None:
        return known
    grant = Grant(
        id=body["id"],
        zone=envelope.zone,
        project=body["project"],
        body=body,
        digest=envelope.body_digest(),
        received=now,
    )
    try:
        check_grant(body, sources.of_grant(body))
    except PolicyError as error:
        grant.state, grant.sentence = "invalid", str(error)
        _tell(grant, "data-domain", "enclave", "refused", now, sentence=str(error))
    grant.save()
    _journal(grant, "grant.received" if grant.state == "awaiting" else "grant.invalid", "enclave", now)
    return grant


@transaction.atomic
def receive_ceiling(envelope: wire.Envelope, now: datetime) -> Ceiling:
    """A proposed ceiling from the feed; it lets nothing through before its providers confirmed it.

    A product that belongs to another grant gets none: the office hears why, nobody is asked.
    """
    body = envelope.body
    made, new = Ceiling.objects.get_or_create(
        id=body["id"],
        defaults={
            "zone": envelope.zone,
            "product": body["product"],
            "body": body,
            "digest": envelope.body_digest(),
            "received": now,
        },
    )
    if new:
        try:
            products.check(made.zone, made.product, body["grant"], clock.business_today(made.zone, now))
            grant = under(made)
            if grant and stopped(made.zone, grant=grant.id, project=grant.project, product=made.product):
                raise ConfirmError("所依据的授权或者这个产品已经停止，不再设上限。")
        except (products.Elsewhere, ConfirmError) as error:
            made.state, made.sentence = "refused", str(error)
            made.save(update_fields=["state", "sentence"])
            _tell(made, "data-domain", "enclave", "refused", now, sentence=str(error))
        _journal(made, f"ceiling.{'received' if made.state == 'awaiting' else 'invalid'}", "enclave", now)
    return made


@transaction.atomic
def receive_lift(envelope: wire.Envelope, now: datetime) -> Lift:
    """A request of the office that a tripped contract go on; the gateway hears nothing of it before the
    providers of the product confirmed it. Whether the contract is about that product the gateway checks."""
    body = {key: envelope.body[key] for key in LIFT}
    made, new = Lift.objects.get_or_create(
        id=body["id"],
        defaults={
            "zone": envelope.zone,
            "product": body["product"],
            "body": body,
            "asked": {key: value for key, value in envelope.body.items() if key not in LIFT},
            "digest": wire.body_digest("lift", envelope.zone, body),
            "received": now,
        },
    )
    if new:
        if not required(made):
            made.state, made.sentence = "refused", "数据域里没有这个产品，不知道该由谁确认。"
            made.save(update_fields=["state", "sentence"])
            _tell(made, "data-domain", "enclave", "refused", now, sentence=made.sentence)
        _journal(made, f"lift.{'received' if made.state == 'awaiting' else 'invalid'}", "enclave", now)
    return made


def required(subject: Subject) -> tuple[str, ...]:
    """The providers whose confirmation is needed, by the vault's manifests."""
    if isinstance(subject, Grant):
        return owners(sources.of_grant(subject.body))
    grant = under(subject)
    return owners(sources.of_grant(grant.body)) if grant else ()


def under(subject: Ceiling | Lift) -> Grant | None:
    """The grant a ceiling or lift rests on."""
    bound = products.grant_of(subject.zone, subject.product) if isinstance(subject, Lift) else ""
    return Grant.objects.filter(id=bound or subject.body.get("grant"), zone=subject.zone).first()


def unopenable(subject: Subject, now: datetime) -> str:
    """'' while a provider may still agree to it, else why not: what was stopped or is over opens nothing."""
    grant = subject if isinstance(subject, Grant) else under(subject)
    project = grant.project if grant else ""
    product = "" if isinstance(subject, Grant) else subject.product
    contract = str(subject.body["contract"]) if isinstance(subject, Lift) else ""
    named = grant.id if grant else ""
    if stopped(subject.zone, grant=named, project=project, product=product, contract=contract):
        return "这项授权、产品或者协议已经停止，不能再确认。"
    today = clock.business_today(subject.zone, now)
    if isinstance(subject, Ceiling) and (grant is None or closed(grant, today, now)):
        return "所依据的授权没有生效或者已经到期，不能确认；如要继续，请由办公域发来新的授权。"
    return ""


@transaction.atomic
def answer(
    subject: Subject, *, organisation: str, person: str, agreed: bool, reason: str, now: datetime
) -> Confirmation:
    """A provider's answer, signed by the airlock over the digest of exactly what was shown."""
    acting.check("confirm", person, now, organisation)
    hold_stops()
    subject = type(subject).objects.select_for_update().get(pk=subject.pk)
    if subject.state != "awaiting":
        raise ConfirmError("该项已经处理过，不能再次确认。")
    if organisation not in required(subject):
        raise ConfirmError("贵单位不是所涉数据的提供单位，不能确认。")
    if agreed and (over := unopenable(subject, now)):
        raise ConfirmError(over)
    given = "confirmed" if agreed else "refused"
    more = _lifting(subject, organisation, now) if isinstance(subject, Lift) and agreed else {}
    made, new = Confirmation.objects.get_or_create(
        subject=subject.id,
        digest=subject.digest,
        organisation=organisation,
        defaults={
            "person": person,
            "answer": given,
            "envelope": _tell(subject, organisation, person, given, now, **more),
            "given": now,
        },
    )
    if not new:
        raise ConfirmError("贵单位已经答复过，等待其他提供单位。")
    if not agreed:
        subject.state, subject.sentence = "refused", reason[:400]
    elif all(_confirmed(subject, each, now) for each in required(subject)):
        subject.state = "live"
        if isinstance(subject, Ceiling):
            _replace_older(subject, now)
    subject.save()
    _journal(subject, f"{NOUNS[type(subject)]}.{given}", person, now, role="provider")
    return made


def _lifting(lift: Lift, organisation: str, now: datetime) -> dict[str, Any]:
    """The airlock's signature over the lift itself, with the last confirmation and not before: the office
    cannot publish a lift some provider has not agreed to."""
    if not all(_confirmed(lift, each, now) for each in required(lift) if each != organisation):
        return {}
    key = settings.KEYS.signer(outgoing.AIRLOCK)
    return {"signature": wire.consent("lift", lift.zone, lift.body, outgoing.AIRLOCK, key).data()}


def _replace_older(ceiling: Ceiling, now: datetime) -> None:
    """The product belongs to this ceiling's grant; what held before for it holds no more."""
    grant = ceiling.body["grant"]
    try:
        products.bind(ceiling.zone, ceiling.product, grant, clock.business_today(ceiling.zone, now), now)
    except products.Elsewhere as error:
        raise ConfirmError(str(error)) from error
    older = Ceiling.objects.filter(product=ceiling.product, zone=ceiling.zone, state="live")
    older.exclude(pk=ceiling.pk).update(state="withdrawn")


def _confirmed(subject: Subject, organisation: str, now: datetime) -> bool:
    """Is there a confirmation by this provider over this digest, signed by the airlock?"""
    row = Confirmation.objects.filter(
        subject=subject.id, digest=subject.digest, organisation=organisation, answer="confirmed"
    ).first()
    if row is None:
        return False
    envelope = wire.parse(row.envelope)
    said = (envelope.body["subject"], envelope.body["digest"], envelope.body["organisation"])
    signers = {one.role for one in wire.verify(envelope, trust.current(now), now)}
    return said == (subject.id, subject.digest, organisation) and "airlock" in signers


def _tell(
    subject: Subject, organisation: str, person: str, given: str, now: datetime, **more: Any
) -> dict[str, Any]:
    body = {
        "id": f"{subject.id}.{organisation}",
        "subject": subject.id,
        "digest": subject.digest,
        "organisation": organisation,
        "person": person,
        "answer": given,
        **more,
    }
    sent = outgoing.post("confirmation", body, zone=subject.zone, now=now, source=outgoing.AIRLOCK)
    return dict(sent.envelope)


def _journal(subject: Subject, act: str, actor: str, now: datetime, role: str = "enclave") -> None:
    journal.record(
        source="enclave" if role == "enclave" else "airlock",
        act=act,
        actor=actor,
        role=role,
        subject=subject.id,
        zone=subject.zone,
        now=now,
        ground="operation.lift" if isinstance(subject, Lift) else "data.grant",
        digests={"body": subject.digest},
    )


STOPS = "stops"


def hold_stops() -> None:
    """For the rest of the caller's transaction no stop is made: what was asked of stops stays true until it
    is written. To be asked before any row is locked."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock_shared(hashtext(%s))", [STOPS])


def stopped(zone: str, *, grant: str = "", project: str = "", product: str = "", contract: str = "") -> bool:
    """Is there a stop, whoever made it, that hits any of these?"""
    hit = {"grant": grant, "project": project, "product": product, "contract": contract}
    rows = Stop.objects.filter(zone__in=("", zone)).values_list("scope", "target")
    return any(scope == "all" or (hit.get(scope) and hit[scope] == target) for scope, target in rows)


def closed(grant: Grant, today: date, now: datetime) -> str:
    """'' when work under the grant may be done now, else the outcome code: refused_stop or refused_grant."""
    if stopped(grant.zone, grant=grant.id, project=grant.project):
        return "refused_stop"
    live = grant.state == "live" and not within(grant.body, today)
    needed: tuple[str, ...] = ()
    if live:
        needed = required(grant)
        try:
            check_grant(grant.body, sources.of_grant(grant.body))
        except PolicyError:
            live = False
    if not live or not needed or not all(_confirmed(grant, each, now) for each in needed):
        return "refused_grant"
    return ""


def live_ceilings(zone: str, now: datetime) -> list[Mapping[str, Any]]:
    """The bodies of the ceilings in force, for the gateway: each confirmed by its providers, its product not
    stopped, its grant live today."""
    rows, today = (
        Ceiling.objects.filter(zone=zone, state="live").order_by("id"),
        clock.business_today(zone, now),
    )
    open_grants: dict[str, tuple[str, ...]] = {}

    def holds(row: Ceiling) -> bool:
        grant = str(row.body.get("grant"))
        if grant not in open_grants:
            found = under(row)
            shut = found is None or closed(found, today, now)
            open_grants[grant] = () if shut else required(row)
        needed = open_grants[grant]
        return (
            bool(needed)
            and not stopped(zone, product=row.product)
            and all(_confirmed(row, each, now) for each in needed)
        )

    return [row.body for row in rows if holds(row)]
