"""Calls about single persons and firms: verification 核验 and look-up 查询, up to so many subjects a request.

For each subject: contract, ceiling, consent and counts first, and only then the snapshot; so 未授权 and 超额
are the same words whether or not the subject is known. What is answered is counted at once and taken back if
it cannot be made durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from gongshu.contract.consent import Consent
from gongshu.contract.evaluate import Call, evaluate
from gongshu.contract.grounds import COUNTED
from gongshu.contract.model import Ruling
from gongshu.gateway.consents import Consents
from gongshu.gateway.errors import ERRORS, WORDS, Refusal, refusal, ruled
from gongshu.gateway.meter import Meter
from gongshu.gateway.receipts import Item
from gongshu.gateway.routes import Route
from gongshu.wire import subjects
from gongshu.wire.snapshots import Cell, Snapshot

MOST = 100
LONGEST_NUMBER = 64
OPERATIONS = ("verify", "lookup")
# Rulings about the request as a whole: said once, as the answer of the request.
WHOLE = frozenset(
    {"stopped", "tripped", "no_ceiling", "buyer", "over_scope", "not_yet", "expired", "purpose"}
)
_ANSWERS: Mapping[str, dict[str, Any]] = {
    name: {"answer": name, "word": WORDS[name]} for name in ("match", "mismatch", "not_found")
}


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """One subject of a request: its own number, and for `verify` the values to compare, for `lookup` the
    fields wanted (none: all the agreement names). `consent`: a signed envelope, where each call needs one."""

    subject: str
    values: dict[str, str | int | bool | None] | None = None
    fields: list[str] | None = None
    consent: msgspec.Raw = msgspec.Raw(b"")


class Request(msgspec.Struct, forbid_unknown_fields=True):
    purpose: str
    items: list[Question]


_NO_CONSENT = (b"", b"null")
_decode = msgspec.json.Decoder(Request).decode


def read(body: bytes, operation: str) -> Request:
    """The request in a body, or `Refusal` 400 with what is wrong."""
    try:
        asked = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal("body", "请求正文不是接口说明写的 JSON。") from error
    if not asked.items:
        raise refusal("body", "请求里没有要问的主体。")
    if len(asked.items) > MOST:
        raise refusal("too_many", f"一次最多问 {MOST} 个主体，请分批。")
    for one in asked.items:
        if not 0 < len(one.subject) <= LONGEST_NUMBER or not one.subject.isascii():
            raise refusal("body", "主体的号码为空、过长或写法不对。")
        if operation == "verify" and (not one.values or one.fields is not None):
            raise refusal("body", "核验要给出待核验的值（values），不给 fields。")
        if operation == "lookup" and one.values is not None:
            raise refusal("body", "查询只给 fields，不给 values。")
    return asked


class Answered(NamedTuple):
    """The answers in the order of the questions, and what of them counts."""

    results: list[dict[str, Any]]
    items: tuple[Item, ...]


@dataclass
class Desk:
    """Answers requests; one thread."""

    meter: Meter
    consents: Consents
    on_trip: Callable[[Route], object]
    names: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)

    def answer(self, route: Route, operation: str, asked: Request, wall: int) -> Answered:
        """All of a request. `Refusal` where nothing of it may be answered. `wall`: the wall-clock day."""
        snapshot = route.version
        if snapshot is not None and not isinstance(snapshot, Snapshot):
            raise refusal("form")
        kind = snapshot.subject if snapshot is not None else "person"
        results: list[dict[str, Any]] = []
        items: list[Item] = []
        try:
            for one in asked.items:
                name = subjects.name(kind, one.subject)
                fields = self._fields(route, operation, one)
                ruling, item = self._rule(route, asked.purpose, one, name, fields, wall)
                if not ruling.allowed:
                    self.count_try(route, ruling.code)
                    if ruling.code in WHOLE and not items:
                        raise ruled(ruling)
                    results.append(_refused(ruling))
                    continue
                if snapshot is None:
                    raise refusal("no_release", wait=60)
                _check_fields(snapshot, one)
                said = _look(snapshot, operation, one, name, fields)
                item = item._replace(answer=said["answer"])
                results.append(said)
                items.append(item)
                self.meter.add(route.contract.id, route.contract.product, wall, item.mark)
                if item.once:
                    self.consents.used.add(item.consent)
        except Refusal:
            self.take_back(route, items, wall)
            raise
        return Answered(results, tuple(items))

    def take_back(self, route: Route, items: list[Item] | tuple[Item, ...], wall: int) -> None:
        """What was counted for an answer that did not leave."""
        for item in items:
            self.meter.take_back(route.contract.id, route.contract.product, wall)
            if item.once:
                self.consents.used.discard(item.consent)

    def _fields(self, route: Route, operation: str, one: Question) -> frozenset[str]:
        if operation == "lookup" and one.fields is None:
            return route.contract.fields
        names = tuple(one.values or one.fields or ())
        found = self.names.get(names)
        if found is None:
            if len(self.names) > 1000:
                self.names.clear()
            found = self.names[names] = frozenset(names)
        return found

    def _rule(
        self, route: Route, purpose: str, one: Question, name: str, fields: frozenset[str], wall: int
    ) -> tuple[Ruling, Item]:
        contract, meter = route.contract, self.meter
        days = meter.days
        who = days.who(name)
        mark = days.mark(wall, contract.product, who)
        mine = meter.of(meter.contracts, contract.id, wall)
        all_ = meter.of(meter.products, contract.product, wall)
        consent, subject, bad = self._consent(route, purpose, one, name, who, fields)
        call = Call(
            route.day,
            purpose,
            fields,
            mine.today,
            all_.today,
            mine.this_month,
            mine.total,
            subject,
            mark not in mine.subjects,
            len(mine.subjects),
            mark not in all_.subjects,
            len(all_.subjects),
            consent,
            consent is not None and consent.id in self.consents.withdrawn,
            consent is not None and consent.id in self.consents.used,
            False,
            route.halt,
        )
        ruling = evaluate(contract, route.ceiling, call)
        if bad and ruling.code == "no_consent":
            ruling = replace(ruling, code="consent_bad", sentence=f"随请求带来的同意不成立：{bad}")
        if ruling.allowed and route.bucket is not None and route.bucket.take(time.monotonic()) > 0:
            ruling = contract.rulings["rate"]
        once = consent.ends.isoformat() if consent is not None and consent.once else ""
        return ruling, Item("", mark, consent.id if consent is not None else "", once)

    def _consent(
        self, route: Route, purpose: str, one: Question, name: str, who: str, fields: frozenset[str]
    ) -> tuple[Consent | None, str, str]:
        """The consent behind a question, the subject's token to compare it with, and what is wrong with the
        envelope that came with the question."""
        contract = route.contract
        if contract.consent == "none":
            return None, who, ""
        raw = bytes(one.consent)
        if raw in _NO_CONSENT or route.trust is None:
            if contract.consent == "each_call":
                return None, who, ""
            held = self.consents.standing(
                contract.product, contract.buyer, who, contract.id, purpose, fields, route.day
            )
            return held, who, ""
        found = self.consents.presented(raw, contract.zone, route.trust)
        if isinstance(found, str):
            return None, who, found
        if found.salt and subjects.digest(name, found.salt) == found.subject:
            return found.consent, found.subject, ""
        return found.consent, who, ""

    def count_try(self, route: Route, code: str) -> None:
        """Count an over-scope try; the one too many trips the contract (熔断)."""
        if (
            code in COUNTED
            and route.tries is not None
            and not route.halt
            and route.tries.add(time.monotonic())
        ):
            self.on_trip(route)


def _refused(ruling: Ruling) -> dict[str, Any]:
    row = ERRORS[ruling.code]
    return {
        "answer": row.answer,
        "word": WORDS[row.answer],
        "code": ruling.code,
        "sentence": ruling.sentence,
        "basis": list(ruling.basis),
        "clause": ruling.clause,
        "retry": row.retry,
    }


def _check_fields(snapshot: Snapshot, one: Question) -> None:
    """A field the agreement names and the version in use lacks is nobody's mismatch, and is not billed."""
    missing = [name for name in one.values or one.fields or () if name not in snapshot.types]
    if missing:
        named = "、".join(sorted(missing))
        raise refusal("no_release", f"该产品现在的版本没有字段“{named}”，没有回答也没有计次。", wait=60)


def _look(
    snapshot: Snapshot, operation: str, one: Question, name: str, fields: frozenset[str]
) -> dict[str, Any]:
    row = snapshot.find(name)
    if row is None:
        return _ANSWERS["not_found"]
    if operation == "verify":
        types = snapshot.types
        for field, value in (one.values or {}).items():
            if not same_value(types[field], snapshot.cell(row, field), value):
                return _ANSWERS["mismatch"]
        return _ANSWERS["match"]
    cells = {each.name: snapshot.cell(row, each.name) for each in snapshot.fields if each.name in fields}
    return {"answer": "found", "word": WORDS["found"], "fields": cells}


def same_value(kind: str, held: Cell, given: Cell) -> bool:
    """Is a presented value the held one? Text without outer blanks; `decimal` by value: 8000 is 8000.00."""
    if type(held) is type(given) and held == given:
        return True
    if held is None or given is None:
        return held is given
    if kind == "decimal":
        try:
            return Decimal(str(held)) == Decimal(str(given).strip()) and not isinstance(given, bool)
        except InvalidOperation:
            return False
    if isinstance(held, str) and isinstance(given, str):
        return held == given.strip()
    return False
