"""Both witnesses look at a checkpoint the same way: they read what is new, then co-sign, or say why not.

A witness signs only a log that holds its own evidence: nothing of its own older than `LATE` may be missing,
and every new entry is read, hashed to the signed root, and compared with what it wrote itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gongshu.evidence import audit
from gongshu.evidence.audit import Audit, Unfit
from gongshu.evidence.checkpoint import Checkpoint
from gongshu.evidence.note import NoteError
from gongshu.evidence.tree import ProofError
from gongshu.evidence.witness import ForkError, StaleProof, Witness
from gongshu.wire import checkpoint
from gongshu.wire.errors import WireError
from gongshu.wire.store import write_file
from gongshu.wire.times import stamp

log = logging.getLogger(__name__)
# How old, in wall time, an own entry may be that the office has not taken or the log does not hold.
LATE = timedelta(minutes=2)
# Entries read at one look; a witness that has more to read goes on at the next.
MOST = 20_000
# Seconds between two looks at the same checkpoint.
AGAIN = timedelta(seconds=5)
READ, SAID = "audit.json", "witness-said.json"
# Why a signature is withheld. The first three are no fault of the log's and leave no line of evidence.
WITHHELD: Mapping[str, str] = {
    "line": "联系不上办公域",
    "reading": "还在读日志里新的条目",
    "nothing": "还没有见到检查点",
    "unposted": "本域有两分钟以前的存证，办公域没有收下",
    "missing": "本域有两分钟以前的存证，日志里没有",
    "fork": "日志分叉",
    "refused": "检查点或它的证明不成立",
    **audit.REASONS,
}
SILENT = ("line", "reading", "nothing")


class Own(Protocol):
    """What a witness knows of its own evidence."""

    @property
    def names(self) -> Sequence[str]:
        """The journals it writes now."""

    def mine(self, source: str) -> bool:
        """Is this one of its journals, of now or of before a restore?"""

    def held(self, source: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """The canonical bytes of those entries that are kept here."""

    def unaccepted(self) -> datetime | None:
        """When the oldest entry was written that the office has not taken."""

    def unlogged(self, last: Mapping[str, int]) -> datetime | None:
        """When the oldest entry was written whose number is above `last` of its source."""


@dataclass
class Watch:
    """One witness at work. `folder` holds what it has read and, for the doctor, why it does not sign."""

    witness: Witness
    own: Own
    folder: Path
    url: str
    why: str = field(default="", init=False)
    _reading: Audit | None = field(default=None, init=False)
    _shown: Mapping[str, Any] = field(default_factory=dict, init=False)
    _next: datetime | None = field(default=None, init=False)

    def look(self, shown: Mapping[str, Any], now: datetime, *, newest: bool = True) -> dict[str, Any]:
        """The body of a `cosign` message, {} when the signature is withheld (`why` says the reason).

        `shown`: `{checkpoint, proof}` as the feed brought it. An older checkpoint (not `newest`) cannot be
        expected to hold what was written since.
        """
        self._shown, self._next = shown, now + AGAIN
        body, why = self._judge(shown, now, newest=newest)
        if why:
            log.log(logging.DEBUG if why in SILENT else logging.ERROR, "checkpoint not co-signed: %s", why)
        self._say(why, now)
        return body

    def look_again(self, now: datetime) -> dict[str, Any]:
        """Look once more at what was withheld, after a while: the reason may be gone without a new one."""
        if not self.why or not self._shown or (self._next and now < self._next):
            return {}
        return self.look(self._shown, now)

    def _judge(self, shown: Mapping[str, Any], now: datetime, *, newest: bool) -> tuple[dict[str, Any], str]:
        if _late(self.own.unaccepted(), now):
            return {}, "unposted"
        try:
            shown = self._continuing(shown)
            said = self.witness.read(shown["checkpoint"].encode())
            read = self._read(said)
            if read is None:
                return {}, "reading"
            if newest and _late(self.own.unlogged(read.last), now):
                return {}, "missing"
            line = self.witness.cosign(shown["checkpoint"].encode(), shown["proof"], now)
            write_file(self.folder / READ, read.dumps())
            return {"size": said.size, "line": line}, ""
        except Unfit as error:
            self._reading = None
            return {}, str(error)
        except ForkError as error:
            log.error("%s", error)
            return {}, "fork"
        except WireError as error:
            return {}, "line" if error.code == "line" else "refused"
        except (StaleProof, NoteError, ProofError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("checkpoint refused: %s", error)
            return {}, "refused"

    def _read(self, said: Checkpoint) -> Audit | None:
        """The log read up to this checkpoint, None when it is still being read. Raises `Unfit`.

        A checkpoint no larger than what was read already has nothing new: the witness compares its root.
        """
        read = self._reading or Audit.load(self.folder / READ)
        if said.size < read.size or said.size <= self.witness.size:
            return Audit.load(self.folder / READ)
        left = MOST
        while read.size < said.size and left > 0:
            page = checkpoint.entries(self.url, read.size)[: said.size - read.size]
            if not page:
                raise Unfit("root")  # signed for more entries than it shows
            read = read.copy()
            read.take(page, self.own.mine, self.own.names, self.own.held)
            left -= len(page)
        self._reading = read if read.size < said.size else None
        if self._reading is not None:
            return None
        read.check(said)
        return read

    def _continuing(self, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """The checkpoint with a proof from where this witness stands: asked for when it fell behind."""
        try:
            self.witness.check(shown["checkpoint"].encode(), shown["proof"])
        except StaleProof as stale:
            shown = checkpoint.fetch(self.url, stale.size)
            self.witness.check(shown["checkpoint"].encode(), shown["proof"])
        return shown

    def _say(self, why: str, now: datetime) -> None:
        """Keep the reason where the doctor finds it; only when it changed."""
        if why == self.why and (self.folder / SAID).exists():
            return
        self.why = why
        said = {"v": 1, "witness": self.witness.name, "why": why, "since": stamp(now)}
        write_file(self.folder / SAID, json.dumps(said, ensure_ascii=False, sort_keys=True).encode() + b"\n")


def said(folder: Path) -> dict[str, Any]:
    """What the witness of this folder last said: `{witness, why, since}`; empty when it never looked."""
    try:
        found: Any = json.loads((folder / SAID).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _late(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment < now - LATE


Record = Callable[[str], object]


def journalled(watch: Watch, look: Callable[[], dict[str, Any]], record: Record) -> dict[str, Any]:
    """The look, with one line of evidence (`witness.<reason>`) when a signature begins to be withheld."""
    before = watch.why
    body = look()
    if watch.why and watch.why != before and watch.why not in SILENT:
        record(f"witness.{watch.why}")
    return body
