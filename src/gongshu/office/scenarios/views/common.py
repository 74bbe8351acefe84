"""What the pages of this app share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.rules import Rules
from gongshu.office.accounts.access import actor_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import casepage, lawbook
from gongshu.office.cases.models import Case
from gongshu.office.link import clock
from gongshu.ui.tables import Column, Filter


def state_filter(request: HttpRequest, procedure: str) -> Filter:
    """状态, with the states the procedure has in the actor's zone, in its own words."""
    day = local_day(clock.business_now())
    try:
        states = lawbook.procedure_now(actor_of(request).zone, day, procedure).states
        titled = tuple((name, each.title) for name, each in states.items())
    except LawError:  # the zone has no such procedure
        titled = ()
    return Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), titled)


def state_column() -> Column:
    return Column(
        "state", "状态", "case.state", "case__state", kind="state", label_of=lambda row: row.case.state_title
    )


def case_page(case: Case | None, request: HttpRequest) -> Any:
    """The strip and the acts of a case, for the page of its subject."""
    return casepage.build(case, actor_of(request), clock.business_now()) if case is not None else None


def try_to(request: HttpRequest, act: str, do: Callable[[], Any]) -> tuple[Any, Refused | None]:
    """(result, None), or (None, the refusal, stored with its 为什么)."""
    try:
        return do(), None
    except Refused as refusal:
        keep(refusal, actor_of(request), act)
        return None, refusal


def cite(rules: Rules) -> Callable[[str], str]:
    return rules.cite


def citations(zone: str, basis: Any) -> list[str]:
    """Articles in words as they stand today."""
    rules = lawbook.rules_now(zone, clock.business_today())
    return [rules.cite(each) for each in dict.fromkeys(basis)]
