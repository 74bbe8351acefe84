"""The gateway without HTTP: who asks → what may be asked → the answer → made durable → said.

One event loop runs everything here; the line's thread only puts new routes in place, the chores' thread makes
batches of what is durable.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from gongshu.contract.model import Contract
from gongshu.crypto.aead import AeadError
from gongshu.crypto.keystore import KeyStoreError
from gongshu.crypto.sign import PrivateKey, PublicKey, prepare
from gongshu.gateway import answers, receipts, requests, singles
from gongshu.gateway.batches import Kept
from gongshu.gateway.calls import Ledger
from gongshu.gateway.consents import Consents
from gongshu.gateway.errors import ERRORS, Refusal, refusal
from gongshu.gateway.keyring import LONGEST, OVERLAP, Keyring
from gongshu.gateway.line import Line, State
from gongshu.gateway.meter import Meter, Totals, wall_day
from gongshu.gateway.receipts import Answers, Ids, Item, Receipt, idem_of, known_of
from gongshu.gateway.routes import Route, Routes
from gongshu.wire.times import stamp

encode = msgspec.json.Encoder().encode
_IDEM = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")


@dataclass
class Gateway:
    """Everything the app answers from."""

    line: Line
    keyring: Keyring
    ledger: Ledger
    replays: requests.Replays
    meter: Meter
    consents: Consents
    routes: Routes
    answers: Answers
    totals: Totals
    signer: PrivateKey
    """the gateway's own key: reconciliation files"""
    clock: Callable[[], float] = time.time
    ids: Ids = field(default_factory=Ids)
    nonces: Iterator[str] = field(default_factory=receipts.nonces)

    def __post_init__(self) -> None:
        self.desk = singles.Desk(self.meter, self.consents, self.trip)
        self.ledger.on_kept = self._kept
        self.ledger.on_batched = self._batched
        self.line.on_state = self._renew

    def _renew(self, state: State, now: datetime) -> None:
        """In the line's thread, before the answering side sees a state."""
        for zone in state.zones.values():
            for entry in zone.trust.keys("portal") if zone.trust is not None else ():
                prepare(entry.public)
        self.routes.renew(state, now)

    @property
    def ready(self) -> bool:
        """Has every feed been read to its end once? Before that a credential may only be unknown yet."""
        zones = self.line.state.zones.values()
        return bool(zones) and all(zone.lease is not None for zone in zones)

    # ------------------------------------------------------------ who asks

    def key_of(self, contract: Contract) -> PublicKey:
        """The buyer's key on the trust list now."""
        now = datetime.now(UTC)
        entry = self.line.trust.current(now).find(contract.key, "buyer")
        if entry is None or not entry.holds(contract.zone, now):
            raise refusal("key")
        return entry.public

    def authenticate(
        self, method: str, target: str, header: str, body: bytes, now_ms: int, idempotency: str = ""
    ) -> tuple[Route, requests.Authorization]:
        """The route of a request whose signature holds; `Refusal` 401 otherwise."""
        try:
            given = requests.parse(header)
            self.replays.check(given, now_ms)
            route = self.routes.table.get(given.credential)
            if route is None:
                raise refusal("credential") if self.ready else refusal("starting", wait=1)
            signed = requests.message(method, target, given, body, idempotency)
            secrets = self.keyring.secrets(given.credential, now_ms)
            requests.check(given, signed, secrets, lambda: self.key_of(route.contract))
            self.replays.remember(given, now_ms)
        except requests.Unauthorised as error:
            raise Refusal(401, error.code, error.sentence) from error
        return route, given

    def own(
        self, method: str, target: str, header: str, body: bytes, credential: str
    ) -> tuple[Route, requests.Authorization]:
        """`authenticate` for an address that names the credential it is about."""
        route, given = self.authenticate(method, target, header, body, self.now_ms())
        if given.credential != credential:
            raise refusal("credential", "签名的凭证与路径中的不一致。")
        return route, given

    def now_ms(self) -> int:
        return int(self.clock() * 1000)

    # ------------------------------------------------------------ single subjects

    async def single(
        self, operation: str, product: str, target: str, header: str, body: bytes, idempotency: str
    ) -> bytes:
        """The answer's bytes once its receipt is durable, or `Refusal`."""
        now_ms = self.now_ms()
        if idempotency and not _IDEM.match(idempotency):
            raise refusal("idempotency_key")
        route, _ = self.authenticate("POST", target, header, body, now_ms, idempotency)
        _check_product(route, product)
        if not idempotency:
            return await self._single(route, operation, body, "", "", now_ms)
        idem = idem_of(route.credential, idempotency)
        before = await self._before(idem, target, body, now_ms)
        if before is not None:
            return before
        try:
            bound = self.answers.bound(target, body, wall_day(now_ms))
        except (KeyStoreError, OSError) as error:
            raise refusal("ledger", wait=1) from error
        self.answers.pending.add(idem)
        try:
            return await self._single(route, operation, body, idem, bound, now_ms)
        finally:
            self.answers.pending.discard(idem)

    async def _before(self, idem: str, target: str, body: bytes, now_ms: int) -> bytes | None:
        """What was answered under this key: the same bytes, and nothing is counted again."""
        if idem in self.answers.pending:
            raise refusal("in_progress", wait=1)
        known = self.answers.find(idem, now_ms)
        if known is None:
            return None
        try:
            if not self.answers.same(known, target, body):
                raise refusal("idempotency_conflict")
            return await self.answers.recall(idem, known, self.ledger.calls)
        except (AeadError, KeyStoreError, OSError) as error:
            raise refusal("ledger", "原来的回答读不出来，请稍后再试。", wait=5) from error

    async def _single(
        self, route: Route, operation: str, body: bytes, idem: str, bound: str, now_ms: int
    ) -> bytes:
        route.check(now_ms)
        asked = singles.read(body, operation)
        wall = wall_day(now_ms)
        made = self.desk.answer(route, operation, asked, wall)
        version = route.version.version if route.version is not None else ""
        call = self.ids.next()
        answer = encode(
            {
                "ok": True,
                "call": call,
                "nonce": next(self.nonces),
                "product": route.contract.product,
                "version": version,
                "results": made.results,
            }
        )
        if not made.items:
            return answer  # nothing was answered, nothing is billed
        try:
            sealed = self.answers.seal(idem, answer, now_ms) if idem else ""
            receipt = self._receipt(
                route,
                call,
                operation,
                asked.purpose,
                version,
                made.items,
                answer,
                now_ms,
                (idem, bound, sealed),
            )
            await self.ledger.write(receipt)
        except (OSError, KeyStoreError) as error:
            self.desk.take_back(route, made.items, wall)
            raise refusal("ledger", wait=1) from error
        if idem:
            self.answers.fresh_answer(idem, answer)
        return answer

    # ------------------------------------------------------------ released tables

    async def rows(self, product: str, target: str, query: str, header: str) -> bytes:
        """The rows of a released table once the call is durable, or `Refusal`."""
        now_ms = self.now_ms()
        route, _ = self.authenticate("GET", target, header, b"", now_ms)
        _check_product(route, product)
        route.check(now_ms)
        wall = wall_day(now_ms)
        try:
            made = answers.rows(route, self.meter, query, wall)
        except Refusal as error:
            self.desk.count_try(route, error.code)
            raise
        purpose = made.pop("purpose")
        call = self.ids.next()
        answer = encode({**made, "call": call})
        item = Item("rows")
        self.meter.add(route.contract.id, route.contract.product, wall, "")
        receipt = self._receipt(
            route, call, "rows", purpose, made["version"], (item,), answer, now_ms, ("", "", "")
        )
        try:
            await self.ledger.write(receipt)
        except OSError as error:
            self.meter.take_back(route.contract.id, route.contract.product, wall)
            raise refusal("ledger", wait=1) from error
        return answer

    @staticmethod
    def _receipt(
        route: Route,
        call: str,
        operation: str,
        purpose: str,
        version: str,
        items: tuple[Item, ...],
        answer: bytes,
        now_ms: int,
        idem: tuple[str, str, str],
    ) -> Receipt:
        contract = route.contract
        return Receipt(
            receipts.VERSION,
            call,
            now_ms,
            contract.zone,
            contract.id,
            route.credential,
            contract.product,
            version,
            operation,
            purpose,
            route.day.isoformat(),
            items,
            hashlib.sha256(answer).hexdigest(),
            *idem,
        )

    # ------------------------------------------------------------ secrets

    def draw_secret(self, credential: str, target: str, header: str, body: bytes) -> dict[str, Any]:
        """A new HMAC secret for a credential, asked for with the buyer's own key, unseen by the office."""
        route, given = self.own("POST", target, header, body, credential)
        if given.scheme != requests.KEY_SCHEME:
            raise refusal("scheme", "领取密钥须用使用单位自己的私钥签名。")
        now_ms = self.now_ms()
        route.check(now_ms)
        secret, until = self.keyring.draw(credential, now_ms, _overlap(body))
        return {
            "ok": True,
            "credential": credential,
            "secret": base64.b64encode(secret).decode(),
            "previous_until": stamp(datetime.fromtimestamp(until / 1000, UTC)) if until else None,
        }

    # ------------------------------------------------------------ what follows from calls

    def trip(self, route: Route) -> None:
        """熔断: stop a contract by itself, durably, until office and provider lift exactly this trip."""
        contract = route.contract
        at = datetime.now(UTC)
        rule = contract.over_scope
        trip = {
            "id": f"trip-{self.ids.next()}",
            "zone": contract.zone,
            "at": stamp(at),
            "product": contract.product,
            "tries": rule.tries if rule else 0,
            "seconds": rule.seconds if rule else 0,
            "said": False,
        }
        self.routes.trip(contract.id)
        self.line.book.change("trips", contract.id, trip)

    def _kept(self, number: int, receipt: Receipt) -> None:
        self.answers.keep(receipt.idem, known_of(number, receipt), receipt.at)

    def _batched(self, batches: list[dict[str, Any]], taken: list[Kept]) -> None:
        """In the chores' thread, once batches are durable: consents used up, and the totals."""
        once = [(i.consent, i.once) for one in taken for i in one.receipt.items if i.once]
        if once:
            self.consents.keep_used(once)
        self.totals.add(batches, taken[-1].number, self.meter.days)

    def health(self) -> Mapping[str, Any]:
        zones = {
            name: zone.broken or ("ok" if zone.lease else ERRORS["starting"].sentence)
            for name, zone in self.line.state.zones.items()
        }
        return {"ok": bool(zones) and not self.ledger.calls.broken, "zones": zones}


def _check_product(route: Route, product: str) -> None:
    if product != route.contract.product:
        ruling = route.contract.rulings["purpose"]
        raise refusal("product", basis=ruling.basis)


def _overlap(body: bytes) -> int:
    """Seconds the old secret shall count on, from `{"keep_old_seconds": n}`; an empty body: the usual."""
    if not body:
        return OVERLAP
    try:
        given = msgspec.json.decode(body, type=dict[str, int])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise refusal("body", "请求正文应为空，或写明 keep_old_seconds（秒）。") from error
    seconds = given.pop("keep_old_seconds", OVERLAP)
    if given or not 0 <= seconds <= LONGEST:
        raise refusal("body", f"keep_old_seconds 应在 0 到 {LONGEST} 之间。")
    return seconds
