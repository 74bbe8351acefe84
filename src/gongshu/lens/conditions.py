"""Reading comparisons and logic (design section 7: comparison with a constant, of two columns, IS NULL)."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.facts import Fact, Level, combine
from gongshu.lens.nested import subquery
from gongshu.lens.reading import Context, has_limit, no_identifier, only_arguments, read, reads
from gongshu.lens.verdict import Refusal

_EQUALITIES = frozenset({"eq", "neq", "nullsafeeq", "nullsafeneq"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)


@reads(*_COMPARISONS)
def _comparison(node: exp.Expression, context: Context) -> Fact:
    left, right = node.this, node.expression
    if isinstance(right, exp.Any) and isinstance(node, exp.EQ):
        return _any(node, right, context)
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return compare_rows(left, [read(part, context) for part in right.expressions], node.key, context)
    return compare(read(left, context), read(right, context), node.key, context)


def _any(node: exp.Expression, any_: exp.Any, context: Context) -> Fact:
    """`x = ANY (query)` is read and written as `x IN (query)`."""
    query = any_.this.unnest()
    if not isinstance(query, exp.Query):
        raise Refusal("function", "ANY 后面只能是子查询")
    inside = exp.In(
        this=node.this, query=query if isinstance(query, exp.Subquery) else query.subquery(copy=False)
    )
    node.replace(inside)
    return read(inside, context)


def compare_rows(left: exp.Expression | None, right: list[Fact], how: str, context: Context) -> Fact:
    """`(a, b) = (c, d)` and `(a, b) IN (query)`: part by part."""
    inner = left.this if isinstance(left, exp.Paren) and isinstance(left.this, exp.Tuple) else left
    parts = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
    facts = [read(part, context) for part in parts]
    if len(facts) != len(right):
        raise Refusal("parse", "比较两边的列数不同")
    return combine([compare(a, b, how, context) for a, b in zip(facts, right, strict=True)], "boolean")


def compare(left: Fact, right: Fact, how: str, context: Context) -> Fact:
    """The fact of a comparison; L4 only as `=` or `<>` between two columns of granted tables."""
    fact = combine((left, right), "boolean")
    if fact.grade >= 4:
        _compare_identifiers(left, right, how, context)
        return replace(fact, grade=2, raw=False, flag=True, unique=False)
    _mixed_kinds(left, right, context)
    _against_copy(left, right, context)
    by_constant = left.constant or right.constant
    measure = counts.compose(counts.COMPARISONS[how], left.measure, right.measure)
    if measure is None or measure.var is None:
        _hidden_constant(left, right, context)
    return replace(
        fact,
        raw=fact.raw and not by_constant,
        flag=True,
        measure=measure,
        tests=(measure,) if measure is not None and measure.var is not None else fact.tests,
    )


def _against_copy(left: Fact, right: Fact, context: Context) -> None:
    """A subject's value against the extreme of all: the condition finds whose value it is."""
    for one, other in ((left, right), (right, left)):
        if one.copied and other.subject and not other.copied:
            context.state.refuse("singling_out", "条件找的是取到最大、最小等取值的那个主体")


_NOT_TEXT = frozenset({"integer", "decimal", "float", "date", "timestamp", "time", "interval", "boolean"})


def _mixed_kinds(left: Fact, right: Fact, context: Context) -> None:
    """Text against a number or a date: the engine would convert every text, and fail on some."""
    for one, other in ((left, right), (right, left)):
        if one.kind == "text" and not one.constant and one.subject and other.kind in _NOT_TEXT:
            context.state.refuse("error_oracle", "文字与数字或日期比较会逐行转换而出错，出错与否会泄露数据")


def _hidden_constant(left: Fact, right: Fact, context: Context) -> None:
    """A count, converted or not, against a value that is a constant or only looks like a column."""
    for one, other in ((left, right), (right, left)):
        place = one.measure is not None and one.measure.place
        if one.counted and not other.counted and (place or not other.sources):
            context.state.refuse("singling_out", "人数或行号只能直接与写明的常量比较")


def _compare_identifiers(left: Fact, right: Fact, how: str, context: Context) -> None:
    frame = context.frame
    if how not in _EQUALITIES or left.bare is None or right.bare is None:
        context.state.refuse("identifier", "标识字段只能与另一张授权表的字段作等于或不等于比较")
    if left.outer or right.outer:
        frame.keyed = True
    if how in ("neq", "nullsafeneq") and left.bare == right.bare and frame.negated:
        context.state.refuse("singling_out", "条件找的是与众不同的单个主体")


