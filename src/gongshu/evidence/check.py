"""`verify`: rebuilds a log from its files and names every fault, by the offline verifier's own code.

The check must share nothing with the writer, so all of it lives in `gongshu_verify`; here only keys
and the report change their form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gongshu.crypto.sign import PublicKey
from gongshu_verify.faults import Problem
from gongshu_verify.keys import Key, merged
from gongshu_verify.logdir import verify_log


@dataclass(frozen=True)
class Report:
    """`root` is the recomputed SHA-256 root in base64; lists are sorted; `trusted`: a given key signed."""

    ok: bool
    size: int
    root: str
    checkpoints: int
    witnesses: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    problems: list[Problem]
    trusted: bool
    root_sm3: str
    origin: str

    def data(self) -> dict[str, Any]:
        """In the form of `gongshu evidence verify --json`."""
        return {**vars(self), "problems": [problem.data() for problem in self.problems]}


def verify(directory: Path | str, keys: Iterable[PublicKey | Key]) -> Report:
    """Check the whole log at `directory`; signatures of log and witnesses count only by `keys`, each only
    under the roles it says."""
    known = merged(key if isinstance(key, Key) else Key(key.alg, key.raw) for key in keys)
    found = verify_log(Path(directory), known)
    return Report(
        ok=found.ok,
        size=found.size,
        root=found.root,
        checkpoints=found.checkpoints,
        witnesses=found.witnesses,
        gaps=found.gaps,
        problems=found.problems,
        trusted=found.trusted,
        root_sm3=found.root_sm3,
        origin=found.origin,
    )
