"""GROUP BY, DISTINCT, ORDER BY, LIMIT: what they make of the rows of a query."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens.counts import smallest_first
from gongshu.lens.facts import Fact, Level
from gongshu.lens.frames import Frame
from gongshu.lens.functions import AGGREGATES, class_of
from gongshu.lens.items import Item
from gongshu.lens.reading import Context, no_identifier, only_arguments, read
from gongshu.lens.state import QueryResult, State
from gongshu.lens.verdict import Refusal


def tail(state: State, node: exp.Expression, result: QueryResult, context: Context) -> QueryResult:
    """ORDER BY of a whole set operation or sub-query, and its LIMIT."""
    order = node.args.get("order")
    few_first = order is not None and _order_outputs(order, result, context)
    return limited(state, node, result, few_first)


def _order_outputs(order: exp.Expression, result: QueryResult, context: Context) -> bool:
    """Read ORDER BY of a whole set operation; gives whether it puts the smallest groups first."""
    few = []
    names = [name.lower() for name in result.names]
    for item in order.expressions:
        only_arguments(item, "this", "desc", "nulls_first")
        inner = item.this
        if isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
            chosen = result.facts
        elif isinstance(inner, exp.Column) and not inner.table and inner.name.lower() in names:
            position = names.index(inner.name.lower())
            item.set("this", exp.Literal.number(position + 1))
            chosen = [result.facts[position]]
        elif isinstance(inner, exp.Literal) and not inner.is_string:
            chosen = [_at(result.facts, inner)]
        else:
            raise Refusal("column", "集合运算只能按输出的字段排序")
        for fact in chosen:
            no_identifier(fact, context, "用来排序")
            few.append(smallest_first(fact, bool(item.args.get("desc"))))
    return few[0]


def _at(facts: list[Fact], literal: exp.Expression) -> Fact:
    if not literal.name.isdigit() or not 1 <= int(literal.name) <= len(facts):
        raise Refusal("parse", "按位置的引用超出了输出的列数")
    return facts[int(literal.name) - 1]


def limited(state: State, node: exp.Expression, result: QueryResult, few_first: bool = False) -> QueryResult:
    """Read LIMIT and OFFSET; they may not leave a few subjects, nor the few smallest groups."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    rows = _limit_rows(limit)
    skipped = _constant(offset.expression) if offset is not None else 0
    if offset is not None:
        only_arguments(offset, "expression")
    few = rows is not None and 0 < rows < state.grant.threshold
    if result.level == Level.SUBJECT and not result.single and (few or skipped):
        state.refuse("singling_out", "LIMIT 或 OFFSET 只留下少数主体的行")
    if few_first and few:
        state.refuse("singling_out", "排序和 LIMIT 只留下人数最少的组")
    return replace(result, single=result.single or (rows is not None and rows <= 1))


def _limit_rows(limit: exp.Expression | None) -> float | None:
    if limit is None:
        return None
    only_arguments(limit, "expression", "count", "direction", "limit_options")
    options = limit.args.get("limit_options")
    value = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    if isinstance(value, exp.Var) and value.name.upper() == "ALL":
        return None
    if options is not None and options.args.get("with_ties"):
        raise Refusal("statement", "不允许 WITH TIES")
    number = _constant(value)
    if options is not None and options.args.get("percent"):
        return None if number >= 1 else 1
    return number


def _constant(node: exp.Expression | None) -> float:
    inner = node.unnest() if node is not None else None
    if not isinstance(inner, exp.Literal) or inner.is_string:
        raise Refusal("statement", "LIMIT 和 OFFSET 只能是常量")
    return float(inner.name)


def item_fact(item: Item, context: Context) -> Fact:
    """The fact of one output, read once if it has a name of its own."""
    frame = context.frame
    alias = frame.aliases.get(item.name.lower()) if item.named else None
    own = alias if alias is not None and alias.node is item.holder else None
    if own is not None and own.fact is not None:
        return own.fact
    before, frame.item = frame.item, item.index
    fact = read(item.holder.this, context)
    frame.item = before
    if own is not None:
        own.fact = fact
    return fact


def merges_rows(node: exp.Select) -> bool:
    """Whether rows are merged here: GROUP BY, HAVING, or an aggregate that is no window."""
    if node.args.get("group") is not None or node.args.get("having") is not None:
        return True
    roots = [*node.expressions]
    roots += [node.args[key] for key in ("qualify", "order") if node.args.get(key) is not None]
    return any(holds_aggregate(root) for root in roots)