@reads(exp.And, exp.Or)
def _logic(node: exp.Expression, context: Context) -> Fact:
    facts = [read(part, context) for part in list(node.flatten(unnest=False))]
    for fact in facts:
        no_identifier(fact, context, "直接作条件")
    conjunction = isinstance(node, exp.And)
    join = counts.both if conjunction else counts.either
    decide = all if conjunction else any
    return replace(
        combine(facts, "boolean"),
        flag=True,
        tests=reduce(join, [fact.tests for fact in facts]),
        measure=counts.compose(
            lambda *values: decide(value is True for value in values), *(fact.measure for fact in facts)
        ),
    )


@reads(exp.Not)
def _not(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.this, context)
    _rest_of_limit(node.this.unnest(), context)
    no_identifier(fact, context, "直接作条件")
    measure = counts.compose(lambda a: a is False, fact.measure)
    return replace(fact, bare=None, tests=counts.opposite(fact.tests), measure=measure)


def _rest_of_limit(node: exp.Expression, context: Context) -> None:
    """NOT IN and NOT EXISTS over a query with LIMIT keep what LIMIT left over, perhaps one subject."""
    query = (
        node.args.get("query") if isinstance(node, exp.In) else node if isinstance(node, exp.Exists) else None
    )
    if query is not None and context.frame.input_level == Level.SUBJECT and has_limit(query):
        context.state.refuse("singling_out", "NOT IN 或 NOT EXISTS 留下 LIMIT 之外的少数主体")


@reads(exp.Is)
def _is(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.this, context)
    other = node.expression
    if isinstance(other, exp.Null):
        thin = counts.compose(lambda n: n < 2, fact.thin) or counts.vanishes(fact.measure)
        return Fact(
            sources=fact.sources,
            subject=fact.subject,
            outer=fact.outer,
            copied=fact.copied,
            constant=fact.constant,
            flag=True,
            kind="boolean",
            tests=(thin,) if thin is not None else (),
            measure=thin,
        )
    if not isinstance(other, exp.Boolean):
        raise Refusal("function", "IS 后面只能是 NULL、TRUE 或 FALSE")
    no_identifier(fact, context, "与常量比较")
    tests = fact.tests if other.this else counts.opposite(fact.tests)
    return replace(fact, bare=None, raw=False, flag=True, tests=tests, kind="boolean", measure=None)


@reads(exp.Between)
def _between(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "low", "high")
    facts = [read(node.args.get(part), context) for part in ("this", "low", "high")]
    fact = combine(facts, "boolean")
    no_identifier(fact, context, "与范围比较")
    for bound in facts[1:]:
        _mixed_kinds(facts[0], bound, context)
    measure = counts.compose(lambda x, low, high: low <= x <= high, *(part.measure for part in facts))
    if measure is None or measure.var is None:
        _hidden_constant(facts[0], facts[1], context)
        _hidden_constant(facts[0], facts[2], context)
    banded = facts[1].constant and facts[2].constant
    return replace(
        fact,
        raw=fact.raw and not banded,
        flag=True,
        measure=measure,
        tests=(measure,) if measure is not None and measure.var is not None else fact.tests,
    )


@reads(exp.In)
def _in(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "expressions", "query")
    query = node.args.get("query")
    if query is not None:
        result = subquery(query, context)
        fact = compare_rows(node.this, result.facts, "eq", context)
        return replace(fact, flag=True, measure=None)
    if isinstance(node.this, exp.Tuple):
        rows = [[read(part, context) for part in row.expressions] for row in node.expressions]
        facts = [compare_rows(node.this.copy(), row, "eq", context) for row in rows]
        compare_rows(node.this, rows[0], "eq", context)
        return combine(facts, "boolean")
    left = read(node.this, context)
    parts = [compare(left, read(item, context), "eq", context) for item in node.expressions]
    fact = replace(combine(parts, "boolean"), flag=True)
    tests = parts[0].tests if parts else ()
    for part in parts[1:]:
        tests = counts.either(tests, part.tests)
    return replace(fact, tests=tests, measure=tests[0] if len(tests) == 1 else None)


@reads(exp.Like, exp.ILike, exp.SimilarTo, exp.Glob, exp.RegexpLike)
def _like(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "expression", "negate")
    left, right = read(node.this, context), read(node.expression, context)
    fact = combine((left, right), "boolean")
    no_identifier(fact, context, "作模式匹配")
    return replace(fact, raw=fact.raw and not right.constant, flag=True)


@reads(exp.Escape)
def _escape(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.this, context)
    if not read(node.expression, context).constant:
        raise Refusal("function", "ESCAPE 后面只能是常量")
    return fact
