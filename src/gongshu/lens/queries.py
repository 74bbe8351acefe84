"""Reading a whole query: SELECT, set operations, CTEs, VALUES."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens.calls import window_parts
from gongshu.lens.expressions import Context, ask, no_identifier, only_arguments, read
from gongshu.lens.facts import Fact, Level, combine
from gongshu.lens.frames import Frame
from gongshu.lens.functions import AGGREGATES, class_of
from gongshu.lens.items import Item, read_items
from gongshu.lens.sources import (
    MAX_FREE_TABLES,
    Ties,
    free_weight,
    read_from,
    read_sample,
    relation_of,
    tie_condition,
)
from gongshu.lens.state import QueryResult, State
from gongshu.lens.verdict import Refusal

_SELECT = (
    "expressions",
    "from_",
    "joins",
    "where",
    "group",
    "having",
    "qualify",
    "order",
    "limit",
    "offset",
    "distinct",
    "with_",
    "windows",
    "sample",
)
_SET = ("this", "expression", "distinct", "by_name", "with_", "order", "limit", "offset")
_SUBQUERY = ("this", "with_", "order", "limit", "offset")
_SET_OPERATIONS = (exp.Union, exp.Intersect, exp.Except)


def read_query(
    state: State, node: exp.Expression, outer: Frame | None = None, exists: bool = False
) -> QueryResult:
    """Read any query node. Raises `Refusal` for what cannot be read."""
    if isinstance(node, exp.Select):
        return _select(state, node, outer, exists)
    if isinstance(node, _SET_OPERATIONS):
        return _set_operation(state, node, outer)
    if isinstance(node, exp.Subquery):
        only_arguments(node, *_SUBQUERY)
        frame = Frame(outer=outer)
        _ctes(state, node, frame)
        result = read_query(state, node.this, frame, exists)
        return _tail(state, node, result, Context(state, frame))
    if isinstance(node, exp.Values):
        return _values(state, node, outer)
    raise Refusal("statement", f"只接受查询，不接受 {type(node).__name__}")


# --- WITH and VALUES ---


def _ctes(state: State, node: exp.Expression, frame: Frame) -> None:
    with_ = node.args.get("with_")
    if with_ is None:
        return
    only_arguments(with_, "expressions", "recursive")
    for cte in with_.expressions:
        only_arguments(cte, "this", "alias", "materialized")
        name = cte.alias
        if with_.args.get("recursive") and any(
            table.name.lower() == name.lower() for table in cte.this.find_all(exp.Table)
        ):
            raise Refusal("too_large", "不接受递归查询")
        relation = relation_of(name, read_query(state, cte.this, frame))
        columns = cte.args["alias"].args.get("columns")
        if columns:
            pairs = list(relation.columns.values())
            if len(columns) != len(pairs):
                raise Refusal("column", f"“{name}”的字段改名与字段数不符")
            for column, identifier in zip(pairs, columns, strict=True):
                column.name = identifier.name
            relation.columns = {column.name.lower(): column for column in pairs}
        frame.ctes[name.lower()] = relation
    with_.set("recursive", None)


def _values(state: State, node: exp.Expression, outer: Frame | None) -> QueryResult:
    only_arguments(node, "expressions", "alias")
    context = Context(state, Frame(outer=outer), aliases=False)
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise Refusal("parse", "VALUES 的各行列数不同")
    columns = [[read(part, context) for part in parts] for parts in zip(*rows, strict=True)]
    facts = [replace(combine(parts, parts[0].kind), constant=False, flag=False) for parts in columns]
    for fact in facts:
        no_identifier(fact, context, "写进 VALUES")
    return QueryResult([f"col{index}" for index in range(len(facts))], facts, Level.PUBLIC, 0, len(rows) == 1)


# --- set operations ---


def _set_operation(state: State, node: exp.Expression, outer: Frame | None) -> QueryResult:
    only_arguments(node, *_SET)
    frame = Frame(outer=outer)
    _ctes(state, node, frame)
    left = read_query(state, node.this, frame)
    right = read_query(state, node.expression, frame)
    context = Context(state, frame, aliases=False)
    if node.args.get("by_name"):
        left, right = _by_name(left, right)
    if len(left.facts) != len(right.facts):
        raise Refusal("parse", "集合运算两边的列数不同")
    facts = [_paired(a, b, context) for a, b in zip(left.facts, right.facts, strict=True)]
    level = max(left.level, right.level)
    merging = not isinstance(node, exp.Union) or bool(node.args.get("distinct", True))
    if merging and level == Level.SUBJECT and not _keyed(facts):
        level = Level.GROUP
        facts = [replace(fact, subject=False) for fact in facts]
    weight = max(left.weight, right.weight)
    result = QueryResult(left.names, facts, level, weight, key_facts=left.key_facts + right.key_facts)
    return _tail(state, node, result, context)


def _by_name(left: QueryResult, right: QueryResult) -> tuple[QueryResult, QueryResult]:
    names = list(left.names)
    names += [name for name in right.names if name.lower() not in {known.lower() for known in names}]

    def ordered(result: QueryResult) -> QueryResult:
        facts = {name.lower(): fact for name, fact in zip(result.names, result.facts, strict=True)}
        aligned = [facts.get(name.lower(), Fact(constant=True)) for name in names]
        return QueryResult(names, aligned, result.level, result.weight, key_facts=result.key_facts)

    return ordered(left), ordered(right)


def _paired(left: Fact, right: Fact, context: Context) -> Fact:
    fact = combine((left, right), left.kind if left.kind == right.kind else "")
    if fact.grade >= 4:
        if left.pseudonym and right.pseudonym:
            return replace(fact, pseudonym=True)
        if left.bare is None or right.bare is None:
            context.state.refuse("identifier", "标识字段只能与另一张授权表的字段作集合运算")
        return replace(fact, bare=left.bare)
    measure = left.measure if left.measure is not None and left.measure.var else right.measure
    counted = measure if measure is not None and measure.var else None
    return replace(
        fact, constant=False, flag=False, bare=left.bare and right.bare and left.bare, measure=counted
    )


# --- ORDER BY, LIMIT and OFFSET ---


def _tail(state: State, node: exp.Expression, result: QueryResult, context: Context) -> QueryResult:
    """ORDER BY of a whole set operation or sub-query, and its LIMIT."""
    order = node.args.get("order")
    if order is not None:
        _order_outputs(order, result, context)
    return _limited(state, node, result)


def _order_outputs(order: exp.Expression, result: QueryResult, context: Context) -> None:
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


def _at(facts: list[Fact], literal: exp.Expression) -> Fact:
    if not literal.name.isdigit() or not 1 <= int(literal.name) <= len(facts):
        raise Refusal("parse", "按位置的引用超出了输出的列数")
    return facts[int(literal.name) - 1]


def _limited(state: State, node: exp.Expression, result: QueryResult) -> QueryResult:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    rows = _limit_rows(limit)
    skipped = _constant(offset.expression) if offset is not None else 0
    if offset is not None:
        only_arguments(offset, "expression")
    few = rows is not None and 0 < rows < state.grant.threshold
    if result.level == Level.SUBJECT and not result.single and (few or skipped):
        state.refuse("singling_out", "LIMIT 或 OFFSET 只留下少数主体的行")
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


# --- SELECT ---


def _select(state: State, node: exp.Select, outer: Frame | None, exists: bool) -> QueryResult:
    only_arguments(node, *_SELECT)
    state.frames += 1
    frame = Frame(outer=outer, number=state.frames, negated=exists)
    _ctes(state, node, frame)
    ties = read_from(node, frame, state)
    for window in node.args.get("windows") or []:
        frame.windows[window.name.lower()] = window
    items = read_items(node, frame, state)
    context = Context(state, frame)
    _conditions(node, context, ties)
    weight = free_weight(frame, ties)
    if weight > MAX_FREE_TABLES:
        state.refuse("too_large", "三张以上的原始表之间没有连接条件")
    read_sample(node.args.get("sample"), frame.input_level, state)
    frame.aggregated = _aggregates(node)
    frame.result_level = frame.input_level
    keys, key_facts = _group(node, items, context)
    if frame.aggregated:
        frame.result_level = _grouped_level(frame, key_facts)
    for window in frame.windows.values():
        window_parts(window, context)
    facts = [_item(item, context) for item in items]
    for clause in ("having", "qualify"):
        part = node.args.get(clause)
        if part is not None:
            fact = read(part.this, context)
            no_identifier(fact, context, "直接作条件")
            ask(fact, context)
    level = frame.result_level
    level, facts = _distinct(node, level, facts, context)
    _order(node, items, facts, context)
    single = (frame.aggregated and not keys) or (node.args.get("from_") is None)
    kept = [
        replace(fact, subject=level == Level.SUBJECT and bool(fact.sources), outer=False) for fact in facts
    ]
    result = QueryResult(
        [item.name for item in items],
        kept,
        level,
        _weight_after(frame, level, weight),
        single,
        frame.correlated,
        key_facts if frame.aggregated and level == Level.GROUP else [],
    )
    return _limited(state, node, result)


def _weight_after(frame: Frame, level: Level, weight: int) -> int:
    if not frame.aggregated:
        return weight
    return 1 if level == Level.SUBJECT else 0


def _conditions(node: exp.Select, context: Context, ties: Ties) -> None:
    where = node.args.get("where")
    if where is None:
        return
    fact = read(where.this, context)
    no_identifier(fact, context, "直接作条件")
    ask(fact, context)
    tie_condition(where.this, ties)


def _item(item: Item, context: Context) -> Fact:
    alias = context.frame.aliases.get(item.name.lower()) if item.named else None
    if alias is not None and alias.node is item.holder:
        if alias.fact is None:
            alias.busy = True
            alias.fact = read(item.holder.this, context)
            alias.busy = False
        return alias.fact
    return read(item.holder.this, context)


def _aggregates(node: exp.Select) -> bool:
    """Whether rows are merged here: GROUP BY, HAVING, or an aggregate that is no window."""
    if node.args.get("group") is not None or node.args.get("having") is not None:
        return True
    roots = [*node.expressions]
    roots += [node.args[key] for key in ("qualify", "order") if node.args.get(key) is not None]
    return any(_holds_aggregate(root) for root in roots)


def _holds_aggregate(root: exp.Expression) -> bool:
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


def _grouped_level(frame: Frame, keys: list[Fact]) -> Level:
    if frame.input_level != Level.SUBJECT:
        return frame.input_level
    return Level.SUBJECT if _keyed(keys) or frame.keyed else Level.GROUP


def _keyed(facts: list[Fact]) -> bool:
    return any(fact.grade >= 4 or fact.unique for fact in facts)


# --- GROUP BY ---


def _group(node: exp.Select, items: list[Item], context: Context) -> tuple[int, list[Fact]]:
    """Facts of the group keys, and how many there are."""
    group = node.args.get("group")
    if group is None:
        return 0, []
    only_arguments(group, "expressions", "all", "grouping_sets", "cube", "rollup")
    facts: list[Fact] = []
    if group.args.get("all"):
        facts += [_item(item, context) for item in items if not _holds_aggregate(item.holder)]
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
        return [_item(items[int(inner.name) - 1], context)]
    if isinstance(inner, exp.Column) and not inner.table and top:
        alias = context.frame.aliases.get(inner.name.lower())
        if alias is not None and not _is_column(inner, context.frame):
            item = items[alias.index - 1]
            key.replace(exp.Literal.number(alias.index))
            return [_item(item, context)]
    return [read(key, context)]


def _is_column(node: exp.Column, frame: Frame) -> bool:
    return any(node.name.lower() in relation.columns for relation in frame.relations)


# --- DISTINCT and ORDER BY ---


def _distinct(
    node: exp.Select, level: Level, facts: list[Fact], context: Context
) -> tuple[Level, list[Fact]]:
    distinct = node.args.get("distinct")
    if distinct is None:
        return level, facts
    only_arguments(distinct, "on")
    on = distinct.args.get("on")
    if on is not None:
        keys = [read(part, context) for part in (on.expressions if isinstance(on, exp.Tuple) else [on])]
        if level == Level.SUBJECT and not _keyed(keys):
            context.state.refuse("singling_out", "DISTINCT ON 每组只留下一个主体的行")
        return level, facts
    if level == Level.SUBJECT and not _keyed(facts):
        return Level.GROUP, [replace(fact, subject=False) for fact in facts]
    return level, facts


def _order(node: exp.Select, items: list[Item], facts: list[Fact], context: Context) -> None:
    order = node.args.get("order")
    if order is None:
        return
    only_arguments(order, "expressions")
    for item in order.expressions:
        only_arguments(item, "this", "desc", "nulls_first")
        for fact in _ordered(item, items, facts, context):
            no_identifier(fact, context, "用来排序")


def _ordered(item: exp.Expression, items: list[Item], facts: list[Fact], context: Context) -> list[Fact]:
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
