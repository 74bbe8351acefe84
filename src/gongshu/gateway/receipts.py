"""The record of one answered request: a JSON array of fixed places, cheap to write, the same bytes for ever.

It names no subject and no value, and lets nobody try them out: a subject is a mark that only this gateway can
make and that differs by day and product (`meter.Days`); the answer stands in it as a digest and holds a
random `nonce` that stands nowhere else in the open. Where the buyer sent an idempotency key, the answer is
kept too, sealed under the day's key, and the request as an HMAC under it, so that a retry gets the same bytes
even after a restart; two days later the key is destroyed. The leaf of a batch's Merkle tree is the record as
written.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import itertools
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from gongshu.crypto import aead
from gongshu.crypto.hashes import hmac_of
from gongshu.crypto.keystore import FileKeyStore, KeyStoreError
from gongshu.evidence.journal import FileJournal
from gongshu.gateway.meter import wall_day
from gongshu.wire.times import instant

VERSION = 3
# Up to this version a request stood in its record as a plain digest.
PLAIN = 2
_encode = msgspec.json.Encoder().encode


class Item(NamedTuple):
    """One subject's answer: its class (`errors.ANSWERED`), the subject's mark of the day, the consent used;
    `once`: the last day of a consent that is good for one call and thereby used up."""

    answer: str
    mark: str = ""
    consent: str = ""
    once: str = ""


class Receipt(msgspec.Struct, array_like=True, frozen=True):
    """One answered request. `at`: wall time in ms; `day`: business day; `answer`: SHA-256 of the
    answer's bytes in hex; `idem`: the idempotency key as a digest with the credential, or empty; `body`: the
    request as `Answers.bound` writes it; `sealed`: base64 of the sealed answer."""

    v: int
    id: str
    at: int
    zone: str
    contract: str
    credential: str
    product: str
    version: str
    operation: str
    purpose: str
    day: str
    items: tuple[Item, ...]
    answer: str
    idem: str = ""
    body: str = ""
    sealed: str = ""

    def dumps(self) -> bytes:
        """Canonical JSON: an array of texts and integers has one form."""
        return _encode(self)


_decoder = msgspec.json.Decoder(Receipt)


def loads(record: bytes) -> Receipt:
    """A record of the journal of calls; those of the first version are maps about released tables."""
    if record.startswith(b"["):
        return _decoder.decode(record)
    old: dict[str, Any] = msgspec.json.decode(record)
    at = int(instant(old["at"], "at").timestamp() * 1000)
    answer = str(old["answer"]).removeprefix("sha256:")
    return Receipt(
        1, old["id"], at, old["zone"], old["contract"], "", old["product"], old["version"], "rows", "",
        datetime.fromtimestamp(wall_day(at) * 86_400, UTC).date().isoformat(), (Item("rows"),), answer,
    )  # fmt: skip


class Ids:
    """Ids of calls: random per process, counted within it; unique without asking the system each time."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(8)
        self._count = itertools.count(1)

    def next(self) -> str:
        return f"{self._start}{next(self._count):08x}"


def nonces() -> Iterator[str]:
    """128 random bits in hex, again and again: drawn from the system many at a time. For one thread."""
    while True:
        drawn = os.urandom(4096).hex()
        yield from (drawn[place : place + 32] for place in range(0, len(drawn), 32))


def idem_of(credential: str, key: str) -> str:
    """An idempotency key as the journal keeps it: nobody else's request can collide with it."""
    return hashlib.sha256(f"{credential}\n{key}".encode()).hexdigest()[:32]


def _unset(_plain: bytes, _aad: bytes) -> bytes:
    raise KeyStoreError("当天的密钥还没有建立。")


class Known(NamedTuple):
    """Where the answer under an idempotency key lies: the record's number, its request as bound on `day`;
    `plain`: as a record of an older version wrote it."""

    number: int
    body: str
    day: int
    plain: bool = False


def known_of(number: int, receipt: Receipt) -> Known:
    """What a retry needs of a record."""
    return Known(number, receipt.body, wall_day(receipt.at), receipt.v <= PLAIN)


