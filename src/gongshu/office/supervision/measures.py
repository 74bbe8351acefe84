"""What a number of the cockpit is: its rows, its parts, how it was counted; one table, three files of rows.

A measure's number is counted from the very rows its list shows: `parts` says how many rows (or what sum)
lie under each filter, the list page applies the same filters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from gongshu.law.rules import Rules
from gongshu.office.accounts.actors import Actor
from gongshu.ui.tables import Column, Filter


@dataclass(frozen=True)
class Ask:
    """Who looks at which zone, on which business day; `wall` for what runs on wall time (witnesses)."""

    actor: Actor
    zone: str
    today: date
    wall: datetime
    rules: Rules


@dataclass(frozen=True)
class Part:
    """One number of a measure. `query` are the filters of the list that shows exactly its rows."""

    label: str
    value: int
    query: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    tone: str = ""
    note: str = ""
    text: str = ""
    percent: int | None = None

    @property
    def bar(self) -> int:
        """How long its bar is in the picture."""
        return self.value if self.percent is None else self.percent

    @property
    def shown(self) -> str:
        """The number as the page shows it; `text` where it stands beside another (12 / 30)."""
        return self.text or str(self.value)


@dataclass(frozen=True)
class Measure:
    """One number with its list.

    `rows(ask)`: a queryset or list; `parts(ask)`: the numbers under it; `sum_of` names the annotated field
    to add up where the number is not a count of rows; `how`: one sentence; `articles(rules)`: citations.
    """

    id: str
    title: str
    unit: str
    how: str
    rows: Callable[[Ask], Any]
    columns: Callable[[Ask], Sequence[Column]]
    parts: Callable[[Ask], Sequence[Part]]
    filters: Callable[[Ask], Sequence[Filter]] = lambda _ask: ()
    articles: Callable[[Rules], Sequence[str]] = lambda _rules: ()
    sum_of: str = ""
    order: str = ""
    empty: str = "现在没有。"
    changes: tuple[str, ...] = ()
    picture: bool = False
    overlapping: bool = False


@dataclass(frozen=True)
class Shown:
    """A measure as the cockpit shows it."""

    measure: Measure
    value: int
    parts: tuple[Part, ...]
    zone: str

    @property
    def why(self) -> str:
        return f"sv-{self.measure.id}-{self.zone}"

    @property
    def url(self) -> str:
        return address(self.measure.id, self.zone)

    @property
    def groups(self) -> list[tuple[str, list[tuple[Part, str]]]]:
        """The parts under their headings, each with the address of its rows."""
        found: dict[str, list[tuple[Part, str]]] = {}
        for each in self.parts:
            found.setdefault(each.group, []).append((each, address(self.measure.id, self.zone, each.query)))
        return list(found.items())


def address(measure: str, zone: str, query: Mapping[str, str] | None = None) -> str:
    """Where the rows of a number are listed."""
    return f"{reverse('supervision:rows', args=[measure])}?{urlencode({'zone': zone, **(query or {})})}"


def shown(measure: Measure, ask: Ask) -> Shown:
    """The number and its parts. The number is the sum of the parts, unless a row may lie in several."""
    parts = tuple(measure.parts(ask))
    if measure.overlapping:
        rows = measure.rows(ask)
        value = len(rows) if isinstance(rows, list) else rows.count()
    else:
        value = sum(each.value for each in parts)
    return Shown(measure, value, parts, ask.zone)


def measures() -> dict[str, Measure]:
    """Every measure, in the order of the page."""
    from gongshu.office.supervision import output, plan, watch, work

    return {each.id: each for each in (*work.MEASURES, *output.MEASURES, *watch.MEASURES, *plan.MEASURES)}


def basis_of(section: str, *names: str) -> Callable[[Rules], Sequence[str]]:
    """The citations of rules of the zone's packs, those it has not left out."""

    def cited(rules: Rules) -> Sequence[str]:
        held = [rules.find(section, each) for each in names if rules.has(section, each)]
        return tuple(dict.fromkeys(citation for rule in held for citation in rule.basis))

    return cited


def choices(parts: Sequence[Part], name: str) -> list[tuple[str, str]]:
    """The choices of a filter, from the parts that use it."""
    return list({each.query[name]: each.label for each in parts if name in each.query}.items())
