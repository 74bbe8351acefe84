"""The zones (专区/节点) an installation may serve: the five jurisdictions and the nation."""

from __future__ import annotations

from typing import NamedTuple


class ZoneFact(NamedTuple):
    title: str
    parent: str | None
    code: str


ZONES: dict[str, ZoneFact] = {
    "cn": ZoneFact("全国", None, "000000"),
    "gansu": ZoneFact("甘肃省", "cn", "620000"),
    "hubei": ZoneFact("湖北省", "cn", "420000"),
    "huangshi": ZoneFact("黄石市", "hubei", "420200"),
    "anhui": ZoneFact("安徽省", "cn", "340000"),
    "chizhou": ZoneFact("池州市", "anhui", "341700"),
}


def descendants(zone: str) -> frozenset[str]:
    """The zone itself and every zone below it."""
    found = {zone}
    for name, fact in ZONES.items():  # 父级总在子级之前
        if fact.parent in found:
            found.add(name)
    return frozenset(found)


def lineage(zone: str) -> tuple[str, ...]:
    """The zone and its parents, nearest first; empty for an unknown zone."""
    chain: list[str] = []
    at: str | None = zone if zone in ZONES else None
    while at is not None:
        chain.append(at)
        at = ZONES[at].parent
    return tuple(chain)


def sync(using: str = "default") -> None:
    """Write the table into the database; running it twice changes nothing."""
    from gongshu.office.accounts.models import Zone

    for name, fact in ZONES.items():
        Zone.objects.using(using).update_or_create(
            id=name, defaults={"title": fact.title, "parent_id": fact.parent, "code": fact.code}
        )
