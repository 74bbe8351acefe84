"""Ceilings asked for, the parties' keys, and stops: what the data domain and the gateway act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.contract.model import BadContract
from gongshu.crypto.sign import PublicKey
from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.link import clock, evidence, feed
from gongshu.office.link.models import FeedItem
from gongshu.office.products import content, permissions, standing
from gongshu.office.products.models import BuyerKey, Ceiling, Product
from gongshu.wire.envelope import body_digest

GROUND = "operation.scope"
STOPPERS = frozenset(
    {"operator", "data_authority", "implementing_body", "provider_officer", "provider_checker"}
)


@transaction.atomic
def ask_ceiling(
    product: Product,
    *,
    actor: Actor,
    now: datetime,
    buyers: Sequence[tuple[str, str]],
    terms: Mapping[str, Any],
) -> Ceiling:
    """Ask the product's providers for a ceiling: (organisation, key id) of buyers, purposes, fields, counts.

    It goes to the airlock by the feed and opens nothing before every provider confirmed it there.
    """
    permissions.check_operator(actor, product, "products.ceiling")
    articles = basis(product.zone_id, GROUND, local_day(now))
    owners = standing.providers(product)
    if not owners:
        raise Refused("产品还没有选定授权，不知道由哪些提供单位确认上限。", "input:grant", articles)
    _check_buyers(product, buyers)
    fields = list(product.typed.get("fields") or ())
    wrong = [each for each in content.term_problems(content.CEILING, terms, fields) if each.field != "buyers"]
    if wrong:
        raise Refused(wrong[0].sentence, f"input:{wrong[0].field}", articles)
    consent = _consent(product, terms)
    made = Ceiling(zone_id=product.zone_id, product=product, providers=list(owners))
    try:
        made.body = content.ceiling_body(made.pk, product.pk, product.grant, buyers, terms, consent)
    except BadContract as error:
        raise Refused(str(error), "ceiling", articles) from error
    made.digest = body_digest("ceiling", product.zone_id, made.body)
    made.by, made.at = actor.person, now
    made.save(force_insert=True)
    feed.publish("ceiling", made.body, zone=product.zone_id, now=clock.wall_now())
    _record("ceiling.ask", made.pk, product, actor, "operator", made.digest)
    return made


def _consent(product: Product, terms: Mapping[str, Any]) -> str:
    """How persons and firms agree to calls: as chosen where the product touches them, else `none`."""
    if not product.typed.get("touches"):
        return "none"
    articles = basis(product.zone_id, "consent.given")
    if not terms.get("consent"):
        raise Refused("这个产品的调用涉及个人信息或商业秘密，请选择同意方式。", "input:consent", articles)
    if content.whole(terms.get("subjects_per_day")) < 1:
        raise Refused(
            "这个产品指向个人或企业，请写明每日最多涉及的主体数。", "input:subjects_per_day", articles
        )
    return str(terms["consent"])


def _check_buyers(product: Product, buyers: Sequence[tuple[str, str]]) -> None:
    articles = basis(product.zone_id, GROUND)
    if not buyers:
        raise Refused(
            "请至少选择一家使用单位和它的公钥；没有的，请使用单位先提交公钥。", "input:buyers", articles
        )
    if len({organisation for organisation, _ in buyers}) != len(buyers):
        raise Refused("一家使用单位只能选一把公钥。", "input:buyers", articles)
    for organisation, key in buyers:
        if not BuyerKey.objects.filter(zone=product.zone_id, organisation=organisation, key=key).exists():
            raise Refused("所选的公钥不是这个专区的使用单位提交的。", "input:buyers", articles)


@transaction.atomic
def hand_in_key(*, actor: Actor, now: datetime, text: str, note: str = "") -> BuyerKey:
    """A party's public key, as PEM or `alg:base64`. Handing in the same key twice changes nothing."""
    check(actor, "products.key")
    if actor.organisation is None:
        raise Refused("您的账号没有所在机构，不能提交公钥。", "input:key")
    public = read_key(text)
    made, new = BuyerKey.objects.get_or_create(
        organisation_id=actor.organisation,
        key=public.id,
        defaults={
            "zone_id": actor.zone,
            "public": public.encode(),
            "alg": public.alg,
            "note": note.strip()[:120],
            "by": actor.person,
            "at": now,
        },
    )
    if new:
        role = "operator" if "operator" in actor.roles else "buyer"
        evidence.record(
            act="party.key",
            actor=actor.person,
            role=role,
            subject=actor.organisation,
            zone=actor.zone,
            now=clock.wall_now(),
            digests={"key": evidence.digest_of(made.public)[0]},
        )
    return made


def read_key(text: str) -> PublicKey:
    """A public key as people paste it; `Refused` for anything else, a private key above all."""
    text = text.strip()
    if "PRIVATE" in text:
        raise Refused("这是私钥，请不要交给任何人；这里只收公钥（PUBLIC KEY）。", "input:key")
    try:
        return PublicKey.from_pem(text.encode()) if text.startswith("-----") else PublicKey.decode(text)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            "认不出这把公钥，请粘贴 PEM（-----BEGIN PUBLIC KEY-----）或 算法:base64。", "input:key"
        ) from error


@transaction.atomic
def stop(
    product: Product, *, actor: Actor, scope: str = "product", target: str = "", reason: str = ""
) -> FeedItem:
    """Stop a product (or one contract of it): one key is enough. Calls end at the next poll."""
    concerned = {product.operator_id, *standing.providers(product)} & actor.organisations
    check(actor, "products.stop", product.zone_id)
    if not concerned and not actor.roles_in(product.zone_id) & {"data_authority", "implementing_body"}:
        raise Refused("停止由产品的运营机构、数据提供单位、主管部门或者实施机构作出。", "organisation")
    return order_stop(product, actor, scope, target or product.pk, reason)


def order_stop(product: Product, actor: Actor, scope: str, target: str, reason: str) -> FeedItem:
    """Put a stop on the feed, in the caller's transaction; a stop is never refused by the data domain."""
    identifier = new_id("x")
    body = {"id": identifier, "scope": scope, "target": target, "reason": reason.strip()[:400]}
    item = feed.publish("stop", body, zone=product.zone_id, now=clock.wall_now())
    role = next(iter(sorted(actor.roles_in(product.zone_id) & STOPPERS)), "operator")
    _record(f"{scope}.stop", target, product, actor, role, item.envelope["body"]["id"])
    return item


def _record(act: str, subject: str, product: Product, actor: Actor, role: str, content_: str) -> None:
    evidence.record(
        act=act,
        actor=actor.person,
        role=role,
        subject=subject,
        zone=product.zone_id,
        now=clock.wall_now(),
        case=product.case_id,
        articles=basis(product.zone_id, GROUND),
        digests={"content": evidence.digest_of(content_)[0]},
    )
