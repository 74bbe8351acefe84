"""One call from request to answer, in the order that lets the least be said: credential → contract → lease →
quota → answer. Pure but for what it is given; metering is the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

from gongshu.contract.evaluate import AGREEMENT, Call, evaluate
from gongshu.contract.model import Contract
from gongshu.gateway.book import Book
from gongshu.gateway.line import SHANGHAI_OFFSET, State, Zone, business_day, fresh
from gongshu.gateway.products import LARGEST_PAGE, Product
from gongshu.law import grounds

RESERVED = ("limit", "offset", "purpose")


@dataclass(frozen=True)
class Refusal(Exception):
    """Why a call is not answered: HTTP status, fixed code, one sentence, articles."""

    status: int
    code: str
    sentence: str
    basis: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        error = {"code": self.code, "sentence": self.sentence, "basis": list(self.basis)}
        return {"ok": False, "error": error}


@dataclass
class Counts:
    """Calls answered on a wall-clock day (Asia/Shanghai), by contract and by product."""

    day: str = ""
    contracts: dict[str, int] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)

    def turn(self, day: str) -> None:
        if day != self.day:
            self.day, self.contracts, self.products = day, {}, {}

    def add(self, day: str, contract: str, product: str) -> None:
        self.turn(day)
        self.contracts[contract] = self.contracts.get(contract, 0) + 1
        self.products[product] = self.products.get(product, 0) + 1

    def take_back(self, day: str, contract: str, product: str) -> None:
        """A call that was counted and then not answered."""
        if day == self.day:
            self.contracts[contract] -= 1
            self.products[product] -= 1


def wall_day(now: datetime) -> str:
    """The wall-clock day in Asia/Shanghai."""
    return (now + SHANGHAI_OFFSET).date().isoformat()


def contract_of(book: Book, state: State, credential: str) -> Contract:
    """The contract behind a credential."""
    row = book.credentials.get(credential)
    contract = state.contracts.get(row["contract"]) if row else None
    if contract is None:
        raise Refusal(401, "credential", "凭证不存在，或它的使用协议没有生效。")
    return contract


def zone_of(state: State, contract: Contract, now: datetime) -> Zone:
    """The zone of a contract, if the gateway may answer there now."""
    zone = state.zones.get(contract.zone)
    if zone is None:
        raise Refusal(503, "starting", "网关正在启动，请稍后再试。")
    if zone.broken:
        raise Refusal(503, "line", zone.broken)
    ceiling = zone.ceilings.get(contract.product)
    kind = "other" if ceiling is not None and ceiling.consent == "none" else "consent"
    if not fresh(zone.lease, kind, now):
        raise Refusal(503, "lease", "网关没有有效的租约，暂不回答；与办公域的连线恢复后自动恢复。")
    return zone


def check_stops(book: Book, zone: Zone, contract: Contract, today: date) -> None:
    """Raises when a stop of the office, the provider or anyone else hits the call. `today`: business day."""
    hit = {("all", ""), ("product", contract.product), ("contract", contract.id)}
    local = any(
        (stop["scope"], "" if stop["scope"] == "all" else stop["target"]) in hit for stop in zone.stops
    )
    if local or book.stopped(contract.product, contract.id):
        basis = grounds.basis(contract.zone, "operation.stop", today)
        raise Refusal(403, "stopped", "该产品或协议已被停止，不再回答。", basis)


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
        raise Refusal(400, "query", "同一参数出现了两次。")
    numbers = {}
    for name, default in (("limit", 100), ("offset", 0)):
        text = given.get(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Refusal(400, "query", f"参数“{name}”应是非负整数。")
        numbers[name] = int(text)
    if not 1 <= numbers["limit"] <= LARGEST_PAGE:
        raise Refusal(400, "query", f"参数“limit”应在 1 到 {LARGEST_PAGE} 之间。")
    wanted = {name: text for name, text in given.items() if name not in RESERVED}
    if set(wanted) - set(product.columns):
        raise Refusal(400, "query", "查询条件里有产品没有的字段。")
    return Question(given.get("purpose", ""), wanted, numbers["limit"], numbers["offset"])


def answer(
    state: State, book: Book, contract: Contract, product_id: str, query: str, counts: Counts, now: datetime
) -> dict[str, Any]:
    """The answer to one authenticated call, or `Refusal`. `now` is wall time."""
    today = business_day(now, book.clocks.get(contract.zone, 0))
    if product_id != contract.product:
        basis = grounds.basis(contract.zone, AGREEMENT, today)
        raise Refusal(403, "product", "凭证不是这个产品的。", basis)
    zone = zone_of(state, contract, now)
    check_stops(book, zone, contract, today)
    product = zone.products.get(contract.product)
    if product is None:
        raise Refusal(404, "no_release", "该产品还没有出域的版本。")
    asked = question(query, product)
    counts.turn(wall_day(now))
    call = Call(
        day=today,
        purpose=asked.purpose,
        fields=frozenset(product.columns),
        calls_today=counts.contracts.get(contract.id, 0),
        product_calls_today=counts.products.get(contract.product, 0),
    )
    ruling = evaluate(contract, zone.ceilings.get(contract.product), call)
    if not ruling.allowed:
        status = 429 if ruling.code in ("quota", "ceiling") else 403
        raise Refusal(
            status, ruling.code, ruling.sentence, grounds.basis(contract.zone, ruling.ground, today)
        )
    return {
        "ok": True,
        "product": product.id,
        "version": product.version,
        "release": product.release,
        "columns": list(product.columns),
        "rows": product.select(asked.wanted, asked.limit, asked.offset),
    }
