"""What has happened in a case, and what an act is judged against; `now` always comes from the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China keeps one time without daylight saving since 1991, so a fixed offset is exact for every pack."""


def local_day(moment: datetime) -> date:
    """The day in Asia/Shanghai of an aware moment; deadlines of the law are counted in such days."""
    if moment.tzinfo is None:
        raise ValueError("moment must be aware")
    return moment.astimezone(SHANGHAI).date()


@dataclass(frozen=True)
class Event:
    """One act done: `at` aware business time, `role` the role it was done in, `data` what was recorded."""

    act: str
    at: datetime
    actor_id: str
    role: str
    data: Mapping[str, Any] = field(default_factory=dict)


History = tuple[Event, ...]


@dataclass
class Context:
    """What a predicate may look at. `fact()` remembers what was looked up, for 为什么."""

    history: History
    facts: Mapping[str, Any]
    actor_id: str
    today: date
    limit: Callable[[str], Any]
    due: Callable[[str], date | None]
    document: Callable[[str], tuple[str, ...]]
    seen: dict[str, Any] = field(default_factory=dict)

    def fact(self, name: str) -> Any:
        value = self.facts.get(name)
        self.seen[name] = value
        return value

    def last(self, acts: tuple[str, ...] | list[str]) -> Event | None:
        """The latest event of one of these acts."""
        return next((event for event in reversed(self.history) if event.act in acts), None)

    def since(self, acts: tuple[str, ...] | list[str]) -> History:
        """The events after the latest event of one of these acts (all of them when there is none)."""
        for index in range(len(self.history) - 1, -1, -1):
            if self.history[index].act in acts:
                return self.history[index + 1 :]
        return self.history
