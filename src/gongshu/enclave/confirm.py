"""The second key: grants and ceilings open only when each provider concerned confirmed them here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.enclave import clock, journal, outgoing, products, sources, trust
from gongshu.enclave.policy import PolicyError, check_grant, owners, within
from gongshu.enclave.store.models import Ceiling, Confirmation, Grant, Stop
from gongshu.wire import envelope as wire

Subject = Grant | Ceiling


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
        except products.Elsewhere as error:
            made.state, made.sentence = "refused", str(error)
            made.save(update_fields=["state", "sentence"])
            _tell(made, "data-domain", "enclave", "refused", now, sentence=str(error))
        _journal(made, f"ceiling.{'received' if made.state == 'awaiting' else 'invalid'}", "enclave", now)
    return made


def required(subject: Subject) -> tuple[str, ...]:
    """The providers whose confirmation is needed, by the vault's manifests."""
    if isinstance(subject, Grant):
        return owners(sources.of_grant(subject.body))
    grant = Grant.objects.filter(id=subject.body.get("grant"), zone=subject.zone).first()
    return owners(sources.of_grant(grant.body)) if grant else ()


@transaction.atomic
def answer(
    subject: Subject, *, organisation: str, person: str, agreed: bool, reason: str, now: datetime
) -> Confirmation:
    """A provider's answer, signed by the airlock over the digest of exactly what was shown."""
    subject = type(subject).objects.select_for_update().get(pk=subject.pk)
    if subject.state != "awaiting":
        raise ConfirmError("该项已经处理过，不能再次确认。")
    if organisation not in required(subject):
        raise ConfirmError("贵单位不是所涉数据的提供单位，不能确认。")
    given = "confirmed" if agreed else "refused"
    made, new = Confirmation.objects.get_or_create(
        subject=subject.id,
        digest=subject.digest,
        organisation=organisation,
        defaults={
            "person": person,
            "answer": given,
            "envelope": _tell(subject, organisation, person, given, now),
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
    _journal(subject, f"{_noun(subject)}.{given}", person, now, role="provider")
    return made


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
    subject: Subject, organisation: str, person: str, given: str, now: datetime, sentence: str = ""
) -> dict[str, Any]:
    body = {
        "id": f"{subject.id}.{organisation}",
        "subject": subject.id,
        "digest": subject.digest,
        "organisation": organisation,
        "person": person,
        "answer": given,
    }
    if sentence:
        body["sentence"] = sentence
    sent = outgoing.post("confirmation", body, zone=subject.zone, now=now, source=outgoing.AIRLOCK)
    return dict(sent.envelope)


def _noun(subject: Subject) -> str:
    return "grant" if isinstance(subject, Grant) else "ceiling"


def _journal(subject: Subject, act: str, actor: str, now: datetime, role: str = "enclave") -> None:
    journal.record(
        source="enclave" if role == "enclave" else "airlock",
        act=act,
        actor=actor,
        role=role,
        subject=subject.id,
        zone=subject.zone,
        now=now,
        ground="data.grant",
        digests={"body": subject.digest},
    )


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
    """The bodies of the ceilings in force, for the gateway."""
    rows = Ceiling.objects.filter(zone=zone, state="live").order_by("id")
    return [row.body for row in rows if all(_confirmed(row, each, now) for each in required(row))]
