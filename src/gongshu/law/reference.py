"""The clocks of all zones as a page: generated from the packs, so that it cannot differ from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gongshu.law import rules
from gongshu.law.packs import Library
from gongshu.law.rules import Rule
from gongshu.law.values import BOUNDS, BY_CHOICE, KINDS, UNITS, UNNUMBERED

ON = date(2026, 3, 2)
"""The day the printed page is of."""

HEAD = """# 期限

由 `make docs` 从规则包生成，不要手改。
空格表示该专区的文本没有这个期限；条文没有数字、由本项目定的，写“项目选择”。“↑”表示取自另一个规则包。

| 期限 | {zones} |
|---|{rule}|
"""


def clocks(library: Library, on: date) -> str:
    """Markdown: a row a clock, a column a zone, each cell the value and its articles."""
    found = {zone: rules.at(zone, on, library) for zone in library.zones}
    names = sorted({name for zone in found.values() for name in zone.ids("clocks")})
    head = HEAD.format(zones=" | ".join(found), rule="|".join("---" for _ in found))
    rows = [f"| `{name}` | {' | '.join(_cell(zone, name) for zone in found.values())} |" for name in names]
    return head + "\n".join(rows) + "\n\n" + "\n".join(_texts(library, found)) + "\n"


def _cell(found: rules.Rules, name: str) -> str:
    if not found.has("clocks", name):
        return ""
    rule = found.clock(name)
    taken = "" if rule.pack == found.zone else f" ↑{rule.pack}"
    return f"{amount(rule)}{taken}<br>{'<br>'.join(rule.basis) or BY_CHOICE}"


def amount(rule: Rule) -> str:
    """How long, in Chinese: 原则上3年, 往前60日, 每年03-31, 及时."""
    if rule["kind"] in UNNUMBERED:
        return KINDS[rule["kind"]]
    if rule["kind"] == "date":
        return f"次年{rule.value}"
    side = "往前" if rule.get("direction") == "before" else ""
    rolls = "，顺延" if rule["rolls"] else ""
    return f"{BOUNDS[rule.get('bound', 'exactly')]}{side}{rule.value}{UNITS[rule['unit']]}{rolls}"


def _texts(library: Library, found: dict[str, rules.Rules]) -> Iterator[str]:
    """The texts the clocks cite, each with its standing."""
    cited = {
        citation.partition(":")[0]
        for zone in found.values()
        for name in zone.ids("clocks")
        for citation in zone.clock(name).basis
    }
    yield "## 文本"
    yield ""
    for key, source in library.sources.items():
        if key in cited:
            yield f"- `{key}`：{found[source.pack].text(key).sentence}"
