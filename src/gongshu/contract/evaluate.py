"""Ask a contract: may this call be answered? The answer is a code, a sentence and its articles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gongshu.contract.model import Ceiling, Contract

AGREEMENT = ("hubei-operation:27",)
SCOPE = ("national-operation:6", "hubei-operation:21")


@dataclass(frozen=True)
class Ruling:
    """`code` is empty when the call is allowed."""

    code: str
    sentence: str
    basis: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.code


ALLOWED = Ruling("", "调用在使用协议和上限之内。", AGREEMENT)


@dataclass(frozen=True)
class Call:
    """One call: when (business day), for which purpose, which fields, and how many before it today."""

    day: date
    purpose: str
    fields: frozenset[str]
    calls_today: int
    product_calls_today: int


def inside_ceiling(contract: Contract, ceiling: Ceiling | None) -> Ruling:
    """Is the agreement as a whole within what the provider confirmed?"""
    if ceiling is None or ceiling.product != contract.product:
        return Ruling("no_ceiling", "提供单位没有在闸口确认该产品的上限，不能调用。", SCOPE)
    if ceiling.buyers.get(contract.buyer) != contract.key:
        return Ruling("buyer", "使用单位或其公钥不在提供单位确认的上限之内，不能调用。", SCOPE)
    if not contract.purposes <= ceiling.purposes or not contract.fields <= ceiling.fields:
        return Ruling("over_scope", "使用协议的用途或字段超出提供单位确认的上限，不能调用。", SCOPE)
    return ALLOWED


def evaluate(contract: Contract, ceiling: Ceiling | None, call: Call) -> Ruling:
    """Whether one call is allowed; the first thing that forbids it is the answer."""
    inside = inside_ceiling(contract, ceiling)
    if not inside.allowed or ceiling is None:
        return inside
    if call.day < contract.starts:
        return Ruling("not_yet", "使用协议尚未生效。", AGREEMENT)
    if call.day > contract.ends:
        return Ruling("expired", "使用协议已经到期，请续签。", AGREEMENT)
    if call.purpose not in contract.purposes:
        return Ruling("purpose", "用途不在使用协议约定的范围之内。", AGREEMENT)
    if not call.fields <= contract.fields:
        return Ruling("field", "请求的字段不在使用协议约定的范围之内。", AGREEMENT)
    if call.calls_today >= contract.calls_per_day:
        return Ruling("quota", "今日调用次数已达使用协议约定的上限，请明日再试。", AGREEMENT)
    if call.product_calls_today >= ceiling.calls_per_day:
        return Ruling("ceiling", "今日调用次数已达提供单位确认的上限，请明日再试。", SCOPE)
    return ALLOWED
