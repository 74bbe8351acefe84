"""Many items at once: judged by the law line by line, good ones become drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gongshu.law import forms
from gongshu.law.forms import Form
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.catalogue import content, services, sheets

MOST = 1_000


def judged(form: Form, lines: list[sheets.Line]) -> list[sheets.Line]:
    """Each line with what is wrong in it: which cell, one sentence."""
    names: dict[str, int] = {}
    for line in lines:
        line.typed = content.coded(form, line.typed)
        for problem in forms.validate(form, line.typed):
            name = problem.field.split(".")[0]
            line.problems.append((sheets.cell_of(form, line, name), problem.sentence))
        name = str(line.typed.get("name", "")).strip()
        if name and name in names:
            line.problems.append((sheets.cell_of(form, line, "name"), f"与第 {names[name]} 行重名。"))
        names.setdefault(name, line.number)
    return lines


def take(actor: Actor, items: Sequence[Mapping[str, Any]], now: datetime) -> tuple[int, int]:
    """Make drafts; (how many were made, how many were refused)."""
    made = left = 0
    for typed in items[:MOST]:
        try:
            services.begin(actor=actor, now=now, typed=typed)
            made += 1
        except Refused:
            left += 1
    return made, left + max(0, len(items) - MOST)
