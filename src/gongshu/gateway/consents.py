"""Consents the gateway holds, and those that come with a call.

Standing ones arrive by the feed, checked once, and are found by the subject as only this gateway writes it
(`meter.Days.who`). One that comes with a call is a signed `consent` envelope; the verdict over its bytes is
remembered for exactly those bytes under the present trust list. Withdrawals are final for an id, whatever
arrives later, and whichever of the two came first.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gongshu.contract.consent import Consent, compile_consent
from gongshu.contract.model import BadContract
from gongshu.crypto.sign import PrivateKey
from gongshu.wire import subjects
from gongshu.wire.admit import Admitted, admit
from gongshu.wire.envelope import loads
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant
from gongshu.wire.trust import TrustList

_TABLES = """
create table if not exists consent
  (id text primary key, zone text not null, who text not null, body text not null);
create table if not exists withdrawn (id text primary key, withdrawal text not null);
create table if not exists used (id text primary key, ends text not null) without rowid;
"""
# Verdicts over consents that came with calls; the older half goes when full.
REMEMBERED = 200_000
# Seconds a refusal is remembered: a key may begin to count meanwhile. One for the time is not remembered.
REFUSED_FOR = 60.0
TIMELY = frozenset({"expired", "future"})

Who = Callable[[str], str]


class Presented(NamedTuple):
    """A consent that came with a call and holds: what it says, and how to tell whose it is."""

    consent: Consent
    subject: str
    salt: str
    """`subject` is the gateway's own word (`who`) when `salt` is empty, else the body's salted digest."""


class Verdict(NamedTuple):
    """What was found of an envelope's bytes, and until when that holds (wall time in s)."""

    said: Presented | str
    until: float


