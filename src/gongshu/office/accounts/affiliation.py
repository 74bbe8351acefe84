"""Who is tied to whom on a day, and the recusal that follows. Computed, never declared by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Affiliation
from gongshu.office.accounts.permissions import Refused

# 隶属、控股和共同控制可以传递；参股、受托、兼任只看直接一层
TRANSITIVE = frozenset({"parent", "common_control"})
STEPS = 6


def ties(organisation: str, today: date) -> dict[str, str]:
    """Organisations tied to this one on a day → the kind of the nearest tie; without itself."""
    live = Q(since__lte=today) & (Q(until=None) | Q(until__gte=today))
    found: dict[str, str] = {}
    frontier = {organisation}
    for step in range(STEPS):
        rows = Affiliation.objects.filter(live).filter(
            Q(organisation_id__in=frontier) | Q(other_id__in=frontier)
        )
        following: set[str] = set()
        for one, other, kind in rows.values_list("organisation_id", "other_id", "kind"):
            if step and kind not in TRANSITIVE:
                continue
            for end in (one, other):
                if end != organisation and end not in found:
                    found[end] = kind
                    if kind in TRANSITIVE:
                        following.add(end)
        frontier = following
        if not frontier:
            break
    return found


def related(one: str | None, others: Iterable[str], today: date) -> str | None:
    """The first of `others` that is `one` itself or tied to it, else None."""
    wanted = set(others)
    if one is None or not wanted:
        return None
    if one in wanted:
        return one
    return next(iter(sorted(wanted & ties(one, today).keys())), None)


def check_independent(
    actor: Actor, parties: Iterable[str], today: date, articles: tuple[str, ...] = ()
) -> None:
    """Raise when the actor's organisation is one of the parties or tied to one."""
    found = related(actor.organisation, parties, today)
    if found:
        raise Refused(
            "办理人的单位与当事人有隶属、控股或其他利害关系，应当回避，请换人办理。",
            "recused",
            articles,
            {"related": found},
        )
