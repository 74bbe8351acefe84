"""Reading an expression: what it may hold, and what is refused on the way.

`read` gives the `Fact` of a node and rewrites the node in place: every column is qualified and quoted, every
use of an alias is replaced by what the alias stands for. A node type without a reader is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.facts import CONSTANT, Fact, Level, Measure, Number, combine, kind_of
from gongshu.lens.frames import Frame, find
from gongshu.lens.state import QueryResult, State
from gongshu.lens.verdict import Refusal


@dataclass(slots=True)
class Context:
    """Where an expression stands. `aliases`: names of the SELECT list may be used."""

    state: State
    frame: Frame
    aliases: bool = True


Reader = Callable[[exp.Expression, Context], Fact]
READERS: dict[type[exp.Expression], Reader] = {}


def reads(*types: type[exp.Expression]) -> Callable[[Reader], Reader]:
    """Register the reader of node types."""

    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(types, reader))
        return reader

    return register


def read(node: exp.Expression | None, context: Context) -> Fact:
    """The fact of `node`. Raises `Refusal` for what is not on the list of node types."""
    reader = READERS.get(type(node)) if node is not None else None
    if node is None or reader is None:
        raise Refusal("function", f"不允许的写法 {type(node).__name__}")
    return reader(node, context)


def ask(fact: Fact, context: Context) -> None:
    """Judge a condition that keeps rows: it may not be aimed at small groups."""
    if counts.aims_at_few(fact.tests or counts.truth(fact), context.state.grant.threshold):
        context.state.refuse("singling_out", "条件只留下人数很少的组或少数几行")


def no_identifier(fact: Fact, context: Context, what: str) -> None:
    if fact.grade >= 4:
        context.state.refuse("identifier", f"标识字段（L4 或未定级）不能{what}")


def only_arguments(node: exp.Expression, *allowed: str) -> None:
    """Refuse parts of a node that nobody here reads."""
    for key, value in node.args.items():
        if key not in allowed and value not in (None, False, []):
            raise Refusal("statement", f"不允许的写法 {type(node).__name__}.{key}")


# --- names and constants ---


@reads(exp.Column)
def _column(node: exp.Expression, context: Context) -> Fact:
    if not isinstance(node.this, exp.Identifier):
        raise Refusal("column", "这里不能用 *")
    if node.args.get("catalog") or (node.args.get("db") and node.text("db").lower() != "main"):
        raise Refusal("column", f"没有字段“{node.text('table')}.{node.name}”，或它不在授权范围内")
    found = find(context.frame, node.name, node.text("table"), context.aliases)
    if found.alias is not None:
        return _alias(node, found.frame, context)
    relation, column = found.relation, found.column
    if relation is None or column is None:
        raise Refusal("column", "字段读不懂")
    for owner in found.frame.merged[column.name.lower()] if found.merged else [relation]:
        use(owner, column.name, context.state)
    node.set("this", exp.to_identifier(column.name, quoted=True))
    node.set("table", None if found.merged else exp.to_identifier(relation.name, quoted=True))
    node.set("db", None)
    if found.frame is context.frame:
        return column.fact
    at: Frame | None = context.frame
    while at is not None and at is not found.frame:
        at.correlated = True
        at = at.outer
    return replace(column.fact, outer=True)


def use(relation: object, name: str, state: State) -> None:
    """Note that a column of a granted table is read through this relation."""
    table = getattr(relation, "table", None)
    if table is not None:
        relation.used.add(name.lower())  # type: ignore[attr-defined]
        state.reads[table.name].add(table.columns[name.lower()].name)


def _alias(node: exp.Expression, frame: Frame, context: Context) -> Fact:
    alias = frame.aliases[node.name.lower()]
    if alias.busy:
        raise Refusal("column", f"别名“{node.name}”引用了它自己")
    if alias.fact is None:
        alias.busy = True
        alias.fact = read(alias.node.this, Context(context.state, frame))
        alias.busy = False
    copy = alias.node.this.copy()
    context.state.spend(sum(1 for _ in copy.walk()))
    node.replace(exp.Paren(this=copy))
    return alias.fact


@reads(exp.Literal)
def _literal(node: exp.Expression, context: Context) -> Fact:
    if node.is_string:
        return Fact(
            constant=True, flag=True, kind="text", measure=counts.constant(node.name), value=node.name
        )
    value = _number(node.name)
    kind = "integer" if isinstance(value, int) else "decimal"
    return Fact(constant=True, flag=True, kind=kind, measure=counts.constant(value), value=value)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError as error:
            raise Refusal("parse", "数字读不懂") from error


@reads(exp.RawString)
def _raw_string(node: exp.Expression, context: Context) -> Fact:
    text = str(node.this)
    node.replace(exp.Literal.string(text))
    return Fact(constant=True, flag=True, kind="text", measure=counts.constant(text), value=text)


@reads(exp.Boolean)
def _boolean(node: exp.Expression, context: Context) -> Fact:
    return Fact(constant=True, flag=True, kind="boolean", measure=counts.constant(bool(node.this)))


@reads(exp.Null)
def _null(node: exp.Expression, context: Context) -> Fact:
    return CONSTANT


@reads(exp.CurrentDate, exp.CurrentTimestamp)
def _now(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node)
    return Fact(constant=True, kind="date" if isinstance(node, exp.CurrentDate) else "timestamp")


@reads(exp.Interval)
def _interval(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "unit")
    fact = read(node.this, context)
    no_identifier(fact, context, "参与运算")
    return replace(fact, bare=None, measure=None, kind="interval")


@reads(exp.Paren)
def _paren(node: exp.Expression, context: Context) -> Fact:
    return read(node.this, context)


# --- comparison and logic ---

_EQUALITIES = frozenset({"eq", "neq", "nullsafeeq", "nullsafeneq"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)


@reads(*_COMPARISONS)
def _comparison(node: exp.Expression, context: Context) -> Fact:
    left, right = node.this, node.expression
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return compare_rows(left, [read(part, context) for part in right.expressions], node.key, context)
    return compare(read(left, context), read(right, context), node.key, context)


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
    left, right = read(node.this, context), read(node.expression, context)
    for fact in (left, right):
        no_identifier(fact, context, "直接作条件")
    conjunction = isinstance(node, exp.And)
    join = counts.both if conjunction else counts.either
    operation = (
        (lambda a, b: a is True and b is True) if conjunction else (lambda a, b: a is True or b is True)
    )
    return replace(
        combine((left, right), "boolean"),
        flag=True,
        tests=join(left.tests, right.tests),
        measure=counts.compose(operation, left.measure, right.measure),
    )


@reads(exp.Not)
def _not(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.this, context)
    no_identifier(fact, context, "直接作条件")
    measure = counts.compose(lambda a: a is False, fact.measure)
    return replace(fact, bare=None, tests=counts.opposite(fact.tests), measure=measure)


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
    only_arguments(node, "this", "expression")
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


# --- choices ---


@reads(exp.Case)
def _case(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "ifs", "default")
    subject = read(node.this, context) if node.this is not None else None
    branches = []
    for branch in node.args["ifs"]:
        condition = read(branch.this, context)
        if subject is not None:
            condition = compare(subject, condition, "eq", context)
        branches.append((condition, read(branch.args["true"], context)))
    default = node.args.get("default")
    return _choice(branches, read(default, context) if default is not None else CONSTANT, context)


@reads(exp.If)
def _if(node: exp.Expression, context: Context) -> Fact:
    default = node.args.get("false")
    branch = (read(node.this, context), read(node.args["true"], context))
    return _choice([branch], read(default, context) if default is not None else CONSTANT, context)


def _choice(branches: list[tuple[Fact, Fact]], default: Fact, context: Context) -> Fact:
    """CASE: conditions must not point a value at small groups; a NULL or a constant for them is fine."""
    few: tuple[Measure, ...] = ()
    mixed = False
    for condition, result in branches:
        mixed = mixed or _tells_more(condition)
        if _says_something(result, mixed):
            ask(replace(condition, tests=counts.both(few, condition.tests)), context)
        few = counts.both(few, counts.opposite(condition.tests))
    if _says_something(default, mixed):
        ask(replace(default, tests=few, measure=None), context)
    results = [result for _, result in branches] + [default]
    fact = combine([condition for condition, _ in branches] + results)
    no_identifier(fact, context, "放进 CASE")
    return replace(
        fact,
        constant=False,
        flag=all(result.flag for result in results),
        tests=(),
        kind=next((result.kind for result in results if result.kind), ""),
        measure=counts.choose(
            [(c.measure, r.measure) for c, r in branches], default.measure or counts.constant(None)
        ),
    )


def _tells_more(condition: Fact) -> bool:
    """Whether a condition about counts also asks for something else of the same few."""
    return bool(condition.tests) and not condition.counted and condition.grade >= 2


def _says_something(result: Fact, mixed: bool) -> bool:
    """Whether a branch says something of the few it is chosen for: a value, or a mark for more than size."""
    return not result.constant or (mixed and result is not CONSTANT)


@reads(exp.Coalesce)
def _coalesce(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "expressions", "is_nvl", "is_null")
    facts = [read(part, context) for part in (node.this, *node.expressions)]
    fact = combine(facts, facts[0].kind)
    no_identifier(fact, context, "参与运算")
    rest_constant = all(part.constant for part in facts[1:])
    return replace(fact, measure=facts[0].measure if rest_constant else None)


# --- casts ---

_CAST_ORDER = ("boolean", "integer", "decimal", "float")
_DATES = ("date", "timestamp", "time")
_SAFE_CASTS = frozenset(
    {("date", "timestamp"), ("timestamp", "date"), ("timestamp", "time"), ("date", "date"), ("time", "time")}
)


@reads(exp.Cast, exp.TryCast)
def _cast(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "to", "safe")
    target = node.args["to"]
    name = target.sql(dialect="duckdb")
    kind = kind_of(name)
    if kind in ("", "list", "other") or target.args.get("nested"):
        raise Refusal("function", "只能转换为数字、文字、真假、日期和时间类型")
    fact = read(node.this, context)
    no_identifier(fact, context, "转换类型")
    if type(node) is exp.Cast and _may_fail(fact, kind, node, context):
        node.replace(exp.TryCast(this=node.this, to=target))
    measure = fact.measure if kind in _CAST_ORDER else None
    if kind == "text" and fact.kind == "integer":
        measure = counts.compose(str, fact.measure)
    return replace(fact, bare=None, kind=kind, measure=measure, size=None, thin=None)


def _may_fail(fact: Fact, kind: str, node: exp.Expression, context: Context) -> bool:
    """Whether to rewrite a strict cast as TRY_CAST; refuses casts whose failure would tell something."""
    if kind == "text" or (fact.kind, kind) in _SAFE_CASTS:
        return False
    if fact.constant:
        if isinstance(fact.value, str) and not _readable(fact.value, kind):
            context.state.refuse("error_oracle", "常量转换一定会出错，出错与否会泄露条件的真假")
        return False
    if fact.subject and (fact.kind == "text" or (fact.flag and fact.kind not in _CAST_ORDER)):
        context.state.refuse("error_oracle", "文字转换为其他类型可能出错，出错与否会泄露数据")
        return False
    if fact.kind == "boolean" or (fact.kind in _CAST_ORDER and kind in ("float", "boolean")):
        return False
    return fact.subject


def _readable(text: str, kind: str) -> bool:
    try:
        if kind in ("integer", "float", "decimal"):
            float(text)
        elif kind == "date":
            date.fromisoformat(text.strip()[:10])
        elif kind == "timestamp":
            datetime.fromisoformat(text.strip())
        elif kind == "boolean":
            return text.strip().lower() in ("true", "false", "t", "f", "1", "0", "yes", "no")
    except ValueError:
        return False
    return True


# --- arithmetic and other row-wise operators ---

_DIVISIONS = ("div", "intdiv", "mod")
_BIG = 2**31
_HUGE = 1e15
_DATE_KINDS = frozenset({"date", "timestamp", "time", "interval"})


@reads(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow)
def _arithmetic(node: exp.Expression, context: Context) -> Fact:
    left, right = read(node.this, context), read(node.expression, context)
    fact = combine((left, right), _arithmetic_kind(left, right, node.key))
    no_identifier(fact, context, "参与运算")
    _weighing(left, right, context)
    if node.key in _DIVISIONS:
        _division(node.expression, right, context)
    if any(_oversized(part, node.key) for part in (left, right)):
        context.state.refuse("error_oracle", "过大的常量会使运算溢出，出错与否会泄露数据")
    operation = counts.ARITHMETIC.get(node.key)
    measure = counts.compose(operation, left.measure, right.measure) if operation else None
    if node.key == "intdiv" and left.raw and _wide(right):
        fact = replace(fact, raw=False)
    elif fact.subject and node.key in ("add", "sub", "mul") and _can_overflow(left, right, fact):
        guard(node)
    counted = fact.counted and not (node.key == "div" and left.counted and right.counted)
    if node.key in ("add", "sub"):
        counted = left.counted or right.counted
    return replace(fact, measure=measure, counted=counted)


def _oversized(fact: Fact, key: str) -> bool:
    """A constant that can push a sum past its type, or a power past every number."""
    if not isinstance(fact.value, int | float):
        return False
    limit = 64 if key == "pow" else _BIG if isinstance(fact.value, int) else _HUGE
    return abs(fact.value) >= limit


def _can_overflow(left: Fact, right: Fact, fact: Fact) -> bool:
    if fact.kind in _DATE_KINDS:
        return not (left.constant or right.constant)
    return fact.kind != "float"


def _arithmetic_kind(left: Fact, right: Fact, key: str) -> str:
    if key in ("div", "pow"):
        return "float"
    kinds = {left.kind, right.kind}
    dates = kinds & _DATE_KINDS
    if dates:
        return next(iter(dates - {"interval"}), "interval")
    return next((kind for kind in ("float", "decimal", "integer") if kind in kinds and "" not in kinds), "")


def _wide(fact: Fact) -> bool:
    return fact.constant and isinstance(fact.value, int | float) and abs(fact.value) >= 2


def _weighing(left: Fact, right: Fact, context: Context) -> None:
    for one, other in ((left, right), (right, left)):
        if one.flag and not other.flag:
            ask(replace(one, tests=counts.truth(one), measure=None), context)


def _division(node: exp.Expression, divisor: Fact, context: Context) -> None:
    zero = divisor.constant and divisor.value == 0
    inner = node.unnest()
    while isinstance(inner, exp.Try):
        inner = inner.this.unnest()
    shifted = isinstance(inner, exp.Add | exp.Sub) and divisor.subject and inner.find(exp.Literal) is not None
    if zero or (divisor.flag and not divisor.constant) or shifted:
        context.state.refuse("error_oracle", "除数可以被做成零，出错与否会泄露数据")


def guard(node: exp.Expression) -> None:
    """Put a row-wise computation that could overflow inside TRY, which gives NULL instead of failing."""
    if node.find(exp.Subquery, exp.Window, exp.Select) is not None:
        return
    for inner in list(node.find_all(exp.Try)):
        if inner is not node and isinstance(inner.this, exp.Add | exp.Sub | exp.Mul):
            inner.replace(exp.Paren(this=inner.this))
    hole = exp.Null()
    node.replace(hole)
    hole.replace(exp.Try(this=node))


@reads(exp.Try)
def _try(node: exp.Expression, context: Context) -> Fact:
    return replace(read(node.this, context), bare=None)


@reads(exp.Neg)
def _negative(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.this, context)
    no_identifier(fact, context, "参与运算")
    value: Number = -fact.value if isinstance(fact.value, int | float) else None
    return replace(fact, bare=None, value=value, measure=counts.compose(lambda x: -x, fact.measure), tests=())


@reads(
    exp.DPipe,
    exp.BitwiseAnd,
    exp.BitwiseOr,
    exp.BitwiseXor,
    exp.BitwiseLeftShift,
    exp.BitwiseRightShift,
    exp.BitwiseNot,
    exp.Substring,
    exp.Trim,
    exp.StrPosition,
    exp.Array,
    exp.Tuple,
    exp.Struct,
    exp.PropertyEQ,
    exp.Bracket,
    exp.Slice,
    exp.AtTimeZone,
    exp.Collate,
)
def _rowwise(node: exp.Expression, context: Context) -> Fact:
    facts = [
        read(child, context)
        for child in node.iter_expressions()
        if not isinstance(child, exp.Var | exp.Identifier)
        and not (isinstance(node, exp.PropertyEQ) and child is node.this)
    ]
    fact = combine(facts)
    no_identifier(fact, context, "被拆分、拼接或运算")
    for one in facts:
        if one.flag and not fact.flag:
            ask(replace(one, tests=counts.truth(one), measure=None), context)
    if isinstance(node, exp.BitwiseLeftShift):
        if any(one.flag and not one.constant for one in facts):
            context.state.refuse("error_oracle", "移位可以被做成溢出，出错与否会泄露数据")
        elif fact.subject:
            guard(node)
    return fact


# --- sub-queries ---


def subquery(node: exp.Expression, context: Context, exists: bool = False) -> QueryResult:
    """Read a query inside an expression: rows it was not aggregated from make this row theirs too."""
    if context.state.query is None:
        raise Refusal("parse", "这里不能有子查询")
    result = context.state.query(context.state, node, context.frame, exists)
    if result.level == Level.SUBJECT:
        context.frame.raise_level(Level.SUBJECT)
    return result


@reads(exp.Subquery, exp.Select, exp.Union, exp.Intersect, exp.Except)
def _scalar_query(node: exp.Expression, context: Context) -> Fact:
    result = subquery(node, context)
    if len(result.facts) != 1:
        raise Refusal("parse", "标量子查询只能有一列")
    if not result.single and result.level != Level.PUBLIC:
        context.state.refuse("error_oracle", "标量子查询可能多于一行而出错，出错与否会泄露数据")
    context.frame.raise_level(result.level)
    return replace(result.facts[0], bare=None, constant=False, flag=False)


@reads(exp.Exists)
def _exists(node: exp.Expression, context: Context) -> Fact:
    subquery(node.this, context, exists=True)
    return Fact(grade=2, flag=True, kind="boolean")
