"""Usage agreements: drafted by the operator, confirmed and signed by the buyer, filed, sent on the feed.

The case (agreement.usage) decides each step; here is what goes with it: the content, the buyer's electronic
signatures over contract and credential, and their publication on the feed.
"""

from __future__ import annotations

import base64
import binascii
import json
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
from gongshu.office.link import clock, evidence, feed, trust
from gongshu.office.products import content, permissions, standing
from gongshu.office.products import terms as terms_
from gongshu.office.products.models import Agreement, BuyerKey, Product
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import KINDS as KIND_TITLES

PROCEDURE = "agreement.usage"
KINDS = ("contract", "credential")
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
    made.terms = terms_.begun(product.typed.get("fields") or (), product.operator_id, touches)
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


def to_sign(row: Agreement) -> dict[str, Any]:
    """What the buyer's own tool signs: for each message its body, its digest and the exact bytes (base64)."""
    if row.case.state not in ("agreed", "submitted", "filed"):
        raise Refused(
            "使用单位在案件页确认协议之后，内容才定下来，才可以签署。", "state", basis(row.zone_id, GROUND)
        )
    made = {}
    for kind, body in bodies(row).items():
        made[kind] = {
            "kind": kind,
            "zone": row.zone_id,
            "body": body,
            "digest": wire.body_digest(kind, row.zone_id, body),
            "message": base64.b64encode(wire.consent_message(kind, row.zone_id, body)).decode(),
        }
    return {"v": 1, "agreement": row.pk, "role": "buyer", "key": row.terms.get("key", ""), **made}


@transaction.atomic
def sign(agreement: Agreement, *, actor: Actor, now: datetime, given: Mapping[str, str]) -> Agreement:
    """Take the buyer's signatures (base64, or the signature object as JSON); `now` is business time.

    Refused unless both hold under the key the agreement names, as the trust list has it now. A filed
    agreement goes to the data domain at once.
    """
    row = locked(agreement)
    permissions.check_sign(actor, row)
    key = trusted_key(row)
    made = {kind: _signature(kind, given.get(kind, ""), key) for kind in KINDS}
    wall = clock.wall_now()
    for kind, body in bodies(row).items():
        envelope = wire.attach(wire.make(kind, row.zone_id, 0, body, wall), [made[kind]])
        if not any(each.role == "buyer" for each in wire.verify(envelope, trust.current(wall), wall)):
            raise Refused(
                f"{KIND_TITLES[kind].title}的签名与协议的内容或公钥不符，请用最新的待签内容重新签署。",
                f"input:{kind}",
            )
    row.signed = bodies(row)
    row.signatures = {kind: each.data() for kind, each in made.items()}
    row.signed_at = now
    row.save(update_fields=["signatures", "signed", "signed_at"])
    _record("agreement.sign", row, actor, "buyer")
    if row.case.state == "filed":
        publish(row, actor, "buyer")
    return row


def trusted_key(row: Agreement) -> BuyerKey:
    """The buyer's key of the agreement when the trust list has it; `Refused` says what is missing."""
    wanted = str(row.terms.get("key") or "")
    key = BuyerKey.objects.filter(organisation_id=row.buyer_id, key=wanted).first()
    if key is None:
        raise Refused("协议写明的公钥不是使用单位提交过的，请先在“使用单位钥匙”提交。", "input:key")
    if not on_list(key, row.zone_id):
        raise Refused(
            "这把公钥还没有列入信任名单；请由数据域的两名安全管理员签署名单后再签。", "key_untrusted"
        )
    return key


def on_list(key: BuyerKey, zone: str) -> bool:
    """Is the key on the trust list, as this organisation's, for the zone, now?"""
    wall = clock.wall_now()
    try:
        entry = trust.current(wall).find(key.key, "buyer")
    except WireError:
        return False
    return entry is not None and entry.organisation == key.organisation_id and entry.holds(zone, wall)


def _signature(kind: str, text: str, key: BuyerKey) -> wire.Signature:
    text = text.strip()
    if not text:
        raise Refused("请填写两份签名：使用协议和凭证。", f"input:{kind}")
    if text.startswith("{"):
        try:
            text = str(json.loads(text)["sig"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("签名不是合格的 JSON。", f"input:{kind}") from error
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("签名不是 base64。", f"input:{kind}") from error
    return wire.Signature("buyer", key.key, key.alg, text, "body")


@transaction.atomic
def send(agreement: Agreement, *, actor: Actor) -> Agreement:
    """Send a filed and signed agreement to the data domain."""
    row = locked(agreement)
    role = permissions.check_send(actor, row)
    if row.case.state != "filed":
        raise Refused("协议备案之后才能送往数据域。", "state", basis(row.zone_id, GROUND))
    if not row.signatures:
        raise Refused("使用单位还没有用自己的钥匙签署。", "unsigned")
    publish(row, actor, role)
    return row


def publish(row: Agreement, actor: Actor, role: str) -> None:
    """Put contract and credential on the feed, once, in the caller's transaction."""
    if row.sent or not row.signatures:
        return
    trusted_key(row)
    wall = clock.wall_now()
    for kind, body in bodies(row).items():
        signature = wire.Signature(**row.signatures[kind])
        item = feed.publish(kind, body, zone=row.zone_id, now=wall, signatures=[signature], subject=row.pk)
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
