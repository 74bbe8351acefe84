"""Every limit and clock of a pack is read somewhere, or listed here with the reason why nobody reads it yet.

Read: its id stands in the code, or a procedure, form or document of a pack names it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import gongshu
from gongshu.enclave.attack.spec import Floor
from gongshu.law import packs, procedures, rules, schema
from gongshu.lens.grant import THRESHOLD

ON = date(2026, 3, 2)
LIBRARY = packs.library()
SOURCE = Path(gongshu.__file__).parent
NAMING = ("procedures/", "forms/", "documents")

AUTHORISATION = "授权的程序（方案、遴选、协议）以后落实，现在只建档"
REPORTS = "报告和评估的程序以后落实"
QUALITY = "质量闭环的程序以后落实"
INCIDENTS = "风险和事件的程序以后落实；停止本身由停机消息落实"
SAME = "程序和角色已按同样的内容写，见 test_what_is_said_twice_is_the_same"
SHOWN = "供人查看的说明，没有一处代码据此决定"

UNREAD_LIMITS = {
    "interval.authority_report": REPORTS,
    "interval.catalogue_update": REPORTS,
    "interval.developer_report": REPORTS,
    "interval.disclosure": "披露页已有，按间隔提醒以后落实",
    "interval.drill": REPORTS,
    "interval.evaluation": REPORTS,
    "interval.feedback": REPORTS,
    "interval.registrar_report": REPORTS,
    "interval.training": REPORTS,
    "operation.modes": AUTHORISATION,
    "operation.redevelopment": "再开发的检查以后落实",
    "operation.selection": AUTHORISATION,
    "product.purposes": "登记表单 R18 的选项另有自己的出处",
    "product.registry": "与登记平台对接以后落实",
    "product.venue": "与交易场所对接以后落实",
    "registration.check": SHOWN,
    "registration.output": SHOWN,
    "release.reviewers": SAME,
    "scenario.priority_domains": "场景表单的领域仍是文字，按清单标出优先的以后落实",
    "target.products.2027": "监管看板以后落实",
    "target.products.2030": "监管看板以后落实",
    "target.scenes.2027": "监管看板以后落实",
    "target.scenes.2030": "监管看板以后落实",
    "term.developer": SAME,
    "term.operator": SAME,
}
UNREAD_CLOCKS = {
    "disclosure.annual": "披露页已有，按期限提醒以后落实",
    "filing.three_party": "三方协议的程序以后落实",
    "filing.upward": AUTHORISATION,
    "operation.exit_plan": AUTHORISATION,
    "operation.renewal_request": AUTHORISATION,
    "operation.revocation": AUTHORISATION,
    "operation.term": AUTHORISATION,
    "operator.lookback": AUTHORISATION,
    "plan.consultation": AUTHORISATION,
    "quality.fix": QUALITY,
    "quality.handling": QUALITY,
    "quality.reply": QUALITY,
    "registration.legacy": "对已经过去的施行日算一次，由人用 gongshu law deadline 查",
    "registration.reasons": "及时没有天数；不予受理时必须写理由，由程序落实",
    "report.incident": INCIDENTS,
    "report.operator_annual": REPORTS,
    "retention.logs": "日志的清理以后落实；在此之前一律不删",
    "retention.records": "资料的清理以后落实；在此之前一律不删",
    "risk.report": INCIDENTS,
    "risk.stop": INCIDENTS,
    "rules.validity": "文本的施行和失效日在 pack.yaml 的来源里，规则按那里判断",
}


def literals() -> set[str]:
    """Every text that stands in the code."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def named(data: Any) -> Iterator[str]:
    """The limits and clocks a part of a pack names."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("limit", "options_from", "clock") and isinstance(value, str):
                yield value
            yield from named(value)
    elif isinstance(data, list):
        for value in data:
            yield from named(value)


def in_packs() -> set[str]:
    return {
        name
        for pack in LIBRARY.packs.values()
        for path, body in pack.files.items()
        if path.startswith(NAMING)
        for document in schema.read_yaml(body.decode())
        for name in named(document)
    }


READ = literals() | in_packs()


@pytest.mark.parametrize(("section", "known"), [("limits", UNREAD_LIMITS), ("clocks", UNREAD_CLOCKS)])
def test_every_value_is_read_or_listed_with_its_reason(section: str, known: dict[str, str]) -> None:
    ids = {name for zone in LIBRARY.zones for name in rules.at(zone, ON).ids(section)}
    unread = ids - READ
    assert sorted(unread - known.keys()) == [], "没有人读：读它，或者写进上面的表并说明理由"
    assert sorted(known.keys() - unread) == [], "已经有人读，或者规则包里已经没有：从表里删去"
    assert all(reason.strip() for reason in known.values())


@pytest.mark.parametrize("zone", LIBRARY.zones)
def test_what_is_said_twice_is_the_same(zone: str) -> None:
    """Who reviews a release, and what operator and developer are called."""
    law = rules.at(zone, ON)
    vote = procedures.load(law, "release.review").act("vote")
    reviewers = {"provider_officer" if each == "provider_checker" else each for each in vote.by}
    assert reviewers == set(law.limit("release.reviewers").value)
    assert law.role("operator").title == law.limit("term.operator").value
    assert law.role("developer").title.startswith(law.limit("term.developer").value)


def test_the_weakest_thresholds_of_the_code_are_those_of_the_nation() -> None:
    """What stands in the attack and the lens when nobody says otherwise is what the packs say."""
    law, floor = rules.at("cn", ON), Floor()
    assert law.limit("attack.threshold").value == floor.threshold == THRESHOLD
    assert law.limit("attack.nk").value == [floor.nk[0], str(floor.nk[1])]
    assert law.limit("attack.p").value == str(floor.p)
    assert law.limit("attack.degrees_of_freedom").value == floor.freedom
    assert law.limit("attack.rounding").value == floor.rounding
