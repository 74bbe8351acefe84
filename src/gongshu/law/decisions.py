"""What the engine answers: decisions, positions, outcomes, running clocks; built only by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gongshu.law.clocks import Due
from gongshu.law.errors import LawError
from gongshu.law.history import Event, History
from gongshu.law.shapes import Act


@dataclass(frozen=True)
class Check:
    """One condition that was looked at: what it is called, whether it held, what to say if not."""

    name: str
    title: str
    held: bool
    sentence: str
    basis: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """Whether an act is allowed. `articles`: `source:article`; `facts`: only those that were looked at.

    `caution`: what must be said when the texts behind it are drafts or replaced; empty when they hold.
    """

    allowed: bool
    code: str
    sentence: str
    articles: tuple[str, ...]
    facts: Mapping[str, Any]
    act: str
    procedure: str
    state: str
    checks: tuple[Check, ...] = ()
    readings: Mapping[str, str] = field(default_factory=dict)
    caution: str = ""


@dataclass(frozen=True)
class Running:
    """A clock of the case: `fact` is the `law.clocks.Due`; `due` its last (or first) day, None for 及时.

    `met`: the day it was answered, `late` then says whether too late; `paused`: suspended since that day.
    """

    id: str
    clock: str
    title: str
    owes: tuple[str, ...]
    started: date
    fact: Due
    due: date | None
    met: date | None = None
    late: bool = False
    paused: date | None = None

    def overdue(self, today: date) -> bool:
        """Open, not suspended and past its last day; only a deadline that somebody owes can be overdue."""
        is_deadline = self.fact.kind in ("deadline", "date") and self.fact.direction == "after"
        is_deadline = is_deadline and bool(self.owes)
        return (
            self.met is None
            and self.paused is None
            and is_deadline
            and self.due is not None
            and today > self.due
        )

    @property
    def sentence(self) -> str:
        return self.fact.sentence

    @property
    def basis(self) -> tuple[str, ...]:
        return self.fact.basis


@dataclass(frozen=True)
class Position:
    """Where a case stands: state, since when, whose turn it is, what runs, what is late, what may follow."""

    state: str
    title: str
    since: datetime | None
    waits_for: tuple[str, ...]
    deadlines: tuple[Running, ...]
    overdue: tuple[Running, ...]
    next_acts: tuple[Act, ...]
    final: bool


@dataclass(frozen=True)
class Outcome:
    """What an allowed act brings about: the event to store, the new state and what runs from now on."""

    decision: Decision
    event: Event
    state: str
    title: str
    events: History
    deadlines: tuple[Running, ...]
    next_acts: tuple[Act, ...]
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class TimerDue:
    """A timer that has run out. `key` is stable for one running of the clock: fire each key once."""

    id: str
    key: str
    opens: str
    notice: str
    due: date
    owes: tuple[str, ...]
    basis: tuple[str, ...]


class ActRefused(LawError):
    """Raised by `apply` when the decision is no; carries it."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.code, decision.sentence, decision.articles)
        self.decision = decision
