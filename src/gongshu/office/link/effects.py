"""What became of a stop: when each receiver acted, from its signed receipt, and who has not answered yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gongshu.office.link import clock, trust
from gongshu.office.link.models import FeedItem, InboxMessage
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

# 停止的范围，也是选择时的先后
SCOPES = {"project": "项目", "grant": "授权", "product": "产品", "contract": "使用协议", "all": "全部"}
DOMAINS = {"enclave": "计算进程", "gateway": "网关"}


@dataclass(frozen=True)
class Effect:
    """One stop, and when each receiver acted: `seconds` from publishing to the signed receipt's moment, wall
    time; `awaited`: who has not answered yet."""

    stop: str
    scope: str
    target: str
    reason: str
    at: datetime
    seconds: tuple[tuple[str, float], ...]
    awaited: tuple[str, ...]

    @property
    def title(self) -> str:
        return SCOPES.get(self.scope, self.scope)

    @property
    def slowest(self) -> float | None:
        """The last receiver's seconds, once all have answered."""
        return None if self.awaited or not self.seconds else max(each for _, each in self.seconds)


def receivers(zone: str) -> dict[str, str]:
    """Key → role of every enclave and gateway the trust list names for the zone now: who must answer."""
    wall = clock.wall_now()
    try:
        found = trust.current(wall)
    except WireError:
        return {}
    return {each.id: role for role in DOMAINS for each in found.keys(role) if each.holds(zone, wall)}


def effects(items: Iterable[FeedItem]) -> list[Effect]:
    """What became of these stops. Two queries."""
    rows = list(items)
    told: dict[str, list[tuple[str, str, datetime]]] = {}
    stops = [row.subject for row in rows]
    for message in InboxMessage.objects.filter(kind="effect", envelope__body__stop__in=stops).order_by("pk"):
        body, signed = message.envelope["body"], message.envelope["signatures"][0]
        try:
            at = instant(body["at"], "at")
        except WireError:  # 说不清时刻的回执不算，仍在等它
            continue
        told.setdefault(body["stop"], []).append((signed["key"], signed["role"], at))
    wanted = {zone: receivers(zone) for zone in {row.zone for row in rows}}
    return [_effect(row, told.get(row.subject, []), wanted[row.zone]) for row in rows]


def _effect(row: FeedItem, told: list[tuple[str, str, datetime]], wanted: dict[str, str]) -> Effect:
    first: dict[str, tuple[str, float]] = {}
    for key, role, at in told:
        seconds = max(0.0, round((at - row.published).total_seconds(), 1))
        if key not in first or seconds < first[key][1]:
            first[key] = (role, seconds)
    body = row.envelope["body"]
    missing = [role for key, role in wanted.items() if key not in first]
    return Effect(
        row.subject,
        body["scope"],
        body["target"],
        body["reason"],
        row.published,
        tuple((DOMAINS.get(role, role), seconds) for role, seconds in sorted(first.values())),
        tuple(DOMAINS[role] for role in sorted(missing)),
    )


def of_targets(zone: str, targets: Iterable[str]) -> list[Effect]:
    """The stops that hit any of these numbers, the newest first."""
    rows = FeedItem.objects.filter(kind="stop", zone=zone, envelope__body__target__in=list(targets))
    return effects(rows.order_by("-seq"))
