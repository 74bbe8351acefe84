"""The compiled usage agreement 数据产品使用协议: one immutable object from negotiation to every call.

Malformed means forbidden: what cannot be compiled allows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

VERSION = 1


class BadContract(ValueError):
    """The agreement cannot be compiled. `args[0]`: one Chinese sentence."""


@dataclass(frozen=True)
class Contract:
    """Who may call which product, for what, until when, how often.

    `buyer`: organisation id; `key`: id of the buyer's public key; `starts`, `ends`: first and last day of
    business time; `calls_per_day`: in wall-clock days; `fields`: what an answer may hold.
    """

    id: str
    zone: str
    product: str
    buyer: str
    key: str
    starts: date
    ends: date
    purposes: frozenset[str]
    fields: frozenset[str]
    calls_per_day: int


@dataclass(frozen=True)
class Ceiling:
    """The most the provider let a product answer (上限), confirmed at the airlock."""

    product: str
    buyers: Mapping[str, str]
    """organisation id → id of its public key"""
    purposes: frozenset[str]
    fields: frozenset[str]
    calls_per_day: int
    consent: str


def _names(value: Any, what: str) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise BadContract(f"协议的{what}为空或写法不对。")
    return frozenset(value)


def _count(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadContract(f"协议的{what}应是正整数。")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadContract(f"协议没有写明{what}。")
    return value


def _day(value: Any, what: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadContract(f"协议的{what}不是日期。") from error


def compile_contract(zone: str, body: Mapping[str, Any]) -> Contract:
    """The contract of a signed body, or `BadContract` with the sentence that says what is wrong."""
    if body.get("v", VERSION) != VERSION:
        raise BadContract("协议的版本不认识。")
    made = Contract(
        id=_text(body.get("id"), "编号"),
        zone=zone,
        product=_text(body.get("product"), "产品"),
        buyer=_text(body.get("buyer"), "使用单位"),
        key=_text(body.get("key"), "使用单位的公钥"),
        starts=_day(body.get("from"), "起始日"),
        ends=_day(body.get("until"), "终止日"),
        purposes=_names(body.get("purposes"), "用途"),
        fields=_names(body.get("fields"), "字段"),
        calls_per_day=_count(body.get("calls_per_day"), "每日调用次数"),
    )
    if made.ends < made.starts:
        raise BadContract("协议的终止日早于起始日。")
    return made


def compile_ceiling(body: Mapping[str, Any]) -> Ceiling:
    """The ceiling of a confirmed body; `BadContract` when malformed."""
    buyers = body.get("buyers")
    if not isinstance(buyers, list) or not buyers or not all(isinstance(row, dict) for row in buyers):
        raise BadContract("上限没有写明使用单位。")
    return Ceiling(
        product=_text(body.get("product"), "产品"),
        buyers={
            _text(row.get("organisation"), "使用单位"): _text(row.get("key"), "使用单位的公钥")
            for row in buyers
        },
        purposes=_names(body.get("purposes"), "用途"),
        fields=_names(body.get("fields"), "字段"),
        calls_per_day=_count(body.get("calls_per_day"), "每日调用次数"),
        consent=_text(body.get("consent"), "同意方式"),
    )
