"""State diagrams and tables of procedures, printed from the packs so that they cannot differ from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gongshu.law import procedures
from gongshu.law.packs import Library
from gongshu.law.predicates import PREDICATES
from gongshu.law.rules import Rules, at
from gongshu.law.shapes import Act, Guard, Procedure
from gongshu.law.values import BY_CHOICE


def mermaid(procedure: Procedure) -> str:
    """A mermaid `stateDiagram-v2`: states with Chinese titles, one arrow an act and target."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {state.id} : {_plain(state.title)}" for state in procedure.states.values()]
    lines.append(f"    [*] --> {procedure.initial}")
    for act in procedure.acts.values():
        for start in act.from_:
            for branch in act.to:
                label = _plain(act.title) + "".join(f"（{PREDICATES[g.name].title}）" for g in branch.when)
                lines.append(f"    {start} --> {branch.to} : {label}")
    lines += [f"    {state.id} --> [*]" for state in procedure.states.values() if state.final]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A colon or semicolon ends a label in mermaid."""
    return text.replace(":", "：").replace(";", "；")


def tables(procedure: Procedure, rules: Rules) -> str:
    """Markdown tables of states, acts and clocks with roles, what is asked, conditions and articles."""
    return "\n".join([*_states(procedure, rules), "", *_acts(procedure), "", *_clocks(procedure, rules)])


def _states(procedure: Procedure, rules: Rules) -> Iterator[str]:
    yield "| 状态 | 等谁 | 依据 |"
    yield "|---|---|---|"
    for state in procedure.states.values():
        waits = "终点" if state.final else _roles(state.waits_for, rules)
        yield f"| {state.title} | {waits} | {_basis(state.basis)} |"


def _acts(procedure: Procedure) -> Iterator[str]:
    yield "| 动作 | 由谁 | 要填什么 | 条件 | 依据 |"
    yield "|---|---|---|---|---|"
    for act in procedure.acts.values():
        asked = "、".join(f"{item.title}{'' if item.required else '（可不填）'}" for item in act.asks)
        cells = (act.title, "、".join(act.by_titles), asked, _conditions(act), _basis(act.basis))
        yield f"| {' | '.join(cells)} |"


def _conditions(act: Act) -> str:
    return "<br>".join(_condition(guard) for guard in act.requires)


def _condition(guard: Guard) -> str:
    return (guard.sentence or PREDICATES[guard.name].title).rstrip("。")


def _clocks(procedure: Procedure, rules: Rules) -> Iterator[str]:
    if not procedure.clocks:
        yield "文本没有给这个程序规定期限。"
        return
    yield "| 期限 | 规则 | 谁的 | 从哪个动作起 | 到哪个动作止 | 依据 |"
    yield "|---|---|---|---|---|---|"
    for ledger in procedure.clocks.values():
        starts = "、".join(procedure.acts[name].title for name in ledger.starts)
        stops = "、".join(procedure.acts[name].title for name in ledger.stops)
        owes = _roles(ledger.owes, rules)
        basis = _basis(rules.clock(ledger.clock).basis)
        yield f"| {ledger.title} | `{ledger.clock}` | {owes} | {starts} | {stops} | {basis} |"


def _roles(names: tuple[str, ...], rules: Rules) -> str:
    return "、".join(rules.role(name).title for name in names)


def _basis(basis: tuple[str, ...]) -> str:
    return "<br>".join(basis)


def page(library: Library, procedure: str, on: date) -> str:
    """The page of one procedure: every zone's own diagram and tables; zones that agree share one."""
    groups: dict[str, tuple[list[str], Procedure, Rules]] = {}
    for zone in library.zones:
        rules = at(zone, on, library)
        if rules.has("procedures", procedure):
            found = procedures.load(rules, procedure)
            drawn = mermaid(found) + tables(found, rules)
            groups.setdefault(drawn, ([], found, rules))[0].append(zone)
    first = next(iter(groups.values()))[1]
    lines = [
        f"# {first.title}（`{procedure}`）",
        "",
        "由 `make docs` 从规则包生成，不要手改。",
    ]
    for zones, found, rules in groups.values():
        titles = "、".join(library.pack(zone).title.removesuffix("规则") for zone in zones)
        lines += ["", f"## {titles}：{found.title}", "", *_preface(found, rules)]
        lines += ["", "```mermaid", mermaid(found), "```", "", tables(found, rules)]
    return "\n".join(lines) + "\n"


def _preface(procedure: Procedure, rules: Rules) -> Iterator[str]:
    if procedure.summary:
        yield procedure.summary
        yield ""
    yield "依据：" + ("、".join(map(rules.cite, procedure.basis)) or BY_CHOICE) + "。"
    if procedure.because:
        yield ""
        yield procedure.because.rstrip("。") + "。"
    for name, choice in procedure.readings.items():
        reading = rules.reading(name)
        other = "b" if choice == "a" else "a"
        yield ""
        yield f"读法：{reading.title}——取“{reading[choice]}”；另一读法：{reading[other]}。"
