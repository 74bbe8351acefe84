"""样例确认: each provider of the sample's tables confirms it at the airlock before any developer sees it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from gongshu.enclave import acting, clock, confirm, outgoing, trust
from gongshu.enclave.confirm import ConfirmError
from gongshu.enclave.sample.work import record
from gongshu.enclave.store.models import Confirmation, Grant, Sample
from gongshu.wire import envelope as wire


def required(sample: Sample) -> tuple[str, ...]:
    """The providers whose confirmation is needed: those of its grant, by the vault's manifests."""
    grant = Grant.objects.filter(id=sample.grant, zone=sample.zone).first()
    return confirm.required(grant) if grant else ()


def asked(sample: Sample, organisation: str) -> bool:
    """Whether the organisation still has to answer."""
    answered = Confirmation.objects.filter(subject=sample.id, digest=sample.digest, organisation=organisation)
    return sample.state == "awaiting" and organisation in required(sample) and not answered.exists()


@transaction.atomic
def answer(
    sample: Sample, *, organisation: str, person: str, agreed: bool, reason: str, now: datetime
) -> Confirmation:
    """A provider's answer, signed by the airlock over the digest of exactly what was shown.

    The digest is salted and the salt stays here until the sample leaves. Raises ConfirmError.
    """
    acting.check("confirm", person, now, organisation)
    sample = Sample.objects.select_for_update().get(pk=sample.pk)
    if sample.state != "awaiting":
        raise ConfirmError("该样例已经处理过，不能再次确认。")
    if organisation not in required(sample):
        raise ConfirmError("贵单位不是所涉数据的提供单位，不能确认。")
    if not asked(sample, organisation):
        raise ConfirmError("贵单位已经答复过，等待其他提供单位。")
    grant = Grant.objects.get(id=sample.grant)
    closed = confirm.closed(grant, clock.business_today(grant.zone, now), now)
    if agreed and closed:
        raise ConfirmError("授权已经停止或者到期，不能再提供样例。")
    given = "confirmed" if agreed else "refused"
    body = {
        "id": f"{sample.id}.{organisation}",
        "subject": sample.id,
        "task": sample.task.pk,
        "digest": sample.digest,
        "organisation": organisation,
        "person": person,
        "answer": given,
    }
    sent = outgoing.post("confirmation", body, zone=sample.zone, now=now, source=outgoing.AIRLOCK)
    made = Confirmation.objects.create(
        subject=sample.id,
        digest=sample.digest,
        organisation=organisation,
        person=person,
        answer=given,
        envelope=dict(sent.envelope),
        given=now,
    )
    if not agreed:
        sample.state, sample.sentence, sample.decided = "refused", reason[:400], now
    elif all(_confirmed(sample, each, now) for each in required(sample)):
        sample.state, sample.decided = "agreed", now
    sample.save(update_fields=["state", "sentence", "decided"])
    record(sample, f"sample.{given}", person, now)
    return made


def _confirmed(sample: Sample, organisation: str, now: datetime) -> bool:
    """Is there a confirmation by this provider over this digest, signed by the airlock?"""
    row = Confirmation.objects.filter(
        subject=sample.id, digest=sample.digest, organisation=organisation, answer="confirmed"
    ).first()
    if row is None:
        return False
    envelope = wire.parse(row.envelope)
    said = (envelope.body["subject"], envelope.body["digest"], envelope.body["organisation"])
    signers = {one.role for one in wire.verify(envelope, trust.current(now), now)}
    return said == (sample.id, sample.digest, organisation) and "airlock" in signers
