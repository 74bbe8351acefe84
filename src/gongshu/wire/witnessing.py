"""Both witnesses look at a checkpoint the same way: co-sign, ask for the missing piece, or name why not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gongshu.evidence.checkpoint import read
from gongshu.evidence.note import NoteError
from gongshu.evidence.tree import ProofError
from gongshu.evidence.witness import ForkError, StaleProof, Witness
from gongshu.wire import checkpoint
from gongshu.wire.errors import WireError

log = logging.getLogger(__name__)


def look(witness: Witness, shown: Mapping[str, Any], url: str, now: datetime) -> tuple[dict[str, Any], str]:
    """(body of a `cosign` message, '') or ({}, why not: `fork` or `refused`).

    `shown`: `{checkpoint, proof}` as the feed brought it; a witness that fell behind asks `url` for the
    proof from its own place.
    """
    try:
        try:
            line = witness.cosign(shown["checkpoint"].encode(), shown["proof"], now)
        except StaleProof as stale:
            shown = checkpoint.fetch(url, stale.size)
            line = witness.cosign(shown["checkpoint"].encode(), shown["proof"], now)
        return {"size": read(shown["checkpoint"].encode())[0].size, "line": line}, ""
    except ForkError as error:
        log.error("%s", error)
        return {}, "fork"
    except (StaleProof, NoteError, ProofError, WireError, ValueError, KeyError) as error:
        log.error("checkpoint not co-signed: %s", error)
        return {}, "refused"
