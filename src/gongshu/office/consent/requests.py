"""What a buyer does: ask for consent under its own agreement, and take the question back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.consent import permissions, receipts, terms
from gongshu.office.consent.models import ConsentRequest
from gongshu.office.link import clock, evidence
from gongshu.office.products import content
from gongshu.office.products.models import Agreement

GIVEN, FREE = "consent.given", "consent.free"


def allowed(agreement: Agreement, now: datetime) -> dict[str, Any]:
    """The limits a request must keep: those of the agreement."""
    term = agreement.typed.get("term") or {}
    return {
        "purposes": list(agreement.terms.get("purposes") or ()),
        "fields": list(agreement.terms.get("fields") or ()),
        "consent": str(agreement.terms.get("consent") or ""),
        "from": terms.day(term.get("from")) or local_day(now),
        "until": terms.day(term.get("until")) or local_day(now),
        "today": local_day(now),
    }


def check_running(agreement: Agreement, now: datetime) -> None:
    """Raise unless the agreement is filed, delivered by calls, in its term, and about persons or firms."""
    articles = basis(agreement.zone_id, GIVEN, local_day(now))
    if not content.called(agreement.typed):
        raise Refused("这份协议不是接口调用，不需要逐个请求同意。", "not_called", articles)
    if not (agreement.typed.get("touches") or agreement.product.typed.get("touches")):
        raise Refused("这个产品的调用不涉及个人信息和商业秘密，不需要数据主体同意。", "not_needed", articles)
    if agreement.case.state != "filed" or not agreement.sent:
        raise Refused("使用协议备案并送往数据域之后，才能请求同意。", "state", articles)
    if local_day(now) > allowed(agreement, now)["until"]:
        raise Refused("使用协议已经到期，请续签后再请求同意。", "expired", articles)


@transaction.atomic
def ask(agreement: Agreement, *, actor: Actor, now: datetime, typed: Mapping[str, Any]) -> ConsentRequest:
    """One question to one subject. `now` is business time; raises `Refused` with the input that is wrong."""
    permissions.check_ask(actor, agreement)
    check_running(agreement, now)
    wall = clock.wall_now()
    receipts.sealing_key(agreement.zone_id, wall)
    wrong = terms.problem(typed, allowed(agreement, now))
    if wrong:
        raise Refused(wrong[1], f"input:{wrong[0]}", basis(agreement.zone_id, FREE, local_day(now)))
    made = ConsentRequest.objects.create(
        zone_id=agreement.zone_id,
        agreement=agreement,
        terms=terms.kept(typed),
        reference=str(typed.get("reference") or ""),
        expires=terms.expires(typed, wall),
        by=actor.person,
        at=now,
        wall_at=wall,
    )
    _record("consent.ask", made, actor, wall)
    return made


@transaction.atomic
def cancel(request: ConsentRequest, *, actor: Actor) -> ConsentRequest:
    """Take a question back before it was answered."""
    row = ConsentRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    permissions.check_ask(actor, row.agreement)
    if row.state != "open":
        raise Refused(f"这个请求{row.get_state_display()}，不能取消。", "state")
    row.state = "cancelled"
    row.save(update_fields=["state"])
    _record("consent.cancel", row, actor, clock.wall_now())
    return row


def _record(act: str, row: ConsentRequest, actor: Actor, wall: datetime) -> None:
    evidence.record(
        act=act,
        actor=actor.person,
        role="buyer",
        subject=row.pk,
        zone=row.zone_id,
        now=wall,
        case=row.agreement.case_id,
        articles=basis(row.zone_id, GIVEN),
        digests={"terms": evidence.digest_of(row.terms)[0]},
    )
