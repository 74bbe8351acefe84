"""Work on data nobody may see: runs, outcome codes, releases, blind votes."""

from __future__ import annotations

import re

from gongshu.demo import airlock
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected, Value

OUTPUT = re.compile(r"\bo-[0-9a-f]{24}\b")
RELEASED = re.compile(r"\brel-[0-9a-f]{16}\b")
RUN_WAIT = 240.0
RELEASE_WAIT = 480.0


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


def send(stage: Stage, content: Content, name: str, sql: str) -> str:
    """Send a query into the data domain unless it was sent before; the task's id. Nothing is waited for."""
    known = remembered(stage, content)
    if f"task_{name}" not in known:
        browser = stage.at_office("developer")
        page = browser.open(f"/workbench/{known['project']}/")
        answer = browser.do(page, "run-form", button={"do": "run"}, sql=sql, title=name)
        known = remember(stage, content, **{f"task_{name}": _task(answer, name)})
    return known[f"task_{name}"]


def send_step(stage: Stage, content: Content, step: str, form: str, **typed: Value) -> str:
    """Send a step that builds, a query or a program, unless it was sent before; the task's id."""
    known = remembered(stage, content)
    if f"task_{step}" not in known:
        browser = stage.at_office("developer")
        page = browser.open(f"/workbench/{known['project']}/build/")
        answer = browser.do(page, f"{form}-form", button={"do": form}, title=step, **typed)
        known = remember(stage, content, **{f"task_{step}": _task(answer, step)})
    return known[f"task_{step}"]


def ended(stage: Stage, content: Content, name: str, wanted: str = "done") -> str:
    """Wait for the fixed code of a task sent before; it must be the one wanted."""
    task = remembered(stage, content)[f"task_{name}"]
    code = str(wait_for(f"“{name}”的结果代码", lambda: _code(stage, task), RUN_WAIT))
    if code != wanted:
        raise Unexpected(f"“{name}”的结果代码是 {code}。")
    return task


def run(stage: Stage, content: Content, name: str, sql: str) -> tuple[str, str]:
    """Send a query into the data domain; (task id, outcome code) once the code has come."""
    task = send(stage, content, name, sql)
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


def ask(
    stage: Stage, content: Content, name: str, kind: str, title: str, lead: str = "", **terms: Value
) -> str:
    """Ask for a result to leave unless it was asked before; the task's id. `terms`: what the kind needs."""
    known = remembered(stage, content)
    key = f"release_{name}"
    if key not in known:
        browser = stage.at_office("developer")
        page = browser.open(f"/workbench/tasks/{known[f'task_{name}']}/release/")
        form = page.forms()["release-form"]
        given: dict[str, Value] = {"lead": lead} if lead and "lead" in form.values else {}
        product = known.get("product", "")
        answer = browser.do(page, "release-form", kind=kind, title=title, product=product, **given, **terms)
        known = remember(stage, content, **{key: _task(answer, title)})
    return known[key]


def verdict(stage: Stage, content: Content, name: str) -> Page:
    """The page of a request for release once its verdict has come."""
    task = remembered(stage, content)[f"release_{name}"]
    browser = stage.at_office("developer")

    def judged() -> Page | None:
        page = browser.open(f"/workbench/tasks/{task}/")
        node = page.tree.css_first("#task-state")
        code = str(node.attributes.get("data-code") or "") if node is not None else ""
        if code not in ("", "done"):
            raise Unexpected(f"“{name}”的出域检验没有做完，结果代码是 {code}。")
        return page if page.tree.css_first("#verdict") is not None else None

    shown: Page = wait_for(f"“{name}”的检验结论", judged, RELEASE_WAIT)
    return shown


def ask_release(stage: Stage, content: Content, name: str, kind: str, title: str, lead: str = "") -> Page:
    """Ask for a run's result to leave; the page once the verdict has come."""
    ask(stage, content, name, kind, title, lead)
    return verdict(stage, content, name)


def blocked(stage: Stage, content: Content, name: str, *checks: str) -> str:
    """A request for release the attack must have blocked, by one of these checks; what it says."""
    page = verdict(stage, content, name)
    found = [str(node.attributes.get("data-check")) for node in page.tree.css(".check")]
    stopped = page.tree.css_first(".check.act-refused") is not None
    if not stopped or (checks and not set(checks) & set(found)):
        raise Unexpected(
            f"“{name}”没有被应有的检验阻断：{verdict_of(page)}（{'、'.join(found) or '没有发现'}）"
        )
    return verdict_of(page)


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
    ask(stage, content, name, kind, title, lead)
    return left(stage, content, name, title)


def left(stage: Stage, content: Content, name: str, title: str) -> str:
    """Two blind votes on what was asked out, and the release's id once it left."""
    page = verdict(stage, content, name)
    output = output_of(page)
    known = remembered(stage, content)
    for voter in ("authority", content.checker):
        if f"vote_{output}_{voter}" not in known:
            airlock.vote(stage, voter, output)
            known = remember(stage, content, **{f"vote_{output}_{voter}": "cast"})
    task = known[f"release_{name}"]
    browser = stage.at_office("developer")

    def gone() -> str:
        found = RELEASED.search(browser.open(f"/workbench/tasks/{task}/").text)
        return found[0] if found else ""

    identifier = str(wait_for(f"“{title}”出域", gone))
    remember(stage, content, **{f"released_{name}": identifier})
    return identifier
