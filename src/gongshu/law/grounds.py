"""Grounds: the articles behind sentences that no procedure says, chosen by zone.

A permission, a refusal of the lens, a finding of the attack names its ground (`lens.scope`); `grounds.yaml`
of the zone's packs says which articles that is there. So nothing in the code knows an article.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from gongshu.law import packs, rules

Basis = tuple[str, ...]
Citing = Callable[[str], Basis]
"""Ground id → citations `source-key:article`; empty where the zone has none and it is 项目选择."""


def basis(zone: str | None, ground: str, on: date) -> Basis:
    """The citations of a ground in a zone on a day; an unknown or missing zone gets the nation's.

    Raises `UnknownRule` for a ground that the packs do not have.
    """
    library = packs.library()
    known = zone if zone is not None and zone in library.packs else packs.NATION
    return rules.at(known, on, library).basis(ground)


def citing(zone: str | None, on: date) -> Citing:
    """`basis` of one zone on one day, for rooms that are told their articles (lens, attack)."""
    return lambda ground: basis(zone, ground, on)
