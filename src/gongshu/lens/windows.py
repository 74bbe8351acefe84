"""Reading window functions."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens.aggregates import Around, aggregate, few_first, read_order
from gongshu.lens.calls import arguments, refused
from gongshu.lens.facts import Fact, Level, Measure, combine
from gongshu.lens.functions import AGGREGATES, class_of
from gongshu.lens.reading import Context, ask, no_identifier, only_arguments, read, reads
from gongshu.lens.verdict import Refusal


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
        return _rank(
            call,
            name,
            partitions + orders,
            before,
            keyed,
            few_first(node.args.get("order"), orders),
            node,
            context,
        )
    if kind == "shift":
        facts = arguments(call, context)
        fact = combine(facts, facts[0].kind if facts else "")
        no_identifier(fact, context, "放进窗口函数")
        return replace(fact, constant=False, flag=False, unique=fact.unique)
    if kind not in AGGREGATES:
        return refused(call, name, context)
    after = min(before, Level.GROUP) if kind in ("copy", "extreme") and not keyed else after
    return aggregate(call, name, kind, Around(before, after, ordered, True), context)


def window_parts(node: exp.Expression, context: Context) -> tuple[list[Fact], list[Fact], bool]:
    """Facts of PARTITION BY and ORDER BY, named windows followed; whether the frame slides."""
    partitions = [read(item, context) for item in node.args.get("partition_by") or []]
    orders = read_order(node.args["order"], context) if node.args.get("order") else []
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
    smallest: bool,
    node: exp.Expression,
    context: Context,
) -> Fact:
    facts = arguments(call, context)
    if name == "ntile" and not (facts and isinstance(facts[0].value, int) and facts[0].value <= 100):
        context.state.refuse("singling_out", "ntile 的段数要写成不大于 100 的常量")
    place = Measure(f"{context.frame.number}:{node.sql()}", lambda n: n, place=True)
    if before != Level.SUBJECT:
        few = place if smallest else None
        return Fact(kind="integer", sources=combine(keys).sources, measure=few, counted=smallest)
    measure = None
    if name == "ntile":
        return Fact(kind="integer", subject=True, sources=combine(keys).sources)
    if not keyed:
        share = name in ("percent_rank", "cume_dist")
        measure = Measure(place.var, lambda n: n / 10**9, place=True) if share else place
    return Fact(
        kind="integer",
        unique=True,
        subject=True,
        measure=measure,
        counted=measure is not None,
        sources=combine(keys).sources,
    )
