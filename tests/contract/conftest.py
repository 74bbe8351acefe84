"""The law the negotiation is held against."""

from __future__ import annotations

from datetime import date

import pytest

from gongshu.law import rules
from gongshu.money.pricelaw import PriceLaw, price_law


@pytest.fixture
def chizhou_law() -> PriceLaw:
    return price_law(rules.at("chizhou", date(2026, 6, 10)))
