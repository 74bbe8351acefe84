"""The gateway as second witness of the log: it co-signs what continues the last checkpoint it saw."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gongshu.crypto.sign import PrivateKey
from gongshu.evidence.witness import Witness
from gongshu.gateway.calls import Ledger
from gongshu.gateway.line import Line
from gongshu.wire.errors import WireError
from gongshu.wire.witnessing import look

NAME = "gateway"


def see(line: Line, ledger: Ledger, state: Path, key: PrivateKey, now: datetime) -> int:
    """Co-sign the checkpoints the feed brought since the last look; a fork is named and never signed."""
    waiting, line.book.checkpoints = line.book.checkpoints, []
    if not waiting:
        return 0
    try:
        keys = [entry.public for entry in line.trust.current(now).keys("log")]
    except WireError:
        return 0
    witness = Witness(NAME, state, [key], keys)
    signed = 0
    for zone, shown in waiting:
        body, _ = look(witness, shown, line.site.urls["link"], now)
        if body:
            ledger.say("cosign", zone, body, now)
            signed += 1
    return signed
