"""The proof of an act: a file anyone can check offline with `gongshu-verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.evidence import proof
from gongshu.evidence.checkpoint import read
from gongshu.evidence.history import CHECKPOINT
from gongshu.evidence.tiles import WIDTH, Reader
from gongshu.evidence.tree import ProofError
from gongshu.office.link.models import OutboxEntry
from gongshu.wire.checkpoint import LARGEST_PAGE, PAGE


def covered() -> int:
    """How many entries the newest signed checkpoint covers."""
    path = settings.LOG_DIR / CHECKPOINT
    return read(path.read_bytes())[0].size if path.exists() else 0


def of(row: OutboxEntry) -> dict[str, Any] | None:
    """The proof file of an outbox row, or None while it waits for the next checkpoint (under a second)."""
    row.refresh_from_db(fields=["index"])
    if row.index is None or row.index >= covered():
        return None
    return proof.inclusion(settings.LOG_DIR, row.index)


def entries(start: int) -> list[str]:
    """The canonical JSON of the entries from number `start` (from 0) that the newest checkpoint covers, a
    page of them. Raises `ProofError`, `tiles.TileError`."""
    size = covered()
    if start > size:
        raise ProofError(f"日志只有 {size} 条。")
    reader = Reader(Path(settings.LOG_DIR), size)
    found: list[str] = []
    room = LARGEST_PAGE
    while start + len(found) < size and len(found) < PAGE and room > 0:
        number, place = divmod(start + len(found), WIDTH)
        page = [entry.decode() for entry in reader.bundle(number)[place:]]
        found += page
        room -= sum(map(len, page))
    return found


def newest(before: int) -> dict[str, Any]:
    """`{checkpoint, proof}` of the log as it stands; raises `ProofError` when it is shorter than `before`."""
    signed = (settings.LOG_DIR / CHECKPOINT).read_bytes() if covered() else b""
    if not signed:
        raise ProofError("日志还没有检查点。")
    size = read(signed)[0].size
    return {"checkpoint": signed.decode(), "proof": proof.consistency(settings.LOG_DIR, before, size)}
