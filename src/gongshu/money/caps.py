"""上限收费标准: no price above what the authorising body set (授权主体；some zones name another body)."""

from __future__ import annotations

from gongshu.law.forms import Problem
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.tariff import UNITS, Price, Tariff, over_caps


def cap_problems(tariff: Tariff, caps: dict[str, Price], law: PriceLaw) -> list[Problem]:
    """A sentence for every price without a cap or above it, with the article that asks for caps.

    A cap of a unit holds for every band, and for what is paid before any discount: a discount may end.
    """
    return [
        Problem(f"tariff.lines.{line.id}", _sentence(line.unit, band.price, cap, law), law.cap_basis)
        for line, band, cap in over_caps(tariff, caps)
    ]


def _sentence(unit: str, price: Price, cap: Price | None, law: PriceLaw) -> str:
    if cap is None:
        return f"“{UNITS[unit]}”还没有上限收费标准，请先由{law.cap_setter}制定。"
    return f"“{UNITS[unit]}”的价格（{price.text}）高于上限收费标准（{cap.text}，由{law.cap_setter}制定）。"
