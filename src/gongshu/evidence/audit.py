"""What a witness reads before it signs: every new entry, hashed into both trees, its own ones compared.

The state is small: the size read so far, the right edge of both trees, the last own number a journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.evidence.checkpoint import Checkpoint
from gongshu.evidence.tiles import ROOTS
from gongshu.evidence.tree import Frontier, leaf_hash

REASONS: Mapping[str, str] = {
    "entry": "日志的条目读不懂",
    "gap": "本来源的编号在日志里不连续",
    "differs": "日志里本来源的一条与送去的不一致",
    "stranger": "日志里有以本来源的名义写的、本域没有写过的一条",
    "root": "读到的条目算出的根与检查点的根不一致",
}


class Unfit(Exception):
    """The log is not what this witness may sign. `args[0]`: a code of `REASONS`."""


Held = Callable[[str, Sequence[int]], Mapping[int, bytes]]
"""(own source, numbers) → the canonical bytes of those own entries that are kept here"""


def _edges() -> dict[str, Frontier]:
    return {alg: Frontier(alg) for alg in ROOTS}


@dataclass
class Audit:
    """The log as read up to `size` entries. `last`: own source → its last number among them."""

    edges: dict[str, Frontier] = field(default_factory=_edges)
    last: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.edges["sha256"].size

    def copy(self) -> Audit:
        return Audit({alg: edge.copy() for alg, edge in self.edges.items()}, dict(self.last))

    def take(
        self, entries: Sequence[bytes], own: Callable[[str], bool], names: Sequence[str], held: Held
    ) -> None:
        """The next entries of the log, in its order. Raises `Unfit`.

        `own` tells the sources that are this witness's; `names` those it writes now: an entry under such a
        name that is not kept here was made by somebody else. Of a source of before a restore a line may
        be lost here; its numbers must still run on.
        """
        mine: dict[str, dict[int, bytes]] = {}
        for data in entries:
            source, seq = _place(data)
            if not own(source):
                continue
            if seq != self.last.get(source, 0) + 1:
                raise Unfit("gap")
            self.last[source] = seq
            mine.setdefault(source, {})[seq] = data
        for source, said in mine.items():
            kept = held(source, sorted(said))
            if source in names and len(kept) < len(said):
                raise Unfit("stranger")
            if any(said[number] != data for number, data in kept.items()):
                raise Unfit("differs")
        for alg, edge in self.edges.items():
            edge.extend([leaf_hash(alg, data) for data in entries])

    def check(self, said: Checkpoint) -> None:
        """Raises `Unfit("root")` unless what was read is exactly what the checkpoint of this size covers."""
        if said.size != self.size or any(edge.root() != said.roots[alg] for alg, edge in self.edges.items()):
            raise Unfit("root")

    def dumps(self) -> bytes:
        edges = {
            alg: [node.hex() if node else None for node in edge.waiting] for alg, edge in self.edges.items()
        }
        return canonical.dumps({"v": 1, "size": self.size, "edges": edges, "last": self.last})

    @classmethod
    def load(cls, path: Path) -> Audit:
        """The state kept at `path`; from the beginning when there is none or it cannot be read."""
        try:
            kept: Any = canonical.loads(path.read_bytes())
            edges = {
                alg: Frontier(
                    alg, kept["size"], [bytes.fromhex(node) if node else None for node in kept["edges"][alg]]
                )
                for alg in ROOTS
            }
            return cls(edges, {source: int(number) for source, number in kept["last"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()


def _place(data: bytes) -> tuple[str, int]:
    """(source, number) of an entry. Raises `Unfit`."""
    try:
        entry = json.loads(data)
        source, seq = entry["source"], entry["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unfit("entry") from None
    if not isinstance(source, str) or type(seq) is not int:
        raise Unfit("entry")
    return source, seq
