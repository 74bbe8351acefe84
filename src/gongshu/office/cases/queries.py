"""Reading cases: the inbox, lists and everything one case page shows, in a fixed number of queries."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, reduce
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from gongshu.law import packs
from gongshu.law.calendar import Calendar
from gongshu.law.clocks import remaining
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.roles import role as role_class
from gongshu.office.cases.models import NEVER, Case, Notice, NoticeSeen, Waiting
from gongshu.office.cases.parties import DELEGABLE
from gongshu.office.link import clock
from gongshu.ui.smallcalendar import Chip

PER_PAGE = 30
RECENT = timedelta(days=30)
COUNTED = 100  # 角标只数到这里


@dataclass(frozen=True)
class InboxRow:
    """One thing that waits for the actor."""

    case: Case
    role: str
    role_title: str
    chip: Chip
    article: str


@dataclass(frozen=True)
class InboxPage:
    """`next` is the cursor of the following page, empty on the last."""

    rows: list[InboxRow]
    next: str


def calendar() -> Calendar:
    return Calendar.of(packs.library())


def left(due: date, today: date) -> int:
    """Working days left, negative when overdue; a page asks for the same few days again and again."""
    return _left(due, today, packs.library().digest("cn"))


@lru_cache(maxsize=8192)
def _left(due: date, today: date, _calendar: str) -> int:
    return remaining(due, today, calendar())


def _mine(actor: Actor) -> list[Any]:
    """One query a role: the rows of the role itself, and those of the actor's organisations in it."""
    parts = []
    organisations = sorted(actor.organisations)
    for zone, roles in sorted(actor.held.items()):
        for role in sorted(roles):
            if role_class(role).officer:
                parts.append(Waiting.objects.filter(zone_id=zone, role=role, organisation=None))
            for organisation in organisations:
                parts.append(Waiting.objects.filter(zone_id=zone, role=role, organisation_id=organisation))
    for zone, mandate in actor.agencies():
        found = Waiting.objects.filter(
            zone_id=zone, role__in=sorted(DELEGABLE), organisation_id=mandate.principal
        )
        parts.append(found.filter(mandate.within("procedure")))
    return parts


def _narrow(part: Any, procedure: str, overdue: date | None, after: tuple[date, str] | None) -> Any:
    if procedure:
        part = part.filter(procedure=procedure)
    if overdue:
        part = part.filter(due__lt=overdue, period=False)
    if after:
        due, case = after
        part = part.filter(due__gte=due).filter(Q(due__gt=due) | Q(case_id__gt=case))
    return part.order_by("due", "case_id")


FIELDS = ("case_id", "due", "role", "article", "deadline", "provisional", "period")


def _union(parts: Sequence[Any], limit: int) -> list[tuple[Any, ...]]:
    """The first rows of all parts in order of due day. One query."""
    if not parts:
        return []
    sliced = [part.values_list(*FIELDS)[:limit] for part in parts]
    whole = reduce(lambda one, other: one.union(other, all=True), sliced)
    return list(whole.order_by("due", "case_id")[:limit]) if len(sliced) > 1 else list(whole)


def inbox(
    actor: Actor,
    today: date,
    *,
    procedure: str = "",
    overdue: bool = False,
    cursor: str = "",
    number: str = "",
) -> InboxPage:
    """What waits for the actor, the nearest deadline first. Two queries whatever the number of cases.

    `cursor` comes from the page before; `number` finds one case by its number.
    """
    parts = [_narrow(each, procedure, today if overdue else None, decode(cursor)) for each in _mine(actor)]
    if number:
        parts = [each.filter(case__number=number) for each in parts]
    found: dict[str, tuple[Any, ...]] = {}
    for row in _union(parts, PER_PAGE * 2 + 1):
        found.setdefault(row[0], row)
    rows = list(found.values())
    shown = rows[:PER_PAGE]
    cases = Case.objects.select_related("organisation").in_bulk([row[0] for row in shown])
    more = len(rows) > PER_PAGE
    return InboxPage(
        [_row(cases[row[0]], row, today) for row in shown if row[0] in cases],
        encode(shown[-1][1], shown[-1][0]) if more else "",
    )


def _row(case: Case, row: tuple[Any, ...], today: date) -> InboxRow:
    _, due, role, article, deadline, provisional, period = row
    chip = Chip("办理期限", None, None)
    if due != NEVER and period:
        days = left(due, today)
        chip = Chip("期间届满", due, days, provisional=provisional, why=deadline, plain=True)
    elif due != NEVER:
        days = left(due, today)
        chip = Chip("办理期限", due, days, provisional=provisional, why=deadline)
    return InboxRow(case, role, zone_title(role, case.zone_id), chip, article)


def encode(due: date, case: str) -> str:
    """A cursor: where the next page begins."""
    return base64.urlsafe_b64encode(json.dumps([due.isoformat(), case]).encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[date, str] | None:
    """The cursor's day and case; a broken one begins at the start."""
    if not cursor:
        return None
    try:
        due, case = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return date.fromisoformat(due), str(case).replace("\0", "")[:24]
    except (ValueError, TypeError):
        return None


def waiting_count(actor: Actor) -> int | None:
    """How many things wait for the actor, counted up to 100, for the mark in the navigation. One query."""
    parts = [each.order_by() for each in _mine(actor)]
    if not parts:
        return None
    sliced = [part.values_list("case_id")[:COUNTED] for part in parts]
    whole = reduce(lambda one, other: one.union(other), sliced)
    return min(whole.count(), COUNTED - 1) or None


def cases(actor: Actor) -> Any:
    """Every case the actor may see, the newest first."""
    return Case.objects.for_actor(actor).select_related("organisation", "zone").order_by("-opened_at", "pk")


def notices(actor: Actor) -> Any:
    """Notices to the actor, the newest first; `unread` says whether the actor has yet to read it."""
    seen = NoticeSeen.objects.filter(notice=OuterRef("pk"), person=actor.person)
    found = Notice.objects.for_actor(actor).select_related("case").annotate(unread=~Exists(seen))
    return found.order_by("-wall_at", "pk")


def unread(actor: Actor, since: datetime) -> Any:
    """Notices sent after `since` (wall time) that the actor has not read."""
    seen = NoticeSeen.objects.filter(notice=OuterRef("pk"), person=actor.person)
    return Notice.objects.for_actor(actor).filter(~Exists(seen), wall_at__gt=since)


def unread_count(actor: Actor) -> int | None:
    """How many notices of the last thirty days are unread, counted up to 100. One query."""
    found = unread(actor, clock.wall_now() - RECENT)
    return min(found.values("pk")[:COUNTED].count(), COUNTED - 1) or None


def running_only(rows: QuerySet[Case]) -> QuerySet[Case]:
    """在办: the cases in which somebody still has something to do."""
    return rows.filter(Exists(Waiting.objects.filter(case=OuterRef("pk"))))


def settled_only(rows: QuerySet[Case]) -> QuerySet[Case]:
    """已办结: nobody has anything left to do; what was granted may well be in force for years."""
    return rows.exclude(Exists(Waiting.objects.filter(case=OuterRef("pk"))))
