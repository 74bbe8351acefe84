"""Acts of cases, papers, and where a case stands: what every step at the office needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from gongshu.demo.stage import Stage, command
from gongshu.demo.web import FormOnPage, Page, Unexpected, Value

CASE = re.compile(r"/cases/(c-[a-z0-9]+)/")


def paper(stage: Stage, name: str, text: str) -> Path:
    """A paper of the demo as a text file, marked synthetic."""
    folder = stage.home / "administrators" / "papers"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"{text}\n\n（演示用合成材料，没有效力）\n", encoding="utf-8")
    return path


def case_of(page: Page) -> str:
    """The case a page is about: its own address, or the first link to one."""
    found = CASE.search(page.url) or CASE.search(page.text)
    if found is None:
        raise Unexpected(f"{page.path} 上没有案件。")
    return found[1]


def do(
    stage: Stage,
    who: str,
    case: str,
    act: str,
    fill: Callable[[FormOnPage], Mapping[str, Value]] | None = None,
    **answers: Value,
) -> Page:
    """An act that must be done, unless an earlier run of the demo did it; the case page it leads to.

    `fill` reads the form and gives the answers to what is the same on every such form.
    """
    browser = stage.at_office(who)
    done = list(stage.memory.get("acts", []))
    if f"{case}:{act}" in done:
        return browser.open(f"/cases/{case}/")
    page = browser.open(f"/cases/{case}/acts/{act}/")
    form = page.forms().get("act-form")
    if form is None:
        raise Unexpected(f"“{act}”现在办不了：{'；'.join(page.errors()) or page.words()[:200]}")
    given = {**(fill(form) if fill else {}), **answers}
    answer = browser.do(page, "act-form", **given)
    stage.memory.put("acts", [*done, f"{case}:{act}"])
    return answer


def refused(stage: Stage, who: str, case: str, act: str, **answers: Value) -> str:
    """An act that must be refused; the sentence said."""
    browser = stage.at_office(who)
    page = browser.get(f"/cases/{case}/acts/{act}/")
    if "act-form" in page.forms():
        page = browser.send(page, "act-form", **answers)
    errors = page.errors()
    if page.status < 400 and not errors:
        raise Unexpected(f"“{act}”本应被拒绝，却办成了。")
    return errors[0] if errors else page.words()[:120]


@cache
def due(clock: str, zone: str, day: str, home: Path) -> str:
    """The last day of a clock that counts from `day`, as the law command reckons it."""
    return str(command(home, "law", "deadline", clock, "--zone", zone, "--from", day)["due"])


def day_after(day: str) -> str:
    from datetime import date, timedelta

    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def today(stage: Stage, who: str = "system") -> str:
    """The business day the site shows."""
    page = stage.at_office(who).open("/me/")
    node = page.tree.css_first(".site-date")
    found = re.search(r"\d{4}-\d{2}-\d{2}", node.text() if node is not None else "")
    if found is None:
        raise Unexpected("页面上没有业务日期。")
    return found[0]


def typed(answers: Mapping[str, object]) -> dict[str, Value]:
    """Answers of a form of the law as its controls take them (see docs/registration.md)."""
    found: dict[str, Value] = {}
    for key, value in answers.items():
        if isinstance(value, Mapping):
            found |= {f"{key}-{part}": str(item) for part, item in value.items()}
        elif isinstance(value, bool):
            found[key] = "true" if value else "false"
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            rows = ((n, part, item) for n, row in enumerate(value) for part, item in row.items())
            found |= {f"{key}-{n}-{part}": str(item) for n, part, item in rows}
        elif isinstance(value, list):
            found[key] = [str(item) for item in value]
        elif isinstance(value, Path):
            found[key] = value
        else:
            found[key] = str(value)
    return found
