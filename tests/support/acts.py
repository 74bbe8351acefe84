"""The doors of the office, read from its code: which functions change state, which views call them, what they ask.

A call is followed by name: `module.function` through the imports of the file, and plain names in it. Handlers
and signals are reached through tables of the running program and are taken up as roots of their own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps

import gongshu

HOME = Path(gongshu.__file__).parent
PACKAGE = "gongshu.office"
# 数据库写入：不带位置参数的 update、save（字典和工作簿的同名方法都带），对象管理器的各种建立
WRITES_ALWAYS = {"bulk_create", "bulk_update", "get_or_create", "update_or_create"}
WRITES_WITHOUT_PLACES = {"save", "create", "update", "delete"}
EVIDENCE = {"gongshu.office.link.evidence.record"}
CHECKS = {
    "gongshu.office.accounts.permissions.check",
    "gongshu.office.accounts.permissions.can",
    "gongshu.office.accounts.permissions.Refused",
}


@dataclass
class Function:
    """One function of the office: its dotted name, what it calls, and whether it writes rows itself."""

    name: str
    module: str
    line: int
    parameters: tuple[str, ...] = ()
    calls: set[str] = field(default_factory=set)
    writes: list[str] = field(default_factory=list)


def _modules(package: str) -> Iterator[tuple[str, Path]]:
    root = HOME / package.removeprefix("gongshu.").replace(".", "/")
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(HOME).with_suffix("").parts
        # 办公域的一个文件夹是一个应用；还没有装上的不算
        waiting = parts[0] == "office" and len(parts) > 2
        if "migrations" in parts or (waiting and not apps.is_installed(f"gongshu.office.{parts[1]}")):
            continue
        yield ".".join(["gongshu", *(each for each in parts if each != "__init__")]), path


def _imports(tree: ast.Module) -> dict[str, str]:
    """Local name → dotted name, wherever in the file it is imported."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                found[each.asname or each.name] = f"{node.module}.{each.name}"
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = _dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def _writes(call: ast.Call) -> bool:
    func = call.func
    if not isinstance(func, ast.Attribute) or ast.unparse(func.value).endswith("session"):
        return False
    if func.attr in WRITES_ALWAYS:
        return True
    return func.attr in WRITES_WITHOUT_PLACES and not call.args


def _read(module: str, path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = _imports(tree)
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        for part, name in _functions(node):
            asked = (*part.args.args, *part.args.kwonlyargs)
            made = Function(f"{module}.{name}", module, part.lineno, tuple(each.arg for each in asked))
            # 被传递的函数也算调用：命令表、信号、`atomic(f)`
            for each in ast.walk(part):
                if isinstance(each, ast.Call) and _writes(each):
                    made.writes.append(ast.unparse(each.func))
                if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Load):
                    first, _, rest = _dotted(each).partition(".")
                    if first in known:
                        made.calls.add(f"{known[first]}.{rest}" if rest else known[first])
                    elif first in own and not rest:
                        made.calls.add(f"{module}.{first}")
            yield made


def _functions(node: ast.stmt) -> Iterator[tuple[ast.FunctionDef, str]]:
    if isinstance(node, ast.FunctionDef):
        yield node, node.name
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                yield each, f"{node.name}.{each.name}"


@cache
def functions(package: str = PACKAGE) -> dict[str, Function]:
    """Every function of the package by its dotted name."""
    return {made.name: made for module, path in _modules(package) for made in _read(module, path)}


@cache
def reached(name: str, package: str = PACKAGE) -> frozenset[str]:
    """The function and every name it reaches by calling."""
    found, waiting = {name}, [name]
    while waiting:
        held = functions(package).get(waiting.pop())
        for each in (held.calls if held else set()) - found:
            found.add(each)
            waiting.append(each)
    return frozenset(found)


def changes(name: str, package: str = PACKAGE) -> bool:
    """Does calling it write a row?"""
    known = functions(package)
    found = reached(name, package)
    return bool(found & EVIDENCE) or any(each in known and known[each].writes for each in found)


def view_modules(patterns: Iterable[Any]) -> set[str]:
    """The modules in which an address's function is defined."""
    found: set[str] = set()
    for each in patterns:
        if hasattr(each, "url_patterns"):
            found |= view_modules(each.url_patterns)
        else:
            found.add(_unwrapped(each.callback).__module__)
    return {each for each in found if each.startswith("gongshu.")}


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def acts(views: set[str], package: str = PACKAGE) -> dict[str, set[str]]:
    """Functions that change state and are called by the code of a view: act → the views."""
    known = functions(package)
    found: dict[str, set[str]] = {}
    for held in known.values():
        if held.module not in views:
            continue
        for each in held.calls:
            if each in known and known[each].module not in views and changes(each, package):
                found.setdefault(each, set()).add(held.name)
    return found


def unused_with_actor(views: set[str], package: str = PACKAGE) -> set[str]:
    """Public functions that change state for an actor and that nothing in the package calls (yet)."""
    known = functions(package)
    called = {each for held in known.values() for each in held.calls if each != held.name}
    return {
        name
        for name, held in known.items()
        if "actor" in held.parameters
        and held.module not in views
        and name not in called
        and not name.rpartition(".")[2].startswith("_")
        and "." not in name.removeprefix(f"{held.module}.")
        and changes(name, package)
    }


def decorators(name: str, package: str = PACKAGE) -> set[str]:
    """What a function is decorated with, as dotted names."""
    held = functions(package)[name]
    path = HOME / Path(*held.module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = _imports(tree)
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and f"{held.module}.{node.name}" == name:
            for each in node.decorator_list:
                first, _, rest = _dotted(each.func if isinstance(each, ast.Call) else each).partition(".")
                found.add(f"{known.get(first, first)}.{rest}" if rest else known.get(first, first))
    return found
