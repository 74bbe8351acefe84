"""What providers and reviewers do at the airlock: hand in, confirm, vote, stop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected

# column → (grade, why it may be lower than proposed); what is not named stays as proposed
Grades = Mapping[str, tuple[str, str]]


def hand_in(
    stage: Stage,
    who: str,
    path: Path,
    *,
    zone: str,
    resource: str,
    title: str,
    table: str,
    grades: Grades,
    subject: str,
    drop: tuple[str, ...] = (),
) -> str:
    """Hand a file in and confirm it field by field; the snapshot's id."""
    browser = stage.at_airlock(who)
    page = browser.do(
        browser.open("/intake/new/"),
        "hand-in-form",
        zone=zone,
        resource=resource,
        title=title,
        table=table,
        header="on",
        file=path,
    )
    form = page.forms().get("decision-form")
    if form is None:
        raise Unexpected(f"{path.name} 没有识别出来：{page.words()[:200]}")
    values: dict[str, str | list[str]] = {}
    for name, current in form.values.items():
        found = re.fullmatch(r"name-(\d+)", name)
        if found is None:
            continue
        column, number = current[0], found[1]
        if column in grades:
            values[f"grade-{number}"], values[f"reason-{number}"] = grades[column]
        if column in drop:
            values[f"keep-{number}"] = []
        if column == subject:
            values["subject"] = number
    if not subject:
        values["subject"] = ""
    done = browser.do(page, "decision-form", **values)
    node = done.tree.css_first("#snapshot")
    if node is None:
        raise Unexpected(f"{path.name} 没有入库：{done.words()[:200]}")
    return node.text().strip()


def confirm(stage: Stage, who: str, address: str, agreed: bool = True, reason: str = "") -> Page:
    """Answer a grant or ceiling, once it has arrived over the feed."""
    browser = stage.at_airlock(who)

    def arrived() -> Page | None:
        page = browser.get(address)
        return page if "answer-form" in page.forms() else None

    page: Page = wait_for(f"{address} 到达闸口", arrived)
    return browser.do(page, "answer-form", answer="confirmed" if agreed else "refused", reason=reason)


def waiting(stage: Stage, who: str, kind: str) -> str:
    """The address of the first of a kind (`ceilings`, `lifts`) on the page of what waits, once it came."""

    def look() -> str:
        found = re.search(rf"/{kind}/[^/\"]+/", stage.at_airlock(who).open("/grants/").text)
        return found[0] if found else ""

    return str(wait_for(f"{kind} 到达闸口", look))


def vote(stage: Stage, who: str, output: str, agreed: bool = True, reason: str = "") -> Page:
    """One reviewer's blind vote on an output."""
    browser = stage.at_airlock(who)

    def waiting() -> Page | None:
        page = browser.get(f"/reviews/{output}/")
        return page if "vote-form" in page.forms() else None

    page: Page = wait_for(f"成果 {output} 等待审核", waiting)
    return browser.do(page, "vote-form", answer="confirmed" if agreed else "refused", reason=reason)
