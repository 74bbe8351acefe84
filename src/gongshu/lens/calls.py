"""Reading function calls by class: row-wise functions here, aggregates and windows beside."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens.aggregates import Around, aggregate, literal_value
from gongshu.lens.arithmetic import guard
from gongshu.lens.counts import compose, truth
from gongshu.lens.facts import Fact, combine
from gongshu.lens.functions import AGGREGATES, WINDOWS, class_of
from gongshu.lens.reading import Context, ask, no_identifier, read, reads
from gongshu.lens.verdict import Refusal

_PARTS = frozenset(
    {
        "year",
        "years",
        "y",
        "quarter",
        "quarters",
        "month",
        "months",
        "mon",
        "week",
        "weeks",
        "day",
        "days",
        "d",
        "dow",
        "isodow",
        "doy",
        "hour",
        "hours",
        "h",
        "dayofweek",
        "dayofmonth",
        "dayofyear",
        "weekday",
        "weekofyear",
        "isoyear",
        "yearweek",
        "decade",
        "century",
        "millennium",
        "era",
        "minute",
        "minutes",
        "second",
        "seconds",
    }
)
_UNITS = frozenset({"hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium"})
_SIZES = frozenset({"len", "length", "list_count", "array_length", "cardinality"})
_PATTERNS = frozenset(
    {"regexp_matches", "regexp_full_match", "regexp_replace", "regexp_extract", "strftime", "try_strptime"}
)


@reads(exp.Anonymous)
def _call(node: exp.Expression, context: Context) -> Fact:
    name = str(node.this).lower()
    kind = class_of(name)
    if kind in AGGREGATES:
        frame = context.frame
        return aggregate(node, name, kind, Around(frame.input_level, frame.result_level), context)
    if kind in WINDOWS:
        raise Refusal("function", f"函数 {name} 要写 OVER")
    reader = _ROWWISE.get(kind, refused)
    return reader(node, name, context)


def arguments(node: exp.Expression, context: Context) -> list[Fact]:
    facts = []
    for item in node.expressions:
        if isinstance(item, exp.Distinct | exp.Order | exp.Star | exp.Lambda | exp.Kwarg):
            raise Refusal("function", f"函数 {node.name} 的参数写法不允许")
        facts.append(read(item, context))
    return facts


def refused(node: exp.Expression, name: str, context: Context) -> Fact:
    code = "error_oracle" if name == "error" else "function"
    context.state.refuse(code, f"函数 {name[:40]} 不在允许清单中")
    facts = [read(item, context) for item in node.expressions if not isinstance(item, exp.Star | exp.Lambda)]
    fact = combine(facts)
    no_identifier(fact, context, "放进函数")
    return fact


def _scalar(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = arguments(node, context)
    fact = combine(facts)
    no_identifier(fact, context, "放进函数")
    for one in facts:
        if one.flag and not fact.flag:
            ask(replace(one, tests=truth(one), measure=None), context)
    if name in _PATTERNS and not all(one.constant for one in facts[1:]):
        context.state.refuse("error_oracle", f"函数 {name} 的格式或匹配式只能是常量")
    if name in _SIZES and facts and facts[0].size is not None:
        return replace(fact, measure=facts[0].size, counted=True)
    if name == "nullif" and len(facts) == 2:
        first, second = facts
        measure = compose(lambda a, b: None if a == b else a, first.measure, second.measure)
        return replace(fact, measure=measure, kind=first.kind)
    if name in ("abs", "round") and facts:
        return replace(fact, measure=facts[0].measure, kind=facts[0].kind)
    return fact


def _fallible(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = arguments(node, context)
    fact = replace(combine(facts), kind="")
    no_identifier(fact, context, "放进函数")
    if any(one.flag and not one.constant for one in facts) or _certain_failure(facts):
        context.state.refuse("error_oracle", f"函数 {name} 的参数可以被做成出错，出错与否会泄露数据")
    if fact.subject:
        guard(node, context)
    return fact


def _certain_failure(facts: list[Fact]) -> bool:
    return any(isinstance(one.value, int | float) and one.value <= 0 for one in facts)


def _part(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = arguments(node, context)
    fact = replace(combine(facts), kind="integer")
    no_identifier(fact, context, "取日期的一部分")
    _constant_unit(facts, context)
    if len(facts) == 2 and str(facts[0].value).lower() not in _PARTS:
        return fact
    return replace(fact, raw=False) if name != "last_day" else fact


def _constant_unit(facts: list[Fact], context: Context) -> None:
    if len(facts) > 1 and not facts[0].constant:
        context.state.refuse("error_oracle", "日期的单位只能是常量")


def _truncate(node: exp.Expression, _name: str, context: Context) -> Fact:
    facts = arguments(node, context)
    fact = combine(facts, facts[-1].kind if facts else "")
    no_identifier(fact, context, "截断")
    _constant_unit(facts, context)
    coarse = bool(facts) and facts[0].constant and str(facts[0].value).lower() in _UNITS
    if coarse and facts[-1].kind != "timestamp" and str(facts[0].value).lower() in ("hour", "day"):
        coarse = False
    return replace(fact, raw=fact.raw and not coarse)


def _band(node: exp.Expression, name: str, context: Context) -> Fact:
    inner = node.expressions[0].unnest() if node.expressions else None
    divided = isinstance(inner, exp.Div)
    facts = arguments(node, context)
    fact = combine(facts, "integer")
    no_identifier(fact, context, "分段")
    if name == "width_bucket":
        return _width_bucket(node, fact, facts, context)
    if len(facts) != 1:
        raise Refusal("function", "floor 只接受一个参数")
    divisor = literal_value(inner.expression) if divided and isinstance(inner, exp.Div) else None
    coarse = (divisor is not None and abs(divisor) >= 2) or (
        facts[0].kind in ("float", "decimal") and not divided
    )
    return replace(fact, raw=fact.raw and not coarse)


def _width_bucket(node: exp.Expression, fact: Fact, facts: list[Fact], context: Context) -> Fact:
    """DuckDB has no `width_bucket`: written out, 0 below, n + 1 above, n equal bands between."""
    bounds = [one.value for one in facts[1:]]
    if len(facts) != 4 or not all(isinstance(value, int | float) for value in bounds):
        raise Refusal("function", "width_bucket 要写一个字段、两个界限和段数，后三个是常量")
    low, high, bands = (float(value) for value in bounds)  # type: ignore[arg-type]
    if not (low < high and 1 <= bands <= 1000 and bands == int(bands)):
        raise Refusal("function", "width_bucket 的界限要由小到大，段数在 1 到 1000 之间")
    value = node.expressions[0]
    context.state.spend(3 * sum(1 for _ in value.walk()))
    step = (high - low) / bands
    inside = exp.Anonymous(
        this="floor",
        expressions=[
            exp.Div(
                this=exp.Paren(this=exp.Sub(this=exp.Paren(this=value.copy()), expression=_number(low))),
                expression=_number(step),
            )
        ],
    )
    node.replace(
        exp.Case(
            ifs=[
                exp.If(this=exp.LT(this=value.copy(), expression=_number(low)), true=exp.Literal.number(0)),
                exp.If(
                    this=exp.GTE(this=value.copy(), expression=_number(high)),
                    true=exp.Literal.number(int(bands) + 1),
                ),
            ],
            default=exp.TryCast(
                this=exp.Add(this=inside, expression=exp.Literal.number(1)), to=exp.DataType.build("INT")
            ),
        )
    )
    return replace(fact, raw=False)


def _number(value: float) -> exp.Expression:
    text = repr(int(value)) if value == int(value) else repr(value)
    return (
        exp.Paren(this=exp.Neg(this=exp.Literal.number(text[1:]))) if value < 0 else exp.Literal.number(text)
    )


def _pseudonym(node: exp.Expression, _name: str, context: Context) -> Fact:
    facts = arguments(node, context)
    if context.state.answer:
        context.state.refuse("identifier", "pseudonym 只可用于留在数据域内的建设（build）任务")
    if len(facts) != 1 or facts[0].bare is None:
        context.state.refuse("identifier", "pseudonym 只能直接用于一个字段，不能用于常量或算出来的值")
    fact = combine(facts, "text")
    return replace(fact, pseudonym=True, unique=True, raw=False, measure=None)


def _grouping(node: exp.Expression, _name: str, context: Context) -> Fact:
    combine(arguments(node, context))
    return Fact(kind="integer")


_ROWWISE = {
    "scalar": _scalar,
    "fallible": _fallible,
    "part": _part,
    "truncate": _truncate,
    "band": _band,
    "pseudonym": _pseudonym,
    "grouping": _grouping,
}


@reads(exp.Extract)
def _extract(node: exp.Expression, context: Context) -> Fact:
    fact = read(node.expression, context)
    no_identifier(fact, context, "取日期的一部分")
    banded = node.this.name.lower() in _PARTS
    return replace(fact, bare=None, kind="integer", measure=None, raw=fact.raw and not banded)
