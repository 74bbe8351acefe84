"""The roles as the packs name them, with title, paragraph and articles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LawRole:
    id: str
    title: str
    paragraph: str
    basis: tuple[str, ...]


def law_roles() -> dict[str, LawRole]:
    return {}
