"""What the pages of this app share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from gongshu.law.rules import Rules
from gongshu.office.accounts.access import actor_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import casepage, lawbook
from gongshu.office.cases.models import Case
from gongshu.office.link import clock
from gongshu.ui.tables import Column, Filter

STATES = (
    ("draft", "草稿"),
    ("submitted", "待审核"),
    ("returned", "待修改"),
    ("approved", "审核通过"),
    ("published", "已发布"),
    ("granted", "已同意"),
    ("supplied", "已提供"),
    ("refused", "未通过"),
)


def state_filter() -> Filter:
    return Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), STATES)


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
