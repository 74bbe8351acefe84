"""What a command gives back: one object for `--json`, a few Chinese lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The outcome of a command.

    `ok` true: it holds, is allowed, passes (exit 0); false: refused, review, block (exit 1).
    `data` is printed whole by `--json`; `text` is what a person reads without it.
    """

    ok: bool
    data: dict[str, Any]
    text: str = ""


@dataclass
class BadUse(Exception):
    """The command was called in a way it cannot serve (exit 2): unknown id, no such file."""

    code: str
    sentence: str
    basis: Sequence[str] = field(default_factory=tuple)

    def data(self) -> dict[str, Any]:
        return {
            "ok": False,
            "error": {"code": self.code, "sentence": self.sentence, "basis": list(self.basis)},
        }
