"""Reading function calls by class: row-wise functions, aggregates, windows (the rows of design section 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from gongshu.lens.expressions import Context, ask, guard, no_identifier, only_arguments, read, reads
from gongshu.lens.counts import aims_at_few, compose, truth
from gongshu.lens.facts import Fact, Level, Measure, combine
from gongshu.lens.functions import AGGREGATES, WINDOWS, class_of
from gongshu.lens.verdict import Refusal

_PARTS = frozenset(
    """year years y quarter quarters month months mon week weeks day days d dow isodow doy hour hours h
    dayofweek dayofmonth dayofyear weekday weekofyear isoyear yearweek decade century millennium era minute
    minutes second seconds""".split()
)
_UNITS = frozenset({"hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium"})
_THIN = frozenset(
    """stddev stddev_samp variance var_samp sem skewness kurtosis corr covar_samp regr_slope regr_intercept
    regr_r2""".split()
)
_TALLIES = frozenset({"sum", "fsum", "kahan_sum", "sumkahan", "count_if", "countif"})
_QUANTILES = frozenset({"quantile_cont", "approx_quantile", "quantile", "quantile_disc", "percentile_cont"})
_SIZES = frozenset({"len", "length", "list_count", "array_length", "cardinality"})
_PATTERNS = frozenset(
    {"regexp_matches", "regexp_full_match", "regexp_replace", "regexp_extract", "strftime", "try_strptime"}
)
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


@reads(exp.Anonymous)
def _call(node: exp.Expression, context: Context) -> Fact:
    name = str(node.this).lower()
    kind = class_of(name)
    if kind in AGGREGATES:
        frame = context.frame
        return _aggregate(node, name, kind, Around(frame.input_level, frame.result_level), context)
    if kind in WINDOWS:
        raise Refusal("function", f"函数 {name} 要写 OVER")
    reader = _ROWWISE.get(kind, _refused)
    return reader(node, name, context)


def _arguments(node: exp.Expression, context: Context) -> list[Fact]:
    facts = []
    for item in node.expressions:
        if isinstance(item, exp.Distinct | exp.Order | exp.Star | exp.Lambda | exp.Kwarg):
            raise Refusal("function", f"函数 {node.name} 的参数写法不允许")
        facts.append(read(item, context))
    return facts


def _refused(node: exp.Expression, name: str, context: Context) -> Fact:
    code = "error_oracle" if name == "error" else "function"
    context.state.refuse(code, f"函数 {name[:40]} 不在允许清单中")
    facts = [read(item, context) for item in node.expressions if not isinstance(item, exp.Star | exp.Lambda)]
    fact = combine(facts)
    no_identifier(fact, context, "放进函数")
    return fact


def _scalar(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = _arguments(node, context)
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
    facts = _arguments(node, context)
    fact = replace(combine(facts), kind="")
    no_identifier(fact, context, "放进函数")
    if any(one.flag and not one.constant for one in facts) or _certain_failure(facts):
        context.state.refuse("error_oracle", f"函数 {name} 的参数可以被做成出错，出错与否会泄露数据")
    if fact.subject:
        guard(node)
    return fact


def _certain_failure(facts: list[Fact]) -> bool:
    return any(isinstance(one.value, int | float) and one.value <= 0 for one in facts)


def _part(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = _arguments(node, context)
    fact = replace(combine(facts), kind="integer")
    no_identifier(fact, context, "取日期的一部分")
    _constant_unit(facts, context)
    if len(facts) == 2 and str(facts[0].value).lower() not in _PARTS:
        return fact
    return replace(fact, raw=False) if name != "last_day" else fact


def _constant_unit(facts: list[Fact], context: Context) -> None:
    if len(facts) > 1 and not facts[0].constant:
        context.state.refuse("error_oracle", "日期的单位只能是常量")


def _truncate(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = _arguments(node, context)
    fact = combine(facts, facts[-1].kind if facts else "")
    no_identifier(fact, context, "截断")
    _constant_unit(facts, context)
    coarse = bool(facts) and facts[0].constant and str(facts[0].value).lower() in _UNITS
    if coarse and facts[-1].kind == "date" and str(facts[0].value).lower() in ("hour", "day"):
        coarse = False
    return replace(fact, raw=fact.raw and not coarse)


def _band(node: exp.Expression, name: str, context: Context) -> Fact:
    inner = node.expressions[0].unnest() if node.expressions else None
    divided = isinstance(inner, exp.Div)
    facts = _arguments(node, context)
    fact = combine(facts, "integer")
    no_identifier(fact, context, "分段")
    if name == "width_bucket":
        return _width_bucket(node, fact, facts, context)
    if len(facts) != 1:
        raise Refusal("function", "floor 只接受一个参数")
    divisor = _literal_value(inner.expression) if divided and isinstance(inner, exp.Div) else None
    coarse = (
        (divisor is not None and abs(divisor) >= 2) or facts[0].kind in ("float", "decimal") and not divided
    )
    return replace(fact, raw=fact.raw and not coarse)


def _literal_value(node: exp.Expression) -> float | None:
    inner = node.unnest()
    return float(inner.name) if isinstance(inner, exp.Literal) and not inner.is_string else None


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


def _pseudonym(node: exp.Expression, name: str, context: Context) -> Fact:
    facts = _arguments(node, context)
    if context.state.answer:
        context.state.refuse("identifier", "pseudonym 只可用于留在数据域内的建设（build）任务")
    if len(facts) != 1 or facts[0].bare is None:
        context.state.refuse("identifier", "pseudonym 只能直接用于一个字段，不能用于常量或算出来的值")
    fact = combine(facts, "text")
    return replace(fact, pseudonym=True, unique=True, raw=False, measure=None)


def _grouping(node: exp.Expression, name: str, context: Context) -> Fact:
    combine(_arguments(node, context))
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


# --- aggregates ---


@reads(exp.Filter)
def _filter(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "expression")
    condition = read(node.expression.this, context)
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


def _aggregate(node: exp.Expression, name: str, kind: str, around: Around, context: Context) -> Fact:
    facts = _aggregate_arguments(node, kind, context)
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
        result = _statistic(node, name, facts, around, context) if kind == "stat" else None
        result = result or _copy(node, name, kind, facts, around, context)
    if around.ordered and around.before == Level.SUBJECT:
        result = replace(result, unique=True, grade=max(result.grade, fact.grade if fact.grade < 4 else 2))
    return result


def _aggregate_arguments(node: exp.Expression, kind: str, context: Context) -> list[Fact]:
    facts: list[Fact] = []
    items = list(node.expressions)
    while items:
        item = items.pop(0)
        if isinstance(item, exp.Distinct):
            only_arguments(item, "expressions")
            items = [*item.expressions, *items]
        elif isinstance(item, exp.Order):
            _read_order(item, context)
            if item.this is not None:
                items = [item.this, *items]
        elif isinstance(item, exp.Star) and kind == "count" and len(node.expressions) == 1:
            only_arguments(item)
        elif isinstance(item, exp.Tuple) and kind == "count":
            facts += [read(part, context) for part in item.expressions]
        else:
            facts.append(read(item, context))
    return facts


def _read_order(order: exp.Expression, context: Context) -> list[Fact]:
    facts = []
    for item in order.expressions:
        only_arguments(item, "this", "desc", "nulls_first")
        fact = read(item.this, context)
        no_identifier(fact, context, "用来排序")
        facts.append(fact)
    return facts


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
    if name in _QUANTILES and not _inner_quantile(node, facts, context):
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


def _inner_quantile(node: exp.Expression, facts: list[Fact], context: Context) -> bool:
    """Whether the asked share lies well inside; at the edge a quantile copies the extreme value."""
    shares = [item for item in node.expressions[1:] if isinstance(item, exp.Literal | exp.Array)]
    values = [
        _literal_value(part)
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


# --- windows ---


@reads(exp.Window)
def _window(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "partition_by", "order", "spec", "alias", "over")
    call = node.this
    condition = None
    if isinstance(call, exp.Filter):
        condition = read(call.expression.this, context)
        ask(condition, context)
        call = call.this
    if not isinstance(call, exp.Anonymous):
        raise Refusal("function", "OVER 前面只能是函数")
    name = str(call.this).lower()
    kind = class_of(name)
    partitions, orders, ordered = window_parts(node, context)
    frame = context.frame
    before = frame.result_level if frame.aggregated else frame.input_level
    keyed = any(fact.grade >= 4 or fact.unique for fact in partitions)
    after = Level.SUBJECT if before == Level.SUBJECT and (keyed or ordered) else min(before, Level.GROUP)
    if kind == "rank":
        return _rank(call, name, partitions + orders, before, keyed, node, context)
    if kind == "shift":
        facts = _arguments(call, context)
        fact = combine(facts, facts[0].kind if facts else "")
        no_identifier(fact, context, "放进窗口函数")
        return replace(fact, constant=False, flag=False, unique=fact.unique or before == Level.SUBJECT)
    if kind not in AGGREGATES:
        return _refused(call, name, context)
    after = min(before, Level.GROUP) if kind in ("copy", "extreme") and not keyed else after
    return _aggregate(call, name, kind, Around(before, after, ordered, True), context)


def window_parts(node: exp.Expression, context: Context) -> tuple[list[Fact], list[Fact], bool]:
    """Facts of PARTITION BY and ORDER BY, named windows followed; whether the frame slides."""
    partitions = [read(item, context) for item in node.args.get("partition_by") or []]
    orders = _read_order(node.args["order"], context) if node.args.get("order") else []
    ordered = bool(orders) or node.args.get("spec") is not None
    if node.args.get("spec") is not None:
        _frame_bounds(node.args["spec"], context)
    name = node.args.get("alias") or (node.this if isinstance(node.this, exp.Identifier) else None)
    named = context.frame.window(name.name) if name is not None and node.args.get("alias") else None
    if node.args.get("alias") and named is None:
        raise Refusal("parse", "窗口的名字没有定义")
    if named is not None:
        more = window_parts(named, context) if named is not node else ([], [], False)
        return partitions + more[0], orders + more[1], ordered or more[2]
    return partitions, orders, ordered


def _frame_bounds(spec: exp.Expression, context: Context) -> None:
    for key in ("start", "end"):
        bound = spec.args.get(key)
        if isinstance(bound, exp.Expression) and not read(bound, context).constant:
            raise Refusal("function", "窗口的边界只能是常量")


def _rank(
    call: exp.Expression,
    name: str,
    keys: list[Fact],
    before: Level,
    keyed: bool,
    node: exp.Expression,
    context: Context,
) -> Fact:
    facts = _arguments(call, context)
    if name == "ntile" and not (facts and isinstance(facts[0].value, int) and facts[0].value <= 100):
        context.state.refuse("singling_out", "ntile 的段数要写成不大于 100 的常量")
    if before != Level.SUBJECT:
        return Fact(kind="integer", sources=combine(keys).sources, raw=False)
    measure = None
    if name == "ntile":
        return Fact(kind="integer", subject=True, sources=combine(keys).sources)
    if not keyed:
        share = name in ("percent_rank", "cume_dist")
        key = f"{context.frame.number}:{node.sql()}"
        measure = Measure(key, (lambda n: n / 10**9) if share else (lambda n: n), place=True)
    return Fact(
        kind="integer",
        unique=True,
        subject=True,
        measure=measure,
        counted=measure is not None,
        sources=combine(keys).sources,
    )