def holds_aggregate(root: exp.Expression) -> bool:
    stack: list[exp.Expression] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Query):
            continue
        if isinstance(node, exp.WithinGroup):
            return True
        if isinstance(node, exp.Anonymous) and class_of(str(node.this)) in AGGREGATES and not _windowed(node):
            return True
        stack += node.iter_expressions()
    return False


def _windowed(node: exp.Expression) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Filter):
        node, parent = parent, parent.parent
    return isinstance(parent, exp.Window) and parent.this is node


def grouped_level(frame: Frame, keys: list[Fact]) -> Level:
    if frame.input_level != Level.SUBJECT:
        return frame.input_level
    return Level.SUBJECT if keyed(keys) or frame.keyed else Level.GROUP


def keyed(facts: list[Fact]) -> bool:
    return any(fact.grade >= 4 or fact.unique for fact in facts)


def group_keys(node: exp.Select, items: list[Item], context: Context) -> tuple[int, list[Fact]]:
    """Facts of the group keys, and how many there are."""
    group = node.args.get("group")
    if group is None:
        return 0, []
    only_arguments(group, "expressions", "all", "grouping_sets", "cube", "rollup")
    facts: list[Fact] = []
    if group.args.get("all"):
        facts += [item_fact(item, context) for item in items if not holds_aggregate(item.holder)]
    for key in list(group.expressions):
        facts += _key(key, items, context, top=True)
    for part in ("grouping_sets", "cube", "rollup"):
        for key in group.args.get(part) or []:
            if isinstance(key, exp.Expression):
                facts += _key(key, items, context, top=False)
    sets = bool(facts) or bool(group.find(exp.GroupingSets, exp.Cube, exp.Rollup))
    return (max(len(facts), 1) if sets else 0), facts


def _key(key: exp.Expression, items: list[Item], context: Context, top: bool) -> list[Fact]:
    if isinstance(key, exp.GroupingSets | exp.Cube | exp.Rollup | exp.Tuple):
        facts: list[Fact] = []
        for part in list(key.expressions):
            facts += _key(part, items, context, top=False)
        return facts
    inner = key.unnest()
    if isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit():
        if not 1 <= int(inner.name) <= len(items):
            raise Refusal("parse", "GROUP BY 的位置超出了输出的列数")
        return [item_fact(items[int(inner.name) - 1], context)]
    if isinstance(inner, exp.Column) and not inner.table and top:
        alias = context.frame.aliases.get(inner.name.lower())
        if alias is not None and not _is_column(inner, context.frame):
            item = items[alias.index - 1]
            key.replace(exp.Literal.number(alias.index))
            return [item_fact(item, context)]
    return [read(key, context)]


def _is_column(node: exp.Column, frame: Frame) -> bool:
    return any(node.name.lower() in relation.columns for relation in frame.relations)


def distinct_rows(
    node: exp.Select, level: Level, facts: list[Fact], context: Context
) -> tuple[Level, list[Fact]]:
    distinct = node.args.get("distinct")
    if distinct is None:
        return level, facts
    only_arguments(distinct, "on")
    on = distinct.args.get("on")
    if on is not None:
        keys = [read(part, context) for part in (on.expressions if isinstance(on, exp.Tuple) else [on])]
        if level == Level.SUBJECT and not keyed(keys):
            context.state.refuse("singling_out", "DISTINCT ON 每组只留下一个主体的行")
        return level, facts
    if level == Level.SUBJECT and not keyed(facts):
        return Level.GROUP, [replace(fact, subject=False) for fact in facts]
    return level, facts


def order_rows(node: exp.Select, facts: list[Fact], context: Context) -> bool:
    """Read ORDER BY; gives whether it puts the smallest groups first."""
    order = node.args.get("order")
    if order is None:
        return False
    only_arguments(order, "expressions")
    few = []
    for item in order.expressions:
        only_arguments(item, "this", "desc", "nulls_first")
        for fact in _ordered(item, facts, context):
            no_identifier(fact, context, "用来排序")
            few.append(smallest_first(fact, bool(item.args.get("desc"))))
    return few[0]


def _ordered(item: exp.Expression, facts: list[Fact], context: Context) -> list[Fact]:
    inner = item.this.unnest()
    if isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
        return facts
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return [_at(facts, inner)]
    if isinstance(inner, exp.Column) and not inner.table:
        alias = context.frame.aliases.get(inner.name.lower())
        if alias is not None:
            item.set("this", exp.Literal.number(alias.index))
            return [facts[alias.index - 1]]
    return [read(item.this, context)]
