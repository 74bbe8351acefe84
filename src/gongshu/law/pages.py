"""Writes the generated pages of the law room (`make docs`)."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from gongshu.law import coverage, diagrams, packs, reference, rules
from gongshu.law.inputs import INPUT_KINDS
from gongshu.law.packs import Library
from gongshu.law.predicates import PREDICATES
from gongshu.law.rules import Rules
from gongshu.law.values import BY_CHOICE

ON = date(2026, 1, 5)
"""The day the pages show; a fixed one, so that a page changes only when a pack does."""


KIND_TITLES = {
    "text": "一行文字",
    "long_text": "一段文字",
    "date": "日期 YYYY-MM-DD",
    "period": "起止日期 {from, until}",
    "bool": "是或否",
    "confirm": "必须确认（true）",
    "choice": "选一项（options）",
    "choices": "选几项（options）",
    "number": "不小于零的数",
    "quantity": "数和单位 {value, unit}",
    "file": "一份文件 {name, digest}",
    "files": "一份或几份文件",
    "items": "逐项清单 [{item, sentence}]",
    "rows": "逐行的表",
    "answers": "逐项作答 {id: 结论}",
    "digest": "摘要 sha256:… 或 sm3:…",
    "names": "一个或几个词",
    "uscc": "统一社会信用代码（GB 32100，验校验码）",
    "division": "6 位行政区划代码",
    "divisions": "一个或几个行政区划代码",
    "code": "代码（字母、数字和 . / _ -）",
    "industry": "国民经济行业分类代码（GB/T 4754）",
    "catalogue_code": "政务信息资源代码",
}

GRAMMAR = Path(__file__).with_name("grammar.md")
"""The part of the grammar page a person wrote; the tables below it are generated."""


def grammar() -> str:
    """The grammar of procedures and forms, with every predicate and every kind of input there is."""
    lines = []
    for predicate in PREDICATES.values():
        optional = [name for name in predicate.args if name not in predicate.needed]
        shown = "、".join(f"`{name}`" for name in predicate.needed)
        shown += f"（{'、'.join(f'`{name}`' for name in optional)}）" if optional else ""
        lines.append(f"| `{predicate.name}` | {predicate.title} | {shown} |")
    kinds = [f"| `{kind}` | {KIND_TITLES[kind]} |" for kind in sorted(INPUT_KINDS)]
    head = "\n\n## 填写的类型\n\n| 类型 | 意思 |\n|---|---|\n"
    return GRAMMAR.read_text("utf-8") + "\n".join(lines) + head + "\n".join(kinds) + "\n"


GROUNDS_HEAD = """# 依据

由 `make docs` 从规则包生成（`grounds.yaml`），不要手改。
权限、透镜、攻击、合同这些不是程序说的话，代码里只写依据的 id；
是哪一条，看案件、授权或者协议所在的专区。专区不认识的取国家的。“↑”表示取自另一个规则包。

| 依据 | {zones} |
|---|{rule}|
"""


def grounds(library: Library) -> str:
    """Every ground, and what it rests on in each zone."""
    found = [rules.at(zone, ON, library) for zone in library.zones]
    rows = []
    for name in sorted({name for law in found for name in law.ids("grounds")}):
        cells = [_ground(law, name) for law in found]
        rows.append(f"| `{name}`<br>{found[0].find('grounds', name).title} | {' | '.join(cells)} |")
    head = GROUNDS_HEAD.format(zones=" | ".join(library.zones), rule="|".join("---" for _ in found))
    return head + "\n".join(rows) + "\n"


def _ground(law: Rules, name: str) -> str:
    if not law.has("grounds", name):
        return ""
    rule = law.find("grounds", name)
    taken = "" if rule.pack == law.zone else f" ↑{rule.pack}"
    return ("<br>".join(rule.basis) or BY_CHOICE) + taken


def pages(library: Library) -> dict[str, str]:
    """Path below `docs` → text of every generated page."""
    names = sorted({name for zone in library.zones for s, name in library.table(zone) if s == "procedures"})
    found = {f"procedures/{name}.md": diagrams.page(library, name, ON) for name in names}
    titles = {name: found[f"procedures/{name}.md"].partition("\n")[0].removeprefix("# ") for name in names}
    listing = "\n".join(f"- [{titles[name]}]({name}.md)" for name in names)
    found["procedures/README.md"] = f"# 程序\n\n每个程序一页，从规则包生成。\n\n{listing}\n"
    found["grammar.md"] = grammar()
    found["clocks.md"] = reference.clocks(library, reference.ON)
    found["grounds.md"] = grounds(library)
    found["coverage.md"] = coverage.page(library, ON)
    return found


def main(root: Path) -> None:
    for name, text in pages(packs.library()).items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
