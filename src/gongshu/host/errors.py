"""The error of this room: a code, one Chinese sentence, what to do next inside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class HostError(Exception):
    """The machine, the home or a process is not as it must be."""

    code: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence
