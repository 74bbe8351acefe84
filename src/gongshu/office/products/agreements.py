"""Usage agreements: drafted by the operator, confirmed by the buyer, signed by both, filed, sent on the feed.

The case (agreement.usage) decides each step; here is what goes with it: the content, both sides' electronic
signatures over the contract and the buyer's over the credential, and their publication on the feed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.contract.model import BadContract
from gongshu.law.forms import Problem
from gongshu.money.pricelaw import price_law
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused
from gongshu.office.accounts.queries import saved_between
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, evidence, feed
from gongshu.office.products import content, permissions, signing, standing
from gongshu.office.products import terms as terms_
from gongshu.office.products.models import Agreement, Product
from gongshu.wire import envelope as wire

PROCEDURE = "agreement.usage"
GROUND = "agreement.usage"


@transaction.atomic
def begin(product: Product, *, actor: Actor, now: datetime, buyer: str) -> Agreement:
    """Open the draft of an agreement with a buyer (organisation id). `now` is business time."""
    permissions.check_operator(actor, product, "products.agree")
    other = Organisation.objects.filter(pk=buyer).first()
    if other is None:
        raise Refused("请选择产品使用单位。", "input:buyer")
    if other.pk == product.operator_id:
        raise Refused("运营机构不能与自己签订使用协议。", "input:buyer")
    made = Agreement(zone_id=product.zone_id, product=product, buyer=other)
    made.case = cases.open_case(
        PROCEDURE,
        made.pk,
        actor,
        now,
        title=f"{product.name} · {other.name}"[:200],
        subject_kind="agreement",
        zone=product.zone_id,
        party_roles={"buyer": other.pk},
    )
    made.typed = fixed(made, {"touches": product.typed.get("touches")})
    touches = product.typed.get("touches")
    key = signing.newest_key(product.operator_id, product.zone_id, "operator")
    made.terms = terms_.begun(product.typed.get("fields") or (), product.operator_id, touches, key)
    made.saved_at, made.saved_by = now, actor.person
    made.save(force_insert=True)
    _record("agreement.begin", made, actor, "operator")
    return made


def fixed(row: Agreement, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The parties and the product are what the agreement is about, not what is typed."""
    fixed = {"product": row.product.name, "buyer": row.buyer.name, "buyer_code": row.buyer.uscc}
    return {key: value for key, value in {**typed, **fixed}.items() if value is not None}


@transaction.atomic
def save(
    agreement: Agreement,
    *,
    actor: Actor,
    now: datetime,
    typed: Mapping[str, Any],
    terms: Mapping[str, Any],
    version: int,
) -> Agreement:
    """Keep the seven items and the terms as typed. What was signed before is void."""
    row = locked(agreement)
    permissions.check_draft(actor, row)
    if version != row.version:
        raise Refused(saved_between(row.saved_by, actor), "version")
    row.typed, row.terms = fixed(row, typed), dict(terms)
    row.signatures, row.signed, row.signed_at = {}, {}, None
    row.version += 1
    row.saved_at, row.saved_by = now, actor.person
    row.save()
    _record("agreement.save", row, actor, "operator")
    return row


def locked(agreement: Agreement) -> Agreement:
    """The row for a change; the case's row is locked first, as an act does."""
    Case.objects.select_for_update(of=("self",)).get(pk=agreement.case_id)
    found = Agreement.objects.select_for_update(of=("self",)).select_related("case", "product", "buyer")
    row: Agreement = found.get(pk=agreement.pk)
    return row


def bodies(row: Agreement) -> dict[str, dict[str, Any]]:
    """The bodies of contract and credential: those that were signed, else as the terms give them now.

    Raises `Refused` when the agreement cannot be compiled.
    """
    if row.signed:
        return dict(row.signed)
    try:
        contract = content.contract_body(
            row.pk,
            row.product_id,
            row.product.operator_id,
            row.buyer_id,
            row.zone_id,
            row.typed,
            row.terms,
        )
    except BadContract as error:
        raise Refused(str(error), "contract", basis(row.zone_id, GROUND)) from error
    return {"contract": contract, "credential": content.credential_body(row.pk, row.buyer_id)}


def problems(row: Agreement, day: date) -> list[Problem]:
    """Everything wrong with the agreement as saved, on a business day."""
    return problems_with(row, row.typed, row.terms, day)


