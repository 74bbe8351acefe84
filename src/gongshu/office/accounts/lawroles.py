"""The roles as the packs name them in a zone: title, who, paragraph, articles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from gongshu.law import packs, rules
from gongshu.law.errors import LawError

# 称谓没有随时间变过的规定；取包里最新一版
LATEST = date(9998, 12, 31)


@dataclass(frozen=True)
class LawRole:
    """A role of a zone. `basis` are citations in words; `because` stands where no article names it."""

    id: str
    title: str
    who: str
    paragraph: str
    basis: tuple[str, ...]
    because: str


def law_roles(zone: str, on: date = LATEST) -> dict[str, LawRole]:
    """Every role of the zone, its own wording where its pack has one, sorted by id."""
    return _roles(packs.library().digest(zone), zone, on)


def law_role(id_: str, zone: str, on: date = LATEST) -> LawRole | None:
    """One role, None when the packs do not know it."""
    try:
        return law_roles(zone, on).get(id_)
    except LawError:
        return None


def zone_title(id_: str, zone: str) -> str:
    """The title of a role in a zone's own words, for pages."""
    from gongshu.office.accounts.roles import title

    found = law_role(id_, zone)
    return found.title if found else title(id_)


@lru_cache(maxsize=64)
def _roles(_digest: str, zone: str, on: date) -> dict[str, LawRole]:
    held = rules.at(zone, on)
    found = {}
    for id_ in held.ids("roles"):
        rule = held.role(id_)
        found[id_] = LawRole(
            id_,
            rule.title,
            str(rule.get("who", "")),
            str(rule.get("paragraph", "")),
            tuple(held.cite(each) for each in held.own(rule.basis)),
            rule.because or "",
        )
    return found
