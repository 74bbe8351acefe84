"""Calls about released tables: the rows of a product that has left, in the fields the agreement names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from gongshu.contract.evaluate import Call, evaluate
from gongshu.gateway.errors import refusal, ruled
from gongshu.gateway.meter import Meter
from gongshu.gateway.products import LARGEST_PAGE, Product
from gongshu.gateway.routes import Route

RESERVED = ("limit", "offset", "purpose")


@dataclass(frozen=True)
class Question:
    """What a call asks of a released table."""

    purpose: str
    wanted: Mapping[str, str]
    limit: int
    offset: int


def question(query: str, product: Product) -> Question:
    """Reads the query string, or raises with what is wrong with it."""
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) != len(pairs):
        raise refusal("query", "同一参数出现了两次。")
    numbers = {}
    for name, default in (("limit", 100), ("offset", 0)):
        text = given.get(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise refusal("query", f"参数“{name}”应是非负整数。")
        numbers[name] = int(text)
    if not 1 <= numbers["limit"] <= LARGEST_PAGE:
        raise refusal("query", f"参数“limit”应在 1 到 {LARGEST_PAGE} 之间。")
    wanted = {name: text for name, text in given.items() if name not in RESERVED}
    if set(wanted) - set(product.columns):
        raise refusal("query", "查询条件里有产品没有的字段。")
    return Question(given.get("purpose", ""), wanted, numbers["limit"], numbers["offset"])


def rows(route: Route, meter: Meter, query: str, wall: int) -> dict[str, Any]:
    """The answer to one call, not yet counted, or `Refusal`. `wall`: the wall-clock day.

    Columns the agreement does not name are left out; a condition on one is a call outside its fields.
    """
    contract, product = route.contract, route.version
    if product is None:
        raise refusal("no_release", wait=60)
    if not isinstance(product, Product):
        raise refusal("form")
    asked = question(query, product)
    shown = [name for name in product.columns if name in contract.fields]
    mine = meter.of(meter.contracts, contract.id, wall)
    call = Call(
        day=route.day,
        purpose=asked.purpose,
        fields=frozenset((*shown, *asked.wanted)),
        calls_today=mine.today,
        product_calls_today=meter.of(meter.products, contract.product, wall).today,
        calls_month=mine.this_month,
        calls_total=mine.total,
        halt=route.halt,
    )
    ruling = evaluate(contract, route.ceiling, call)
    if not ruling.allowed:
        raise ruled(ruling)
    wait = route.bucket.take(time.monotonic()) if route.bucket is not None else 0.0
    if wait > 0:
        raise ruled(contract.rulings["rate"], int(wait) + 1)
    found = product.select(asked.wanted, asked.limit, asked.offset)
    return {
        "ok": True,
        "product": product.product,
        "version": product.version,
        "release": product.release,
        "columns": shown,
        "rows": [{name: row.get(name) for name in shown} for row in found],
        "purpose": asked.purpose,
    }
