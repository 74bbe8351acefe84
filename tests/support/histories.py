"""Cases walked by the engine for tests: a walker that does acts and remembers the history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from gongshu.law import engine, packs, procedures, rules
from gongshu.law.decisions import Decision, Outcome, Position, TimerDue
from gongshu.law.history import SHANGHAI, History
from gongshu.law.packs import Library

DIGEST = "sha256:" + "a" * 64
FILE = {"name": "证明.pdf", "digest": DIGEST}


def moment(day: date | str, hour: int = 10) -> datetime:
    """Ten in the morning in Shanghai of a day."""
    found = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(found, time(hour), SHANGHAI)


class Walk:
    """One case: `do` an act as a person in a role, `ask` only whether it is allowed."""

    def __init__(
        self, zone: str, procedure: str, on: str = "2026-03-02", library: Library | None = None
    ) -> None:
        self.rules = rules.at(zone, date.fromisoformat(on), library or packs.library())
        self.procedure = procedures.load(self.rules, procedure)
        self.history: History = ()

    def facts(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"recused": False, "actor_organisation": "org:registrar", **given}

    def ask(self, act: str, role: str, day: str, who: str = "", **facts: Any) -> Decision:
        return engine.decide(
            self.procedure, self.rules, self.history, act, role, self.facts(facts), moment(day),
            actor_id=who or f"person:{role}",
        )  # fmt: skip

    def do(self, act: str, role: str, day: str, who: str = "", **facts: Any) -> Outcome:
        outcome = engine.apply(
            self.procedure, self.rules, self.history, act, role, self.facts(facts), moment(day),
            actor_id=who or f"person:{role}",
        )  # fmt: skip
        self.history = outcome.events
        return outcome

    def where(self, day: str) -> Position:
        return engine.position(self.procedure, self.rules, self.history, moment(day))

    @property
    def state(self) -> str:
        return engine.state_of(self.procedure, self.rules, self.history)

    def tick(self, day: str) -> tuple[TimerDue, ...]:
        return engine.tick(self.procedure, self.rules, self.history, moment(day))


def submitted(zone: str = "gansu", day: str = "2026-03-02", **more: Any) -> Walk:
    """A first registration up to its submission; `more` goes into the act `fill`."""
    walk = Walk(zone, "registration.first", day)
    form = {"form_problems": [], "form_digest": DIGEST}
    walk.do("fill", "registrant", day, **form, deposited=True, papers={"R01": "1", "R06": "1"}, **more)
    walk.do("pass_business", "registrant_reviewer", day)
    walk.do("submit", "registrant", day, **form, papers={"R01": "1", "R06": "1"})
    return walk


def in_publicity(zone: str = "gansu", day: str = "2026-03-02") -> Walk:
    """A first registration in publicity since `day`."""
    walk = submitted(zone, day)
    walk.do("accept", "registrar", day, registrant_organisations=["org:provider"])
    walk.do(
        "pass", "registrar", day,
        registrant_organisations=["org:provider"], form_problems=[], checked=True, duplicate=False,
    )  # fmt: skip
    return walk


def registered(zone: str = "gansu", day: str = "2026-03-02", issued: str = "2026-03-17") -> Walk:
    """A registration with its certificate."""
    walk = in_publicity(zone, day)
    walk.do("certify", "registrar", issued, valid_until="2029-03-17")
    return walk
