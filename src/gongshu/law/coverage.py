"""Coverage: every row of the requirements, how far it is encoded, where, by which tests, and if not, why.

Rows live in `rows/*.yaml` beside this module (`id: [state, title, where, reason]`); clocks are added from
the packs. Tests are found by their `row` marks: `@pytest.mark.row("E14", "R01-R58")`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gongshu.law import schema
from gongshu.law.errors import Problem
from gongshu.law.packs import Library
from gongshu.law.rules import SECTION_TITLES

STATES = {
    "encoded": "已落实",
    "partial": "部分落实",
    "planned": "计划中",
    "not_encoded": "未编码",
    "no_software": "不需要软件",
}

HERE = Path(__file__).resolve().parent
ROWS = HERE / "rows"
PACKAGE = HERE.parent
TESTS = PACKAGE.parent.parent / "tests"
"""The tests of a checkout; an installed package has none, and then no row lists any."""

_SPAN = re.compile(r"^(?P<head>.*?)(?P<first>\d+)-(?P=head)(?P<last>\d+)$")


@dataclass(frozen=True)
class Row:
    """One row: `where` are packs' `section/id#part` or rooms; `tests` are `file::function`."""

    id: str
    title: str
    state: str
    where: tuple[str, ...]
    reason: str
    tests: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """The object of `gongshu law coverage --json`."""
        return {
            "id": self.id,
            "title": self.title,
            "state": self.state,
            "where": list(self.where),
            "tests": list(self.tests),
            "reason": self.reason,
        }


def expand(written: str) -> list[str]:
    """`R01-R58` → every row of the span; anything else is one id."""
    found = _SPAN.match(written)
    if not found:
        return [written]
    width = len(found["first"])
    return [f"{found['head']}{n:0{width}}" for n in range(int(found["first"]), int(found["last"]) + 1)]


def rows(library: Library, tests: Path = TESTS) -> tuple[Row, ...]:
    """Every row in the order of the requirements, clocks last."""
    marked = marks(tests)
    found = [*_written(), *_clocks(library)]
    return tuple(
        Row(row.id, row.title, row.state, row.where, row.reason, tuple(sorted(marked.get(row.id, ()))))
        for row in sorted(found, key=_order)
    )


def _order(row: Row) -> tuple[int, str, int]:
    kind, head, number = 0, row.id, 0
    if match := re.match(r"^(.*?)(\d+)$", row.id):
        head, number = match[1], int(match[2])
    for place, prefix in enumerate(("R", "plan-", "agreement-", "clock:"), 1):
        if head == prefix or (len(prefix) > 1 and head.startswith(prefix)):
            kind = place
    return kind, head, number


def _written() -> Iterator[Row]:
    for path in sorted(ROWS.glob("*.yaml")):
        for document in schema.read_yaml(path.read_text("utf-8")):
            for id_, (state, title, where, reason) in document.items():
                yield Row(str(id_), str(title), str(state), tuple(str(where).split()), str(reason))


def _clocks(library: Library) -> Iterator[Row]:
    titles: dict[str, str] = {}
    for zone in library.zones:
        for (section, name), effective in library.table(zone).items():
            written = [value for value in effective.versions if not value.absent]
            if section == "clocks" and written:
                titles.setdefault(name, str(written[-1].data.get("title", name)))
    for name, title in sorted(titles.items()):
        yield Row(f"clock:{name}", f"期限：{title}", "encoded", (f"clocks/{name}",), "")


# ---------------------------------------------------------------- tests


def marks(tests: Path) -> Mapping[str, set[str]]:
    """Row id → tests marked with it, found by reading the test files, without importing them."""
    found: dict[str, set[str]] = {}
    for path in sorted(tests.rglob("test_*.py")) if tests.is_dir() else ():
        name = path.relative_to(tests.parent).as_posix()
        try:
            marked = list(marked_functions(path.read_text("utf-8")))
        except (SyntaxError, UnicodeDecodeError):
            continue  # a test that cannot be read proves nothing
        for function, ids in marked:
            for id_ in ids:
                found.setdefault(id_, set()).add(f"{name}::{function}")
    return found


