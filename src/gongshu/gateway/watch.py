"""The gateway as second witness of the log: it co-signs what holds the gateway's own evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from gongshu.crypto.canonical import dumps
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence.witness import Witness
from gongshu.gateway.calls import ROLE, Ledger
from gongshu.gateway.line import Line
from gongshu.wire.errors import WireError
from gongshu.wire.journal import role_of
from gongshu.wire.times import instant
from gongshu.wire.witnessing import Watch, journalled

NAME = "gateway"


@dataclass
class Own:
    """The gateway's journal in its files."""

    ledger: Ledger

    @property
    def names(self) -> Sequence[str]:
        return [self.ledger.source]

    def mine(self, source: str) -> bool:
        return role_of(source) == ROLE

    def held(self, source: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        return {
            number: dumps(line.data)
            for number, line in self.ledger.lines(source, numbers[0], numbers[-1]).items()
        }

    def unaccepted(self) -> datetime | None:
        return self.ledger.oldest_unaccepted()

    def unlogged(self, last: Mapping[str, int]) -> datetime | None:
        source = self.ledger.source
        first = last.get(source, 0) + 1
        line = self.ledger.lines(source, first, first).get(first)
        return instant(line.data["time"], "time") if line is not None else None


@dataclass
class Watching:
    """Looks at the checkpoints of the line's feed."""

    line: Line
    ledger: Ledger
    watch: Watch

    @classmethod
    def open(cls, line: Line, ledger: Ledger, folder: Path, key: PrivateKey) -> Watching:
        """The witness at work; `folder` keeps what it has seen and read."""
        witness = Witness(NAME, folder / "witness", [key], ())
        return cls(line, ledger, Watch(witness, Own(ledger), folder, line.site.urls["link"]))

    def see(self, now: datetime) -> int:
        """Co-sign the checkpoints the feed brought since the last look; how many. A withheld signature is
        journalled with its reason."""
        watch, zone = self.watch, self.line.site.zone
        try:
            keys = [entry.public for entry in self.line.trust.current(now).keys("log")]
        except WireError:
            return 0
        watch.witness.log_keys = keys
        waiting, self.line.book.checkpoints = self.line.book.checkpoints, []

        def record(act: str) -> None:
            self.ledger.note(act, zone, NAME, now)

        bodies = []
        for place, (_, shown) in enumerate(waiting, 1):
            look = partial(watch.look, shown, now, newest=place == len(waiting))
            bodies.append(journalled(watch, look, record))
        if not waiting:
            bodies.append(watch.look_again(now))
        for body in filter(None, bodies):
            self.ledger.say("cosign", zone, body, now)
        return sum(map(bool, bodies))