@dataclass
class Consents:
    """The store. The line writes (`take`, `withdraw`), the event loop reads and marks consents used."""

    path: Path
    who: Who
    sealing: PrivateKey
    mark: str
    by_subject: dict[tuple[str, str], dict[str, list[Consent]]] = field(default_factory=dict)
    """(product, buyer) → who → consents, the newest last"""
    withdrawn: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    _seen: dict[tuple[bytes, str], Verdict] = field(default_factory=dict)
    """(digest of the bytes, zone) → the verdict"""
    _trusted: int = -1
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._line = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        self._line.executescript("pragma journal_mode=wal; pragma synchronous=full;" + _TABLES)
        self.path.chmod(0o600)
        self.withdrawn = {row[0] for row in self._line.execute("select id from withdrawn")}
        self.used = {row[0] for row in self._line.execute("select id from used")}
        for who, text in self._line.execute("select who, body from consent order by rowid"):
            self._put(who, msgspec.json.decode(text))

    # ------------------------------------------------------------ from the feed

    def take(self, item: Admitted, trust: TrustList) -> str:
        """Keep a consent of the feed; '' or why not. Idempotent: the first body under an id stays."""
        body = item.envelope.body
        try:
            who = self._whose(item, trust)
            compile_consent(body, who or "?")
        except (WireError, BadContract) as error:
            return str(error)
        text = msgspec.json.encode(body).decode()
        with self._guard:
            kept = self._line.execute(
                "insert or ignore into consent values (?, ?, ?, ?)",
                (body["id"], item.envelope.zone, who, text),
            )
        if kept.rowcount:
            self._put(who, body)
        return ""

    def withdraw(self, withdrawal: str, consent: str) -> bool:
        """End a consent, known or not yet; True when this is news."""
        news = consent not in self.withdrawn
        self.withdrawn.add(consent)
        with self._guard:
            self._line.execute("insert or ignore into withdrawn values (?, ?)", (consent, withdrawal))
        return news

    def begin(self) -> None:
        """Hold what follows together until `commit`: one flush for a page of the feed."""
        with self._guard:
            if not self._line.in_transaction:
                self._line.execute("begin")

    def commit(self) -> None:
        """Make what was held together durable. `sqlite3.Error` where it could not be, or where the database
        gave it up by itself because the disk was full."""
        with self._guard:
            if not self._line.in_transaction:
                raise sqlite3.OperationalError("the page's transaction was given up")
            self._line.execute("commit")

    def roll_back(self) -> None:
        """Give up what was held together and not committed; what was read of it is read again."""
        with self._guard:
            if self._line.in_transaction:
                self._line.execute("rollback")

    def _whose(self, item: Admitted, trust: TrustList) -> str:
        """The subject of a consent as `who` writes it; empty when only the call can name it."""
        body = item.envelope.body
        if body["subject"].startswith("sm2:"):
            if not item.signed_by("portal"):
                raise WireError("signer", "封装了主体的同意须由同意服务签署。")
            return self.who(subjects.opened(body["subject"], body["id"], self.sealing))
        for one in item.signed_by("subject"):
            row = trust.organisation(one.organisation) if one.organisation else None
            code = str((row or {}).get("uscc", ""))
            name = subjects.name("firm", code) if code else ""
            if name and subjects.speaks_of(body, name):
                return self.who(name)
        raise WireError("subject", "同意不是主体自己的钥匙签的。")

    def _put(self, who: str, body: Mapping[str, Any]) -> None:
        consent = compile_consent(body, who)
        held = self.by_subject.setdefault((consent.product, consent.buyer), {}).setdefault(who, [])
        if all(one.id != consent.id for one in held):  # a page given up is taken again
            held.append(consent)

    # ------------------------------------------------------------ used up

    def keep_used(self, consents: Iterable[tuple[str, str]]) -> None:
        """(id, last day) of consents that were good for one call: durable beyond the journal of calls."""
        with self._guard:
            # A page of the feed that is being taken may yet be given up: these are not given up with it.
            paging = self._line.in_transaction
            if not paging:
                self._line.execute("begin")
            try:
                self._line.executemany("insert or ignore into used values (?, ?)", list(consents))
                self._line.execute("commit")
            except sqlite3.Error:
                if not paging and self._line.in_transaction:
                    self._line.execute("rollback")
                raise
            if paging:
                self._line.execute("begin")

    def forget_used(self, before: str) -> None:
        """Ids of used consents that ended before a business day are refused by their date anyway."""
        with self._guard:
            gone = [row[0] for row in self._line.execute("select id from used where ends < ?", (before,))]
            self._line.execute("delete from used where ends < ?", (before,))
        self.used.difference_update(gone)

    # ------------------------------------------------------------ choosing

    def standing(
        self,
        product: str,
        buyer: str,
        who: str,
        contract: str,
        purpose: str,
        fields: frozenset[str],
        day: date,
    ) -> Consent | None:
        """The consent that carries a call, or, where none does, the one whose refusal says most."""
        found = self.by_subject.get((product, buyer))
        rows = found.get(who) if found is not None else None
        if rows is None:
            return None
        if len(rows) == 1:
            return rows[0]
        best, most = None, -1
        for one in rows:
            if one.contract and one.contract != contract:
                continue
            # in the order in which a call is refused for them: the last refusal says most
            good = (
                8 * (one.id not in self.withdrawn)
                + 4 * (one.starts <= day <= one.ends)
                + 2 * (one.purpose == purpose and fields <= one.fields)
                + (one.id not in self.used)
            )
            if good >= most:
                best, most = one, good
        return best

    # ------------------------------------------------------------ with a call

    def presented(self, raw: bytes, zone: str, trust: TrustList) -> Presented | str:
        """The consent in the bytes of an envelope, or a sentence. Remembered for the identical bytes in the
        zone, until the envelope or a key that signed it ends."""
        if trust.number != self._trusted:
            self._seen, self._trusted = {}, trust.number
        key, now = (hashlib.sha256(raw).digest(), zone), time.time()
        found = self._seen.get(key)
        if found is None or now > found.until:
            found = self._judge(raw, zone, trust, now)
            if len(self._seen) >= REMEMBERED:
                for old in list(self._seen)[: REMEMBERED // 2]:
                    del self._seen[old]
            self._seen[key] = found
        return found.said

    def _judge(self, raw: bytes, zone: str, trust: TrustList, now: float) -> Verdict:
        try:
            envelope = loads(raw)
            if envelope.kind != "consent":
                return Verdict("随请求带来的不是一份同意。", now + REFUSED_FOR)
            at = datetime.fromtimestamp(now, UTC)
            item = admit(envelope, trust, now=at, mark=self.mark, direction="feed", zone=zone)
            return Verdict(self._read(item, trust), _ends(item, trust))
        except WireError as error:
            return Verdict(error.sentence, now if error.code in TIMELY else now + REFUSED_FOR)
        except BadContract as error:
            return Verdict(str(error), now + REFUSED_FOR)

    def _read(self, item: Admitted, trust: TrustList) -> Presented:
        body = item.envelope.body
        if item.signed_by("portal") and not body["subject"].startswith("sm2:"):
            # The call names the number, so the digest can be compared there and nothing is sealed.
            return Presented(compile_consent(body), body["subject"], str(body.get("salt", "")))
        who = self._whose(item, trust)
        return Presented(compile_consent(body, who), who, "")


def _ends(item: Admitted, trust: TrustList) -> float:
    """Wall time in seconds up to which an envelope and the keys that signed it hold; infinite without end."""
    said = item.envelope.expires
    ends = [instant(said, "expires")] if said is not None else []
    entries = (trust.find(one.key, one.role) for one in item.verified)
    ends += [entry.until for entry in entries if entry is not None and entry.until is not None]
    return min((one.timestamp() for one in ends), default=math.inf)