@dataclass
class Answers:
    """Answers kept for retries: which record holds them, the newest in memory, keys by wall-clock day."""

    keys: FileKeyStore
    cipher: str = aead.ALGORITHMS[0]
    known: dict[int, dict[str, Known]] = field(default_factory=dict)
    fresh: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    pending: set[str] = field(default_factory=set)
    """keys whose first request is being answered just now"""
    _secrets: dict[int, bytes] = field(default_factory=dict)
    _macs: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    most: int = 20_000
    _day: int = -1
    _sealer: Callable[[bytes, bytes], bytes] = field(default=_unset)

    def seal(self, idem: str, answer: bytes, at_ms: int) -> str:
        """The answer as the record keeps it."""
        day = wall_day(at_ms)
        if day != self._day:
            self._sealer, self._day = aead.sealer(self.cipher, self._key(day, make=True)), day
        return binascii.b2a_base64(self._sealer(answer, idem.encode()), newline=False).decode()

    def bound(self, target: str, body: bytes, day: int, *, make: bool = True) -> str:
        """A request as its record keeps it: whoever has not the day's key cannot try requests out."""
        mac = self._macs.get(day)
        if mac is None:
            key = self._key(day, make=make)
            mac = self._macs[day] = hmac_of(hmac.digest(key, b"request", "sha256"))
        return mac(target.encode() + b"\n" + body).hex()

    def same(self, known: Known, target: str, body: bytes) -> bool:
        """Is this the request that was answered? `KeyStoreError` when its day's key is gone."""
        if known.plain:
            said = hashlib.sha256(target.encode() + b"\n" + body).hexdigest()
        else:
            said = self.bound(target, body, known.day, make=False)
        return hmac.compare_digest(said, known.body)

    def open(self, receipt: Receipt) -> bytes:
        """The answer of a record; `KeyStoreError` when its day's key is gone, `AeadError` when changed."""
        key = self._key(wall_day(receipt.at), make=False)
        return aead.open_(self.cipher, key, base64.b64decode(receipt.sealed), receipt.idem.encode())

    def keep(self, idem: str, known: Known, at_ms: int) -> None:
        """Called once the record is durable."""
        self.known.setdefault(wall_day(at_ms), {})[idem] = known

    def fresh_answer(self, idem: str, answer: bytes) -> None:
        """Keep an answer in memory for the retries that come soon."""
        self.fresh[idem] = answer
        if len(self.fresh) > self.most:
            self.fresh.popitem(last=False)

    async def recall(self, idem: str, known: Known, journal: FileJournal) -> bytes:
        """The answer given before: from memory, or unsealed from its record on the disk."""
        answer = self.fresh.get(idem)
        if answer is None:
            answer = self.open(await asyncio.to_thread(_record, journal, known.number))
            self.fresh_answer(idem, answer)
        return answer

    def find(self, idem: str, now_ms: int) -> Known | None:
        """Where a key was used in the last 24 hours (and at most 48)."""
        for day in (wall_day(now_ms), wall_day(now_ms) - 1):
            found = self.known.get(day, {}).get(idem)
            if found is not None:
                return found
        return None

    def forget(self, now_ms: int) -> None:
        """Destroys the keys of days that no retry can reach; their sealed answers are unreadable for ever."""
        today = wall_day(now_ms)
        for day in [one for one in list(self.known) if one < today - 1]:
            del self.known[day]
        for held in (self._secrets, self._macs):
            for day in [one for one in list(held) if one < today - 1]:
                del held[day]
        for path in self.keys.directory.glob("answers.*.secret"):
            if int(path.name.split(".")[1]) < today - 1:
                path.unlink()

    def _key(self, day: int, *, make: bool) -> bytes:
        key = self._secrets.get(day)
        if key is None:
            name = f"answers.{day}"
            key = self.keys.create_secret(name) if make else self.keys.secret(name)
            self._secrets[day] = key
        return key


def _record(journal: FileJournal, number: int) -> Receipt:
    for found, record in journal.scan(number - 1):
        if found == number:
            return loads(record)
    raise KeyStoreError("幂等键所指的记录不在了。")
