"""Consent signed by a firm's own key (USB key, certificate device): the portal signs nothing here.

The key counts when the trust list gives it to the firm under the role `subject`. The gateway finds the
firm by the credit code of the call, so the body carries a salted digest instead of a sealed number.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused
from gongshu.office.consent import services
from gongshu.office.consent.models import Consent, ConsentRequest, Subject, consent_id
from gongshu.office.link import clock, trust
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from gongshu.wire.errors import WireError

ROLE = "subject"


@transaction.atomic
def to_sign(code: str, *, subject: Subject, number: str, now: datetime) -> dict[str, Any]:
    """What the firm's key signs: body, digest and the exact bytes (base64); the same until it is answered."""
    row = services.answerable(code, subject, now)
    if subject.kind != "firm":
        raise Refused("个人请直接点“同意”；自己的钥匙只供企业使用。", "own_key")
    if services.token(subject.kind, number) != subject.token:
        raise Refused("实名认证与本次登录的企业不一致，请重新登录。", "identity")
    who = subjects.name(subject.kind, number)
    if row.body is None or not subjects.speaks_of(row.body, who):
        salt = secrets.token_hex(16)
        said = {"subject": subjects.digest(who, salt), "salt": salt}
        row.body = services.body_of(row, consent_id(), said)
        row.save(update_fields=["body"])
    message = wire.consent_message("consent", row.zone_id, row.body)
    return {
        "v": 1,
        "kind": "consent",
        "role": ROLE,
        "zone": row.zone_id,
        "body": row.body,
        "digest": wire.body_digest("consent", row.zone_id, row.body),
        "message": base64.b64encode(message).decode(),
    }


@transaction.atomic
def agree(code: str, *, subject: Subject, signature: str, now: datetime) -> Consent:
    """Agree with the firm's own signature: a JSON object {key, alg, sig}. `now` is business time."""
    row = services.answerable(code, subject, now)
    if row.body is None:
        raise Refused("请先下载待签的内容，用企业自己的钥匙签名。", "input:signature")
    made = read(signature)
    check(row, subject, made)
    return services.give(row, subject, row.body, made, made.key, now)


def read(text: str) -> wire.Signature:
    """The signature as people hand it in."""
    try:
        given = json.loads(text)
        base64.b64decode(given["sig"], validate=True)
        return wire.Signature(ROLE, str(given["key"]), str(given["alg"]), str(given["sig"]), "body")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise Refused(
            "签名读不懂：应是一个 JSON，有 key（公钥指纹）、alg、sig（base64）。", "input:signature"
        ) from error


def check(row: ConsentRequest, subject: Subject, made: wire.Signature) -> None:
    """Raise unless the signature holds and its key is this very firm's on the trust list."""
    wall = clock.wall_now()
    try:
        listed = trust.current(wall)
        envelope = wire.attach(wire.make("consent", row.zone_id, 0, row.body or {}, wall), [made])
        held = next((each for each in wire.verify(envelope, listed, wall) if each.role == ROLE), None)
    except WireError:
        held = None
    firm = Organisation.objects.filter(pk=held.organisation or "").first() if held else None
    if firm is None:
        raise Refused("签名不成立，或者这把钥匙没有作为贵单位的钥匙列入信任名单。", "input:signature")
    if services.token("firm", firm.uscc) != subject.token:
        raise Refused("这把钥匙属于别的单位，不能代表贵单位同意。", "input:signature")
