"""PIVOT and UNPIVOT written out as the plain query they stand for, which is then read like any other.

A PIVOT without its list of values names its columns after data, so it is refused.
"""

from __future__ import annotations

from sqlglot import exp

from gongshu.lens.frames import Frame
from gongshu.lens.reading import only_arguments
from gongshu.lens.state import State
from gongshu.lens.verdict import Refusal

_NAMING = ("identify_pivot_strings", "prefixed_pivot_columns", "pivot_column_naming", "columns")
_PIVOT = ("this", "expressions", "using", "group", "fields", "alias", *_NAMING)
_UNPIVOT = ("this", "expressions", "unpivot", "into", "fields", "alias", "include_nulls", *_NAMING)
_MAX_COLUMNS = 200


def unfold_statement(node: exp.Pivot, state: State, frame: Frame) -> exp.Query:
    """The plain query of `PIVOT … ON … USING …` or `UNPIVOT … ON … INTO …`."""
    if node.this is None:
        raise Refusal("statement", "PIVOT 没有写明对象")
    return _unfold(node, node.this, state, frame)


def unfold_source(source: exp.Expression, state: State, frame: Frame) -> exp.Subquery:
    """Replace `source PIVOT (…)` in FROM by a sub-query; gives the node that now stands there."""
    pivots = source.args["pivots"]
    if len(pivots) != 1:
        raise Refusal("statement", "一处只能写一个 PIVOT")
    pivot, joins = pivots[0], source.args.get("joins")
    alias = pivot.args.get("alias") or source.args.get("alias")
    if alias is None and isinstance(source, exp.Table):
        alias = exp.TableAlias(this=exp.to_identifier(source.name, quoted=True))
    plain = source.copy()
    plain.set("pivots", None)
    plain.set("joins", None)
    query = _unfold(pivot, plain, state, frame)
    derived = exp.Subquery(this=query, alias=alias.copy() if alias is not None else None, joins=joins)
    source.replace(derived)
    return derived


def _unfold(pivot: exp.Pivot, source: exp.Expression, state: State, frame: Frame) -> exp.Query:
    state.spend(sum(1 for _ in source.walk()))
    if pivot.args.get("unpivot"):
        only_arguments(pivot, *_UNPIVOT)
        return _unpivot(pivot, source, state, frame)
    only_arguments(pivot, *_PIVOT)
    return _pivot(pivot, source, state, frame)


def _pivot(pivot: exp.Pivot, source: exp.Expression, state: State, frame: Frame) -> exp.Query:
    fields = pivot.args.get("fields") or pivot.expressions
    aggregates = pivot.args.get("using") or pivot.expressions
    if len(fields) != 1 or not isinstance(fields[0], exp.In) or not isinstance(fields[0].this, exp.Column):
        raise Refusal("statement", "PIVOT 只能按一个字段展开，并要用 IN 写明取值")
    column, values = fields[0].this, [_value(item) for item in fields[0].expressions]
    if not values or len(values) * len(aggregates) > _MAX_COLUMNS:
        raise Refusal("too_large", "PIVOT 的取值没有写明或过多")
    keys = _group(pivot, column, aggregates, source, state, frame)
    outputs: list[exp.Expression] = [key.copy() for key in keys]
    for literal, name in values:
        for aggregate in aggregates:
            outputs.append(_cell(column, literal, name, aggregate, len(aggregates) > 1))
    group = exp.Group(expressions=[key.copy() for key in keys]) if keys else None
    return exp.Select(expressions=outputs, from_=exp.From(this=source.copy()), group=group)


def _value(item: exp.Expression) -> tuple[exp.Literal, str]:
    literal = item.this if isinstance(item, exp.PivotAlias) else item
    if not isinstance(literal, exp.Literal):
        raise Refusal("statement", "PIVOT 的 IN 里只能写常量")
    return literal, item.alias if isinstance(item, exp.PivotAlias) else literal.name


