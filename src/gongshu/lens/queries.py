"""Reading a whole query: SELECT, set operations, CTEs, VALUES."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens import arithmetic, calls, choices, conditions, names, nested
from gongshu.lens.clauses import (
    distinct_rows,
    group_keys,
    grouped_level,
    item_fact,
    keyed,
    limited,
    merges_rows,
    order_rows,
    tail,
)
from gongshu.lens.facts import Fact, Level, combine
from gongshu.lens.frames import Frame, Relation
from gongshu.lens.items import read_items
from gongshu.lens.pivots import unfold_statement
from gongshu.lens.reading import Context, ask, has_limit, no_identifier, only_arguments, read
from gongshu.lens.recursion import MAX_STEPS, recursive, steps
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
from gongshu.lens.windows import window_parts

READERS_OF = (arithmetic, calls, choices, conditions, names, nested)
"""The modules whose import fills the table of readers."""

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
        return tail(state, node, result, Context(state, frame))
    if isinstance(node, exp.Pivot):
        plain = unfold_statement(node, state, outer or Frame())
        node.replace(plain)
        return read_query(state, plain, outer)
    if isinstance(node, exp.Values):
        return _values(state, node, outer)
    raise Refusal("statement", f"只接受查询，不接受 {type(node).__name__}")


# --- WITH and VALUES ---


def _ctes(state: State, node: exp.Expression, frame: Frame) -> None:
    with_ = node.args.get("with_")
    if with_ is None:
        return
    only_arguments(with_, "expressions", "recursive")
    loops = False
    for cte in with_.expressions:
        only_arguments(cte, "this", "alias", "materialized")
        name = cte.alias
        if with_.args.get("recursive") and recursive(cte):
            loops = True
            relation = _recursive(state, cte, frame)
        else:
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
    with_.set("recursive", loops or None)


def _recursive(state: State, cte: exp.CTE, frame: Frame) -> Relation:
    """A recursive CTE is read only when its text says that it ends, and soon."""
    rounds = steps(cte)
    if rounds is None or rounds > MAX_STEPS:
        raise Refusal("too_large", "递归查询没有写明不大的终点")
    start = read_query(state, cte.this.this, frame)
    facts = [replace(fact, constant=False, flag=False, measure=None, value=None) for fact in start.facts]
    columns = cte.args["alias"].args.get("columns")
    names = [column.name for column in columns] if columns else start.names
    if len(names) != len(facts):
        raise Refusal("column", f"“{cte.alias}”的字段改名与字段数不符")
    inner = Frame(outer=frame)
    inner.ctes[cte.alias.lower()] = relation_of(cte.alias, replace(start, names=names, facts=facts))
    again = read_query(state, cte.this.expression, inner)
    if again.level != start.level or any(fact.sources or fact.outer for fact in again.facts):
        raise Refusal("too_large", "递归查询的每一步只能由上一步的数算出")
    return relation_of(cte.alias, replace(start, facts=facts, single=False))


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
    if isinstance(node, exp.Except) and level == Level.SUBJECT and has_limit(node.expression):
        state.refuse("singling_out", "EXCEPT 留下 LIMIT 之外的少数主体")
    merging = not isinstance(node, exp.Union) or bool(node.args.get("distinct", True))
    if merging and level == Level.SUBJECT and not keyed(facts):
        level = Level.GROUP
        facts = [replace(fact, subject=False) for fact in facts]
    weight = max(left.weight, right.weight)
    result = QueryResult(left.names, facts, level, weight, key_facts=left.key_facts + right.key_facts)
    return tail(state, node, result, context)


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
    frame.aggregated = merges_rows(node)
    _conditions(node, Context(state, frame), ties)
    context = Context(state, frame, rows=not frame.aggregated)
    weight = free_weight(frame, ties)
    if weight > MAX_FREE_TABLES:
        state.refuse("too_large", "三张以上的原始表之间没有连接条件")
    read_sample(node.args.get("sample"), frame.input_level, state)
    frame.result_level = frame.input_level
    keys, key_facts = group_keys(node, items, context)
    if frame.aggregated:
        frame.result_level = grouped_level(frame, key_facts)
    for window in frame.windows.values():
        window_parts(window, context)
    facts = [item_fact(item, context) for item in items]
    for clause in ("having", "qualify"):
        part = node.args.get(clause)
        if part is not None:
            fact = read(part.this, context)
            no_identifier(fact, context, "直接作条件")
            ask(fact, context)
    level = frame.result_level
    level, facts = distinct_rows(node, level, facts, context)
    few_first = order_rows(node, facts, context)
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
    return limited(state, node, result, few_first)


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
