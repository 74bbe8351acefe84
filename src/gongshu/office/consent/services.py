"""What a data subject does: come in, agree, refuse, withdraw, complain; one transaction with its evidence.

A withdrawal is never refused to the one who agreed: no state of product, agreement or request hinders it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook
from gongshu.office.consent import identity, notices, receipts, requests, terms
from gongshu.office.consent.models import (
    Complaint,
    Consent,
    ConsentRequest,
    Subject,
    Withdrawal,
    complaint_id,
    consent_id,
    withdrawal_id,
)
from gongshu.office.link import clock, evidence, feed
from gongshu.office.link.models import OutboxEntry
from gongshu.office.products import standing
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from gongshu.wire.times import stamp

ROLE = "subject"
GIVEN, FREE, WITHDRAW, COMPLAINT = "consent.given", "consent.free", "consent.withdraw", "consent.complaint"
GONE = "没有可以办理的请求：办理码不对，或者链接已经失效。请向发给您链接的单位核实。"


def token(kind: str, number: str) -> str:
    """By which a subject is known again: HMAC-SHA256 under a secret of this home, 64 hex characters."""
    secret = settings.KEYS.create_secret("consent-subjects")
    return hmac.new(secret, subjects.name(kind, number).encode(), hashlib.sha256).hexdigest()


@transaction.atomic
def enter(found: identity.Identity) -> Subject:
    """The subject behind a proved identity; the number goes no further than its token."""
    wall = clock.wall_now()
    name, number = identity.masked(found)
    row, new = Subject.objects.get_or_create(
        token=token(found.kind, found.number),
        defaults={
            "zone_id": settings.SITE.zone,
            "kind": found.kind,
            "name": name,
            "number": number,
            "since": wall,
        },
    )
    if not new and row.name != name:
        row.name = name
        row.save(update_fields=["name"])
    _record("subject.enter", row, row.pk, settings.SITE.zone, wall, GIVEN)
    return row


def pending(code: str, subject: Subject, *, lock: bool = False) -> ConsentRequest:
    """The open request behind a code; everything else is one and the same `Refused`.

    An unknown code, an expired or cancelled request and one that another subject has answered cannot be told
    apart; one's own answered request is found again.
    """
    rows = ConsentRequest.objects.select_related(
        "agreement__product__operator", "agreement__buyer", "agreement__case", "zone"
    )
    if lock:
        rows = rows.select_for_update(of=("self",))
    row: ConsentRequest | None = rows.filter(code=code.strip().lower()).first()
    if row is None or not _mine(row, subject):
        raise Refused(GONE, "gone")
    return row


def _mine(row: ConsentRequest, subject: Subject) -> bool:
    if row.state in ("agreed", "refused"):
        return row.subject_id == subject.pk
    return row.state == "open" and clock.wall_now() <= row.expires


def facts_of(row: ConsentRequest) -> list[tuple[str, str]]:
    """What is asked, in words, heading by heading."""
    agreement = row.agreement
    return terms.facts(
        row.terms,
        agreement.product.name,
        agreement.product.operator.name,
        f"{agreement.buyer.name}（统一社会信用代码 {agreement.buyer.uscc}）",
        f"数据产品使用协议，案号 {agreement.case.number}",
    )


@transaction.atomic
def agree(code: str, *, subject: Subject, number: str, now: datetime) -> Consent:
    """Agree with the consent service's signature. `now` is business time.

    `number`: the id number or credit code just proved, in clear; it is sealed to the gateway and forgotten.
    """
    wall = clock.wall_now()
    row = answerable(code, subject, now)
    if token(subject.kind, number) != subject.token:
        raise Refused("实名认证与本次登录的人不一致，请重新登录。", "identity")
    identifier = consent_id()
    sealed = subjects.sealed(
        subjects.name(subject.kind, number), identifier, receipts.sealing_key(row.zone_id, wall)
    )
    body = body_of(row, identifier, {"subject": sealed})
    return give(row, subject, body, receipts.feed_signature("consent", row.zone_id, body), "", now)


def answerable(code: str, subject: Subject, now: datetime) -> ConsentRequest:
    row = pending(code, subject, lock=True)
    if row.state != "open":
        raise Refused(f"您已经答复过这个请求：{row.get_state_display()}。", "state")
    requests.check_running(row.agreement, now)
    return row


def body_of(row: ConsentRequest, identifier: str, subject: Mapping[str, str]) -> dict[str, Any]:
    agreement = row.agreement
    return terms.body(identifier, subject, agreement.product_id, agreement.buyer_id, agreement.pk, row.terms)


def give(
    row: ConsentRequest,
    subject: Subject,
    body: dict[str, Any],
    signature: wire.Signature,
    own_key: str,
    now: datetime,
) -> Consent:
    """Rows, evidence and the feed's item, in the caller's transaction."""
    wall = clock.wall_now()
    articles = basis(row.zone_id, GIVEN, local_day(now))
    rules = lawbook.rules_now(row.zone_id, local_day(now))
    said = dict(facts_of(row)) | {
        "同意人": f"{subject.name} {subject.number}",
        "同意时间": stamp(wall),
        "依据": [rules.cite(each) for each in articles],
        "怎样撤回": "随时在“我的数据”里撤回，不需要理由。",
    }
    made = receipts.document("consent", row.zone_id, body, said)
    entry = _record("consent.agree", subject, body["id"], row.zone_id, wall, GIVEN, row, made)
    item = feed.publish("consent", body, zone=row.zone_id, now=wall, signatures=[signature])
    found = Consent.objects.create(
        id=body["id"],
        zone_id=row.zone_id,
        request=row,
        subject=subject,
        agreement=row.agreement,
        product_id=row.agreement.product_id,
        buyer_id=row.agreement.buyer_id,
        kind=body["kind"],
        since=terms.day(body["from"]),
        until=terms.day(body["until"]),
        body=body,
        document=made,
        own_key=own_key,
        sent=item.seq,
        at=now,
        wall_at=wall,
        entry=entry,
    )
    _answered(row, "agreed", subject, wall)
    notices.tell(
        subject, f"given:{found.pk}", f"您同意{row.agreement.buyer.name}使用您的数据。", found.pk, wall
    )
    return found


def _answered(row: ConsentRequest, state: str, subject: Subject, wall: datetime) -> None:
    row.state, row.subject, row.answered_at = state, subject, wall
    row.save(update_fields=["state", "subject", "answered_at"])


@transaction.atomic
def refuse(code: str, *, subject: Subject, now: datetime) -> ConsentRequest:
    """Refuse; no reason is asked and nothing reaches the data domain."""
    wall = clock.wall_now()
    row = answerable(code, subject, now)
    _answered(row, "refused", subject, wall)
    _record("consent.refuse", subject, row.pk, row.zone_id, wall, FREE, row)
    return row


# ------------------------------------------------------------ withdrawing


@transaction.atomic
def withdraw(consent: Consent, *, subject: Subject, now: datetime) -> Withdrawal:
    """Take a consent back; doing so twice gives the first withdrawal again. Never refused to its subject."""
    row = Consent.objects.select_for_update(of=("self",)).get(pk=consent.pk)
    if row.subject_id != subject.pk:
        raise Refused(GONE, "gone")
    known: Withdrawal | None = Withdrawal.objects.filter(consent=row).first()
    if known is not None:
        return known
    wall = clock.wall_now()
    body = {"id": withdrawal_id(), "consent": row.pk}
    signature = receipts.feed_signature("withdrawal", row.zone_id, body)
    item = feed.publish("withdrawal", body, zone=row.zone_id, now=wall, signatures=[signature])
    said = {
        "撤回的同意": row.document["said"],
        "撤回人": f"{subject.name} {subject.number}",
        "撤回时间": stamp(wall),
        "送往数据域": f"通知流第 {item.seq} 号",
    }
    made = receipts.document("receipt", row.zone_id, {"of": "withdrawal", **body, "seq": item.seq}, said)
    entry = _record("consent.withdraw", subject, row.pk, row.zone_id, wall, WITHDRAW, row.request, made)
    found = Withdrawal.objects.create(
        id=body["id"],
        zone_id=row.zone_id,
        consent=row,
        document=made,
        sent=item.seq,
        at=now,
        wall_at=wall,
        entry=entry,
    )
    words = f"您撤回了给{row.buyer.name}的同意，各网关几秒之内停止。"
    notices.tell(subject, f"withdrawn:{row.pk}", words, row.pk, wall)
    return found


# ------------------------------------------------------------ complaining


@transaction.atomic
def complain(
    *, subject: Subject, consent: Consent | None, kind: str, text: str, now: datetime, zone: str = ""
) -> Complaint:
    """A complaint to the operator, the providers and the authority; without a consent, to the authority."""
    if kind not in dict(Complaint.KINDS):
        raise Refused("请选择投诉的事由。", "input:kind")
    text = text.strip()
    if not 5 <= len(text) <= 2000:
        raise Refused("请用 5 到 2000 个字写明情况。", "input:text")
    if wrong := terms.personal_problem(text, "情况"):
        raise Refused(wrong, "input:text")
    if consent is not None and consent.subject_id != subject.pk:
        raise Refused(GONE, "gone")
    wall = clock.wall_now()
    if (
        Complaint.objects.filter(subject=subject, wall_at__gt=wall - notices.DAY).count()
        >= notices.COMPLAINTS
    ):
        raise Refused("今天提交的投诉已经很多，请明天再提，或者联系数据管理部门。", "too_many")
    where = consent.zone_id if consent else zone or settings.SITE.zone
    to = sorted({consent.product.operator_id, *standing.providers(consent.product)}) if consent else []
    identifier = complaint_id()
    entry = _record(
        "consent.complain", subject, identifier, where, wall, COMPLAINT, consent.request if consent else None
    )
    row = Complaint.objects.create(
        id=identifier,
        zone_id=where,
        subject=subject,
        consent=consent,
        kind=kind,
        text=text,
        sent_to=to,
        at=now,
        wall_at=wall,
        entry=entry,
    )
    notices.of_complaint(row)
    return row


def _record(
    act: str,
    subject: Subject,
    about: str,
    zone: str,
    wall: datetime,
    ground: str,
    request: ConsentRequest | None = None,
    made: Mapping[str, Any] | None = None,
) -> OutboxEntry:
    """Evidence of a subject's act: opaque ids and, for a receipt, its digest."""
    return evidence.record(
        act=act,
        actor=subject.pk,
        role=ROLE,
        subject=about,
        zone=zone,
        now=wall,
        case=request.agreement.case_id if request else "",
        articles=basis(zone, ground),
        digests={"receipt": receipts.digest_of(made)} if made else {},
    )
