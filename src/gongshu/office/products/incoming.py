"""What the data domain tells about products: releases that carry a product's number, answers to ceilings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.crypto.hashes import digest as digest_bytes
from gongshu.office.accounts.actors import enclave
from gongshu.office.cases import deposits
from gongshu.office.link import clock, evidence, inbox
from gongshu.office.link.models import InboxMessage
from gongshu.office.products import lifts
from gongshu.office.products.models import Ceiling, Product, Released
from gongshu.wire import envelope as wire


def listen() -> None:
    """Register for the messages this app acts on."""
    inbox.on("release")(on_release)
    inbox.on("confirmation")(on_confirmation)
    inbox.on("effect")(on_effect)


def on_release(made: wire.Envelope, _verified: list[wire.Verified], now: datetime) -> None:
    product = Product.objects.filter(pk=made.body.get("product") or "", zone_id=made.zone).first()
    if product is not None:
        take(product, made.body, now)


def collect(product: Product, now: datetime) -> int:
    """Take releases that came before the product named its grant; how many are new."""
    rows = InboxMessage.objects.filter(kind="release", envelope__body__product=product.pk)
    return sum(
        take(product, row.envelope["body"], now)
        for row in rows.order_by("pk")
        if row.envelope["zone"] == product.zone_id
    )


@transaction.atomic
def take(product: Product, body: Mapping[str, Any], now: datetime) -> bool:
    """Keep one release of the product; False when it was kept before or was made under another grant."""
    file = next(iter(body.get("files") or ()), None)
    if file is None or not product.grant or body.get("grant") != product.grant:
        return False
    if Released.objects.filter(pk=body["id"]).exists():
        return False
    try:
        content = base64.b64decode(file["content"], validate=True)
    except (binascii.Error, KeyError, ValueError):
        return False
    if digest_bytes(content) != body["digest"]:
        return False
    record = dict(body.get("record") or {})
    Released.objects.create(
        id=body["id"],
        zone_id=product.zone_id,
        product=product,
        task=str(body.get("task") or ""),
        grant=product.grant,
        title=str(record.get("title") or file.get("name") or "")[:200],
        kind=str(record.get("kind") or "")[:20],
        name=str(file.get("name") or body["id"])[:120],
        media=str(file.get("media") or "application/octet-stream")[:80],
        size=len(content),
        digest=deposits.put_bytes(content),
        sources=list(body.get("sources") or ()),
        record=record,
        day=_day(record.get("business_date")),
        received=now,
    )
    evidence.record(
        act="product.released",
        actor="enclave",
        role="enclave",
        subject=product.pk,
        zone=product.zone_id,
        now=now,
        case=product.case_id,
        digests={"file": body["digest"]},
    )
    return True


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return clock.business_today()


def on_effect(made: wire.Envelope, verified: list[wire.Verified], now: datetime) -> None:
    """A gateway tripped an agreement, or goes on after a lift; other effects belong to other apps."""
    lifts.tripped(made, verified, now) or lifts.took_effect(made, verified)


def on_confirmation(made: wire.Envelope, _verified: list[wire.Verified], now: datetime) -> None:
    """A provider's answer to a ceiling or a lift; it counts only over exactly what was asked."""
    body = made.body
    if lifts.answered(made, now) is not None:
        return
    row = Ceiling.objects.select_for_update().filter(pk=body["subject"], zone_id=made.zone).first()
    if row is None or body["digest"] != row.digest or row.state not in ("asked", "confirmed"):
        return
    row.answers = {**row.answers, body["organisation"]: body["answer"]}
    if body["answer"] == "refused":
        row.state = "refused"
    elif set(row.providers) <= {each for each, said in row.answers.items() if said == "confirmed"}:
        row.state = "confirmed"
        Ceiling.objects.filter(product=row.product_id, state="confirmed").exclude(pk=row.pk).update(
            state="replaced"
        )
    row.save(update_fields=["answers", "state"])
    evidence.record(
        act=f"ceiling.{body['answer']}",
        actor=enclave(made.zone).person,
        role="enclave",
        subject=row.pk,
        zone=made.zone,
        now=now,
        digests={"body": row.digest},
    )
