"""The shape of 为什么 at the airlock: the office's screen (`ui/parts/why.html`), from what this domain knows.

Facts → rule → articles with the standing of their text → what would change it → who did what when. Who may
not see a thing sees no 为什么 of it either, and a reviewer learns of no other vote before both are cast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gongshu.airlock import access, words
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock
from gongshu.enclave.store.models import JournalEntry, Output
from gongshu.law import grounds, rules
from gongshu.law import why as law_why
from gongshu.law.errors import LawError
from gongshu.law.rules import Rule

Screen = dict[str, Any]
Facts = Sequence[tuple[str, Any]]
# 两人都投票、有了结果，才看得到别人投过
PUBLISHED = ("released", "refused")
LINES = 50


def screen(
    row: Any,
    title: str,
    sentence: str,
    facts: Facts,
    visitor: access.Visitor,
    *,
    ground: str = "",
    basis: Iterable[str] = (),
    rule: Sequence[Mapping[str, Any]] = (),
    limits: Sequence[str] = (),
    changes: Sequence[str] = (),
    allowed: bool | None = None,
) -> Screen:
    """One screen about a row of a zone, by the packs of this domain on the business day."""
    zone = row.zone
    law = law_of(zone)
    today = law.on
    cited = [*basis, *(grounds.basis(zone, ground, today) if ground else ())]
    held = [law.limit(each) for each in limits]
    chosen = [_chosen(each) for each in held]
    if ground and not cited:
        chosen.append(_chosen(law.find("grounds", ground)))
    cited += [one for each in held for one in each.basis]
    return {
        "kind": "airlock",
        "title": title,
        "sentence": sentence,
        "allowed": allowed,
        "facts": [{"name": name, "title": name, "value": str(value)} for name, value in facts if value != ""],
        "rule": list(rule),
        "articles": [
            vars(each) for each in _articles([*cited, *(one for each in held for one in each.basis)], law)
        ],
        "choice": "".join(dict.fromkeys(filter(None, chosen))),
        "changes": [each for each in changes if each],
        "children": [],
        "done": _done(row, visitor),
    }


def _chosen(rule: Rule) -> str:
    """Why a value without an article is as it is."""
    because = (rule.because or "").removesuffix("。")
    return f"{rule.title}——{because}。" if because else ""


def _articles(citations: Iterable[str], law: rules.Rules) -> list[law_why.Article]:
    """The articles this domain's packs know; an unknown one is left out, never invented."""
    found: list[law_why.Article] = []
    for each in dict.fromkeys(citations):
        try:
            found += law_why.articles([each], law)
        except LawError:
            continue
    return found


def _done(row: Any, visitor: access.Visitor) -> list[Screen]:
    """The domain's own lines of evidence about a row, the oldest first."""
    about = [row.pk, row.task_id] if isinstance(row, Output) else [row.pk]
    lines = JournalEntry.objects.filter(fields__subject__in=about).order_by("pk")[:LINES]
    blind = isinstance(row, Output) and row.state not in PUBLISHED
    person, _ = names(clock.wall_now())
    return [
        {
            "at": each.written,
            "title": words.done(each.fields["act"]),
            "who": words.SOURCES.get(each.fields["actor"]) or person(each.fields["actor"]),
            "source": words.SOURCES.get(each.source, each.source),
            "number": each.number,
        }
        for each in lines
        if not (blind and each.fields["act"] == "vote.cast" and each.fields["actor"] != visitor.person)
    ]


def limit(name: str, law: rules.Rules) -> str:
    """A limit's value as people read it."""
    rule = law.limit(name)
    value = rule.value
    text = "、".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"{text} {rule.get('unit', '') or ''}".strip()


def law_of(zone: str) -> rules.Rules:
    """The packs of a zone on its business day."""
    return rules.at(zone, clock.business_today(zone, clock.wall_now()))
