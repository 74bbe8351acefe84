"""Reading aggregates: counts, statistics and copies (design section 7, the last rows of the table)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from gongshu.lens.counts import aims_at_few, smallest_first, truth
from gongshu.lens.facts import Fact, Level, Measure, combine
from gongshu.lens.functions import class_of
from gongshu.lens.reading import Context, ask, no_identifier, only_arguments, read, reads
from gongshu.lens.verdict import Refusal

_THIN = frozenset(
    {
        "stddev",
        "stddev_samp",
        "variance",
        "var_samp",
        "sem",
        "skewness",
        "kurtosis",
        "corr",
        "covar_samp",
        "regr_slope",
        "regr_intercept",
        "regr_r2",
    }
)
_LEAST = frozenset({"arg_min", "argmin", "min_by", "arg_min_null", "arg_min_nulls_last"})
_TALLIES = frozenset({"sum", "fsum", "kahan_sum", "sumkahan", "count_if", "countif"})
_QUANTILES = frozenset({"quantile_cont", "approx_quantile", "quantile", "quantile_disc", "percentile_cont"})
_SPREADS = _THIN | {"stddev_pop", "var_pop", "kurtosis_pop", "covar_pop"}


@dataclass(frozen=True, slots=True)
class Around:
    """What an aggregate stands over: `before` the level of its input, `after` of its result."""

    before: Level
    after: Level
    ordered: bool = False
    window: bool = False

    @property
    def merges(self) -> bool:
        """Whether rows of subjects become rows of groups here."""
        return self.before == Level.SUBJECT and self.after != Level.SUBJECT


def literal_value(node: exp.Expression) -> float | None:
    inner = node.unnest()
    return float(inner.name) if isinstance(inner, exp.Literal) and not inner.is_string else None


@reads(exp.Filter)
def _filter(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "expression")
    condition = read(node.expression.this, replace(context, rows=True))
    no_identifier(condition, context, "直接作条件")
    ask(condition, context)
    fact = read(node.this, context)
    if fact.measure is None or fact.measure.var is None:
        return replace(fact, sources=fact.sources | condition.sources)
    measure = Measure(f"{fact.measure.var} where {node.expression.sql()}", fact.measure.of)
    return replace(fact, sources=fact.sources | condition.sources, measure=measure)


@reads(exp.WithinGroup)
def _within_group(node: exp.Expression, context: Context) -> Fact:
    """`percentile_cont(p) WITHIN GROUP (ORDER BY x)` is read and written as `quantile_cont(x, p)`."""
    only_arguments(node, "this", "expression")
    call, order = node.this, node.expression.expressions
    names = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc", "mode": "mode"}
    name = names.get(str(call.this).lower()) if isinstance(call, exp.Anonymous) else None
    if name is None or len(order) != 1 or order[0].args.get("desc"):
        raise Refusal("function", "WITHIN GROUP 只用于升序的 percentile_cont、percentile_disc 和 mode")
    plain = exp.Anonymous(this=name, expressions=[order[0].this, *call.expressions])
    node.replace(plain)
    return read(plain, context)


def aggregate(node: exp.Expression, name: str, kind: str, around: Around, context: Context) -> Fact:
    facts = _aggregate_arguments(node, kind, around, context)
    fact = combine(facts)
    for one in facts:
        if aims_at_few(truth(one), context.state.grant.threshold) and not one.constant:
            context.state.refuse("singling_out", "聚合只数人数很少的组或少数几行")
    if kind == "count":
        result = _count(node, fact, around, context)
    else:
        no_identifier(fact, context, "放进 count 以外的聚合")
        if name in _SPREADS and any(one.flag and not one.constant for one in facts) and fact.subject:
            context.state.refuse("error_oracle", f"函数 {name} 的参数可以被做成出错，出错与否会泄露数据")
        statistic = _statistic(node, name, facts, around, context) if kind == "stat" else None
        result = statistic or _copy(node, name, kind, facts, around, context)
    if around.ordered and around.before == Level.SUBJECT:
        result = replace(result, unique=True, grade=max(result.grade, fact.grade if fact.grade < 4 else 2))
    return result


def _aggregate_arguments(node: exp.Expression, kind: str, around: Around, context: Context) -> list[Fact]:
    facts: list[Fact] = []
    # Over the groups of an aggregated SELECT a window's arguments are computed after the grouping.
    context = replace(context, rows=not (around.window and context.frame.aggregated))
    items = list(node.expressions)
    while items:
        item = items.pop(0)
        if isinstance(item, exp.Distinct):
            only_arguments(item, "expressions")
            items = [*item.expressions, *items]
        elif isinstance(item, exp.Order):
            if few_first(item, read_order(item, context)) and class_of(str(node.this)) == "copy":
                context.state.refuse("singling_out", "聚合取的是人数最少的组")
            if item.this is not None:
                items = [item.this, *items]
        elif isinstance(item, exp.Star) and kind == "count" and len(node.expressions) == 1:
            only_arguments(item)
        elif isinstance(item, exp.Tuple) and kind == "count":
            facts += [read(part, context) for part in item.expressions]
        else:
            facts.append(read(item, context))
    return facts


def read_order(order: exp.Expression, context: Context) -> list[Fact]:
    """The facts of ORDER BY inside a call or a window; L4 does not order."""
    facts = []
    for item in order.expressions:
        only_arguments(item, "this", "desc", "nulls_first")
        fact = read(item.this, context)
        no_identifier(fact, context, "用来排序")
        facts.append(fact)
    return facts


def few_first(order: exp.Expression | None, facts: list[Fact]) -> bool:
    """Whether an ORDER BY inside a call or a window starts with the smallest groups."""
    return (
        bool(facts)
        and order is not None
        and smallest_first(facts[0], bool(order.expressions[0].args.get("desc")))
    )


def _tally(node: exp.Expression, context: Context, rows: bool) -> Measure:
    what = "rows" if rows else node.sql()
    return Measure(f"{context.frame.number}:{what}", lambda n: n)


def _count(node: exp.Expression, fact: Fact, around: Around, context: Context) -> Fact:
    grade = 1 if around.after != Level.SUBJECT else min(fact.grade, 2)
    return Fact(
        grade=grade,
        sources=fact.sources,
        copied=fact.copied and not around.merges,
        kind="integer",
        subject=around.after == Level.SUBJECT,
        measure=_tally(node, context, not fact.sources) if around.merges else None,
        counted=around.merges,
    )


def _statistic(
    node: exp.Expression, name: str, facts: list[Fact], around: Around, context: Context
) -> Fact | None:
    if name in _QUANTILES and not _inner_quantile(node, facts):
        return None
    fact = combine(facts)
    over_groups = around.before == Level.GROUP
    rows = around.after == Level.SUBJECT
    counts = name in ("count_if", "countif")
    measure = None
    if around.merges and name in _TALLIES and all(one.flag for one in facts):
        measure = _tally(node, context, all(one.constant for one in facts))
    elif over_groups and facts and facts[0].measure is not None and facts[0].measure.var:
        measure = _tally(node, context, False)
    thin = Measure(f"{context.frame.number}:rows", lambda n: n) if around.merges and name in _THIN else None
    return Fact(
        grade=fact.grade if rows else 1 if counts else 2,
        sources=fact.sources,
        raw=fact.raw and (rows or over_groups),
        copied=fact.copied and not around.merges,
        unique=fact.unique and rows,
        kind="integer" if counts else "float" if name not in ("sum",) else "",
        subject=rows,
        measure=measure,
        counted=measure is not None or (fact.counted and not rows),
        thin=thin,
    )


def _inner_quantile(node: exp.Expression, facts: list[Fact]) -> bool:
    """Whether the asked share lies well inside; at the edge a quantile copies the extreme value."""
    shares = [item for item in node.expressions[1:] if isinstance(item, exp.Literal | exp.Array)]
    values = [
        literal_value(part)
        for item in shares
        for part in (item.expressions if isinstance(item, exp.Array) else [item])
    ]
    if len(shares) != 1 or len(facts) != 2 or any(value is None for value in values):
        raise Refusal("function", "分位数的位置只能写成一个常量")
    return all(value is not None and 0.01 < value < 0.99 for value in values)


def _copy(
    node: exp.Expression, name: str, kind: str, facts: list[Fact], around: Around, context: Context
) -> Fact:
    fact = combine(facts, facts[0].kind if facts else "")
    if kind == "copy" and name == "histogram" and len(facts) == 2 and facts[1].constant:
        inner = _statistic(node, "entropy", facts, around, context)
        return inner or fact
    if name in _LEAST and len(facts) > 1 and smallest_first(facts[1], False):
        context.state.refuse("singling_out", "聚合取的是人数最少的组")
    limit = 2 if kind == "extreme" and len(facts) == 1 else 1
    measure = None
    if around.before == Level.GROUP and facts and facts[0].measure is not None and facts[0].measure.var:
        measure = _tally(node, context, False)
    return replace(
        fact,
        copied=fact.copied or (around.merges and fact.grade > limit),
        constant=False,
        flag=False,
        subject=around.after == Level.SUBJECT,
        measure=measure,
        counted=measure is not None or fact.counted,
        tests=(),
        size=_tally(node, context, False) if around.merges and kind == "copy" else None,
    )
