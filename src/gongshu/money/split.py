"""分成: what a bill brings, shared among provider support, operator and developer, in whole fen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gongshu.money.amounts import apportion
from gongshu.money.reading import Reading

ROLES = {"provider": "支持数据提供单位", "operator": "运营机构", "developer": "开发者"}
MOST_PARTS = 10**6
MOST_SHARES = 100


@dataclass(frozen=True)
class Share:
    """One receiver: `role` of `ROLES`, organisation id, parts of the whole."""

    role: str
    organisation: str
    parts: int


@dataclass(frozen=True)
class Part:
    """What one receiver gets of an amount, in fen."""

    share: Share
    fen: int

    def data(self) -> dict[str, Any]:
        return {**vars(self.share), "fen": self.fen}


def read(reading: Reading, value: object, field: str = "split") -> tuple[Share, ...]:
    """The shares as agreed, in an order of their own: how the list was written changes nothing."""
    shares = [_share(reading, row, f"{field}.{number}") for number, row in rows(reading, value, field)]
    reading.different([f"{one.role} {one.organisation}" for one in shares], field, "分成")
    if shares and not any(one.role == "operator" for one in shares):
        reading.fault(field, "分成里没有运营机构。")
    return tuple(sorted(shares, key=_place))


def rows(reading: Reading, value: object, field: str) -> list[tuple[int, Any]]:
    return list(enumerate(reading.rows(value, field, "分成", MOST_SHARES), 1))


def _share(reading: Reading, row: object, field: str) -> Share:
    given = reading.table(row, field, "分成", ("role", "organisation", "parts"))
    return Share(
        reading.one_of(given.get("role"), f"{field}.role", "分成的一方", ROLES),
        reading.id(given.get("organisation"), f"{field}.organisation", "分成的单位"),
        reading.whole(given.get("parts"), f"{field}.parts", "份数", 1, MOST_PARTS),
    )


def _place(share: Share) -> tuple[int, str]:
    return (list(ROLES).index(share.role) if share.role in ROLES else len(ROLES), share.organisation)


def split(total: int, shares: Sequence[Share]) -> tuple[Part, ...]:
    """`total` fen (negative for a refund) among the shares; always adds up, whatever order they come in."""
    placed = sorted(shares, key=_place)
    amounts = apportion(total, [one.parts for one in placed]) if placed else ()
    return tuple(Part(share, fen) for share, fen in zip(placed, amounts, strict=True))
