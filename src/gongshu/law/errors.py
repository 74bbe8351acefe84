"""What the law room raises: every error has a code, one Chinese sentence and the articles it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A fault in a pack: which file, which value, what is wrong."""

    pack: str
    file: str
    id: str
    sentence: str

    def data(self) -> dict[str, str]:
        return {"pack": self.pack, "file": self.file, "id": self.id, "sentence": self.sentence}

    def __str__(self) -> str:
        where = f"{self.file} {self.id}".strip()
        return f"{where}：{self.sentence}"


class LawError(Exception):
    """A question the law room cannot answer; `basis` holds `source-key:article` strings."""

    def __init__(self, code: str, sentence: str, basis: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.basis = tuple(basis)


class UnknownZone(LawError):
    """No pack has this zone id."""


class UnknownRule(LawError):
    """The zone has no value of this id in this section; `basis` names the article that leaves it open."""


class UnknownClock(UnknownRule):
    """The zone has no such clock."""


class OutOfRange(LawError):
    """The date cannot be reckoned: it lies outside the years 1 to 9999."""


class PackError(LawError):
    """The packs do not hold together; `problems` says where."""

    def __init__(self, sentence: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__("packs", sentence)
        self.problems = tuple(problems)
