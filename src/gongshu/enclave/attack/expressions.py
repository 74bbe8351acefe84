"""Reading a query's expressions: aggregates, groupings, yes-or-no arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from .raw import Raw, quote


def aggregates_of(node: exp.Expression) -> Iterator[exp.Expression]:
    """Aggregate functions of an expression, not those of windows or of sub-queries."""
    for one in node.find_all(exp.AggFunc):
        parent = one.parent
        inside = False
        while parent is not None and parent is not node.parent:
            if isinstance(parent, exp.Window | exp.Subquery | exp.Select) and parent is not node:
                inside = True
                break
            parent = parent.parent
        if not inside:
            yield one


def is_aggregated(select: exp.Select) -> bool:
    return bool(select.args.get("group")) or any(
        True for projection in select.expressions for _ in aggregates_of(projection)
    )


def arg(select: exp.Expression, name: str) -> Any:
    """An argument whose key differs between releases of sqlglot (`with`/`with_`, `from`/`from_`)."""
    return select.args.get(name + "_") or select.args.get(name)


def leaves(part: exp.Expression) -> Iterator[exp.Expression]:
    """The single expressions inside ROLLUP, CUBE and GROUPING SETS."""
    if isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
        for one in part.expressions:
            yield from leaves(one)
    elif isinstance(part, exp.Paren):
        yield from leaves(part.this)
    else:
        yield part


def is_flag(argument: exp.Expression | None, raw: Raw) -> bool:
    """An expression of two values, yes and no."""
    if argument is None:
        return False
    while isinstance(argument, exp.Paren | exp.Cast | exp.Mul) and isinstance(argument.this, exp.Expression):
        argument = argument.this
    if isinstance(argument, exp.Predicate | exp.Connector | exp.Boolean | exp.Not):
        return True
    if isinstance(argument, exp.Case):
        results = [branch.args.get("true") for branch in argument.args.get("ifs") or ()]
        results.append(argument.args.get("default"))
        return all(
            r is None or isinstance(r, exp.Null) or r.sql() in ("0", "1", "0.0", "1.0", "100", "100.0")
            for r in results
        )
    if isinstance(argument, exp.If):
        return True
    if isinstance(argument, exp.Column):
        for columns in raw.columns.values():
            column = columns.get(argument.name)
            if column is not None and column.distinct == 2 and column.kind == "number":
                low, high = raw.rows(
                    f"SELECT min({column.sql}), max({column.sql}) FROM {quote(column.table)}"
                )[0]
                return (low, high) == (0, 1)
    return False
