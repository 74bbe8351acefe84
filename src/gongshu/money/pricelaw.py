"""What the packs say about prices in a zone on a day, as values the sums are made with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gongshu.law.rules import Rule, Rules

FREE = "free"


@dataclass(frozen=True)
class Limit:
    """An exact number of the packs with its articles."""

    value: Fraction
    basis: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class PriceLaw:
    """Prices in a zone: what is free, who sets caps, who guides prices, and the two numbers of a maximum."""

    zone: str
    benefit_free: bool
    """用于公共治理、公益事业的是否免费"""
    benefit_words: str
    benefit_basis: tuple[str, ...]
    industry_basis: tuple[str, ...]
    cap_setter: str
    cap_basis: tuple[str, ...]
    guide: str
    """由谁指导运营机构调整具体收费标准"""
    margin: Limit
    deviation: Limit


def price_law(rules: Rules) -> PriceLaw:
    """The price values in force on the rules' day. Raises `UnknownRule` when a pack has none of them."""
    benefit, industry = rules.limit("price.public_benefit"), rules.limit("price.industry")
    setter, guide = rules.limit("price.cap_setter"), rules.limit("price.guide")
    return PriceLaw(
        zone=rules.zone,
        benefit_free=benefit.value == FREE,
        benefit_words=str(benefit.get("text", "")),
        benefit_basis=benefit.basis,
        industry_basis=industry.basis,
        cap_setter=str(setter.get("text", setter.value)),
        cap_basis=setter.basis,
        guide=str(guide.get("text", guide.value)),
        margin=_limit(rules.limit("price.margin_over_bond")),
        deviation=_limit(rules.limit("price.deviation")),
    )


def _limit(rule: Rule) -> Limit:
    return Limit(Fraction(str(rule.value)), rule.basis, rule.title)
