"""The shapes of a procedure: states, acts, clocks, timers; frozen, without behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gongshu.law.errors import LawError
from gongshu.law.inputs import Input


@dataclass(frozen=True)
class State:
    """Where a case can stand. `waits_for`: role ids whose turn it is; `final`: nothing can follow."""

    id: str
    title: str
    waits_for: tuple[str, ...] = ()
    final: bool = False
    basis: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Guard:
    """A named predicate with its arguments; `sentence` and `basis` override the predicate's own."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    sentence: str = ""
    basis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Branch:
    """A state an act may lead to, and the predicates over the history that must hold for it."""

    to: str
    when: tuple[Guard, ...] = ()


@dataclass(frozen=True)
class Act:
    """Something a person with one of the roles `by` may do from the states `from_`."""

    id: str
    title: str
    from_: tuple[str, ...]
    to: tuple[Branch, ...]
    by: tuple[str, ...]
    asks: tuple[Input, ...] = ()
    requires: tuple[Guard, ...] = ()
    basis: tuple[str, ...] = ()
    help: str = ""
    readings: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    by_titles: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[str, ...]:
        """The facts written into the event: what the act asked, and what the pack says it keeps."""
        return tuple(dict.fromkeys((*(asked.id for asked in self.asks), *self.keeps)))


@dataclass(frozen=True)
class Ledger:
    """A clock in use: each of `starts` begins the count anew, each of `stops` answers it.

    Between one of `suspends` and one of `resumes` no day counts (no text of today suspends).

    `dated` names the fact of the starting act that holds the day to count from (else the day it was done;
    with `since`, the day of the latest such earlier act). `until` names a fact of the starting act that
    holds the last day itself. `when` must hold for the clock to run; `owes` are the roles that must act.
    """

    id: str
    clock: str
    title: str
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    owes: tuple[str, ...] = ()
    dated: str = ""
    since: tuple[str, ...] = ()
    until: str = ""
    suspends: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    when: tuple[Guard, ...] = ()
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timer:
    """When the ledger clock `after` has run out in `state`, `opens` becomes due; the act is a person's."""

    id: str
    state: str
    after: str
    opens: str
    notice: str
    unless: tuple[Guard, ...] = ()


@dataclass(frozen=True)
class Procedure:
    """A whole procedure. `digest` is that of the pack text it was read from; `readings` id → choice."""

    id: str
    title: str
    basis: tuple[str, ...]
    initial: str
    states: Mapping[str, State]
    acts: Mapping[str, Act]
    clocks: Mapping[str, Ledger]
    timers: tuple[Timer, ...] = ()
    subject: str = ""
    summary: str = ""
    because: str = ""
    pack: str = ""
    zone: str = ""
    form: str = ""
    readings: Mapping[str, str] = field(default_factory=dict)

    def act(self, id_: str) -> Act:
        try:
            return self.acts[id_]
        except KeyError:
            raise LawError("unknown_act", f"“{self.title}”里没有“{id_}”这个动作。", self.basis) from None

    def state(self, id_: str) -> State:
        try:
            return self.states[id_]
        except KeyError:
            raise LawError("unknown_state", f"“{self.title}”里没有“{id_}”这个状态。", self.basis) from None

    @property
    def roles(self) -> frozenset[str]:
        """Every role id the procedure names."""
        named = [role for act in self.acts.values() for role in act.by]
        named += [role for state in self.states.values() for role in state.waits_for]
        named += [role for ledger in self.clocks.values() for role in ledger.owes]
        return frozenset(named)