def _cell(
    column: exp.Column, literal: exp.Literal, name: str, aggregate: exp.Expression, several: bool
) -> exp.Expression:
    call = aggregate.this if isinstance(aggregate, exp.Alias) else aggregate
    if several and not isinstance(aggregate, exp.Alias):
        raise Refusal("statement", "PIVOT 有多个聚合时都要起别名")
    shown = f"{name}_{aggregate.alias}" if isinstance(aggregate, exp.Alias) else name
    condition = exp.Where(this=exp.EQ(this=column.copy(), expression=literal.copy()))
    return exp.alias_(exp.Filter(this=call.copy(), expression=condition), shown, quoted=True)


def _group(
    pivot: exp.Pivot,
    column: exp.Column,
    aggregates: list[exp.Expression],
    source: exp.Expression,
    state: State,
    frame: Frame,
) -> list[exp.Expression]:
    group = pivot.args.get("group")
    if group is not None:
        only_arguments(group, "expressions")
        if not all(isinstance(key, exp.Column) for key in group.expressions):
            raise Refusal("statement", "PIVOT 只能按字段分组")
        return list(group.expressions)
    used = {column.name.lower()}
    used |= {part.name.lower() for aggregate in aggregates for part in aggregate.find_all(exp.Column)}
    names = [name for name in _columns(source, state, frame) if name.lower() not in used]
    return [exp.column(exp.to_identifier(name, quoted=True)) for name in names]


def _unpivot(pivot: exp.Pivot, source: exp.Expression, state: State, frame: Frame) -> exp.Query:
    columns, name, value = _unpivot_parts(pivot)
    if not columns or len(columns) > _MAX_COLUMNS:
        raise Refusal("too_large", "UNPIVOT 的字段没有写明或过多")
    chosen = {column.name.lower() for column in columns}
    rest = [one for one in _columns(source, state, frame) if one.lower() not in chosen]
    parts = []
    for column in columns:
        outputs: list[exp.Expression] = [exp.column(exp.to_identifier(one, quoted=True)) for one in rest]
        outputs.append(exp.alias_(exp.Literal.string(column.name), name, quoted=True))
        outputs.append(exp.alias_(column.copy(), value, quoted=True))
        where = None
        if not pivot.args.get("include_nulls"):
            where = exp.Where(this=exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())))
        state.spend(sum(1 for _ in source.walk()))
        parts.append(exp.Select(expressions=outputs, from_=exp.From(this=source.copy()), where=where))
    query: exp.Query = parts[0]
    for part in parts[1:]:
        query = exp.Union(this=query, expression=part, distinct=False)
    return query


def _unpivot_parts(pivot: exp.Pivot) -> tuple[list[exp.Column], str, str]:
    fields, into = pivot.args.get("fields"), pivot.args.get("into")
    if fields:
        if len(fields) != 1 or len(pivot.expressions) != 1 or not isinstance(fields[0], exp.In):
            raise Refusal("statement", "UNPIVOT 只能收成一列名和一列值")
        columns, name, value = fields[0].expressions, fields[0].this.name, pivot.expressions[0].name
    else:
        columns, name, value = pivot.expressions, "name", "value"
        if into is not None:
            if len(into.expressions) != 1:
                raise Refusal("statement", "UNPIVOT 只能收成一列名和一列值")
            name, value = into.this.name, into.expressions[0].name
    if not all(
        isinstance(column, exp.Column) and isinstance(column.this, exp.Identifier) for column in columns
    ):
        raise Refusal("statement", "UNPIVOT 的字段要逐个写明")
    return list(columns), name, value


def _columns(source: exp.Expression, state: State, frame: Frame) -> list[str]:
    """The names a source offers, as far as they can be told before it is read."""
    if isinstance(source, exp.Table):
        cte = frame.cte(source.name)
        if cte is not None:
            return [column.name for column in cte.columns.values()]
        table = state.grant.tables.get(source.name.lower())
        if table is not None:
            return [column.name for column in table.columns.values()]
    if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select):
        names = [item.alias_or_name for item in source.this.expressions]
        if all(names) and "*" not in names:
            return names
    raise Refusal("statement", "PIVOT 请写明 GROUP BY，或先用子查询写明字段")
