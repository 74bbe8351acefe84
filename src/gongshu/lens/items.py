"""The SELECT list: `*` and COLUMNS written out as granted columns, names, aliases."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from gongshu.lens.frames import Alias, Frame, OutputColumn, Relation
from gongshu.lens.reading import only_arguments
from gongshu.lens.state import State
from gongshu.lens.verdict import Refusal


@dataclass(slots=True)
class Item:
    """One output: the Alias node that holds it, its name, whether that was given, its place from 1."""

    holder: exp.Alias
    name: str
    named: bool
    index: int


def read_items(select: exp.Select, frame: Frame, state: State) -> list[Item]:
    """Write the SELECT list out: one aliased expression an output, named as DuckDB would or `col1…`."""
    plain: list[exp.Expression] = []
    for node in select.expressions:
        plain += _expand(node, frame)
    if not plain:
        raise Refusal("column", "没有可输出的授权字段")
    state.spend(len(plain))
    items = []
    for index, node in enumerate(plain, start=1):
        name = _name(node)
        inner = node.this if isinstance(node, exp.Alias) else node
        shown = name or f"col{index}"
        holder = exp.Alias(this=inner, alias=exp.to_identifier(shown, quoted=True))
        items.append(Item(holder, shown, bool(name), index))
        if isinstance(node, exp.Alias) and name:
            known = frame.aliases.setdefault(name.lower(), Alias(holder, index=index))
            known.twice = known.node is not holder
    select.set("expressions", [item.holder for item in items])
    return items


def _name(node: exp.Expression) -> str:
    if isinstance(node, exp.Alias):
        return str(node.alias)
    inner = node.unnest()
    return inner.name if isinstance(inner, exp.Column) else ""


def _expand(node: exp.Expression, frame: Frame) -> list[exp.Expression]:
    if isinstance(node, exp.Star):
        return _star(node, frame, "")
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return _star(node.this, frame, node.text("table"))
    if isinstance(node, exp.Columns):
        return [_column(relation, column) for relation, column in _matching(node, frame)]
    spread = node.find(exp.Columns)
    if spread is None:
        if node.find(exp.Star) is not None and isinstance(node, exp.Like | exp.ILike | exp.Not | exp.Glob):
            raise Refusal("statement", "不允许 * 后面带匹配条件")
        return [node]
    return [_filled(node, spread, relation, column) for relation, column in _matching(spread, frame)]


def _filled(
    node: exp.Expression, spread: exp.Expression, relation: Relation, column: OutputColumn
) -> exp.Expression:
    copy = node.copy()
    for hole in list(copy.find_all(exp.Columns)):
        if hole != spread:
            raise Refusal("statement", "一个表达式里只能有一种 COLUMNS")
        hole.replace(_column(relation, column))
    return copy.this if isinstance(copy, exp.Alias) else copy


def _matching(node: exp.Expression, frame: Frame) -> list[tuple[Relation, OutputColumn]]:
    what = node.this
    everything = _visible(frame, "")
    if isinstance(what, exp.Star):
        only_arguments(what, "except_")
        removed = _names(what.args.get("except_"))
        return [pair for pair in everything if pair[1].name.lower() not in removed]
    if isinstance(what, exp.Literal) and what.is_string:
        try:
            pattern = re.compile(what.name)
        except re.error as error:
            raise Refusal("parse", "COLUMNS 里的匹配式读不懂") from error
        return [pair for pair in everything if pattern.search(pair[1].name)]
    raise Refusal("statement", "COLUMNS 里只能是 * 或匹配式")


def _visible(frame: Frame, qualifier: str) -> list[tuple[Relation, OutputColumn]]:
    seen: set[str] = set()
    pairs = []
    for relation in frame.relations:
        if qualifier and relation.name.lower() != qualifier.lower():
            continue
        for key, column in relation.columns.items():
            if not qualifier and key in frame.merged:
                if key in seen:
                    continue
                seen.add(key)
            pairs.append((relation, column))
    if not pairs:
        raise Refusal("column", "没有可输出的授权字段")
    return pairs


def _column(relation: Relation, column: OutputColumn) -> exp.Expression:
    return exp.Column(
        this=exp.to_identifier(column.name, quoted=True),
        table=exp.to_identifier(relation.name, quoted=True),
    )


def _names(nodes: list[exp.Expression] | None) -> set[str]:
    return {node.name.lower() for node in nodes or []}


def _star(star: exp.Expression, frame: Frame, qualifier: str) -> list[exp.Expression]:
    only_arguments(star, "except_", "replace", "rename")
    removed = _names(star.args.get("except_"))
    replaced = {node.alias.lower(): node for node in star.args.get("replace") or []}
    renamed = {node.this.name.lower(): node.alias for node in star.args.get("rename") or []}
    pairs = _visible(frame, qualifier)
    known = {column.name.lower() for _, column in pairs}
    unknown = (removed | set(replaced) | set(renamed)) - known
    if unknown:
        raise Refusal("column", f"没有字段“{min(unknown)}”，或它不在授权范围内")
    items: list[exp.Expression] = []
    for relation, column in pairs:
        key = column.name.lower()
        if key in removed:
            continue
        if key in replaced:
            items.append(exp.alias_(replaced[key].this.copy(), column.name, quoted=True))
        elif key in renamed:
            items.append(exp.alias_(_column(relation, column), renamed[key], quoted=True))
        elif not qualifier and key in frame.merged:
            items.append(exp.Column(this=exp.to_identifier(column.name, quoted=True)))
        else:
            items.append(_column(relation, column))
    return items
