"""为什么: a decision or a deadline as a tree: facts → rule → article with standing → what would change it.

One shape for every answer of the law room; `Why.data()` is what a page and `gongshu explain` show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gongshu.law.articles import plain_words
from gongshu.law.clocks import Due
from gongshu.law.decisions import Decision, Running
from gongshu.law.inputs import Input
from gongshu.law.procedures import load
from gongshu.law.rules import STATUS_SENTENCES, Rules
from gongshu.law.values import UNITS

_SHOWN = 120


@dataclass(frozen=True)
class Fact:
    """Something the answer rests on: a Chinese title and what was found, as text."""

    name: str
    title: str
    value: str


@dataclass(frozen=True)
class Step:
    """One condition of the rule: whether it held, what was said, its articles."""

    title: str
    held: bool
    sentence: str
    basis: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """An article in words, and how the text it stands in stood on the day."""

    basis: str
    cited: str
    says: str
    standing: str
    text_status: str
    in_force: bool
    caution: str


@dataclass(frozen=True)
class Why:
    """The tree. `changes`: what would make the answer another one; `children`: what it rests on in turn."""

    kind: str
    title: str
    sentence: str
    facts: tuple[Fact, ...]
    rule: tuple[Step, ...]
    articles: tuple[Article, ...]
    changes: tuple[str, ...]
    choice: str = ""
    children: tuple[Why, ...] = ()

    def data(self) -> dict[str, Any]:
        """Plain data, keys as the fields."""
        return {
            "kind": self.kind,
            "title": self.title,
            "sentence": self.sentence,
            "facts": [vars(fact) for fact in self.facts],
            "rule": [{**vars(step), "basis": list(step.basis)} for step in self.rule],
            "articles": [vars(article) for article in self.articles],
            "changes": list(self.changes),
            "choice": self.choice,
            "children": [child.data() for child in self.children],
        }


def explain(answer: Decision | Due | Running, rules: Rules) -> Why:
    """The tree of a decision, of a reckoned deadline, or of a clock running in a case."""
    if isinstance(answer, Decision):
        return _decision(answer, rules)
    if isinstance(answer, Running):
        return _running(answer, rules)
    return _due(answer, rules)


def articles(citations: Sequence[str], rules: Rules) -> tuple[Article, ...]:
    """Each citation once, in order, with its plain words and the standing of its text on the rules' day."""
    found = []
    for citation in dict.fromkeys(citations):
        standing = rules.text(citation)
        caution = STATUS_SENTENCES[standing.text_status]
        if not caution and not standing.in_force:
            caution = "这一天不在该文本的施行期内。"
        found.append(
            Article(
                basis=citation,
                cited=rules.cite(citation),
                says=plain_words(rules.library, citation),
                standing=standing.sentence,
                text_status=standing.text_status,
                in_force=standing.in_force,
                caution=caution,
            )
        )
    return tuple(found)


# ---------------------------------------------------------------- a decision


def _decision(decision: Decision, rules: Rules) -> Why:
    procedure = load(rules, decision.procedure)
    act = procedure.act(decision.act)
    asks = {asked.id: asked for asked in act.asks}
    facts = [
        Fact("state", "案件状态", procedure.state(decision.state).title),
        *(
            Fact(
                name,
                asks[name].title if name in asks else FACTS.get(name, name),
                _answer(asks.get(name), value),
            )
            for name, value in decision.facts.items()
        ),
    ]
    steps = tuple(
        Step(check.title, check.held, check.sentence if not check.held else "成立", check.basis)
        for check in decision.checks
    )
    cited = [*decision.articles, *(citation for check in decision.checks for citation in check.basis)]
    return Why(
        kind="decision",
        title=f"{procedure.title}：{act.title}",
        sentence=decision.sentence,
        facts=tuple(facts),
        rule=steps,
        articles=articles(cited, rules),
        changes=(*_decision_changes(decision), *_reading_changes(decision.readings, rules)),
        choice=procedure.because,
    )


def _answer(asked: Input | None, value: Any) -> str:
    """A fact as text; the title of what was chosen among options."""
    options = dict(asked.options) if asked else {}
    return options.get(value, shown(value)) if isinstance(value, str) else shown(value)


