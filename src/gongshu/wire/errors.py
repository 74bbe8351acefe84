"""The one error of the wire: a fixed code and one Chinese sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class WireError(Exception):
    """A message, page or document of another domain that is not accepted.

    `code` is one of the words listed in docs/wire.md; `sentence` says what was wrong, never a value
    of the message's body.
    """

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}：{self.sentence}"
