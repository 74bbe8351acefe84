"""Reading CASE, COALESCE and casts: values chosen or converted, and what their failing would tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.conditions import compare
from gongshu.lens.facts import CONSTANT, Fact, Measure, combine, kind_of
from gongshu.lens.reading import Context, ask, no_identifier, only_arguments, read, reads
from gongshu.lens.verdict import Refusal


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
    if type(node) is exp.Cast and _may_fail(fact, kind, context):
        node.replace(exp.TryCast(this=node.this, to=target))
    measure = fact.measure if kind in _CAST_ORDER else None
    if kind == "text" and fact.kind == "integer":
        measure = counts.compose(str, fact.measure)
    return replace(fact, bare=None, kind=kind, measure=measure, size=None, thin=None)


def _may_fail(fact: Fact, kind: str, context: Context) -> bool:
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
