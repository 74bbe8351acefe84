"""From a published resource to an answered call: the flow of one product, whatever its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gongshu.demo import acts, airlock
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import FormOnPage, Page, Value

COARSER = "不能：汇总、分段以后就数不出各线路各月的人次；结果只出汇总。"


@dataclass(frozen=True)
class Source:
    """One table a product reads. `resource`: catalogue id; `need`: its row in the scenario; `columns`:
    column → why it is needed; `coarser`: why nothing coarser would do."""

    resource: str
    need: Mapping[str, str]
    columns: Mapping[str, str]
    coarser: str = COARSER


@dataclass(frozen=True)
class Content:
    """What one product is about. `key`: under which the demo remembers it; `officer` and `checker`: who acts
    for the provider; `registered`: under which keys the demo remembers the registrations of its resources;
    `cap`: {unit, fen, per}, empty for what is free; the rest are answers to the forms on its way."""

    key: str
    sources: tuple[Source, ...]
    scenario: Mapping[str, object]
    purpose: str
    since: str
    until: str
    product: Mapping[str, object] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)
    registration: Mapping[str, object] = field(default_factory=dict)
    agreement: Mapping[str, object] = field(default_factory=dict)
    ceiling: Mapping[str, str] = field(default_factory=dict)
    cap: Mapping[str, str] = field(default_factory=dict)
    registered: tuple[str, ...] = ("registration",)
    officer: str = "provider"
    checker: str = "checker"
    mode: str = "answer"

    @property
    def fields(self) -> list[str]:
        """The fields the agreement names."""
        return str(self.agreement["fields"]).splitlines()


def remembered(stage: Stage, content: Content) -> dict[str, str]:
    return dict(stage.memory.get(content.key, {}))


def remember(stage: Stage, content: Content, **known: str) -> dict[str, str]:
    found: dict[str, str] = stage.memory.put(content.key, {**remembered(stage, content), **known})
    return found


def passed(form: FormOnPage) -> dict[str, Value]:
    """Every item of a checklist answered 通过, every opinion given, every tick set."""
    found: dict[str, Value] = {}
    for name, options in form.choices.items():
        if "pass" in options:
            found[name] = "pass"
        elif "同意" in options:
            found[name] = "同意"
        elif options == ["on"]:
            found[name] = "on"
    return found


def decide(stage: Stage, who: str, case: str, act: str, **answers: Value) -> Page:
    """An act whose form is a checklist: all passed, besides what is given."""
    return acts.do(stage, who, case, act, passed, **answers)


def scenario(stage: Stage, content: Content) -> str:
    """The operator proposes it, the provider agrees, the authority approves: one scenario, one review."""
    known = remembered(stage, content)
    if "scenario" not in known:
        browser = stage.at_office("operator")
        page = browser.do(browser.open("/scenarios/new/"), "new-scenario", name=str(content.scenario["name"]))
        form = next(iter(name for name in page.forms() if "scenario" in name))
        needs = {
            f"needs-{n}-{name}": text
            for n, source in enumerate(content.sources)
            for name, text in source.need.items()
        }
        browser.do(page, form, button={"do": "save"}, **acts.typed(content.scenario), **needs)
        identifier = page.url.rstrip("/").split("/")[-2]
        page = browser.open(f"/scenarios/{identifier}/")
        known = remember(stage, content, scenario=identifier, scenario_case=acts.case_of(page))
    case = known["scenario_case"]
    decide(stage, "operator", case, "submit")
    decide(stage, content.checker, case, "provider_agree")
    decide(stage, "authority", case, "approve")
    return f"场景“{content.scenario['name']}”：提供单位同意，市数据局审核通过。"


def request(stage: Stage, content: Content) -> str:
    """A request a table on the approved scenario, every field with its necessity, decided by the provider."""
    for number, source in enumerate(content.sources):
        _request(stage, content, source, number)
    many = sum(len(source.columns) for source in content.sources)
    return f"申请 {len(content.sources)} 张表、{many} 个字段，逐字段写明必要性，由提供单位审核同意。"


def _request(stage: Stage, content: Content, source: Source, number: int) -> None:
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    if f"request_{number}" not in known:
        page = browser.do(
            browser.open("/scenarios/requests/new/"),
            "new-request",
            scenario=known["scenario"],
            resource=source.resource,
        )
        identifier = page.url.rstrip("/").split("/")[-2]
        form = next(name for name in page.forms() if "request" in name)
        necessity = {f"necessity-{column}": why for column, why in source.columns.items()}
        necessity |= {f"coarser-{column}": source.coarser for column in source.columns}
        browser.do(
            page,
            form,
            button={"do": "save"},
            ask=list(source.columns),
            purpose=content.purpose,
            cycle="once",
            security="只在数据域内运行，结果经检验和两人盲审后出域。",
            **{"period-from": content.since, "period-until": content.until},
            **necessity,
        )
        page = browser.open(f"/scenarios/requests/{identifier}/")
        made = {f"request_{number}": identifier, f"request_case_{number}": acts.case_of(page)}
        known = remember(stage, content, **made)
    case = known[f"request_case_{number}"]
    decide(stage, "operator", case, "submit")
    decide(stage, content.checker, case, "grant")


def grant(stage: Stage, content: Content) -> str:
    """A project with its grant; nothing opens before the provider confirms it at the airlock."""
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    if "project" not in known:
        page = browser.do(
            browser.open("/scenarios/projects/new/"),
            "project-form",
            name=f"{content.scenario['name']}项目",
            mode=content.mode,
            purpose=content.purpose,
            requests=[known[f"request_{number}"] for number in range(len(content.sources))],
            developers=[stage.person("developer")],
            **{"from": content.since, "until": content.until},
        )
        project = page.url.rstrip("/").split("/")[-1]
        found = re.search(r"g-[a-z0-9]{8,}", page.text)
        known = remember(stage, content, project=project, grant=found[0] if found else "")
    project = known["project"]
    identifier = known["grant"] or _waiting_grant(stage, content.officer)
    remember(stage, content, grant=identifier)
    if not _live(stage, project):
        airlock.confirm(stage, content.officer, f"/grants/{identifier}/")
    wait_for("授权生效", lambda: _live(stage, project))
    for number in range(len(content.sources)):
        decide(stage, content.officer, known[f"request_case_{number}"], "supply")
    return f"授权 {identifier}：办公域签发，提供单位在闸口对同一摘要确认后生效。"


def _waiting_grant(stage: Stage, officer: str) -> str:
    """The grant the provider's officer finds waiting at the airlock."""

    def look() -> str:
        page = stage.at_airlock(officer).open("/grants/")
        found = re.search(r"/grants/([^/\"]+)/", page.text)
        return found[1] if found else ""

    return str(wait_for("授权到达闸口", look))


def _live(stage: Stage, project: str) -> bool:
    page = stage.at_office("operator").open(f"/scenarios/projects/{project}/")
    node = page.tree.css_first("#grant-state")
    return node is not None and node.attributes.get("data-state") == "live"
