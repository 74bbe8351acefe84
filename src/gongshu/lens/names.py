"""Reading names and constants: columns qualified, aliases replaced by what they stand for."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.facts import CONSTANT, Fact
from gongshu.lens.frames import Frame, find
from gongshu.lens.reading import Context, no_identifier, only_arguments, read, reads
from gongshu.lens.state import State
from gongshu.lens.verdict import Refusal


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
    if alias.twice:
        raise Refusal("column", f"别名“{node.name}”写了两次，不知指哪一个")
    if alias.busy or (frame.item and alias.index >= frame.item):
        raise Refusal("column", f"别名“{node.name}”在它写出之前就被引用")
    if alias.fact is None:
        before, frame.item = frame.item, alias.index
        alias.busy = True
        alias.fact = read(alias.node.this, Context(context.state, frame, rows=not frame.aggregated))
        alias.busy = False
        frame.item = before
    copy = alias.node.this.copy()
    context.state.spend(sum(1 for _ in copy.walk()))
    node.replace(exp.Paren(this=copy))
    return alias.fact


@reads(exp.Literal)
def _literal(node: exp.Expression, _context: Context) -> Fact:
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
def _raw_string(node: exp.Expression, _context: Context) -> Fact:
    text = str(node.this)
    node.replace(exp.Literal.string(text))
    return Fact(constant=True, flag=True, kind="text", measure=counts.constant(text), value=text)


@reads(exp.Boolean)
def _boolean(node: exp.Expression, _context: Context) -> Fact:
    return Fact(constant=True, flag=True, kind="boolean", measure=counts.constant(bool(node.this)))


@reads(exp.Null)
def _null(_node: exp.Expression, _context: Context) -> Fact:
    return CONSTANT


@reads(exp.CurrentDate, exp.CurrentTimestamp)
def _now(node: exp.Expression, _context: Context) -> Fact:
    only_arguments(node)
    return Fact(constant=True, kind="date" if isinstance(node, exp.CurrentDate) else "timestamp")


@reads(exp.Interval)
def _interval(node: exp.Expression, context: Context) -> Fact:
    only_arguments(node, "this", "unit")
    fact = read(node.this, context)
    no_identifier(fact, context, "参与运算")
    if fact.flag and not fact.constant:
        context.state.refuse("error_oracle", "时长可以被做成溢出，出错与否会泄露数据")
    return replace(fact, bare=None, measure=None, kind="interval")


@reads(exp.Paren)
def _paren(node: exp.Expression, context: Context) -> Fact:
    return read(node.this, context)
