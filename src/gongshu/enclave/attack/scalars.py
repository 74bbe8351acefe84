"""The scalar sub-queries of a query: their cells stand in its cells, with subjects of their own."""

from __future__ import annotations

from sqlglot import exp

from .expressions import arg
from .tracer import Untraceable

_RELATIONS = (exp.From, exp.Join, exp.CTE, exp.SetOperation)
_FILTERS = (exp.In, exp.Exists)


def scalars(query: exp.Query) -> list[exp.Query]:
    """Each scalar sub-query whose cell is shown or computed with, as a query of its own with the CTEs it may
    name. Raises Untraceable for one that depends on the row around it."""
    return [_alone(one) for one in query.find_all(exp.Select, exp.SetOperation) if _is_shown(one)]


def _is_shown(query: exp.Expression) -> bool:
    """Whether it stands where a value stands, in a projection."""
    node, above = query, query.parent
    while isinstance(above, exp.Subquery):
        node, above = above, above.parent
    if above is None or isinstance(above, (*_RELATIONS, *_FILTERS)):
        return False
    while above is not None and not isinstance(above, exp.Query):
        if isinstance(above, exp.Where):
            return False
        node, above = above, above.parent
    return isinstance(above, exp.Select) and node.arg_key == "expressions"


def _alone(query: exp.Expression) -> exp.Query:
    made = query.copy()
    if not isinstance(made, exp.Query):
        raise Untraceable
    known = {one.alias_or_name.casefold() for one in made.find_all(exp.Table, exp.Subquery, exp.UDTF)}
    if any(column.table and column.table.casefold() not in known for column in made.find_all(exp.Column)):
        raise Untraceable
    before = _ctes(query)
    if before:
        own = arg(made, "with")
        made.set("with_", exp.With(expressions=[*before, *(own.expressions if own is not None else ())]))
    return made


def _ctes(query: exp.Expression) -> list[exp.Expression]:
    """The CTEs around a sub-query that it may name, the outer ones first."""
    found: list[exp.Expression] = []
    above = query.parent
    while above is not None:
        with_ = arg(above, "with") if isinstance(above, exp.Query) else None
        if with_ is not None:
            if with_.args.get("recursive"):
                raise Untraceable
            inside = next(
                (i for i, cte in enumerate(with_.expressions) if cte is _within(query, with_)), None
            )
            found = [*(cte.copy() for cte in with_.expressions[:inside]), *found]
        above = above.parent
    return found


def _within(query: exp.Expression, with_: exp.With) -> exp.Expression | None:
    """The CTE of a WITH that holds a query."""
    node: exp.Expression | None = query
    while node is not None and node.parent is not with_:
        node = node.parent
    return node
