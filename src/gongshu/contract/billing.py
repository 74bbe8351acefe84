"""The contract that ruled the calls also bills them."""

from __future__ import annotations

from collections.abc import Iterable

from gongshu.contract.model import Contract
from gongshu.money import bill as bills
from gongshu.money.bill import BadUsage, Bill, Terms, Usage
from gongshu.money.pricelaw import PriceLaw


def terms(contract: Contract) -> Terms:
    """What billing needs. Raises `BadUsage` for an agreement of version 1, which has no tariff."""
    if contract.tariff is None:
        raise BadUsage("这份协议没有写明可以计算的价目，不能由平台出账单。")
    return Terms(
        contract=contract.id,
        zone=contract.zone,
        product=contract.product,
        buyer=contract.buyer,
        operator=contract.operator,
        starts=contract.starts,
        ends=contract.ends,
        purposes=contract.purposes,
        public_benefit=contract.public_benefit,
        tariff=contract.tariff,
        shares=contract.shares,
        clauses=contract.clauses,
    )


def bill(contract: Contract, month: str, usages: Iterable[Usage], law: PriceLaw) -> Bill:
    """The ordinary bill of a month (`YYYY-MM`) under this contract; see `money.bill.bill`."""
    return bills.bill(terms(contract), month, usages, law)
