"""A data subject's consent as the gateway holds it: compiled once, compared at each call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.contract.model import BadContract
from gongshu.law.forms import Problem
from gongshu.money.reading import Reading

KINDS = {"standing": "在期限内有效", "once": "只用一次"}


@dataclass(frozen=True, slots=True)
class Consent:
    """Who lets whom ask what, from the first to the last business day. `subject`: the token calls carry.

    `contract`: the only agreement it holds for; empty for any of this buyer's on the product.
    """

    id: str
    subject: str
    product: str
    buyer: str
    contract: str
    purpose: str
    fields: frozenset[str]
    starts: date
    ends: date
    once: bool


def compile_consent(body: Mapping[str, Any], subject: str | None = None) -> Consent:
    """The consent of a feed item or of a message that came with a call; `BadContract` when malformed.

    `subject`: the token opened from the sealed one of the body, where the caller opened it.
    """
    reading = Reading()
    found = _read(reading, body, subject)
    if reading.problems:
        raise BadContract(reading.problems[0].sentence)
    return found


def consent_problems(body: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with the body of a consent, each a sentence beside its field."""
    reading = Reading()
    _read(reading, body, None)
    return reading.problems


def _read(reading: Reading, body: Mapping[str, Any], subject: str | None) -> Consent:
    contract = body.get("contract")
    return Consent(
        id=reading.id(body.get("id"), "id", "同意的编号"),
        subject=reading.text(body.get("subject") if subject is None else subject, "subject", "同意的主体"),
        product=reading.id(body.get("product"), "product", "产品"),
        buyer=reading.id(body.get("buyer"), "buyer", "使用单位"),
        contract="" if contract is None else reading.id(contract, "contract", "使用协议"),
        purpose=reading.text(body.get("purpose"), "purpose", "用途"),
        fields=reading.names(body.get("fields"), "fields", "字段"),
        starts=reading.day(body.get("from"), "from", "同意的起始日"),
        ends=reading.day(body.get("until"), "until", "同意的终止日"),
        once=reading.one_of(body.get("kind"), "kind", "同意的种类", KINDS) == "once",
    )