def marked_functions(source: str) -> Iterator[tuple[str, list[str]]]:
    """(function or class, row ids) of a test file; a mark on the module or class counts for its name."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            ids = [id_ for decorator in node.decorator_list for id_ in _ids(decorator)]
            if ids:
                yield node.name, ids
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            ids = [id_ for call in ast.walk(node.value) for id_ in _ids(call)]
            if ids:
                yield "module", ids


def _ids(node: ast.AST) -> list[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "row"):
        return []
    written = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return [id_ for text in written for id_ in expand(text)]


def unproven(found: Iterable[Row], ran: Iterable[str]) -> list[Row]:
    """Rows called `encoded` that no test marked with their id proved; `ran` are ids of tests that passed."""
    proved = set(ran)
    return [row for row in found if row.state == "encoded" and row.id not in proved]


# ---------------------------------------------------------------- checking


def problems(library: Library) -> list[Problem]:
    """Unknown states, reasons that are missing, places that do not exist, rows written twice."""
    found = []
    seen: set[str] = set()
    for row in _written():
        for sentence in _wrong(row, library):
            found.append(Problem("cn", "law/rows", row.id, sentence))
        if row.id in seen:
            found.append(Problem("cn", "law/rows", row.id, "这一行写了两次。"))
        seen.add(row.id)
    return found


def _wrong(row: Row, library: Library) -> Iterator[str]:
    if row.state not in STATES:
        yield f"不认识的状态“{row.state}”。"
    if row.state == "encoded" and not row.where:
        yield "写了已落实，却没有写落实在哪里。"
    if row.state != "encoded" and not row.reason:
        yield "没有写理由。"
    for place in row.where:
        if not exists(place, library):
            yield f"所写的“{place}”不存在。"


def exists(place: str, library: Library) -> bool:
    """Whether `section/id#part` is in some zone, or a room, module or pack of that name is there."""
    path, _, part = place.partition("#")
    section, _, name = path.partition("/")
    if section in SECTION_TITLES:
        tables = [library.table(zone) for zone in library.zones]
        held = [table[section, name] for table in tables if (section, name) in table]
        if not name or not part:
            return bool(held) or not name
        return any(part in _parts(value.data) for effective in held for value in effective.versions)
    if path == "pack.yaml":
        return True
    module = path.removeprefix("law.") if path.startswith("law.") else ""
    if module:
        return (HERE / f"{module.partition('.')[0]}.py").is_file()
    target = PACKAGE / path
    return target.exists() or target.with_suffix(".py").is_file()


def _parts(data: Mapping[str, Any]) -> set[str]:
    return {
        str(item["id"])
        for key in ("fields", "items", "acts")
        for item in data.get(key, ())
        if isinstance(item, Mapping) and "id" in item
    }


def summary(found: Iterable[Row]) -> dict[str, int]:
    """How many rows are in each state."""
    counted = dict.fromkeys(STATES, 0)
    for row in found:
        counted[row.state] += 1
    return counted


def page(library: Library, on: date) -> str:
    """The coverage as a Markdown page; without tests, so that it changes only with the rows."""
    found = rows(library)
    counted = "、".join(f"{STATES[state]} {number}" for state, number in summary(found).items())
    lines = [
        "# 要求的落实情况",
        "",
        "由 `make docs` 生成，不要手改。带测试名的清单用 `gongshu law coverage` 看。",
        "",
        f"共 {len(found)} 行：{counted}（规则取 {on.isoformat()}）。",
        "",
        "| 编号 | 要求 | 状态 | 落实在 | 理由 |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        places = " ".join(f"`{place}`" for place in row.where)
        lines.append(f"| {row.id} | {row.title} | {STATES[row.state]} | {places} | {row.reason} |")
    return "\n".join(lines) + "\n"
