"""Work on data nobody may see: runs, outcome codes, releases, blind votes."""

from __future__ import annotations

import re

from gongshu.demo import airlock
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected

OUTPUT = re.compile(r"\bo-[0-9a-f]{24}\b")
RELEASED = re.compile(r"\brel-[0-9a-f]{16}\b")
RUN_WAIT = 120.0
RELEASE_WAIT = 240.0


def advice(stage: Stage, content: Content, sql: str) -> str:
    """What the lens says of a query while it is typed; the sentence of the refusal, or ''."""
    project = remembered(stage, content)["project"]
    browser = stage.at_office("developer")
    page = browser.open(f"/workbench/{project}/")
    answer = browser.send(page, "run-form", button={"do": "check"}, sql=sql, title="")
    if answer.tree.css_first("#lens-refused") is None:
        return ""
    said = answer.tree.css("#lens-refused, .lens-violation")
    return " ".join(" ".join(node.text(separator=" ").split()) for node in said)


def run(stage: Stage, content: Content, name: str, sql: str) -> tuple[str, str]:
    """Send a query into the data domain; (task id, outcome code) once the code has come."""
    known = remembered(stage, content)
    key = f"task_{name}"
    browser = stage.at_office("developer")
    if key not in known:
        page = browser.open(f"/workbench/{known['project']}/")
        answer = browser.do(page, "run-form", button={"do": "run"}, sql=sql, title=name)
        known = remember(stage, content, **{key: _task(answer, name)})
    task = known[key]
    code = str(wait_for(f"“{name}”的结果代码", lambda: _code(stage, task), RUN_WAIT))
    return task, code


def _task(page: Page, name: str) -> str:
    found = re.search(r"/workbench/tasks/([^/]+)/", page.url)
    if found is None:
        raise Unexpected(f"“{name}”没有提交：{'；'.join(page.errors()) or page.words()[:200]}")
    return found[1]


def _code(stage: Stage, task: str) -> str:
    page = stage.at_office("developer").open(f"/workbench/tasks/{task}/")
    node = page.tree.css_first("#task-state")
    return str(node.attributes.get("data-code") or "") if node is not None else ""


def ask_release(stage: Stage, content: Content, name: str, kind: str, title: str, lead: str = "") -> Page:
    """Ask for a run's result to leave; the page once the verdict has come."""
    known = remembered(stage, content)
    key = f"release_{name}"
    browser = stage.at_office("developer")
    if key not in known:
        page = browser.open(f"/workbench/tasks/{known[f'task_{name}']}/release/")
        answer = browser.do(
            page, "release-form", kind=kind, title=title, lead=lead, product=known.get("product", "")
        )
        known = remember(stage, content, **{key: _task(answer, title)})
    task = known[key]

    def judged() -> Page | None:
        page = browser.open(f"/workbench/tasks/{task}/")
        return page if page.tree.css_first("#verdict") is not None else None

    shown: Page = wait_for(f"“{title}”的检验结论", judged, RELEASE_WAIT)
    return shown


def output_of(page: Page) -> str:
    """The random id of the output, all the office knows of it."""
    found = OUTPUT.search(page.text)
    if found is None:
        raise Unexpected(f"{page.path} 上没有成果编号。")
    return found[0]


def verdict_of(page: Page) -> str:
    node = page.tree.css_first("#verdict")
    return " ".join(node.text().split())[:160] if node is not None else ""


def release(stage: Stage, content: Content, name: str, kind: str, title: str, lead: str = "") -> str:
    """Attack, two blind votes, and the file; the release's id."""
    page = ask_release(stage, content, name, kind, title, lead)
    output = output_of(page)
    known = remembered(stage, content)
    for voter in ("authority", "checker"):
        if f"vote_{output}_{voter}" not in known:
            airlock.vote(stage, voter, output)
            known = remember(stage, content, **{f"vote_{output}_{voter}": "cast"})
    task = known[f"release_{name}"]
    browser = stage.at_office("developer")

    def left() -> str:
        found = RELEASED.search(browser.open(f"/workbench/tasks/{task}/").text)
        return found[0] if found else ""

    identifier = str(wait_for(f"“{title}”出域", left))
    remember(stage, content, **{f"released_{name}": identifier})
    return identifier
