"""The body of a usage agreement as both sides sign it (README): read strictly, every fault at once.

What is missing, too much or not understood is a fault: a limit that cannot be read must never become none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.crypto.opaque import opaque
from gongshu.money import split, tariff
from gongshu.money.reading import Reading
from gongshu.money.split import Share
from gongshu.money.tariff import Tariff

CONSENTS = {"none": "不需要同意", "standing": "事先同意、每次核对", "each_call": "每次调用都要新的同意"}
"""From the least to the most strict."""
PROHIBITIONS = {
    "resell": "不得转售、转让",
    "redistribute": "不得提供给他人或者扩大知悉范围",
    "reidentify": "不得还原到个人或者企业",
    "combine": "不得与其他数据关联分析",
    "tamper": "不得篡改",
    "other_use": "不得用于约定以外的用途",
    "keep": "不得留存超过约定的时间",
    "train": "不得用于训练模型",
}
TERMS = {
    "parties": "当事人",
    "purposes": "用途",
    "period": "期限",
    "fields": "字段",
    "quota": "额度",
    "rate": "速率",
    "consent": "同意",
    "over_scope": "越权与熔断",
    "prohibitions": "禁止事项",
    "tariff": "价目",
    "split": "分成",
}
CLAUSES: dict[str, str] = {
    "parties": "parties",
    "purposes": "scene",
    "period": "term",
    "fields": "conditions",
    "quota": "conditions",
    "rate": "conditions",
    "consent": "security",
    "over_scope": "breach",
    "prohibitions": "security",
    "tariff": "pricing",
    "split": "pricing",
}
"""Term → clause where the agreement is the seven items of the packs' document `agreement.usage`."""
REQUIRED = (
    "v", "id", "product", "operator", "buyer", "key", "from", "until", "purposes", "public_benefit", "fields",
    "consent", "quota", "rate", "over_scope", "prohibitions", "tariff", "split", "clauses",
)  # fmt: skip
OPTIONAL = ("operator_key",)
"""Bodies signed before operators signed too do not name it; the wire takes no new one without."""
FIRST = ("id", "product", "buyer", "key", "from", "until", "purposes", "fields", "calls_per_day")
MOST_CALLS = 10**9
MOST_SECONDS = 30 * 86_400
MOST_RATE = 100_000


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls a wall-clock day and month (Asia/Shanghai) and in all, subjects a day. None: no limit."""

    calls_per_day: int
    calls_per_month: int | None = None
    calls_total: int | None = None
    subjects_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket in wall time."""

    per_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class OverScope:
    """So many over-scope tries within so many seconds of wall time trip a stop 熔断."""

    tries: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Body:
    """A body that was read; `rate`, `over_scope`, `tariff` are None only for version 1.

    `buyer`, `operator`: organisation ids; `key`, `operator_key`: ids of their public keys (the operator's is
    empty in what was signed before operators signed); `starts`, `ends`: first and last day of business time;
    `fields`: what an answer may hold; `clauses`: term → clause of the agreement.
    """

    version: int
    id: str
    product: str
    operator: str
    buyer: str
    key: str
    operator_key: str
    starts: date
    ends: date
    purposes: frozenset[str]
    public_benefit: frozenset[str]
    fields: frozenset[str]
    consent: str
    quota: Quota
    rate: Rate | None
    over_scope: OverScope | None
    prohibitions: frozenset[str]
    tariff: Tariff | None
    shares: tuple[Share, ...]
    clauses: Mapping[str, str]


def read(reading: Reading, value: object) -> Body:
    """A body of either version; its faults are in `reading`."""
    given = value if isinstance(value, Mapping) else {}
    version = given.get("v", 1)
    if isinstance(version, bool) or version not in (1, 2):
        reading.fault("v", "协议的版本不认识。")
        version = 2
    return _second(reading, value) if version == 2 else _first(reading, given)


def _first(reading: Reading, given: Mapping[str, Any]) -> Body:
    """Version 1: calls a day, no consent, no tariff. It was open to more keys and stays so."""
    return Body(
        version=1,
        **_common(reading, given),
        operator="",
        operator_key="",
        public_benefit=frozenset(),
        consent="none",
        quota=Quota(_calls(reading, given.get("calls_per_day"), "calls_per_day", "每日调用次数")),
        rate=None,
        over_scope=None,
        prohibitions=frozenset(),
        tariff=None,
        shares=(),
        clauses=CLAUSES,
    )


def _second(reading: Reading, value: object) -> Body:
    given = reading.table(value, "", "使用协议", REQUIRED, OPTIONAL)
    common = _common(reading, given)
    purposes = common["purposes"]
    benefit = reading.names(given.get("public_benefit"), "public_benefit", "公益用途", empty=True)
    if purposes and not benefit <= purposes:
        reading.fault("public_benefit", "公益用途不在协议的用途之内。")
    made = Body(
        version=2,
        **common,
        operator=_opaque(reading, given, "operator", "运营机构"),
        operator_key=_operator_key(reading, given),
        public_benefit=benefit,
        consent=reading.one_of(given.get("consent"), "consent", "同意方式", CONSENTS),
        quota=_quota(reading, given.get("quota")),
        rate=_rate(reading, given.get("rate")),
        over_scope=_over_scope(reading, given.get("over_scope")),
        prohibitions=reading.names(given.get("prohibitions"), "prohibitions", "禁止事项", empty=True),
        tariff=tariff.read(reading, given.get("tariff"), purposes),
        shares=split.read(reading, given.get("split")),
        clauses=_clauses(reading, given.get("clauses")),
    )
    _together(reading, made)
    return made


