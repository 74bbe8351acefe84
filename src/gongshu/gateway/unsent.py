"""How far the gateway's messages were sent, and what the office would not take: one small file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.wire.inbox import Answer, again
from gongshu.wire.store import write_file
from gongshu.wire.times import instant, stamp


@dataclass
class Place:
    """`posted`: the last number sent at all; `aside`: number → what the office said of a message it did
    not take and that is tried again (`since`, `next` wall time, `tries`, `code`, `sentence`)."""

    path: Path
    posted: int = 0
    aside: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Place:
        if not path.exists():
            return cls(path)
        kept = canonical.loads(path.read_bytes())
        if isinstance(kept, int):  # as it was written before refusals were kept
            return cls(path, kept)
        return cls(path, kept["posted"], kept["aside"])

    def save(self) -> None:
        write_file(self.path, canonical.dumps({"v": 1, "posted": self.posted, "aside": self.aside}))

    def due(self, now: datetime) -> list[int]:
        """Numbers to be sent again now, the oldest first."""
        rows = self.aside.items()
        return sorted(int(number) for number, row in rows if instant(row["next"], "next") <= now)

    def put(self, number: int, said: Answer, now: datetime) -> bool:
        """What the office said of a message; True when it need not be sent again."""
        self.posted = max(self.posted, number)
        before = self.aside.pop(str(number), None)
        if said.settled:
            return True
        tries = before["tries"] + 1 if before else 1
        self.aside[str(number)] = {
            "since": before["since"] if before else stamp(now),
            "next": stamp(now + again(tries)),
            "tries": tries,
            "code": said.code,
            "sentence": said.sentence,
        }
        return False
