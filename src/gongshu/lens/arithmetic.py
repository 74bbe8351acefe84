"""Reading arithmetic and other row-wise operators; what could overflow is put inside TRY."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.facts import Fact, Number, combine
from gongshu.lens.reading import Context, ask, no_identifier, read, reads

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
        if context.rows:
            guard(node, context)
        elif fact.kind == "integer":
            _widen(node)
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
    minus = isinstance(inner, exp.Sub) or (isinstance(inner, exp.Add) and inner.find(exp.Neg) is not None)
    shifted = minus and divisor.subject and inner.find(exp.Literal) is not None
    if zero or (divisor.flag and not divisor.constant) or shifted:
        context.state.refuse("error_oracle", "除数可以被做成零，出错与否会泄露数据")


def _widen(node: exp.Expression) -> None:
    """A sum or product of a group key: computed wide enough not to overflow, NULL if it does not fit."""
    left = node.this
    hole = exp.Null()
    node.set("this", hole)
    hole.replace(exp.Cast(this=left, to=exp.DataType.build("HUGEINT", dialect="duckdb")))
    place = exp.Null()
    node.replace(place)
    place.replace(exp.TryCast(this=exp.Paren(this=node), to=exp.DataType.build("BIGINT", dialect="duckdb")))


def guard(node: exp.Expression, context: Context) -> None:
    """Put a row-wise computation that could overflow inside TRY, which gives NULL instead of failing."""
    if not context.rows or node.find(exp.Subquery, exp.Window, exp.Select) is not None:
        return
    for side in ("this", "expression"):
        part = node.args.get(side)
        inner = part.unnest() if isinstance(part, exp.Expression) else None
        if isinstance(inner, exp.Try) and isinstance(inner.this, exp.Add | exp.Sub | exp.Mul):
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
            guard(node, context)
    return fact
