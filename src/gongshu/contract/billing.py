"""The contract that ruled the calls also bills them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from gongshu.contract.model import Contract
from gongshu.money import bill as bills
from gongshu.money.bill import BadUsage, Bill, Terms, Usage
from gongshu.money.pricelaw import PriceLaw


def terms(contract: Contract, ended: date | None = None) -> Terms:
    """What billing needs. `ended`: the business day the agreement was ended early, if it was; the last day
    that counts is the earlier. Raises `BadUsage` for an agreement of version 1, which has no tariff."""
    if contract.tariff is None:
        raise BadUsage("这份协议没有写明可以计算的价目，不能由平台出账单。")
    return Terms(
        contract=contract.id,
        zone=contract.zone,
        product=contract.product,
        buyer=contract.buyer,
        operator=contract.operator,
        starts=contract.starts,
        ends=min(contract.ends, ended or contract.ends),
        purposes=contract.purposes,
        public_benefit=contract.public_benefit,
        tariff=contract.tariff,
        shares=contract.shares,
        clauses=contract.clauses,
    )


def bill(
    contract: Contract, month: str, usages: Iterable[Usage], law: PriceLaw, ended: date | None = None
) -> Bill:
    """The ordinary bill of a month (`YYYY-MM`) under this contract; see `terms` and `money.bill.bill`."""
    return bills.bill(terms(contract, ended), month, usages, law)
