"""The compiled usage agreement 数据产品使用协议: one immutable object for negotiation, calls and bills.

Malformed means forbidden: what cannot be compiled allows nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gongshu.contract import body as bodies
from gongshu.contract.body import Body
from gongshu.contract.grounds import SAYINGS, Citing
from gongshu.law.forms import Problem
from gongshu.money.caps import cap_problems
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.reading import Reading
from gongshu.money.tariff import Price

STRICTNESS = {name: place for place, name in enumerate(bodies.CONSENTS)}


class BadContract(ValueError):
    """The agreement cannot be compiled. `args[0]`: one Chinese sentence."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer to one call: `ground` names its articles in the zone (`law.grounds`), `basis` holds them
    when the contract was compiled with a `citing`; `clause` is the clause of the agreement."""

    code: str
    sentence: str
    ground: str
    clause: str = ""
    basis: tuple[str, ...] = ()
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class Contract(Body):
    """Who may call which product, for what, until when, how often, under which consent, at what price.

    A body (`body.Body`) of a `zone`, compiled. `rulings`: code → the ruling, made once.
    """

    zone: str
    rulings: Mapping[str, Ruling] = field(default_factory=dict, repr=False, compare=False)

    @property
    def calls_per_day(self) -> int:
        return self.quota.calls_per_day


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most the provider let a product answer (上限), confirmed at the airlock, over all agreements."""

    product: str
    buyers: Mapping[str, str]
    """organisation id → id of its public key"""
    purposes: frozenset[str]
    fields: frozenset[str]
    calls_per_day: int
    consent: str
    subjects_per_day: int = 0


def compile_contract(zone: str, body: Mapping[str, Any], citing: Citing | None = None) -> Contract:
    """The contract of a signed body, or `BadContract` with the sentence that says what is wrong.

    `citing` (ground id → citations, `law.grounds.citing`) is asked here once, so that no call asks the law.
    """
    reading = Reading()
    read = bodies.read(reading, body)
    if reading.problems:
        raise BadContract(reading.problems[0].sentence)
    return Contract(
        zone=zone,
        rulings=_rulings(read.clauses, citing),
        **{name: getattr(read, name) for name in read.__slots__},
    )


def _rulings(clauses: Mapping[str, str], citing: Citing | None) -> dict[str, Ruling]:
    return {
        code: Ruling(
            code,
            saying.sentence,
            saying.ground,
            clauses[saying.term],
            tuple(citing(saying.ground)) if citing else (),
            code == "allowed",
        )
        for code, saying in SAYINGS.items()
    }


def compile_ceiling(body: Mapping[str, Any]) -> Ceiling:
    """The ceiling of a confirmed body; `BadContract` when malformed."""
    reading = Reading()
    made = _ceiling(reading, body)
    if reading.problems:
        raise BadContract(reading.problems[0].sentence)
    return made


def ceiling_problems(body: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with the body of a ceiling, each a sentence beside its field."""
    reading = Reading()
    _ceiling(reading, body)
    return reading.problems


def _ceiling(reading: Reading, body: Mapping[str, Any]) -> Ceiling:
    buyers = _buyers(reading, body.get("buyers"))
    return Ceiling(
        product=reading.id(body.get("product"), "product", "产品"),
        buyers=buyers,
        purposes=reading.names(body.get("purposes"), "purposes", "用途"),
        fields=reading.names(body.get("fields"), "fields", "字段"),
        calls_per_day=reading.whole(body.get("calls_per_day"), "calls_per_day", "每日调用次数", 1),
        consent=reading.one_of(body.get("consent"), "consent", "同意方式", bodies.CONSENTS),
        subjects_per_day=reading.whole(body.get("subjects_per_day", 0), "subjects_per_day", "每日主体数"),
    )


def _buyers(reading: Reading, value: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in enumerate(reading.rows(value, "buyers", "上限的使用单位"), 1):
        place = f"buyers.{number}"
        given = row if isinstance(row, Mapping) else {}
        organisation = reading.id(given.get("organisation"), f"{place}.organisation", "使用单位")
        if organisation in found:
            reading.fault(place, "上限里一家使用单位写了两次。")
        found[organisation] = reading.text(given.get("key"), f"{place}.key", "使用单位的公钥")
    return found


def validate(
    body: Mapping[str, Any],
    *,
    product_fields: Collection[str] | None = None,
    ceiling: Ceiling | None = None,
    caps: Mapping[str, Price] | None = None,
    law: PriceLaw | None = None,
) -> list[Problem]:
    """Everything wrong with a body, each a sentence beside its field, for the page of negotiation.

    `product_fields`: what the product can answer; `ceiling`: what the provider confirmed; `caps` and `law`:
    上限收费标准 of the product, unit → price, asked only where some purpose is charged.
    """
    reading = Reading()
    read = bodies.read(reading, body)
    if product_fields is not None and not read.fields <= frozenset(product_fields):
        outside = "、".join(sorted(read.fields - frozenset(product_fields)))
        reading.fault("fields", f"产品没有这些字段：{outside}。")
    if ceiling is not None:
        _against_ceiling(reading, read, ceiling)
    charged = read.purposes - (read.public_benefit if law and law.benefit_free else frozenset())
    if caps is not None and law is not None and read.tariff is not None and charged:
        reading.problems += cap_problems(read.tariff, dict(caps), law)
    return reading.problems


def _against_ceiling(reading: Reading, read: bodies.Body, ceiling: Ceiling) -> None:
    """Term by term; the same comparisons as `evaluate.inside_ceiling` makes in one ruling."""
    checks = (
        ("product", read.product == ceiling.product, "上限不是这个产品的。"),
        ("key", ceiling.buyers.get(read.buyer) == read.key, "使用单位或其公钥不在提供单位确认的上限之内。"),
        ("purposes", read.purposes <= ceiling.purposes, "用途超出提供单位确认的上限。"),
        ("fields", read.fields <= ceiling.fields, "字段超出提供单位确认的上限。"),
        ("consent", strict_enough(read.consent, ceiling.consent), "同意方式比提供单位确认的上限宽。"),
        (
            "quota.calls_per_day",
            read.quota.calls_per_day <= ceiling.calls_per_day,
            "每日调用次数超出提供单位确认的上限。",
        ),
        (
            "quota.subjects_per_day",
            read.quota.subjects_per_day <= ceiling.subjects_per_day,
            "每日主体数超出提供单位确认的上限。",
        ),
    )
    for name, holds, sentence in checks:
        if not holds:
            reading.fault(name, sentence)


def strict_enough(consent: str, asked: str) -> bool:
    """Is an agreement's kind of consent at least as strict as the ceiling's? An unknown one never is."""
    return STRICTNESS.get(consent, -1) >= STRICTNESS.get(asked, len(STRICTNESS))