def _decision_changes(decision: Decision) -> tuple[str, ...]:
    if not decision.allowed:
        last = decision.checks[-1]
        return (f"“{last.title}”这一条成立，才会往下判断其余条件：{last.sentence}",)
    return tuple(
        f"如果“{check.title}”不成立，就不能办理。"
        for check in decision.checks
        if check.name not in ("state", "role")
    )


def _reading_changes(readings: Mapping[str, str], rules: Rules) -> tuple[str, ...]:
    found = []
    for name, choice in readings.items():
        reading = rules.reading(name)
        other = "b" if choice == "a" else "a"
        found.append(
            f"条文有两种读法，本规则包取“{reading.get(choice)}”；如果取“{reading.get(other)}”，结论可能不同。"
        )
    return tuple(found)


# ---------------------------------------------------------------- a deadline


def _due(due: Due, rules: Rules) -> Why:
    facts = [
        Fact("from", due.starts, due.from_.isoformat()),
        *(Fact("skipped", "不计入的日子", f"{skip.date} {skip.why}") for skip in due.skipped),
        *(Fact("worked", "计入的调休上班日", f"{skip.date} {skip.why}") for skip in due.worked),
    ]
    amount = (
        "文本没有规定天数" if due.value is None else f"{due.value} {UNITS.get(str(due.unit), '')}".strip()
    )
    step = Step(due.title, True, amount, due.basis)
    return Why(
        kind="due",
        title=due.title,
        sentence=due.sentence,
        facts=tuple(facts),
        rule=(step,),
        articles=articles(due.basis, rules),
        changes=_due_changes(due),
        choice=due.because or "",
    )


def _due_changes(due: Due) -> tuple[str, ...]:
    found = [f"“{due.starts}”的日子不同，结果随之不同。"]
    if due.provisional:
        found.append("国务院公布相应年度的放假安排后会重算，并写明是哪一份通知。")
    if due.text_status == "superseded_draft":
        found.append("正式文本已发布，核对后数值可能不同。")
    elif due.text_status == "draft":
        found.append("正式文本发布后数值可能不同。")
    if due.reading:
        taken = due.reading["takes"]
        other = due.reading["b" if taken == "a" else "a"]
        found.append(f"条文有另一种读法：{other}。" if taken != "both" else "条文的两种读法都已照顾到。")
    return tuple(found)


def _running(running: Running, rules: Rules) -> Why:
    inner = _due(running.fact, rules)
    if running.due == running.fact.due:
        return inner
    note = f"记录的最后一日是 {running.due}。"
    return Why(
        "due", running.title, note, inner.facts, inner.rule, inner.articles, inner.changes, "", (inner,)
    )


# ---------------------------------------------------------------- words

FACTS = {
    "recused": "办理人是否应当回避",
    "actor_organisation": "办理人的单位",
    "registrant_organisations": "登记主体",
    "operation_ended": "运营已经终止",
    "form_problems": "表单中的问题",
    "form_digest": "表单内容的摘要",
    "deposited": "是否已经存证",
    "duplicate": "是否重复登记",
    "real_name": "是否实名",
    "objection": "所处理的异议",
    "compliance_passed": "是否通过合规审核",
    "resource_registered": "数据资源是否已登记",
    "scenario_approved": "应用场景是否审核通过",
    "providers": "有关的数据提供单位",
    "released": "是否通过出域审核",
    "developing_organisations": "开发单位",
    "product_published": "产品是否已登记发布",
    "run_done": "运行是否已完成",
    "signature_verified": "签名是否核验通过",
    "votes_verified": "投票是否核验通过",
    "registration_live": "原登记是否有效",
    "addressees": "被通知整改的单位",
    "asked_until": "申请续展到",
    "term_end": "授权运营期限的最后一日",
    "in_window": "是否在续展的时间之内",
    "renewal_problems": "续展申请中的问题",
    "papers": "各项材料的摘要",
    "nothing_due": "是否没有应付金额",
    "bill_digest": "账单内容的摘要",
}
"""Chinese titles of the facts guards look at beside what acts ask."""


def shown(value: Any) -> str:
    """A fact as text a person reads; long ones are cut, lists are counted."""
    if value is None:
        return "没有提供"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | dict):
        return f"{len(value)} 项" if value else "无"
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "……"