def problems_with(
    row: Agreement, typed: Mapping[str, Any], terms: Mapping[str, Any], day: date
) -> list[Problem]:
    """The same of what is on the page and not saved yet."""
    rules = lawbook.rules_of(row.case)
    made = terms_.body(row.pk, row.product_id, row.product.operator_id, row.buyer_id, typed, terms)
    return content.agreement_problems(
        rules,
        typed,
        made,
        list(row.product.typed.get("fields") or ()),
        touches=bool(typed.get("touches") or row.product.typed.get("touches")),
        consent_basis=basis(row.zone_id, "consent.given", day),
        caps=standing.caps(row.product_id, day),
        law=price_law(rules),
    )


def to_sign(row: Agreement, side: signing.Side) -> dict[str, Any]:
    """What a side's own tool signs: for each message its body, its digest and the exact bytes (base64)."""
    if row.case.state not in ("agreed", "submitted", "filed"):
        raise Refused(
            "使用单位在案件页确认协议之后，内容才定下来，双方才可以签署。",
            "state",
            basis(row.zone_id, GROUND),
        )
    found = bodies(row)
    made = {}
    for kind in side.kinds:
        made[kind] = {
            "kind": kind,
            "zone": row.zone_id,
            "body": found[kind],
            "digest": wire.body_digest(kind, row.zone_id, found[kind]),
            "message": base64.b64encode(wire.consent_message(kind, row.zone_id, found[kind])).decode(),
        }
    return {"v": 1, "agreement": row.pk, "role": side.role, "key": row.terms.get(side.term, ""), **made}


@transaction.atomic
def sign(agreement: Agreement, *, actor: Actor, now: datetime, given: Mapping[str, str]) -> Agreement:
    """Take the signatures of the actor's side (base64, or the signature object as JSON), in either order;
    `now` is business time.

    Refused unless each holds under the key the agreement names for that side, as the trust list has it now.
    A filed agreement both sides signed goes to the data domain at once.
    """
    row = locked(agreement)
    side = signing.SIDES[permissions.check_sign(actor, row)]
    key = signing.trusted_key(row, side)
    made = {kind: signing.read(kind, given.get(kind, ""), side, key) for kind in side.kinds}
    found = bodies(row)
    for kind, each in made.items():
        signing.check(each, kind, row.zone_id, found[kind])
    row.signed = found
    row.signatures = {**row.signatures, side.role: signing.kept(made, actor.person, now)}
    row.signed_at = now
    row.save(update_fields=["signatures", "signed", "signed_at"])
    _record("agreement.sign", row, actor, side.role)
    if row.case.state == "filed":
        publish(row, actor, side.role)
    return row


@transaction.atomic
def send(agreement: Agreement, *, actor: Actor) -> Agreement:
    """Send a filed agreement, which both sides signed, to the data domain."""
    row = locked(agreement)
    role = permissions.check_send(actor, row)
    if row.case.state != "filed":
        raise Refused("协议备案之后才能送往数据域。", "state", basis(row.zone_id, GROUND))
    left = signing.waited_for(row)
    if left:
        names = "、".join(side.title for side in left)
        raise Refused(f"{names}还没有用自己的钥匙签署，双方都签了才能送往数据域。", "unsigned")
    publish(row, actor, role)
    return row


def publish(row: Agreement, actor: Actor, role: str) -> None:
    """Put contract and credential on the feed once both sides signed, in the caller's transaction."""
    if row.sent or signing.waited_for(row):
        return
    for side in signing.SIDES.values():
        signing.trusted_key(row, side)
    wall = clock.wall_now()
    for kind, body in bodies(row).items():
        signatures = signing.signatures_of(row, kind)
        item = feed.publish(kind, body, zone=row.zone_id, now=wall, signatures=signatures, subject=row.pk)
        row.sent = row.sent or item.seq
    row.sent_at = wall
    row.save(update_fields=["sent", "sent_at"])
    _record("agreement.sent", row, actor, role)


def _record(act: str, row: Agreement, actor: Actor, role: str) -> None:
    evidence.record(
        act=act,
        actor=actor.person,
        role=role,
        subject=row.pk,
        zone=row.zone_id,
        now=clock.wall_now(),
        case=row.case_id,
        articles=basis(row.zone_id, GROUND),
        digests={"content": evidence.digest_of({"typed": row.typed, "terms": row.terms})[0]},
    )
