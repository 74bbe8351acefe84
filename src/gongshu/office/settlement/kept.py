"""Bills between their rows and `money`: what was kept is read back and must have its digest still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gongshu.money.bill import BadUsage, Bill, BillLine
from gongshu.money.split import Part, Share
from gongshu.money.tariff import Price

CHANGED = "保存的账单与出账时的摘要不符，请停止结算并从备份核对。"


def read(data: Mapping[str, Any]) -> Bill:
    """A bill from its `data()`; `BadUsage` when it is not what its digest stands for."""
    given = dict(data)
    found = given.pop("id", "")
    try:
        made = Bill(
            **{
                **given,
                "lines": tuple(_line(each) for each in given["lines"]),
                "parts": tuple(_part(each) for each in given["parts"]),
                "batches": tuple(given["batches"]),
                "corrects": tuple(given["corrects"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise BadUsage(CHANGED) from error
    if made.id != found:
        raise BadUsage(CHANGED)
    return made


def _line(given: Mapping[str, Any]) -> BillLine:
    price = given["price"]
    return BillLine(**{**given, "price": Price(**price) if price else None, "basis": tuple(given["basis"])})


def _part(given: Mapping[str, Any]) -> Part:
    share = {key: value for key, value in given.items() if key != "fen"}
    return Part(Share(**share), given["fen"])
