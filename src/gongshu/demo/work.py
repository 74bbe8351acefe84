"""Work on data nobody may see: runs, outcome codes, releases, blind votes."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from gongshu.demo import airlock
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected, Value

OUTPUT = re.compile(r"\bo-[0-9a-f]{24}\b")
RELEASED = re.compile(r"\brel-[0-9a-f]{16}\b")
RUN_WAIT = 240.0
RELEASE_WAIT = 480.0
MOST_TRIES = 3


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


def _sent(
    stage: Stage, content: Content, key: str, path: str, form: str, button: str, typed: dict[str, Value]
) -> str:
    """Fill in a form that makes a task unless it was before; the task's id. What was typed is kept."""
    known = remembered(stage, content)
    if key not in known:
        how = {"path": path, "form": form, "button": button, "typed": typed}
        known = remember(stage, content, **{key: _submit(stage, how), f"how_{key}": json.dumps(how)})
    return known[key]


def _submit(stage: Stage, how: dict[str, Any]) -> str:
    browser = stage.at_office("developer")
    pressed = {"do": how["button"]} if how["button"] else None
    return _task(browser.do(browser.open(how["path"]), how["form"], button=pressed, **how["typed"]))


def _again(stage: Stage, content: Content, key: str, code: str) -> bool:
    """Send once more what broke off when the data domain was restarted under it; whether that was done."""
    known = remembered(stage, content)
    tries = int(known.get(f"tries_{key}", "0"))
    if code != "failed" or tries >= MOST_TRIES or f"how_{key}" not in known:
        return False
    task = _submit(stage, json.loads(known[f"how_{key}"]))
    remember(stage, content, **{key: task, f"tries_{key}": str(tries + 1)})
    return True


def send(stage: Stage, content: Content, name: str, sql: str) -> str:
    """Send a query into the data domain unless it was sent before; the task's id. Nothing is waited for."""
    path = f"/workbench/{remembered(stage, content)['project']}/"
    return _sent(stage, content, f"task_{name}", path, "run-form", "run", {"sql": sql, "title": name})


def send_step(stage: Stage, content: Content, step: str, form: str, **typed: Value) -> str:
    """Send a step that builds, a query or a program, unless it was sent before; the task's id."""
    path = f"/workbench/{remembered(stage, content)['project']}/build/"
    return _sent(stage, content, f"task_{step}", path, f"{form}-form", form, {**typed, "title": step})


def ended(stage: Stage, content: Content, name: str, wanted: str = "done") -> str:
    """Wait for the fixed code of a task sent before; it must be the one wanted."""
    code = _ended(stage, content, f"task_{name}", name)
    if code != wanted:
        raise Unexpected(f"“{name}”的结果代码是 {code}。")
    return remembered(stage, content)[f"task_{name}"]


def _ended(stage: Stage, content: Content, key: str, name: str) -> str:
    while True:
        look = partial(_code, stage, remembered(stage, content)[key])
        code = str(wait_for(f"“{name}”的结果代码", look, RUN_WAIT))
        if not _again(stage, content, key, code):
            return code


def run(stage: Stage, content: Content, name: str, sql: str) -> tuple[str, str]:
    """Send a query into the data domain; (task id, outcome code) once the code has come."""
    send(stage, content, name, sql)
    code = _ended(stage, content, f"task_{name}", name)
    return remembered(stage, content)[f"task_{name}"], code


def _task(page: Page) -> str:
    found = re.search(r"/workbench/tasks/([^/]+)/", page.url)
    if found is None:
        raise Unexpected(f"没有提交：{'；'.join(page.errors()) or page.words()[:200]}")
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
    path = f"/workbench/tasks/{known[f'task_{name}']}/release/"
    given: dict[str, Value] = {"kind": kind, "title": title, "product": known.get("product", "")}
    given |= {"lead": lead} if lead else {}
    return _sent(stage, content, f"release_{name}", path, "release-form", "", {**given, **terms})


def verdict(stage: Stage, content: Content, name: str) -> Page:
    """The page of a request for release once its verdict has come."""
    browser, key = stage.at_office("developer"), f"release_{name}"

    def judged() -> Page | None:
        page = browser.open(f"/workbench/tasks/{remembered(stage, content)[key]}/")
        node = page.tree.css_first("#task-state")
        code = str(node.attributes.get("data-code") or "") if node is not None else ""
        if code not in ("", "done") and not _again(stage, content, key, code):
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
