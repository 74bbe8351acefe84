"""Texts a person has read and approved, kept beside the tests in `tests/approved/`.

When a text is meant to change: `GONGSHU_APPROVE=1 pytest …` writes it anew, and the difference is reviewed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gongshu.law.forms import Problem
from gongshu.law.why import Why
from support.contracts import changed

FOLDER = Path(__file__).resolve().parents[1] / "approved"


def approved(name: str, text: str) -> None:
    """Fails unless `text` is what stands in `tests/approved/NAME`."""
    path = FOLDER / name
    if os.environ.get("GONGSHU_APPROVE") == "1":
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


WRONG: tuple[Any, ...] = (..., None, "", "甲 乙", -1, 0, 1.5, True, [], ["a", "a"], {}, "x" * 201, 10**16)


def places(body: Any, path: str = "") -> list[str]:
    """Every place in a body, parents first."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    found = []
    for key, value in items:
        place = f"{path}.{key}" if path else str(key)
        found += [place, *places(value, place)]
    return found


def shown(value: Any) -> str:
    text = "没有" if value is ... else repr(value)
    return text if len(text) < 20 else f"{text[:8]}……{len(text)}"


def faults(body: dict[str, Any], judge: Any) -> str:
    """For every place and every wrong value: what is said, once for each different answer."""
    lines: list[str] = []
    for place in places(body):
        seen: dict[str, list[str]] = {}
        for value in WRONG:
            problems: list[Problem] = judge(changed(body, place, value))
            said = " / ".join(f"{one.field}：{one.sentence}" for one in problems) or "可以"
            seen.setdefault(said, []).append(shown(value))
        lines += [f"{place} = {'，'.join(values)}\n    {said}" for said, values in seen.items()]
    return "\n".join([*lines, ""])


def tree(why: Why) -> str:
    """An explanation without the words of the articles, which are the packs'."""
    lines = [f"{why.kind}｜{why.title}｜{why.sentence}｜{why.choice}"]
    lines += [f"  事实 {fact.name}｜{fact.title}｜{fact.value}" for fact in why.facts]
    lines += [
        f"  规则 {'成立' if step.held else '不成立'}｜{step.title}｜{step.sentence}｜{'、'.join(step.basis)}"
        for step in why.rule
    ]
    lines += [f"  依据 {article.basis}" for article in why.articles]
    lines += [f"  改变 {each}" for each in why.changes]
    lines += [tree(child) for child in why.children]
    return "\n".join(lines)
