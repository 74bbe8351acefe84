"""`docs/permissions.md` from the table of acts, the packs' procedures and the airlock's table (given)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from gongshu.law.procedures import load
from gongshu.law.shapes import Procedure
from gongshu.office.accounts import granting
from gongshu.office.accounts.lawroles import law_role
from gongshu.office.accounts.roles import title
from gongshu.office.accounts.zones import ZONES
from gongshu.office.acts import GROUNDS, Act, installed
from gongshu.office.cases import lawbook

HEAD = """# 谁可以做什么

由 `make docs` 从 `office/acts.py`、权限表、规则包和闸口的表生成。`tests/office/test_permissions.py` 让每个
角色把每个动作在真实数据库上试一遍：答案与本页不符、有动作没问权限或没有存证、页面绕过服务写库，都不通过。

● 可以；◐ 只限本单位的事项（或授权写明的人）；— 不可以。角色只在自己的专区里算数，三名管理员不办业务。
本单位只是自己的单位：委托书不算，只有委托代理机构的人凭它在写明的那种登记里代登记主体办理。
"""
LAW = """
## 程序里的每一步

规则包写明由谁办理。同一步在几个专区由不同的人办理的，分开写；`cases.services.perform` 是唯一的门。
"""
AIRLOCK = """
## 闸口

闸口的账号和角色来自两名安全管理员签署的信任名单，与办公域的角色无关；各项还要求是那份数据的提供单位、授权写明的审核机构。

| 动作 | 角色（信任名单上的） |
|---|---|
"""


def roles() -> list[tuple[str, str]]:
    """(id, title) of every role that can be given to a person, in one order."""
    found = {each for zone in ZONES for each, _ in granting.grantable(zone)}
    return [(each, title(each)) for each in sorted(found)]


def page(day: date, airlock: Mapping[str, Sequence[str]]) -> str:
    """The whole page as the packs are on `day`. `airlock`: title of an act → roles of the trust list."""
    lines = [HEAD, *_apps(roles()), LAW, *_law(day), AIRLOCK.rstrip()]
    lines += [f"| {act} | {'、'.join(title(each) for each in held)} |" for act, held in airlock.items()]
    return "\n".join(lines) + "\n"


def _apps(columns: Sequence[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    table = installed()
    for app in dict.fromkeys(each.name.partition(".")[0] for each in table):
        rows = [each for each in table if each.name.startswith(f"{app}.")]
        lines += [f"## {app}", "", *_asked([each for each in rows if each.holders()], columns)]
        lines += _others([each for each in rows if not each.holders()])
    return lines


def _asked(rows: Sequence[Act], columns: Sequence[tuple[str, str]]) -> list[str]:
    shown = [(id_, name) for id_, name in columns if any(id_ in each.holders() for each in rows)]
    if not shown:
        return []
    head = f"| 动作 | {' | '.join(name for _, name in shown)} | 凭什么 |"
    lines = [head, f"|---|{'|'.join(':-:' for _ in shown)}|---|"]
    for each in rows:
        marks = " | ".join(_mark(each, id_) for id_, _ in shown)
        lines.append(f"| {each.title} `{each.name}` | {marks} | {_ground(each)} |")
    return [*lines, ""]


def _others(rows: Sequence[Act]) -> list[str]:
    if not rows:
        return []
    lines = ["| 不按角色的动作 | 凭什么 | 存证 |", "|---|---|---|"]
    for each in rows:
        lines.append(f"| {each.title} `{each.name}` | {GROUNDS[each.ground]} | {each.unproved or '有'} |")
    return [*lines, ""]


def _mark(act: Act, role: str) -> str:
    if not act.allows(role, own=True):
        return "—"
    return "●" if act.allows(role, own=False) and act.ground != "named" else "◐"


def _ground(act: Act) -> str:
    if not act.permission:
        return GROUNDS[act.ground]
    also = [f"`{act.permission}`"]
    also += [GROUNDS["named"]] if act.ground == "named" else []
    also += [f"并有“{title(act.beside)}”的角色"] if act.beside else []
    also += [f"并是本专区 `{act.procedure}` 的发起人"] if act.procedure else []
    return "，".join(also)


def _law(day: date) -> list[str]:
    """Procedure by procedure: each step with who does it, zones that agree in one row."""
    held = {zone: lawbook.rules_now(zone, day) for zone in ZONES}
    found: dict[str, dict[str, Procedure]] = {}
    for zone, rules in held.items():
        for name in rules.ids("procedures"):
            found.setdefault(name, {})[zone] = load(rules, name)
    lines: list[str] = []
    for name, of in sorted(found.items()):
        lines += [
            f"### {next(iter(of.values())).title} `{name}`",
            "",
            "| 步骤 | 办理人 | 专区 |",
            "|---|---|---|",
        ]
        for (act, who), zones in _steps(of).items():
            everywhere = len(zones) == len(of)
            where = "各专区" if everywhere else "、".join(ZONES[zone].title for zone in zones)
            lines.append(f"| {act} | {who} | {where} |")
        lines.append("")
    return lines


def _steps(of: Mapping[str, Procedure]) -> dict[tuple[str, str], list[str]]:
    steps: dict[tuple[str, str], list[str]] = {}
    for zone, procedure in of.items():
        for act in procedure.acts.values():
            who = "、".join(_named(each, zone) for each in act.by)
            steps.setdefault((f"{act.title} `{act.id}`", who), []).append(zone)
    return dict(sorted(steps.items()))


def _named(role: str, zone: str) -> str:
    found = law_role(role, zone)
    return found.title if found else title(role)