def _common(reading: Reading, given: Mapping[str, Any]) -> dict[str, Any]:
    starts = reading.day(given.get("from"), "from", "起始日")
    ends = reading.day(given.get("until"), "until", "终止日")
    if ends < starts != date.max:
        reading.fault("until", "协议的终止日早于起始日。")
    return {
        "id": _opaque(reading, given, "id", "编号"),
        "product": _opaque(reading, given, "product", "产品"),
        "buyer": _opaque(reading, given, "buyer", "使用单位"),
        "key": reading.text(given.get("key"), "key", "使用单位的公钥"),
        "starts": starts,
        "ends": ends,
        "purposes": reading.names(given.get("purposes"), "purposes", "用途"),
        "fields": reading.names(given.get("fields"), "fields", "字段"),
    }


def _opaque(reading: Reading, given: Mapping[str, Any], name: str, title: str) -> str:
    """An id that evidence can hold: calls under one that it refuses would be answered and never proved."""
    id_ = reading.id(given.get(name), name, title)
    if not id_ or opaque(id_):
        return id_
    reading.fault(
        name,
        f"{title}的编号以字母或数字开头，只用字母、数字和 . : - _，至多 96 个，不能像证件号码、手机号。",
    )
    return ""


def _operator_key(reading: Reading, given: Mapping[str, Any]) -> str:
    if "operator_key" not in given:
        return ""
    return reading.text(given["operator_key"], "operator_key", "运营机构的公钥")


def _calls(reading: Reading, value: object, field: str, title: str) -> int:
    return reading.whole(value, field, title, 1, MOST_CALLS)


def _quota(reading: Reading, value: object) -> Quota:
    keys = ("calls_per_day", "calls_per_month", "calls_total", "subjects_per_day")
    given = reading.table(value, "quota", "额度", keys)
    quota = Quota(
        _calls(reading, given.get("calls_per_day"), "quota.calls_per_day", "每日调用次数"),
        reading.maybe(given.get("calls_per_month"), "quota.calls_per_month", "每月调用次数", 1),
        reading.maybe(given.get("calls_total"), "quota.calls_total", "总调用次数", 1),
        reading.whole(given.get("subjects_per_day"), "quota.subjects_per_day", "每日主体数", 0, MOST_CALLS),
    )
    ladder = [n for n in (quota.calls_per_day, quota.calls_per_month, quota.calls_total) if n is not None]
    if ladder != sorted(ladder):
        reading.fault("quota", "额度前后不合：每日不多于每月，每月不多于总数。")
    return quota


def _rate(reading: Reading, value: object) -> Rate:
    given = reading.table(value, "rate", "速率", ("per_second", "burst"))
    rate = Rate(
        reading.whole(given.get("per_second"), "rate.per_second", "每秒次数", 1, MOST_RATE),
        reading.whole(given.get("burst"), "rate.burst", "突发次数", 1, MOST_RATE),
    )
    if rate.burst < rate.per_second:
        reading.fault("rate.burst", "突发次数少于每秒次数，达不到约定的速率。")
    return rate


def _over_scope(reading: Reading, value: object) -> OverScope:
    given = reading.table(value, "over_scope", "越权与熔断", ("tries", "seconds"))
    return OverScope(
        reading.whole(given.get("tries"), "over_scope.tries", "熔断的越权次数", 1, MOST_RATE),
        reading.whole(given.get("seconds"), "over_scope.seconds", "熔断的时间（秒）", 1, MOST_SECONDS),
    )


def _clauses(reading: Reading, value: object) -> dict[str, str]:
    given = reading.table(value, "clauses", "协议的条款", TERMS)
    return {
        term: reading.id(given.get(term), f"clauses.{term}", f"“{TERMS[term]}”在协议的哪一条")
        for term in TERMS
    }


def _together(reading: Reading, body: Body) -> None:
    """What holds only between the parts."""
    unknown = sorted(body.prohibitions - PROHIBITIONS.keys())
    if unknown:
        reading.fault("prohibitions", f"不认识的禁止事项：{'、'.join(unknown)}。")
    if body.consent not in ("", "none") and not body.quota.subjects_per_day:
        reading.fault("quota.subjects_per_day", "需要同意的产品，每日主体数至少是 1。")
    if body.buyer and body.buyer == body.operator:
        reading.fault("buyer", "运营机构不能与自己签订使用协议。")
    if body.key and body.key == body.operator_key:
        reading.fault("operator_key", "双方不能用同一把钥匙签署。")
    if (
        body.shares
        and body.operator
        and body.operator not in {one.organisation for one in body.shares if one.role == "operator"}
    ):
        reading.fault("split", "分成里的运营机构不是签协议的运营机构。")
