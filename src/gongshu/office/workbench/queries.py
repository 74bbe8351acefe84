"""Reading the workbench, always as an actor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.law.errors import LawError
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.scenarios import queries as scenarios
from gongshu.office.workbench import words
from gongshu.office.workbench.models import Output, Release, Review, Task


@dataclass(frozen=True)
class Finding:
    """One check that spoke, in words, with its article and how to repair; no cell and no place."""

    id: str
    title: str
    meaning: str
    repair: str
    articles: tuple[str, ...]


@dataclass(frozen=True)
class Vote:
    name: str
    state: str


@dataclass(frozen=True)
class Progress:
    """How far a request for release has come."""

    output: Output | None
    verdict: tuple[str, str]
    findings: tuple[Finding, ...]
    votes: tuple[Vote, ...]
    refused: bool
    release: Release | None


def tasks(actor: Actor) -> Any:
    """Tasks the actor may see, the newest first."""
    found = Task.objects.for_actor(actor).select_related("project", "grant", "case", "from_task")
    return found.order_by("-wall_at", "pk")


def releases(actor: Actor) -> Any:
    """Released files of the actor's projects, the newest first."""
    return Release.objects.for_actor(actor).select_related("project", "task").order_by("-at", "pk")


def waiting_because(task: Task) -> str:
    """Why a task has no outcome yet, in one sentence."""
    if task.code:
        return ""
    if task.kind == "sample":
        return "已送数据域抽样和脱敏；生成以后等提供单位在闸口确认。"
    if task.kind == "build":
        return "已送数据域排队；做完以后，表和模型留在数据域，数据域在下一个整十秒告知结果。"
    if task.kind == "run":
        return "已送数据域排队；运行完以后，数据域在下一个整十秒告知结果，不告知用时和行数。"
    return "已送数据域，正在用原始数据和以前出域的成果攻击这份输出；结论在整十秒告知。"


def outcome(task: Task) -> words.Outcome | None:
    own = words.OWN_OUTCOMES.get(task.kind, {})
    return own.get(task.code) or words.OUTCOMES.get(task.code)


def progress(task: Task) -> Progress:
    """Verdict, checks, votes and release of a request for release."""
    output = Output.objects.filter(task=task).first()
    if output is None:
        return Progress(None, ("", ""), (), (), False, None)
    rows = list(Review.objects.filter(output=output.pk).order_by("at", "pk"))
    states: dict[str, str] = {}
    for row in rows:
        if row.organisation != "all" and states.get(row.organisation) != "cast":
            states[row.organisation] = row.state
    names = scenarios.names_of(states)
    return Progress(
        output,
        words.VERDICTS.get(output.verdict, (output.verdict, "")),
        tuple(finding(task.zone_id, each, clock.business_today()) for each in output.checks),
        tuple(Vote(names.get(each, each), state) for each, state in states.items()),
        any(row.result == "refused" for row in rows),
        Release.objects.filter(task=task).first(),
    )


def finding(zone: str, check: str, day: date) -> Finding:
    """A check in words; its article is that of the head it answers to in the zone, else of the wall."""
    said = words.CHECKS.get(check)
    if said is None:
        return Finding(check, check, "这项检查有发现。", "请在闸口问审核人。", ())
    return Finding(check, said.title, said.meaning, said.repair, _articles(zone, said.head, day))


def _articles(zone: str, head: str, day: date) -> tuple[str, ...]:
    rules = lawbook.rules_now(zone, day)
    try:
        items = rules.document("release.heads")["items"]
        basis = next((each.get("basis") or () for each in items if each["id"] == head), ())
        return tuple(map(rules.cite, rules.own(basis) or rules.basis("release.raw")))
    except (LawError, KeyError):
        return ()
